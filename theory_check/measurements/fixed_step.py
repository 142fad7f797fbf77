"""The flow by the classical Runge-Kutta scheme, with a bound of its error."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.measurements.bounds import defect_bound, growth, halving_bound
from theory_check.measurements.defect import hermite_defect
from theory_check.measurements.instance import Instance
from theory_check.measurements.rounding import state_rounding
from theory_check.networks.model import recurrent_matrix
from theory_check.networks.parameters import Parameters
from theory_check.networks.schemes import integrate


@dataclass(frozen=True)
class FixedStepSolution:
    """States at the grid points, and a bound of the error of the last one: of the scheme, and of rounding."""

    grid: Float[Tensor, "points inputs width"]
    scheme: float
    rounding: float

    @property
    def bound(self) -> float:
        """Bound of the error of the last states, over all inputs."""
        return self.scheme + self.rounding


@torch.no_grad()
def solve_fixed(
    instance: Instance,
    parameters: Parameters,
    start: Float[Tensor, "inputs width"],
    *,
    rate: float,
    duration: float,
    steps: int,
) -> FixedStepSolution:
    """Solve with 4 `steps` steps over a signed `duration`.

    An analytic phi keeps the scheme's order, so halving the step twice bounds the error. Where derivatives of phi may
    jump, errors of several jumps can cancel in every difference: there the defect of the solution bounds its error.
    """
    model, activation = instance.case.neural_ode, instance.activation

    def advance(states: Tensor, span: float, count: int) -> Tensor:
        return integrate(activation, model, parameters, states, duration=span, scheme="rk4", steps=count)

    states = [start]
    for _ in range(4 * steps):
        states.append(advance(states[-1], duration / (4 * steps), 1))
    grid = torch.stack(states)
    if activation.analytic:
        ends = [advance(start, duration, steps), advance(start, duration, 2 * steps), grid[-1]]
        scheme = halving_bound(*(float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(ends)))
    else:
        A_T = recurrent_matrix(model, parameters).mT
        defect = hermite_defect(lambda h: activation(h) @ A_T, grid, duration / (4 * steps))
        scheme = defect_bound(rate, abs(duration), defect)
    rounding = state_rounding(instance, parameters, grid, steps=4 * steps, duration=abs(duration))
    return FixedStepSolution(grid, scheme, growth(rate, abs(duration)) * rounding)
