"""A run: every check of every solver of a library, in one process or several, and what comes of it as a report."""

import datetime as dt
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from typing import Literal

import msgspec
import torch
from threadpoolctl import threadpool_limits

from theory_check.conformance.bench import Bench
from theory_check.conformance.checks import CHECKS
from theory_check.conformance.expected_failures import Entry
from theory_check.conformance.libraries.loading import prepare, selected, solvers_of
from theory_check.conformance.profiles import ConformanceProfile
from theory_check.conformance.records import CheckResult, ConformanceReport
from theory_check.conformance.search import CONTRACTIONS, panel, run_check
from theory_check.conformance.solver import SolverUnderTest, forward_name, name_of
from theory_check.judge.verdict import Verdict

PACKAGES = (
    "diffrax",
    "equinox",
    "hypothesis",
    "jax",
    "numpy",
    "scipy",
    "theory-check",
    "torch",
    "torchdiffeq",
    "torchode",
)


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    library: a known one, or "module:name".
    methods: those asked for; none means all.
    workers: processes; 0 runs everything in this one.
    """

    library: str
    profile: ConformanceProfile
    seed: int = 0
    methods: tuple[str, ...] = ()
    trust_code: bool = False
    workers: int = 0


def solvers_for(plan: Plan) -> tuple[SolverUnderTest, ...]:
    """Solvers of a plan. Raises `LibraryError`."""
    return selected(solvers_of(plan.library, trust_code=plan.trust_code), plan.methods)


def tried(plan: Plan, solvers: Iterable[SolverUnderTest]) -> tuple[SolverUnderTest, ...]:
    """Those that the profile tries; the others are named in the report."""
    return tuple(solver for solver in solvers if plan.profile.thorough or not solver.thorough)


def checks_of(solvers: Iterable[SolverUnderTest]) -> dict[str, tuple[str, ...]]:
    """The names of the solvers that each check is about, by check."""
    solvers = tuple(solvers)
    return {
        check.id: tuple(
            dict.fromkeys(
                forward_name(solver) if check.of_states else name_of(solver)
                for solver in solvers
                if check.applies(solver)
            )
        )
        for check in CHECKS.values()
    }


def results(plan: Plan, solvers: Sequence[SolverUnderTest], say: Callable[[CheckResult], None]) -> list[CheckResult]:
    """All results, sorted by solver as the library lists them and by check, whichever process found them."""
    groups = list(dict.fromkeys(forward_name(solver) for solver in solvers))
    found: list[CheckResult] = []
    for of_group in _each(plan, groups):
        for result in of_group:
            say(result)
        found += of_group
    order = [name for solver in solvers for name in (forward_name(solver), name_of(solver))]
    places, checks = {name: k for k, name in reversed(list(enumerate(order)))}, list(CHECKS)
    return sorted(found, key=lambda r: (places[r.solver], checks.index(r.check)))


def _each(plan: Plan, groups: Sequence[str]) -> Iterator[list[CheckResult]]:
    if plan.workers == 0:
        for group in groups:
            yield run_group(plan, group)
        return
    with ProcessPoolExecutor(plan.workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run_group, [plan] * len(groups), groups)


def run_group(plan: Plan, group: str) -> list[CheckResult]:
    """All checks of one method with one stepping, with all its ways of taking gradients."""
    torch.set_num_threads(1)
    solvers = [solver for solver in tried(plan, solvers_for(plan)) if forward_name(solver) == group]
    prepare(plan.library, (*panel(plan.seed, plan.profile.activations), *CONTRACTIONS))
    bench = _bench(plan)
    with threadpool_limits(limits=1):
        return [
            run_check(solver, check, bench, plan.profile)
            for k, solver in enumerate(solvers)
            for check in CHECKS.values()
            if check.applies(solver) and (k == 0 or not check.of_states)
        ]


_BENCHES: dict[tuple[str, int], Bench] = {}


def _bench(plan: Plan) -> Bench:
    """References are shared by all solvers of a process."""
    key = plan.library, plan.seed
    if key not in _BENCHES:
        _BENCHES.clear()
        _BENCHES[key] = Bench(plan.seed, beside_scipy=plan.library != "scipy")
    return _BENCHES[key]


def report_of(
    plan: Plan,
    solvers: Sequence[SolverUnderTest],
    found: Sequence[CheckResult],
    expected: Sequence[Entry],
    *,
    command: str,
    started: dt.datetime,
    seconds: float,
) -> ConformanceReport:
    """Results with expected failures taken into account."""
    marked = [
        msgspec.structs.replace(result, expected_failure=entry.reason) if entry else result
        for result in found
        for entry in [next((e for e in expected if e.covers(result.check, result.solver)), None)]
    ]
    passes = tuple(f"{entry.check} {entry.solver}" for entry in expected if _passes(entry, found))
    # What is expected to fail, and could not be decided, keeps nobody waiting either.
    counted = [result for result in marked if result.expected_failure is None or result.verdict is Verdict.SUPPORTED]
    return ConformanceReport(
        library=solvers[0].library,
        version=solvers[0].version,
        command=command,
        profile=plan.profile.name,
        seed=plan.seed,
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=seconds,
        python=platform.python_version(),
        versions=_versions(),
        activations=panel(plan.seed, plan.profile.activations),
        left_out=tuple(name_of(solver) for solver in solvers if solver not in tried(plan, solvers)),
        verdict=_verdict([result.verdict for result in counted]),
        exit_status=_exit_status([result.verdict for result in counted], unexpected=bool(passes)),
        unexpected_passes=passes,
        results=tuple(marked),
    )


def _passes(entry: Entry, found: Sequence[CheckResult]) -> bool:
    """Whether all that an entry speaks of was tried and none of it fails."""
    covered = [result for result in found if entry.covers(result.check, result.solver)]
    return bool(covered) and all(result.verdict is Verdict.SUPPORTED for result in covered)


def _verdict(verdicts: Sequence[Verdict]) -> Verdict:
    for worst in (Verdict.REFUTED, Verdict.ERROR, Verdict.INCONCLUSIVE):
        if worst in verdicts:
            return worst
    return Verdict.SUPPORTED


def _exit_status(verdicts: Sequence[Verdict], *, unexpected: bool) -> Literal[0, 1, 3, 4]:
    if unexpected or Verdict.REFUTED in verdicts:
        return 1
    return 4 if Verdict.ERROR in verdicts else 3 if Verdict.INCONCLUSIVE in verdicts else 0


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
