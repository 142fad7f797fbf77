"""Checks of states: agreement with the reference, time rescaling, reversal."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from theory_check.conformance import allowance, settings
from theory_check.conformance.bench import Bench
from theory_check.conformance.case import Trialled
from theory_check.conformance.problem import Problem
from theory_check.conformance.reference import Reference
from theory_check.conformance.solver import Accuracy, Solution, SolverUnderTest
from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.measurements.bounds import growth, halving_bound
from theory_check.neural_ode.measurements.instance import largest_norm


def agreement(solver: SolverUnderTest, trialled: Trialled, bench: Bench, level: int = 0) -> tuple[Discrepancy, ...]:
    """Final states against the reference.

    Adaptive: every accepted step at the tolerance, carried on with P. Fixed steps: differences of the solver's own
    solutions with m, 2m and 4m steps.
    """
    reference = _reference(bench, trialled, "forward-unique", settings.growth(solver), level=level)
    found, allowed, parts = _solved(solver, trialled, reference, level=level)
    scale = 1.0 + largest_norm(reference.trajectory.grid)
    error = float(np.linalg.norm(found.states - reference.final))
    whole = Discrepancy(
        "distance of final states to the reference",
        error,
        allowed + reference.final_error,
        scale,
        {**parts, "reference": reference.final_error},
    )
    if solver.stepping == "adaptive":
        return (whole,)
    coarse = settings.ladder(solver, level=level)[0]
    before = float(np.linalg.norm(solver.solve(reference.problem, coarse).states - reference.final))
    noise = allowance.state_noise(reference, found.steps) + reference.final_error
    # Whatever the order: where a scheme converges at all, four times the steps are no worse.
    return (
        whole,
        Discrepancy(
            "error of final states with four times the steps, against the error before",
            error,
            before + noise,
            details={"steps before": coarse.steps or 0, "steps": found.steps, "forward": before, "rounding": noise},
        ),
    )


def rescaling(solver: SolverUnderTest, trialled: Trialled, bench: Bench, level: int = 0) -> tuple[Discrepancy, ...]:
    """A times a factor over a horizon divided by it: the same final states.

    With the same number of fixed steps to rounding, with adaptive ones within the errors of both.
    """
    reference = _reference(bench, trialled, "time-rescaling", settings.growth(solver), level=level)
    problem, c = reference.problem, trialled.factor
    other = replace(problem, matrix=problem.matrix * c, times=(0.0, problem.times[1] / c))
    if solver.stepping == "fixed":
        accuracy = Accuracy(steps=settings.steps(solver, level))
        first, second = solver.solve(problem, accuracy), solver.solve(other, accuracy)
        # A c and T / c are themselves rounded, as products with A are.
        noise = 2.0 * allowance.state_noise(reference, accuracy.steps or 1)
        allowed, parts = noise, {"rounding": noise}
    else:
        first, one, _ = _solved(solver, trialled, reference, level=level)
        second, two, _ = _solved(solver, trialled, reference, level=level, problem=other)
        allowed = one + two
        parts = {"first solve": one, "second solve": two}
        parts |= {"steps": float(first.steps), "its steps": float(second.steps)}
    scale = 1.0 + largest_norm(reference.trajectory.grid)
    distance = float(np.linalg.norm(first.states - second.states))
    return (Discrepancy("distance of final states after time rescaling", distance, allowed, scale, parts),)


def reversal(solver: SolverUnderTest, trialled: Trialled, bench: Bench, level: int = 0) -> tuple[Discrepancy, ...]:
    """Forward and then backward in time: the initial states again, L T <= 1."""
    reference = _reference(bench, trialled, "reversibility", settings.REVERSED_GROWTH, level=level)
    there, forward, _ = _solved(solver, trialled, reference, level=level)
    back = reference.problem.reversed_from(there.states)
    again, backward, _ = _solved(solver, trialled, reference, level=level, problem=back)
    # The backward flow carries what the forward solve erred by; P bounds the forward flow only.
    grown = growth(reference.rate, reference.problem.duration)
    backward *= grown / min(grown, reference.carried) if solver.stepping == "adaptive" else 1.0
    scale = 1.0 + largest_norm(reference.trajectory.grid)
    distance = float(np.linalg.norm(again.states - reference.problem.initial))
    parts = {"going forward": grown * forward, "going back": backward}
    return (Discrepancy("distance of returned to initial states", distance, grown * forward + backward, scale, parts),)


def _reference(bench: Bench, trialled: Trialled, check: str, most: float, *, level: int) -> Reference:
    return bench.reference(trialled, check, growth=most, finer=2**level)


def _solved(
    solver: SolverUnderTest,
    trialled: Trialled,
    reference: Reference,
    *,
    level: int,
    problem: Problem | None = None,
) -> tuple[Solution, float, dict[str, float | int | str]]:
    """Final states of a problem like the reference's, what they may err by, and of what that is made."""
    problem = reference.problem if problem is None else problem
    if solver.stepping == "adaptive":
        tolerance = settings.asked(solver, trialled.finer, level)
        found = solver.solve(problem, Accuracy(tolerance=tolerance))
        noise = allowance.state_noise(reference, found.steps)
        allowed = allowance.state_allowance(reference, found, tolerance)
        parts: dict[str, float | int | str] = {
            "tolerance": tolerance,
            "steps": found.steps,
            "forward": allowed - noise,
            "rounding": noise,
        }
        return found, allowed, parts
    solutions = [solver.solve(problem, accuracy) for accuracy in settings.ladder(solver, level=level)]
    differences = [float(np.linalg.norm(b.states - a.states)) for a, b in pairwise(solutions)]
    finest = solutions[-1]
    noise = allowance.state_noise(reference, finest.steps)
    scheme = halving_bound(*differences)
    return finest, scheme + noise, {"steps": finest.steps, "forward": scheme, "rounding": noise}
