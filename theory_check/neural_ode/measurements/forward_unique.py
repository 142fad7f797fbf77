"""Claim forward-unique on the paper's networks: the proved constant, and solvers with derived bounds (`uniqueness`)."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.bounds import adaptive_bound, defect_bound, growth, halving_bound
from theory_check.neural_ode.measurements.defect import hermite_defect
from theory_check.neural_ode.measurements.fixed_step import FixedStepSolution, solve_fixed
from theory_check.neural_ode.measurements.instance import (
    DOPRI5_STAGES,
    Instance,
    field_growth,
    largest_entry,
    largest_norm,
    prepare,
)
from theory_check.neural_ode.measurements.rounding import adjoint_rounding, state_rounding
from theory_check.neural_ode.measurements.separation_picture import separation_picture
from theory_check.neural_ode.measurements.uniqueness import MOST_PIECES, SolvedPiece, existence
from theory_check.neural_ode.networks.model import recurrent_matrix
from theory_check.neural_ode.networks.parameters import Parameters, initial_states
from theory_check.neural_ode.networks.schemes import integrate, tangent_flow
from theory_check.neural_ode.networks.solver import CountedField, solve_at
from theory_check.pictures.picture import Picture


def forward_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """What was measured of existence and uniqueness, the worst over the pieces of [0, T].

    Args:
        case: any activation, inputs and weights.
        setting: seeds and device.
        refined: twice the steps and a hundredth of the tolerance, to confirm a failure.
    """
    instance = prepare(case, setting)
    parameters = instance.parameters()
    field = NetworkField(
        instance,
        parameters,
        rate=field_growth(instance, parameters) if instance.activation.is_lipschitz else math.inf,
        start=initial_states(case.neural_ode, parameters, instance.inputs),
        horizon=case.neural_ode.horizon,
    )
    found, looked_at = existence(field, instance.generator("direction"), refined=refined)
    if math.isinf(field.rate):
        return found
    pieces = min(MOST_PIECES, max(1, math.ceil(field.rate * field.horizon)))

    def sketch() -> Picture:
        return separation_picture(instance, parameters, rate=field.rate, duration=looked_at, pieces=pieces)

    return tuple(replace(d, sketch=sketch) for d in found)


@dataclass(frozen=True)
class NetworkField:
    """A network of the paper as a `uniqueness.Field`."""

    instance: Instance
    parameters: Parameters
    rate: float
    start: Tensor
    horizon: float

    @cached_property
    def _transposed(self) -> Tensor:
        return recurrent_matrix(self.instance.case.neural_ode, self.parameters).mT

    def slope(self, _t: float, states: Tensor, /) -> Tensor:
        """phi(h) A^T."""
        return self.instance.activation(states) @ self._transposed

    def flow(self, states: Tensor, steps: int, /) -> Tensor:
        """By RK4."""
        model = self.instance.case.neural_ode
        return integrate(self.instance.activation, model, self.parameters, states, duration=self.horizon, steps=steps)

    def solved(self, start: Tensor, _begin: float, tau: float, *, tolerance: float, refined: bool) -> SolvedPiece:
        """By RK4 and dopri5, with singular values of the tangent flow as the third comparison."""
        instance, parameters, rate = self.instance, self.parameters, self.rate
        steps = 32 if refined else 16
        fixed = solve_fixed(instance, parameters, start, rate=rate, duration=tau, steps=steps)
        end = fixed.grid[-1]
        adaptive, adaptive_error = _adaptive(instance, parameters, fixed, rate, tau, tolerance)
        back = solve_fixed(instance, parameters, end, rate=rate, duration=-tau, steps=steps)
        return SolvedPiece(
            end,
            fixed.bound,
            adaptive,
            adaptive_error,
            back.grid[-1],
            back.bound,
            scale=1.0 + largest_norm(fixed.grid),
            parts={
                "fixed-step solver": fixed.scheme,
                "its rounding": fixed.rounding,
                "adaptive solver": adaptive_error,
            },
            third=_tangent(instance, parameters, fixed.grid[:, :1], rate, tau, steps),
        )


@torch.no_grad()
def _adaptive(
    instance: Instance, parameters: Parameters, fixed: FixedStepSolution, rate: float, tau: float, tolerance: float
) -> tuple[Tensor, float]:
    """The end of a piece by dopri5, and a bound of its error."""
    activation = instance.activation
    A_T = recurrent_matrix(instance.case.neural_ode, parameters).mT
    field = CountedField(lambda _t, h: activation(h) @ A_T)
    # The error estimate of a step presumes derivatives; where phi may lack them the defect on the other's grid counts.
    steps = 1 if activation.analytic else len(fixed.grid) - 1
    times = [tau * k / steps for k in range(steps + 1)]
    states = solve_at(field, fixed.grid[0], times, rtol=tolerance, atol=tolerance)
    accepted = math.ceil(field.evaluations / DOPRI5_STAGES)
    rounding = growth(rate, tau) * state_rounding(instance, parameters, fixed.grid, steps=accepted, duration=tau)
    if activation.analytic:
        local = adaptive_bound(tolerance, largest_entry(fixed.grid), states[0].numel(), accepted)
        return states[-1], growth(rate, tau) * local + rounding
    defect = hermite_defect(lambda h: activation(h) @ A_T, states, tau / steps)
    return states[-1], defect_bound(rate, tau, defect) + rounding


def _tangent(
    instance: Instance, parameters: Parameters, states: Tensor, rate: float, tau: float, steps: int
) -> Discrepancy:
    """Singular values of the tangent flow between exp(-L tau) and exp(L tau): no two solutions meet or run apart."""
    activation, model, start = instance.activation, instance.case.neural_ode, states[0, 0]
    flows = [
        tangent_flow(activation, model, parameters, start, duration=tau, scheme="rk4", steps=k * steps)[1]
        for k in (1, 2, 4)
    ]
    values = torch.linalg.svdvals(flows[-1])
    # A step of the scheme has |J - I| <= exp(z) - 1, z = L dt, for slopes of any kind: its own singular values are at
    # most exp(z) and at least 2 - exp(z). Where kinks spoil its order that is less than halving shows.
    own = growth(-rate, tau) - (2.0 - growth(rate, tau / (4 * steps))) ** (4 * steps)
    error = min(own, halving_bound(*(float(torch.linalg.matrix_norm(b - a)) for a, b in pairwise(flows))))
    # Every column of J is an adjoint run the other way: the same products, from a unit vector.
    columns, grown = math.sqrt(len(start)), growth(rate, tau)
    error += adjoint_rounding(
        instance,
        parameters,
        states,
        final=columns,
        flat=0.0,
        carried=grown,
        steps=4 * steps,
        duration=tau,
    )
    outside = max(float(values[0]) - growth(rate, tau), growth(-rate, tau) - float(values[-1]), 0.0)
    return Discrepancy(q.TANGENT_FLOW, outside, error, 1.0)
