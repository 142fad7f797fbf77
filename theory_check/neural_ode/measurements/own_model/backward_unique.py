"""Claim backward-unique on a user's own field: one adjoint, whatever the solver and whatever side of a kink is taken.

The adjoint's equation lambda' = -(dF/dh)^T lambda is solved with dF/dh just beside every state, on both sides of it
along each axis. For a Lipschitz derivative the two differ by its constant times the shift; where a state stays at a
kink they differ by a jump that does not shrink.
"""

import math
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.bounds import halving_bound
from theory_check.neural_ode.measurements.own_model.curvature import curvature
from theory_check.neural_ode.measurements.own_model.errors import (
    Sizes,
    adaptive_errors,
    adjoint_error,
    rounding_of_adjoint,
    scheme_rounding,
)
from theory_check.neural_ode.measurements.own_model.instance import ModelInstance, prepare_model
from theory_check.neural_ode.measurements.own_model.reached_set import DIRECTIONS, MOST_AXES
from theory_check.neural_ode.networks.own_model.gradients import continuous_gradient, discrete_gradient, slope_jacobian
from theory_check.neural_ode.networks.own_model.vector_field import scheme_steps, solve, times_of
from theory_check.neural_ode.networks.tableau import RK4, stepper_along

# As for the paper's networks (measurements/backward_unique.py).
MOST_GROWTH = 4.0
TOLERANCE = 1e-12
# Far above the rounding of a state, far below any distance over which a smooth derivative changes visibly.
RELATIVE_SHIFT = 2.0**-40


def backward_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """What was measured of the adjoint's uniqueness: choice of derivative, then choice of solver.

    Args:
        case: of a user's model; followed as long as L T <= 4, L being measured.
        setting: seeds, profile and loader.
        refined: half the shift, twice the steps and a tenth of the tolerance, to confirm a failure.
    """
    instance = prepare_model(case, setting)
    duration = instance.part(MOST_GROWTH)
    sizes = Sizes(
        instance.reached,
        curvature(instance.field, instance.reached, instance.generator("curvature")),
        duration,
        final=float(torch.linalg.vector_norm(_final(instance))),
        count=instance.inputs.numel(),
        parameters=len(instance.field.vector),
    )
    told = instance.told(duration)
    found = _jump(instance, sizes, refined=refined), _solvers(instance, sizes, refined=refined)
    return tuple(replace(d, details={**d.details, **told}) for d in found)


def _final(instance: ModelInstance) -> Tensor:
    """lambda_T of the sum of all outputs."""
    return instance.readout.expand(instance.inputs.shape)


def _jump(instance: ModelInstance, sizes: Sizes, *, refined: bool) -> Discrepancy:
    field, duration = instance.field, sizes.duration
    steps = scheme_steps(sizes.reached.lipschitz, duration) * (2 if refined else 1)
    with torch.no_grad():
        # Every other state is the middle of a step of the adjoint.
        states = solve(field, instance.inputs, duration=duration, steps=2 * steps)
    times = times_of(duration, 2 * steps)
    dimension = field.dimension
    axes = list(torch.eye(dimension, dtype=torch.float64))
    if dimension > MOST_AXES:
        drawn = torch.randn(DIRECTIONS, dimension, generator=instance.generator("axes"), dtype=torch.float64)
        axes = list(drawn / torch.linalg.vector_norm(drawn, dim=1, keepdim=True))
    shift = RELATIVE_SHIFT * (1.0 + sizes.reached.largest_entry) * (0.5 if refined else 1.0)
    jump = 0.0
    for axis in axes:
        one, other = (_adjoint(instance, times, states + sign * shift * axis, duration / steps) for sign in (-1, 1))
        jump = max(jump, float(torch.linalg.vector_norm(other - one)))
    # Each input moves by the shift: |dF/dh| changes by B times twice that, which the flow carries to both ends.
    change = 2.0 * sizes.curved.bend * shift * sizes.adjoint * duration * sizes.carried
    rounding = 2.0 * rounding_of_adjoint(sizes, steps)
    return Discrepancy(
        q.JUMP,
        jump,
        change + rounding,
        sizes.final,
        {"shift": shift, "change that a smooth derivative allows": change, "rounding": rounding},
    )


def _adjoint(instance: ModelInstance, times: Tensor, states: Tensor, step: float) -> Tensor:
    """lambda_0 by the classical scheme, dF/dh being taken at the given states: ends and middles of its steps."""
    adjoint = _final(instance)
    slopes = [slope_jacobian(instance.field, t, h, of_parameters=False) for t, h in zip(times, states, strict=True)]
    advance = stepper_along(_product, RK4, step)
    for k in range(len(slopes) - 1, 0, -2):
        end, middle, start = slopes[k], slopes[k - 1], slopes[k - 2]
        adjoint, _ = advance(adjoint, (end, middle, middle, start))
    return adjoint


def _product(jacobians: Tensor, adjoint: Tensor) -> Tensor:
    return torch.einsum("ikj,ik->ij", jacobians, adjoint)


def _solvers(instance: ModelInstance, sizes: Sizes, *, refined: bool) -> Discrepancy:
    field, inputs, duration, rate = instance.field, instance.inputs, sizes.duration, sizes.reached.lipschitz
    steps = scheme_steps(rate, duration, 16) * (2 if refined else 1)
    tolerance = TOLERANCE / 10 if refined else TOLERANCE
    count = inputs.numel()

    def total(states: Tensor) -> Tensor:
        return (states @ instance.readout).sum()

    runs = [discrete_gradient(field, inputs, total, duration=duration, steps=k * steps)[:count] for k in (1, 2, 4)]
    pieces = max(1, math.ceil(rate * duration))
    adaptive = continuous_gradient(
        field, inputs, total, times=[duration * k / pieces for k in range(pieces + 1)], tolerance=tolerance
    )
    fixed_bound = halving_bound(*(float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(runs)))
    gradient = float(torch.linalg.vector_norm(adaptive.gradient))
    errors = adaptive_errors(sizes, tolerance, adaptive.forward_evaluations, adaptive.backward_evaluations, gradient)
    # The readout is fixed: lambda_T has no error.
    adaptive_bound = adjoint_error(sizes, state=errors.state, at_end=0.0, own=errors.adjoint)
    rounding = adjoint_error(
        sizes, state=scheme_rounding(sizes, 4 * steps), at_end=0.0, own=rounding_of_adjoint(sizes, 4 * steps)
    )
    return Discrepancy(
        q.ADJOINT_AGREEMENT,
        float(torch.linalg.vector_norm(adaptive.gradient[:count] - runs[-1])),
        fixed_bound + adaptive_bound + rounding,
        float(torch.linalg.vector_norm(runs[-1])) + sizes.final,
        {"fixed-step": fixed_bound, "adaptive": adaptive_bound, "rounding": rounding},
    )
