"""Checks of rates: the order of a scheme's states and of its gradient, and how errors follow a tolerance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory_check.conformance import settings
from theory_check.conformance.bench import Bench
from theory_check.conformance.case import Trialled
from theory_check.conformance.reference import Reference
from theory_check.conformance.solver import Accuracy, SolverUnderTest
from theory_check.judge.profile import DECLARED_CALLS, FALSE_ALARM_RATE
from theory_check.judge.rates import OneSided, RateResult, fit_rate
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.measurements.bounds import summation_bound

NETWORKS = 10
# Three fresh ladders must refute, each at the third root of the level of one call; two looks at each.
CONFIRMED_LEVEL = (FALSE_ALARM_RATE / DECLARED_CALLS) ** (1 / 3)
CONFIRMATIONS = 3
LOOKS = 2
# The least error of a ladder over the rounding of its longest solve, and over the error of its reference.
ABOVE_ROUNDING = 100.0
ABOVE_REFERENCE = 10.0
FEWEST_RUNGS = 5
# Networks looked at for each that is wanted.
MOST_TRIES = 3

Array = NDArray[np.float64]
Distance = Callable[[SolverUnderTest, Reference, Accuracy], float]


@dataclass(frozen=True)
class Ladder:
    """A rate: what falls with what, and how fast it must."""

    check: str
    growth: float
    sizes: tuple[float, ...]
    accuracies: tuple[Accuracy, ...]
    expected: float
    margin: float
    one_sided: OneSided
    distance: Distance
    size: Callable[[Reference], float]


@dataclass(frozen=True)
class RateFound:
    """What a ladder came to; `unreadable` says why it gave no slope."""

    result: RateResult | None
    unreadable: str = ""


def order_of_states(solver: SolverUnderTest) -> Ladder:
    """Error of final states against the step."""
    return _by_steps(solver, "order-of-accuracy", _of_states, _size_of_states)


def order_of_gradient(solver: SolverUnderTest) -> Ladder:
    """Error of the scheme's gradient against the step."""
    return _by_steps(solver, "discretize-optimize", _of_gradient, _size_of_gradient)


def tolerance_response(solver: SolverUnderTest) -> Ladder:
    """Error of final states against the tolerance: at least as fast as steps within it make errors fall."""
    asked = settings.response(solver)
    return Ladder(
        check="tolerance-response",
        growth=settings.RESPONSE_GROWTH,
        sizes=asked,
        accuracies=tuple(Accuracy(tolerance=t) for t in asked),
        expected=settings.least_response(solver.order),
        margin=settings.RESPONSE_MARGIN,
        one_sided="at-least",
        distance=_of_states,
        size=_size_of_states,
    )


def measured(solver: SolverUnderTest, trialled: Trialled, bench: Bench, ladder: Ladder, stage: int) -> RateFound:
    """The slope over fresh networks; with four times as many where ten cannot decide."""
    found = _measured(solver, trialled, bench, ladder, stage, NETWORKS)
    if found.result is None or found.result.verdict is not Verdict.INCONCLUSIVE:
        return found
    return _measured(solver, trialled, bench, ladder, stage, 4 * NETWORKS)


def _measured(
    solver: SolverUnderTest, trialled: Trialled, bench: Bench, ladder: Ladder, stage: int, networks: int
) -> RateFound:
    errors, floors = _errors(solver, trialled, bench, ladder, stage, networks)
    if not np.isfinite(errors).all():
        return RateFound(None, f"{np.count_nonzero(~np.isfinite(errors))} of {errors.size} errors are not finite")
    above = errors > floors
    # A network in which too few rungs lie above rounding says nothing about a slope, whatever that is.
    readable = above.sum(axis=0) >= FEWEST_RUNGS
    chosen = np.flatnonzero(readable)[:networks]
    usable = above[:, chosen].all(axis=1)
    if len(chosen) < networks or usable.sum() < FEWEST_RUNGS:
        return RateFound(
            None,
            f"{len(chosen)} of {errors.shape[1]} networks have {FEWEST_RUNGS} readable rungs, {usable.sum()} common "
            f"ones: errors down to {float(errors.min()):.2g}, rounding asks for {float(floors.max()):.2g}",
        )
    errors = errors[:, chosen]
    result = fit_rate(
        np.array(ladder.sizes)[usable],
        errors[usable],
        expected=ladder.expected,
        margin=ladder.margin,
        refute_level=CONFIRMED_LEVEL,
        one_sided=ladder.one_sided,
        paired=True,
        looks=LOOKS,
        minimum_rungs=FEWEST_RUNGS,
    )
    return RateFound(result)


