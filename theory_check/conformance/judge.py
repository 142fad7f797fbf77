"""From measured errors and bounds to the verdict of one case; each failure is confirmed before it refutes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from theory_check.conformance import settings
from theory_check.conformance.bench import Bench
from theory_check.conformance.case import Trialled
from theory_check.conformance.checks import Check
from theory_check.conformance.rate_checks import CONFIRMATIONS, measured
from theory_check.conformance.records import Failure, Numbers
from theory_check.conformance.solver import SolverFailed, SolverUnderTest, Watched
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.verdict import Verdict

# Accuracies at which a comparison that has no power is tried again, and a failure confirmed.
LEVELS = 3


@dataclass(frozen=True)
class Judged:
    """The verdict of a case.

    failure: what failed, for a refuted case. ratio: the largest share of a bound that was used.
    uninformative: no slope could be read: another case is wanted in its place.
    """

    verdict: Verdict
    reason: str = ""
    failure: Failure | None = None
    ratio: float | None = None
    comparisons: int = 0
    uninformative: bool = False


def judge(solver: SolverUnderTest, check: Check, trialled: Trialled, bench: Bench) -> Judged:
    """Judge one case; whatever a library raises is an error of that case, never a pass."""
    solver = Watched(solver)
    try:
        return _rate(solver, check, trialled, bench) if check.ladder else _compared(solver, check, trialled, bench)
    except SolverFailed as failed:
        return Judged(Verdict.ERROR, f"the solver gave up: {failed}")
    except (Exception, SystemExit) as problem:  # noqa: BLE001  a library may raise anything
        return Judged(Verdict.ERROR, f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}")


def _compared(solver: SolverUnderTest, check: Check, trialled: Trialled, bench: Bench) -> Judged:
    assert check.compare is not None  # noqa: S101  a check has a ladder or this
    found: Sequence[Discrepancy] = ()
    for level in range(LEVELS):
        found = [_finite(d) for d in check.compare(solver, trialled, bench, level)]
        failing = next((d for d in found if _fails(d)), None)
        if failing is not None:
            return _confirmed(solver, check, trialled, bench, failing, level)
        if not any(d.powerless for d in found):
            break
    powerless = next((d.powerless for d in found if d.powerless), "")
    shares = [d.share for d in found if not d.powerless]
    return Judged(
        Verdict.INCONCLUSIVE if powerless else Verdict.SUPPORTED,
        powerless,
        ratio=max(shares, default=None),
        comparisons=len(shares),
    )


def _confirmed(
    solver: SolverUnderTest, check: Check, trialled: Trialled, bench: Bench, failing: Discrepancy, level: int
) -> Judged:
    assert check.compare is not None  # noqa: S101  as above
    again = [_finite(d) for d in check.compare(solver, trialled, bench, level + 1)]
    count = len(again)
    if not any(_fails(d) and d.quantity == failing.quantity for d in again):
        reason = f"not confirmed at higher accuracy: {failing.quantity} {failing.error:.3g}, bound {failing.bound:.3g}"
        return Judged(Verdict.INCONCLUSIVE, reason, comparisons=count)
    failure = Failure(
        case=trialled,
        quantity=str(failing.quantity),
        measured=failing.error if math.isfinite(failing.error) else None,
        bound=failing.bound,
        attribution={key: value for key, value in failing.details.items() if not _infinite(value)},
        problem=_numbers(solver, check, trialled, bench),
        reason="" if math.isfinite(failing.error) else "a result is not finite",
    )
    reason = f"{failing.quantity}: {failing.error:.3g}, bound {failing.bound:.3g}"
    return Judged(Verdict.REFUTED, reason, failure, ratio=min(failing.share, 1e300), comparisons=count)


def _finite(d: Discrepancy) -> Discrepancy:
    """NaN passes no comparison: an error that is none counts as infinite, and a bound that is none as no bound.

    That is said of results of the library alone: beside a reference that is not finite itself nothing is compared.
    """
    if d.scale is not None and not math.isfinite(d.scale):
        return replace(d, error=0.0, bound=0.0, scale=None, unusable=d.unusable or "the reference is not finite")
    error = d.error if math.isfinite(d.error) else math.inf
    if math.isfinite(d.bound):
        return replace(d, error=error)
    if math.isinf(error):
        return replace(d, error=error, bound=0.0)
    return replace(d, bound=0.0, unusable=d.unusable or "the bound is not finite")


def _fails(d: Discrepancy) -> bool:
    return not d.powerless and d.error > d.bound


def _infinite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _rate(solver: SolverUnderTest, check: Check, trialled: Trialled, bench: Bench) -> Judged:
    assert check.ladder is not None  # noqa: S101  as its caller has seen
    ladder = check.ladder(solver)
    first = measured(solver, trialled, bench, ladder, 0)
    if first.result is None:
        return Judged(Verdict.INCONCLUSIVE, first.unreadable, uninformative=True)
    verdict = first.result.verdict
    if verdict is Verdict.REFUTED:
        for stage in range(1, CONFIRMATIONS):
            more = measured(solver, trialled, bench, ladder, stage).result
            if more is None or more.verdict is not Verdict.REFUTED:
                return Judged(Verdict.INCONCLUSIVE, f"not confirmed by fresh networks: {first.result.reason}")
    reason = f"{first.result.reason}, L T = {ladder.growth:g}"
    if verdict is not Verdict.REFUTED:
        return Judged(verdict, reason, comparisons=1)
    values = {
        f"error at {size:.4g}": value for size, value in zip(first.result.sizes, first.result.values, strict=True)
    }
    failure = Failure(
        case=trialled,
        quantity="slope of log error on log step"
        if ladder.accuracies[0].steps
        else "slope of log error on log tolerance",
        measured=first.result.slope,
        bound=first.result.limit,
        attribution=dict(values),
        problem=None,
        reason=first.result.reason,
    )
    return Judged(verdict, reason, failure, comparisons=1)


def _numbers(solver: SolverUnderTest, check: Check, trialled: Trialled, bench: Bench) -> Numbers:
    most = (
        settings.REVERSED_GROWTH
        if check.id in {"reversibility", "gradient-under-contraction"}
        else settings.growth(solver)
    )
    problem = bench.reference(trialled, check.id, growth=most).problem
    return Numbers(
        activation=problem.expression,
        matrix=problem.matrix.tolist(),
        initial=problem.initial.tolist(),
        readout=problem.readout.tolist(),
        labels=None if problem.labels is None else problem.labels.tolist(),
        horizon=problem.times[1],
    )
