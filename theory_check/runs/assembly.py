"""From what the trials of an audit found, in any order and from any process, to one report."""

import datetime as dt
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from theory_check.claims.paper import paper_on_trial
from theory_check.judge.profile import DECLARED_CALLS, FALSE_ALARM_RATE
from theory_check.judge.verdict import Outcome, Verdict, combine
from theory_check.reporting.exit_status import exit_status, unexpected_controls
from theory_check.reporting.matrix import verdict_over, worst_verdict
from theory_check.reporting.records import Budget, ClaimReport, Environment, Report, is_judged
from theory_check.search.found import Found

if TYPE_CHECKING:
    from theory_check.search.request import Request

# What is on trial where no claim of the paper is, and nobody named it.
OWN_CLAIMS = "claims of one's own"
# One picture says more than forty of the same kind.
PICTURES_OF_A_CLAIM = 4
PACKAGES = (
    "theory-check",
    "torch",
    "torchdiffeq",
    "numpy",
    "scipy",
    "statsmodels",
    "hypothesis",
    "pytest",
    "python-flint",
)


def assemble(
    found: Iterable[Found],
    *,
    request: "Request",
    command: str,
    started: dt.datetime,
    seconds: float,
    lost: Sequence[str] = (),
    environment: Environment | None = None,
) -> Report:
    """One report of all trials, in an order that does not depend on who ran what and when.

    `lost` names trials that were begun and gave nothing (a worker died): with any of them the audit is an error.
    The environment is that of this process unless another one's is given.
    """
    on_trial = paper_on_trial()
    order = {name: place for place, name in enumerate(on_trial.claims)}
    ranked = sorted(found, key=lambda f: (order.get(f.claim.id, len(order)), f.claim.id, f.trial.property, f.position))
    claims = tuple(
        _claim_report([f for f in ranked if f.claim.id == name], request)
        for name in dict.fromkeys(f.claim.id for f in ranked)
    )
    calls = sum(f.test_calls for f in ranked)
    warnings = unexpected_controls(claims)
    if request.data_note:
        warnings.append(request.data_note)
    if request.model:
        warnings += request.model.notes
    status: int = exit_status(claims, named=request.names_something)
    verdict = verdict_over(claims)
    warnings += [f"a trial was lost: {name}" for name in lost]
    warnings += [
        f"outcomes could not be kept for --resume: {problem}"
        for problem in sorted({f.store_problem for f in ranked if f.store_problem})[:3]
    ]
    if calls > DECLARED_CALLS:
        warnings.append(f"{calls} statistical tests were made, the error budget declared {DECLARED_CALLS}")
    if lost or calls > DECLARED_CALLS:
        status, verdict = 4, Verdict.ERROR
    return Report(
        paper=request.paper or (on_trial.title if all(claim.id in on_trial.claims for claim in claims) else OWN_CLAIMS),
        on_trial=request.on_trial or msgspec.UNSET,
        lost_trials=tuple(lost),
        command=command,
        profile=request.profile.name,
        seed=request.seed,
        started=started.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=seconds,
        environment=environment or environment_of(request.device),
        budget=Budget(
            total=FALSE_ALARM_RATE, level=FALSE_ALARM_RATE / DECLARED_CALLS, declared_calls=DECLARED_CALLS, calls=calls
        ),
        warnings=tuple(warnings),
        verdict=verdict,
        exit_status=status,  # type: ignore[arg-type]
        claims=claims,
    )


def _claim_report(found: list[Found], request: "Request") -> ClaimReport:
    claim = found[0].claim
    judged = [f for f in found if is_judged(f.trial)]
    verdicts = [f.trial.verdict for f in judged]
    verdict = worst_verdict(verdicts)
    if verdict is Verdict.INCONCLUSIVE and all(f.trial.executed >= 0.9 * f.trial.requested for f in judged):
        # Few inconclusive cases, all listed, still support: the share is taken over the claim, not over each trial.
        verdict = combine(outcome for f in judged for outcome in f.outcomes)
    return ClaimReport(
        id=claim.id,
        statement=claim.statement,
        source=claim.source,
        counts=msgspec.UNSET if claim.is_stated else request.counts(claim),
        quantifier=claim.quantifier,
        assumptions=tuple(paper_on_trial().assumptions.get(words, words) for words in claim.assumptions),
        verdict=verdict,
        trials=tuple(f.trial for f in found),
        outcomes=_with_few_pictures(found),
    )


def _with_few_pictures(found: list[Found]) -> tuple[Outcome, ...]:
    """The outcomes of a claim, of which the first few judged trials keep their picture, failing ones before others."""
    pictured = [f for f in found if is_judged(f.trial) and any(o.picture is not None for o in f.outcomes)]
    pictured.sort(key=lambda f: (f.trial.verdict is not Verdict.REFUTED, f.trial.minimal is None))
    kept = {id(f) for f in pictured[:PICTURES_OF_A_CLAIM]}
    return tuple(
        outcome if id(f) in kept else msgspec.structs.replace(outcome, picture=None)
        for f in found
        for outcome in f.outcomes
    )


def environment_of(device: str) -> Environment:
    """This machine and the versions of the packages that take part."""
    kept = np.float64(5e-324) * np.float64(1.0) > 0
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        machine=platform.machine(),
        processors=os.cpu_count() or 1,
        torch_threads=1,
        device=device,
        denormals="kept" if kept else "flushed to zero",
        versions={name: _version(name) for name in PACKAGES},
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
