"""The continuous adjoint solved backward, with the state supplied by the forward solve.

In backward time s = T - t:  dlambda/ds = phi'(h) * (lambda A),  and the gradient with respect to A is the integral of
lambda^T phi(h). [0, T] is cut into pieces with L tau <= 1, L = |A|_2 sup |phi'|. lambda is linear, row by row, so each
piece starts at unit root mean square and is scaled back: tolerances are then relative to lambda as it is there, for a
loss of 1 and of 1e-12, and however far lambda has decayed.

The integral is kept out of the adaptive error control (n^2 entries would drown the 2 n of the state). It is taken
afterwards by Boole's rule on every accepted step, from the solver's dense output: the rule errs by O(step^7) a step,
the output by O(step^5) times the step, the order of the solver's own local error. Kinks of phi make the solver
shorten its steps, and the rule with it. The difference to Simpson's rule on the same points is the error estimate.
"""

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor
from torchdiffeq import odeint

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.networks.solver import CountedField, DenseSolution, SolverFailure, solve_dense

# On five equally spaced points of a step of length 1.
_BOOLE = (7 / 90, 32 / 90, 12 / 90, 32 / 90, 7 / 90)
_SIMPSON = (1 / 12, 4 / 12, 2 / 12, 4 / 12, 1 / 12)

# A cap on the pieces where phi' is huge or infinite; more pieces cost time and gain nothing but accuracy.
_MAX_PIECES = 64


@dataclass(frozen=True)
class BackwardSolve:
    """What comes back from a backward solve.

    Attributes:
        lambda_0: (inputs, width).
        integral: of lambda_t^T phi(h_t) over [0, T], summed over inputs, (width, width).
        quadrature_error: estimated Frobenius norm of the integral's own error; None where it is part of the solve.
        state_error: estimated root mean square error of the interpolated state; None where none is interpolated.
        pieces: the solves behind it, the last piece of [0, T] first, each in its own backward time. Samples hold
            (state, adjoint), the adjoint's rows at unit root mean square where the piece starts. Empty where the state
            is not solved with the adjoint.
    """

    lambda_0: Float[Tensor, "inputs width"]
    integral: Float[Tensor, "width width"]
    quadrature_error: float | None = None
    state_error: float | None = None
    pieces: tuple[DenseSolution, ...] = ()


def lipschitz_rate(activation: Activation, A: Float[Tensor, "width width"]) -> float:
    """L = |A|_2 sup |phi'|, the rate at which solutions can part; infinite for phi without a Lipschitz constant."""
    spectral = math.sqrt(max(0.0, float(torch.linalg.eigvalsh(A @ A.T)[-1])))
    return spectral * activation.lipschitz if spectral else 0.0


def piece_ends(rate: float, horizon: float) -> list[float]:
    """[0, horizon] cut into equal pieces with rate * length <= 1, so that a piece amplifies errors by at most e."""
    pieces = int(min(_MAX_PIECES, max(1.0, math.ceil(min(rate * horizon, _MAX_PIECES)))))
    return [horizon * k / pieces for k in range(pieces + 1)]


def from_checkpoints(
    activation: Activation,
    A: Float[Tensor, "width width"],
    ends: list[float],
    checkpoints: Float[Tensor, "points inputs width"],
    lambda_T: Float[Tensor, "inputs width"],
    *,
    rtol: float,
    atol: float,
    clarke: float,
) -> tuple[BackwardSolve, int]:
    """Backward over each piece with the state rebuilt from the checkpoint at the piece's end.

    The state's error on a piece is the solver's, amplified by at most exp(L tau) <= e: under contraction too, where
    one backward solve over all of [0, T] amplifies by exp(L T).

    Returns:
        the solve and the number of evaluations of the joint field.
    """
    A_T = A.T

    def joint(_s: Tensor, y: Tensor) -> Tensor:
        h, adjoint = y[0], y[1]
        return torch.stack([-(activation(h) @ A_T), activation.derivative(h, clarke) * (adjoint @ A)])

    field = CountedField(joint)
    adjoint, sizes = _unit_rows(lambda_T)
    integral, error = torch.zeros_like(A), 0.0
    pieces: list[DenseSolution] = []
    for (a, b), h in reversed(list(zip(pairwise(ends), checkpoints[1:], strict=True))):
        solution = solve_dense(field, torch.stack([h, adjoint]), b - a, rtol=rtol, atol=atol)
        pieces.append(solution)
        features = activation(solution.samples[:, :, 0])
        part, part_error = _integral(solution.mesh, solution.samples[:, :, 1] * sizes, features)
        integral += part
        error += part_error
        adjoint, factors = _unit_rows(solution.final[1])
        sizes = sizes * factors
    back = BackwardSolve(adjoint * sizes, integral, quadrature_error=error, pieces=tuple(pieces))
    return back, field.evaluations