def _rounding(solver: SolverUnderTest, ladder: Ladder, reference: Reference, accuracy: Accuracy) -> float:
    """Every evaluation of the field rounds once, and what it rounds grows by P at most; for gradients twice."""
    ways = 2 if ladder.distance is _of_gradient else 1
    evaluations = (accuracy.steps or 1) * (solver.order + 5)  # a scheme of order 8 has 13 stages
    return summation_bound(ways * evaluations, reference.carried**ways * ladder.size(reference))


def _errors(
    solver: SolverUnderTest, trialled: Trialled, bench: Bench, ladder: Ladder, stage: int, networks: int
) -> tuple[Array, Array]:
    """Errors and what they must exceed, rungs x networks; more networks as long as too few can be read."""
    errors: list[list[float]] = []
    floors: list[list[float]] = []
    read = 0
    for k in range(MOST_TRIES * networks):
        finer = 1 if ladder.growth <= settings.LADDER_GROWTH else 2  # a reference at L T = 1 has no need of more
        replicate = 10_000 * stage + 1_000 * (networks > NETWORKS) + k
        reference = bench.reference(
            trialled, ladder.check, growth=ladder.growth, exactly=True, replicate=replicate, finer=finer, alone=True
        )
        errors.append([ladder.distance(solver, reference, accuracy) for accuracy in ladder.accuracies])
        floors.append(
            [
                max(
                    ABOVE_ROUNDING * _rounding(solver, ladder, reference, accuracy),
                    ABOVE_REFERENCE * _reference_error(ladder, reference),
                )
                for accuracy in ladder.accuracies
            ]
        )
        read += sum(e > f for e, f in zip(errors[-1], floors[-1], strict=True)) >= FEWEST_RUNGS
        if read == networks or (k >= networks and read == 0):
            break
    return np.array(errors).T, np.array(floors).T


def _reference_error(ladder: Ladder, reference: Reference) -> float:
    return reference.gradient_error if ladder.distance is _of_gradient else reference.final_error


def _by_steps(solver: SolverUnderTest, check: str, distance: Distance, size: Callable[[Reference], float]) -> Ladder:
    counts: Sequence[int] = settings.rungs(solver)
    return Ladder(
        check=check,
        growth=settings.ladder_growth(solver),
        sizes=tuple(1.0 / count for count in counts),
        accuracies=tuple(Accuracy(steps=count) for count in counts),
        expected=float(solver.order),
        margin=settings.margin(solver.order),
        one_sided="at-least" if solver.order_rises or solver.order > settings.TWO_SIDED_ORDER else False,
        distance=distance,
        size=size,
    )


def _of_states(solver: SolverUnderTest, reference: Reference, accuracy: Accuracy) -> float:
    return float(np.linalg.norm(solver.solve(reference.problem, accuracy).states - reference.final))


def _of_gradient(solver: SolverUnderTest, reference: Reference, accuracy: Accuracy) -> float:
    return solver.gradient_of(reference.problem, accuracy).minus(reference.gradient).norm()


def _size_of_states(reference: Reference) -> float:
    return float(np.linalg.norm(reference.final))


def _size_of_gradient(reference: Reference) -> float:
    return reference.gradient.norm()
