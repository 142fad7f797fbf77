"""Checks of gradients: against the reference adjoint, differences of the solver's own loss, and under contraction.

Attribution of an error: "differences" (truncation of a difference), "rounding", "forward" (what the error of the final
states can explain at most) and "backward" (what is left: how the gradient was taken).
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from theory_check.conformance import allowance, settings
from theory_check.conformance.bench import Bench
from theory_check.conformance.case import Trialled, canonical
from theory_check.conformance.libraries.torch_model import loss
from theory_check.conformance.problem import Gradient, Problem
from theory_check.conformance.reference import Reference
from theory_check.conformance.solver import Accuracy, SolverUnderTest
from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.measurements.bounds import halving_bound
from theory_check.neural_ode.measurements.instance import slope_bounds
from theory_check.neural_ode.networks.gradients import directional_difference

INITIAL_STEP = 0.1
LEVELS = 4


def adjoint_gradient(
    solver: SolverUnderTest, trialled: Trialled, bench: Bench, level: int = 0
) -> tuple[Discrepancy, ...]:
    """The gradient against the reference's, and against differences where it is that of a scheme with fixed steps.

    Its error is bounded by the differences of the solver's own gradients at three accuracies (halving): no tolerance
    bounds the derivative of a solver's steps. What converges elsewhere, and what does not move at all, exceeds it.
    """
    reference = bench.reference(trialled, "adjoint-gradient", growth=settings.growth(solver), finer=2**level)
    accuracies = settings.ladder(solver, trialled.finer, level)
    gradients = [solver.gradient_of(reference.problem, accuracy) for accuracy in accuracies]
    solution = solver.solve(reference.problem, accuracies[-1])
    found, noise = gradients[-1], allowance.gradient_noise(reference, solution.steps)
    own = halving_bound(*(b.minus(a).norm() for a, b in pairwise(gradients)))
    parts = {"steps": solution.steps, "rounding": noise, "reference": reference.gradient_error, "own ladder": own}
    error = found.minus(reference.gradient).norm()
    parts |= _attributed(reference, error, solution.states, noise)
    bound = own + noise + reference.gradient_error
    unusable = ""
    if solver.stepping == "adaptive":
        coarse = [solver.solve(reference.problem, accuracy) for accuracy in accuracies[:2]]
        # Where one mesh serves all tolerances the ladder says nothing; tolerance-response asks more of a tolerance.
        if len({one.steps for one in (*coarse, solution)}) < 3:
            bound += allowance.gradient_allowance(reference, solution, accuracies[-1].tolerance or 0.0)
    gradient = Discrepancy(
        "distance of the gradient to the reference", error, bound, reference.gradient.norm(), parts, unusable
    )
    if solver.stepping == "adaptive":
        return (gradient,)
    before = gradients[0].minus(reference.gradient).norm()
    # As for states: where gradients converge at all, four times the steps make them no worse.
    converging = Discrepancy(
        "error of the gradient with four times the steps, against the error before",
        error,
        before + noise + reference.gradient_error,
        details={**parts, "error before": before},
    )
    if solver.kind != "discrete":
        return (gradient, converging)
    return (gradient, converging, *_against_differences(solver, trialled, reference, accuracies[0], gradients[0]))


def under_contraction(
    solver: SolverUnderTest, trialled: Trialled, bench: Bench, level: int = 0
) -> tuple[Discrepancy, ...]:
    """The gradient where states run together by exp(-20), against what the tolerance allows to kept states."""
    reference = bench.reference(trialled, "gradient-under-contraction", growth=1.0, finer=2**level)
    tolerance = settings.contraction_tolerance(level)
    accuracy = Accuracy(tolerance=tolerance)
    solution = solver.solve(reference.problem, accuracy)
    error = solver.gradient_of(reference.problem, accuracy).minus(reference.gradient).norm()
    noise = allowance.gradient_noise(reference, solution.steps)
    allowed = allowance.gradient_allowance(reference, solution, tolerance)
    parts = {"tolerance": tolerance, "steps": solution.steps, "reference": reference.gradient_error}
    parts |= {"rounding": noise, "relative error": error / reference.gradient.norm()}
    parts |= _attributed(reference, error, solution.states, noise)
    scale = reference.gradient.norm()
    return (
        Discrepancy(
            "distance of the gradient to the reference, states contracting",
            error,
            allowed + reference.gradient_error,
            scale,
            parts,
        ),
    )


def _attributed(reference: Reference, error: float, states: np.ndarray, noise: float) -> dict[str, float]:
    of_states = float(np.linalg.norm(states - reference.final))
    forward = min(error, allowance.from_final_states(reference, of_states))
    return {"forward": forward, "backward": max(0.0, error - forward - noise - reference.gradient_error)}


def _against_differences(
    solver: SolverUnderTest, trialled: Trialled, reference: Reference, accuracy: Accuracy, gradient: Gradient
) -> tuple[Discrepancy, ...]:
    """The gradient of a scheme along two directions, against Richardson's differences of the scheme's own loss."""
    problem, found = reference.problem, []
    steep, bend = slope_bounds(reference.activation)
    moved = max(1.0, problem.duration * allowance.gradient_sizes(reference).features)
    step = INITIAL_STEP * (min(1.0, steep / (bend * moved)) if bend > 0 else 1.0)
    for part, direction in _directions(trialled, gradient).items():

        def values(points: Sequence[float], direction: Gradient = direction) -> list[float]:
            return [_loss(solver, problem.moved(direction, point), accuracy) for point in points]

        difference = directional_difference(values, initial_step=step, levels=LEVELS)
        noise = allowance.gradient_noise(reference, accuracy.steps or 1) + difference.rounding
        found.append(
            Discrepancy(
                f"gradient against differences of the solver's own loss, in {part}",
                abs(difference.value - gradient.inner(direction)),
                difference.truncation + noise,
                gradient.norm(),
                {"differences": difference.truncation, "rounding": noise, "forward": 0.0, "backward": 0.0},
            )
        )
    return tuple(found)


def _loss(solver: SolverUnderTest, problem: Problem, accuracy: Accuracy) -> float:
    states = torch.as_tensor(solver.solve(problem, accuracy).states, dtype=torch.float64)
    return float(loss(problem, states))


def _directions(trialled: Trialled, gradient: Gradient) -> dict[str, Gradient]:
    """A unit direction in the initial states and one in A: half along the gradient, half random."""
    seed = int.from_bytes(hashlib.sha256(canonical(trialled).encode()).digest()[:8], "big")
    generator = np.random.Generator(np.random.PCG64(seed))
    initial, matrix = (_mixed(block, generator) for block in (gradient.initial, gradient.matrix))
    return {
        "the initial states": Gradient(initial, np.zeros_like(matrix)),
        "A": Gradient(np.zeros_like(initial), matrix),
    }


def _mixed(block: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    noise = generator.standard_normal(block.shape)
    noise /= np.linalg.norm(noise)
    length = float(np.linalg.norm(block))
    noise = -noise if float((noise * block).sum()) < 0 else noise
    mixed = noise + block / length if length > 0 else noise
    return mixed / np.linalg.norm(mixed)