def dense_states(
    activation: Activation,
    A: Float[Tensor, "width width"],
    initial: Float[Tensor, "inputs width"],
    horizon: float,
    rate: float,
    *,
    rtol: float,
    atol: float,
) -> tuple[DenseSolution, float, int]:
    """A forward solve whose dense output is itself accurate to the tolerance, its error, and the evaluations.

    On a step of length dt the output p starts at the solver's state. With defect d = p' - F(p), Gronwall gives
    |p - h| <= dt exp(L dt) max |d|; the maximum is sampled half-way between the points that define p. The solve is
    repeated at a tighter tolerance until that is at most atol + rtol |h| in root mean square.

    Raises:
        SolverFailure: the bound stays above it.
    """
    field = CountedField(lambda _t, h: activation(h) @ A.T)
    tighter = 0.02
    for _attempt in range(4):
        solution = solve_dense(field, initial, horizon, rtol=rtol * tighter, atol=atol * tighter)
        error = _defect_bound(solution, field, rate)
        target = atol + rtol * float(_rms(solution.samples.flatten(0, 1)).max())
        if error <= target:
            return solution, error, field.evaluations
        # Both the controlled error and the defect times dt are O(dt^5), so their ratio stays.
        tighter *= 0.5 * target / error
    raise SolverFailure(f"dense output errs by {error:.1e}, more than the tolerance {target:.1e}: use checkpoints")


def from_dense(
    activation: Activation,
    A: Float[Tensor, "width width"],
    ends: list[float],
    forward: DenseSolution,
    lambda_T: Float[Tensor, "inputs width"],
    *,
    rtol: float,
    atol: float,
    clarke: float,
) -> tuple[BackwardSolve, int]:
    """Backward over each piece for lambda alone, the state read from the forward solve's dense output.

    Returns:
        the solve and the number of evaluations of lambda's field.
    """
    state_at = _evaluator(forward)
    adjoint, sizes = _unit_rows(lambda_T)
    integral, error, evaluations = torch.zeros_like(A), 0.0, 0
    for a, b in reversed(list(pairwise(ends))):

        def adjoint_field(s: Tensor, y: Tensor, end: float = b) -> Tensor:
            return activation.derivative(state_at(end - float(s)), clarke) * (y @ A)

        field = CountedField(adjoint_field)
        solution = solve_dense(field, adjoint, b - a, rtol=rtol, atol=atol)
        times = [b - (start + x / 4 * (stop - start)) for start, stop in pairwise(solution.mesh) for x in range(5)]
        features = activation(torch.stack([state_at(t) for t in times])).view_as(solution.samples)
        part, part_error = _integral(solution.mesh, solution.samples * sizes, features)
        integral += part
        error += part_error
        evaluations += field.evaluations
        adjoint, factors = _unit_rows(solution.final)
        sizes = sizes * factors
    return BackwardSolve(adjoint * sizes, integral, quadrature_error=error), evaluations


