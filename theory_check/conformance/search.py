"""The search: Hypothesis draws cases from a panel of activations, failing ones are made small, everything by count."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from theory_check.conformance.bench import Bench
from theory_check.conformance.case import Trialled, canonical
from theory_check.conformance.checks import Check
from theory_check.conformance.judge import Judged, judge
from theory_check.conformance.profiles import ConformanceProfile
from theory_check.conformance.records import CheckResult
from theory_check.conformance.solver import SolverUnderTest, forward_name, name_of
from theory_check.judge.verdict import INCONCLUSIVE_SHARE, Verdict
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.strategies import Narrowing, Sizes, cases, differentiable_activations, narrowed, widths
from theory_check.search.hypothesis_internals import draw_cases, reproducible_draws
from theory_check.search.loop import Enough, Fails, Loop

SIZES = Sizes(inputs=(1, 3), dimensions=(2, 4))
# Bounded and increasing, so that a contraction has somewhere to go.
CONTRACTIONS = ("tanh(x)", "erf(x)", "arctan(x)")
FACTORS = (2.0, 0.5, 3.0, 0.3, 10.0)
EXECUTED_SHARE = 0.9
DRAWS = 10


@cache
def panel(seed: int, count: int) -> tuple[str, ...]:
    """So many random activations with derivatives of every order; simplest first, so that cases shrink towards it."""
    found: dict[str, Activation] = {}

    def body(phi: Activation) -> None:
        found.setdefault(phi.expression, phi)
        if len(found) >= count:
            raise Enough

    with _narrowed():
        draw_cases({"phi": differentiable_activations()}, body, f"{seed}\0panel", most=20 * count)
    return tuple(sorted(found, key=lambda e: (found[e].operators, len(e), e)))


@st.composite
def trialled(draw: DrawFn, expressions: tuple[str, ...], check: Check) -> Trialled:
    """Instances of a check."""
    names = CONTRACTIONS if check.contracting else expressions
    # Ladders take errors of several numbers: a single one can pass through zero between two rungs.
    width = st.sampled_from((4, 6, 8)) if check.contracting else widths(4 if check.ladder else 1, 8)
    plain = check.contracting or check.ladder is not None
    phi = st.sampled_from(names).map(activation)
    case = draw(cases(phi, width=width, sizes=SIZES, any_weights=not plain))
    return Trialled(
        case=case,
        loss=draw(st.sampled_from(("squared", "linear"))),
        finer=draw(st.integers(0, 2)),
        factor=draw(st.sampled_from(FACTORS)),
        contracting=check.contracting,
    )


def run_check(solver: SolverUnderTest, check: Check, bench: Bench, profile: ConformanceProfile) -> CheckResult:
    """Search for a case in which a check of a solver fails; draws depend on seed and check, not on the solver."""
    started = time.perf_counter()
    requested = profile.ladders if check.ladder else profile.cases
    expressions = panel(bench.seed, profile.activations)
    loop: Loop[Trialled, Judged] = Loop(
        requested=requested,
        shrink_calls=profile.shrink_calls,
        key=canonical,
        judge=lambda instance, _key: judge(solver, check, instance, bench),
        fails=lambda one: one.verdict is Verdict.REFUTED,
        counts=lambda one: not one.uninformative,
    )
    strategy: SearchStrategy[Trialled] = trialled(expressions, check)
    with _narrowed():
        loop.run({"instance": strategy}, f"{bench.seed}\0{check.id}", most=DRAWS * requested)
    # Where nothing at all could be read, the cases that said so are those that were judged.
    judged_cases = loop.searched or loop.set_aside[:requested]
    seconds = time.perf_counter() - started
    found = _result(solver, check, judged_cases, loop.minimal, requested, loop.shrinks, seconds)
    return msgspec.structs.replace(found, drawn_again=len(loop.set_aside) if loop.searched else 0)


@contextmanager
def _narrowed() -> Iterator[None]:
    """While cases are drawn on the sphere, up to the end that a search comes to."""
    with narrowed(Narrowing(stratum="sphere")), reproducible_draws(), suppress(Enough, Fails):
        yield


def _result(
    solver: SolverUnderTest,
    check: Check,
    searched: list[Judged],
    minimal: Judged | None,
    requested: int,
    shrinks: int,
    seconds: float,
) -> CheckResult:
    verdicts = [one.verdict for one in searched]
    seen = searched if minimal is None else [*searched, minimal]
    undecided = verdicts.count(Verdict.INCONCLUSIVE)
    few = len(searched) < EXECUTED_SHARE * requested
    if minimal is not None:
        verdict, reason = Verdict.REFUTED, minimal.reason
    elif Verdict.ERROR in verdicts:
        verdict, reason = Verdict.ERROR, next(one.reason for one in searched if one.verdict is Verdict.ERROR)
    elif few or undecided > INCONCLUSIVE_SHARE * len(searched):
        verdict = Verdict.INCONCLUSIVE
        reason = next((one.reason for one in searched if one.verdict is Verdict.INCONCLUSIVE), "")
        reason = (
            f"{undecided} of {len(searched)} cases undecided: {reason}"
            if undecided
            else f"only {len(searched)} of {requested} cases"
        )
    else:
        verdict, reason = Verdict.SUPPORTED, searched[0].reason if check.ladder else ""
    return CheckResult(
        check=check.id,
        solver=forward_name(solver) if check.of_states else name_of(solver),
        verdict=verdict,
        requested=requested,
        executed=len(searched),
        inconclusive=undecided,
        comparisons=sum(one.comparisons for one in seen),
        shrink_calls=shrinks,
        worst_ratio=max((one.ratio for one in seen if one.ratio is not None), default=None),
        reason=reason,
        failure=None if minimal is None else minimal.failure,
        seconds=seconds,
    )
