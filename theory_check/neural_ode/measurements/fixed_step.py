"""The flow by the classical Runge-Kutta scheme, with a bound of its error."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.measurements.bounds import defect_bound, growth, halving_bound
from theory_check.neural_ode.measurements.defect import hermite_defect
from theory_check.neural_ode.measurements.instance import Instance
from theory_check.neural_ode.measurements.rounding import state_rounding
from theory_check.neural_ode.networks.model import NonFiniteState, recurrent_matrix
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.networks.tableau import RK4, stepper


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

    Raises:
        NonFiniteState: the state overflowed.
    """
    activation = instance.activation
    A_T = recurrent_matrix(instance.case.neural_ode, parameters).mT

    def field(states: Tensor) -> Tensor:
        return activation(states) @ A_T

    def run(count: int) -> list[Tensor]:
        advance, states = stepper(field, RK4, duration / count), [start]
        for _ in range(count):
            states.append(advance(states[-1])[0])
        if not torch.isfinite(states[-1]).all():
            raise NonFiniteState(f"the state after a time of {duration} ({count} steps of rk4) is not finite")
        return states

    grid = torch.stack(run(4 * steps))
    if activation.analytic:
        ends = [run(steps)[-1], run(2 * steps)[-1], grid[-1]]
        scheme = halving_bound(*(float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(ends)))
    else:
        scheme = defect_bound(rate, abs(duration), hermite_defect(field, grid, duration / (4 * steps)))
    rounding = state_rounding(instance, parameters, grid, steps=4 * steps, duration=abs(duration))
    return FixedStepSolution(grid, scheme, growth(rate, abs(duration)) * rounding)