def on_fixed_grid(
    activation: Activation,
    A: Float[Tensor, "width width"],
    grid: list[float],
    states: Float[Tensor, "points inputs width"],
    lambda_T: Float[Tensor, "inputs width"],
    *,
    method: str,
    clarke: float,
) -> tuple[BackwardSolve, int]:
    """Backward one fixed step at a time, each from the forward solve's state, the integral being part of the state."""
    evaluations = 0

    def joint(_s: Tensor, y: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        nonlocal evaluations
        evaluations += 1
        h, adjoint, _integral_so_far = y
        features = activation(h)
        return -(features @ A.T), activation.derivative(h, clarke) * (adjoint @ A), adjoint.T @ features

    adjoint, integral = lambda_T, torch.zeros_like(A)
    for (a, b), h in reversed(list(zip(pairwise(grid), states[1:], strict=True))):
        span = torch.tensor([0.0, b - a], dtype=A.dtype, device=A.device)
        _h, adjoints, integrals = odeint(joint, (h, adjoint, integral), span, method=method)
        adjoint, integral = adjoints[-1], integrals[-1]
    return BackwardSolve(adjoint, integral), evaluations


def _unit_rows(rows: Float[Tensor, "inputs width"]) -> tuple[Float[Tensor, "inputs width"], Float[Tensor, "inputs 1"]]:
    sizes = _rms(rows)[:, None]
    sizes = torch.where(sizes > 0, sizes, torch.ones_like(sizes))
    return rows / sizes, sizes


def _rms(values: Tensor) -> Tensor:
    """Root mean square over the last axis."""
    return torch.div(torch.linalg.vector_norm(values, dim=-1), math.sqrt(values.shape[-1]))


def _integral(
    mesh: tuple[float, ...],
    adjoints: Float[Tensor, "steps 5 inputs width"],
    features: Float[Tensor, "steps 5 inputs width"],
) -> tuple[Float[Tensor, "width width"], float]:
    """The integral of lambda^T phi by Boole's rule, and the Frobenius norm of its difference to Simpson's."""
    lengths = adjoints.new_tensor(mesh).diff()[:, None]
    boole, simpson = adjoints.new_tensor(_BOOLE), adjoints.new_tensor(_SIMPSON)
    flat = features.flatten(0, 2)

    def rule(weights: Tensor) -> Tensor:
        return (adjoints * (lengths * weights)[:, :, None, None]).flatten(0, 2).T @ flat

    return rule(boole), float(torch.linalg.vector_norm(rule(boole - simpson)))


def _monomials(points: Tensor) -> Float[Tensor, "points 5"]:
    return points[:, None] ** torch.arange(5, dtype=points.dtype, device=points.device)


def _coefficients(solution: DenseSolution) -> Float[Tensor, "steps 5 *state"]:
    """Coefficients of the quartic on every step, in the step's own variable in [0, 1], lowest first."""
    vandermonde = _monomials(torch.linspace(0, 1, 5, dtype=torch.float64))
    inverse = torch.linalg.inv(vandermonde).to(solution.samples)
    return torch.einsum("cp,sp...->sc...", inverse, solution.samples)


def _defect_bound(solution: DenseSolution, field: CountedField, rate: float) -> float:
    coefficients = _coefficients(solution)
    points = torch.tensor([0.125, 0.375, 0.625, 0.875]).to(solution.samples)
    powers = _monomials(points)
    slopes = torch.zeros_like(powers)
    slopes[:, 1:] = powers[:, :-1] * torch.arange(1, 5).to(powers)
    lengths = solution.samples.new_tensor(solution.mesh).diff()
    values = torch.einsum("pc,sciw->spiw", powers, coefficients)
    derivative = torch.einsum("pc,sciw->spiw", slopes, coefficients) / lengths[:, None, None, None]
    defect = _rms(derivative - field(lengths[0], values)).flatten(1).amax(1)
    growth = torch.exp(torch.clamp(rate * lengths, max=1.0)) if math.isfinite(rate) else math.e
    return float((lengths * defect * growth).max())


def _evaluator(solution: DenseSolution) -> Callable[[float], Tensor]:
    coefficients = _coefficients(solution)
    shape = coefficients.shape[2:]
    by_step = list(coefficients.flatten(2).unbind(0))
    mesh = solution.mesh

    def state_at(t: float) -> Tensor:
        step = min(max(bisect.bisect_right(mesh, t) - 1, 0), len(by_step) - 1)
        x = (t - mesh[step]) / (mesh[step + 1] - mesh[step])
        return (by_step[step].new_tensor([1.0, x, x * x, x**3, x**4]) @ by_step[step]).view(shape)

    return state_at
