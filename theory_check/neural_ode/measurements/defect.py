"""The defect of a computed solution: by how much a curve through its values fails the differential equation.

A curve p with p' = F(p) + d is, at time t, no further from the solution than what the flow makes of the integral of
|d|. That holds whatever phi is like, where error estimates of a solver presume derivatives that a kink does not have.
Integrals are taken step by step, the step's length times the largest of eight samples of |d|.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.networks.solver import DenseSolution

POINTS = tuple((k + 0.5) / 8 for k in range(8))
Field = Callable[[Tensor], Tensor]


def hermite_defect(field: Field, grid: Float[Tensor, "points inputs width"], step: float) -> float:
    """For states on a grid of signed `step`: of the cubic that has the states and slopes at the ends of every step."""
    return timed_hermite_defect(lambda _place, states: field(states), grid, step)


def timed_hermite_defect(
    field: Callable[[float, Tensor], Tensor], grid: Float[Tensor, "points inputs width"], step: float
) -> float:
    """The same for a field that may depend on time.

    `field` is called with a place x in [0, 1) and states: the k-th is at the time of grid point k, and x steps later.
    """
    slopes = step * field(0.0, grid)
    a, b, da, db = grid[:-1], grid[1:], slopes[:-1], slopes[1:]
    sampled = []
    for x in POINTS:
        y = 1.0 - x
        p = y * y * (1 + 2 * x) * a + x * y * y * da + x * x * (3 - 2 * x) * b - x * x * y * db
        slope = 6 * x * y * (b - a) + y * (1 - 3 * x) * da + x * (3 * x - 2) * db
        sampled.append(torch.linalg.vector_norm(slope - step * field(x, p), dim=(-2, -1)))
    return float(torch.stack(sampled).amax(0).sum())


def quartic_defect(field: Field, solution: DenseSolution) -> tuple[float, ...]:
    """For a dense solution: of the quartic through its five values on every step, one integral for each part of it.

    The state of the solution is a stack of parts, each (inputs, width).
    """
    nodes = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)[:, None]
    points = torch.tensor(POINTS, dtype=torch.float64)[:, None]
    powers = torch.arange(5, dtype=torch.float64)
    coefficients = torch.linalg.inv(nodes**powers)
    values = (points**powers @ coefficients).to(solution.samples)
    slopes = (powers * points ** (powers - 1).clamp(min=0) @ coefficients).to(solution.samples)
    lengths = solution.samples.new_tensor(solution.mesh).diff()[:, None, None, None, None]
    p = torch.einsum("pc,scqiw->spqiw", values, solution.samples)
    along = torch.einsum("pc,scqiw->spqiw", slopes, solution.samples)
    sampled = torch.linalg.vector_norm(along - lengths * field(p), dim=(-2, -1))
    return tuple(float(total) for total in sampled.amax(1).sum(0))
