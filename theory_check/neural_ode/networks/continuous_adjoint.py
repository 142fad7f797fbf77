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

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.networks.solver import CountedField, DenseSolution, solve_dense

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
        quadrature_error: estimated Frobenius norm of the integral's own error.
            pieces: the solves behind it, the last piece of [0, T] first, each in its own backward time. Samples hold
            (state, adjoint), the adjoint's rows at unit root mean square where the piece starts.
    """

    lambda_0: Float[Tensor, "inputs width"]
    integral: Float[Tensor, "width width"]
    quadrature_error: float
    pieces: tuple[DenseSolution, ...]


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
    return BackwardSolve(adjoint * sizes, integral, error, tuple(pieces)), field.evaluations


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
