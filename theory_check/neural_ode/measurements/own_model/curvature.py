"""How a user's field depends on its parameters, and how fast its derivatives change: for errors of gradients."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.measurements.bounds import UNIT_ROUNDOFF
from theory_check.neural_ode.measurements.own_model.reached_set import (
    DIRECTIONS,
    MOST_AXES,
    NINE,
    STEP,
    TUBE,
    ReachedSet,
)
from theory_check.neural_ode.networks.own_model.gradients import slope_jacobian
from theory_check.neural_ode.networks.own_model.vector_field import VectorField

# Places along a trajectory; second derivatives cost a pass for each entry.
SAMPLES = 5


@dataclass(frozen=True)
class Curvature:
    """Sizes on the reached set, measured at five times, over all inputs together.

    Attributes:
        parameters: M, the norm of dF/dtheta.
        bend: a Lipschitz constant of (dF/dh, dF/dtheta) along the states.
        noise: error of a product of (dF/dh, dF/dtheta) with a unit adjoint.
    """

    parameters: float
    bend: float
    noise: float


def curvature(field: VectorField, reached: ReachedSet, generator: torch.Generator) -> Curvature:
    """Measure them by torch.autograd: a wrong gradient gets bounds of its own size, and meets differences of the loss.

    The bend is the Frobenius norm over all axes; of many axes a few random directions stand for all, the mean of whose
    squares is that norm's over the dimension.
    """
    stride = max(1, (len(reached.times) - 1) // (SAMPLES - 1))
    size, bend, noise = 0.0, 0.0, 0.0
    for t, h in zip(reached.times[::stride], reached.states[::stride], strict=True):
        derivative = slope_jacobian(field, t, h, of_parameters=True)
        dimension = h.shape[1]
        if derivative.shape[2] > dimension:
            size = max(size, float(torch.linalg.matrix_norm(derivative[:, :, dimension:].flatten(0, 1), ord=2)))
        bend = max(bend, _bend(field, t, h, generator))
        noise = max(noise, _noise(field, t, h, generator), UNIT_ROUNDOFF * float(torch.linalg.vector_norm(derivative)))
    return Curvature(size, bend, noise)


def _bend(field: VectorField, t: Tensor, h: Float[Tensor, "inputs dimension"], generator: torch.Generator) -> float:
    dimension = h.shape[1]
    directions = list(torch.eye(dimension, dtype=h.dtype))
    if dimension > MOST_AXES:
        drawn = torch.randn(DIRECTIONS, dimension, generator=generator, dtype=torch.float64)
        directions = list(drawn / torch.linalg.vector_norm(drawn, dim=1, keepdim=True))
    length = TUBE * (1.0 + torch.linalg.vector_norm(h, dim=1, keepdim=True))
    squares = [
        (_product_rows(field, t, h + length * d) - _product_rows(field, t, h - length * d)).square().flatten(1).sum(1)
        / (2 * length[:, 0]).square()
        for d in directions
    ]
    # Of each input; a change of all together is at most as large as the largest of them.
    return math.sqrt(dimension * float(torch.stack(squares).mean(0).max()))


def _product_rows(field: VectorField, t: Tensor, h: Tensor) -> Float[Tensor, "inputs dimension columns"]:
    return slope_jacobian(field, t, h, of_parameters=True)


def _noise(field: VectorField, t: Tensor, h: Tensor, generator: torch.Generator) -> float:
    """By fourth differences, as `reached_set.field_noise`; over all inputs and a unit adjoint of each."""
    direction = torch.randn(h.shape, generator=generator, dtype=torch.float64)
    direction *= STEP**2 * (1.0 + torch.linalg.vector_norm(h)) / torch.linalg.vector_norm(direction)
    values = torch.stack([slope_jacobian(field, t, h + k * direction, of_parameters=True) for k in NINE])
    return math.sqrt(3 * float(values.diff(n=4, dim=0).square().mean(0).sum()) / 70)
