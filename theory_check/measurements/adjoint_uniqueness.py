"""Claim backward-unique: is there one adjoint, whatever the solver and whatever phi' is taken to be at a kink?

The adjoint along one and the same trajectory is computed with the derivative just left and just right of every state.
For smooth phi the two differ by L2 times the shift; where a state stays at a kink they differ by a jump that does not
shrink with it. No point of any activation is named here: the search brings states to kinks.
"""

import math
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from theory_check.activations.activation import Activation
from theory_check.case import Case
from theory_check.claims import quantities as q
from theory_check.evidence.discrepancy import Discrepancy
from theory_check.measurements.bounds import (
    adaptive_bound,
    flow_rounding,
    growth,
    halving_bound,
)
from theory_check.measurements.instance import (
    Instance,
    Setting,
    largest_norm,
    prepare,
    propagator_bound,
    with_bounded_growth,
)
from theory_check.networks.flow import solve_adjoint
from theory_check.networks.parameters import Parameters
from theory_check.networks.schemes import adjoint, forward

MOST_GROWTH = 4.0
TOLERANCE = 1e-12
# Far above the rounding of a state, far below any distance over which a smooth derivative changes visibly.
RELATIVE_SHIFT = 2.0**-40
DOPRI5_STAGES = 6


def backward_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """What was measured of the adjoint's uniqueness: choice of derivative, then choice of solver.

    Args:
        case: any activation, inputs and weights; W is scaled so that L T <= 4.
        setting: seeds and device.
        refined: half the shift, twice the steps and a tenth of the tolerance, to confirm a failure.
    """
    instance = prepare(case, setting)
    parameters, rate = with_bounded_growth(instance, instance.parameters(), MOST_GROWTH)
    return _jump(instance, parameters, rate, refined=refined), _solvers(instance, parameters, rate, refined=refined)


def _jump(instance: Instance, parameters: Parameters, rate: float, *, refined: bool) -> Discrepancy:
    model, activation = instance.case.neural_ode, instance.activation
    steps = 64 if refined else 32
    trajectory = forward(activation, model, parameters, instance.inputs, scheme="rk4", steps=steps)
    shift = RELATIVE_SHIFT * (1.0 + float(trajectory.stages.abs().max())) * (0.5 if refined else 1.0)
    ones = torch.ones_like(trajectory.outputs)
    left, right = (
        adjoint(_shifted(activation, sign * shift), model, parameters, trajectory, ones).lambda_0 for sign in (-1, 1)
    )
    # |phi'(h + shift) - phi'(h - shift)| <= 2 L2 shift changes lambda_T by the readout times that, and the adjoint's
    # equation by (L / L1) 2 L2 shift |lambda| over T; Gronwall carries both, and lambda itself, with exp(L T).
    steep, bend = _slopes(activation)
    readout = _readout(instance, parameters)
    grown = growth(rate, model.horizon)
    change = 2.0 * bend * shift * readout * grown * (1.0 + rate * model.horizon * grown)
    rounding = flow_rounding(4 * steps, parameters.W.shape[-1], readout * steep, rate, model.horizon)
    return Discrepancy(
        q.JUMP,
        float(torch.linalg.vector_norm(right - left)),
        change + rounding,
        readout * steep,
        {"shift": shift, "change that a smooth phi' allows": change, "rounding": rounding},
    )


def _solvers(instance: Instance, parameters: Parameters, rate: float, *, refined: bool) -> Discrepancy:
    model, activation, inputs = instance.case.neural_ode, instance.activation, instance.inputs
    steps, tolerance = (64, TOLERANCE / 10) if refined else (32, TOLERANCE)
    ones = inputs.new_ones(len(inputs), 1)
    runs: list[Tensor] = []
    for k in (1, 2, 4):
        trajectory = forward(activation, model, parameters, inputs, scheme="rk4", steps=k * steps)
        runs.append(adjoint(activation, model, parameters, trajectory, ones).lambda_0)
    adaptive = solve_adjoint(
        activation,
        model,
        parameters,
        inputs,
        ones,
        method="dopri5",
        rtol=tolerance,
        atol=tolerance,
        state="checkpoints",
    )
    fixed_bound = halving_bound(*(float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(runs)))
    steep, bend = _slopes(activation)
    final = _readout(instance, parameters) * steep
    carried = propagator_bound(instance, parameters, rate)
    solver_steps = adaptive.evaluations / DOPRI5_STAGES
    count = runs[-1].numel()
    state_error = carried * adaptive_bound(tolerance, largest_norm(trajectory.grid), count, solver_steps)
    # An error of the state changes lambda_T by L2 times it, and the adjoint's coefficients by (L / L1) L2 times it.
    through_state = carried * final * bend / steep * state_error * (1.0 + rate * model.horizon * carried)
    # Rows of lambda start every piece at unit root mean square, |lambda| <= P |lambda_T|, and grow by at most e in it.
    unit = adaptive_bound(tolerance, math.e * math.sqrt(count), count, solver_steps) / math.sqrt(count)
    own = carried * carried * final * unit
    rounding = flow_rounding(16 * steps, parameters.W.shape[-1], final * carried, rate, model.horizon)
    return Discrepancy(
        "difference of the adjoint between two solvers",
        float(torch.linalg.vector_norm(adaptive.lambda_0 - runs[-1])),
        fixed_bound + through_state + own + rounding,
        float(torch.linalg.vector_norm(runs[-1])) + final,
        {
            "fixed-step": fixed_bound,
            "adaptive, through the state": through_state,
            "adaptive": own,
            "rounding": rounding,
        },
    )


def _readout(instance: Instance, parameters: Parameters) -> float:
    """Norm of lambda_T over all inputs for phi' = 1."""
    per_input = float(torch.linalg.vector_norm(parameters.V)) * instance.case.neural_ode.sigma_v
    return per_input * math.sqrt(len(instance.inputs) / parameters.V.shape[-1])


def _shifted(activation: Activation, shift: float) -> Activation:
    """The activation with phi' evaluated at a shifted place; phi itself unchanged."""
    original = activation.one_sided_derivative
    side = 1 if shift > 0 else -1
    return replace(activation, one_sided_derivative=lambda x, _side: original(x + shift, side), kinks=())


def _slopes(activation: Activation) -> tuple[float, float]:
    """L1 and L2; where a constant is infinite, that of a smooth function of the same steepness takes its place."""
    steep = activation.lipschitz if 0 < activation.lipschitz < math.inf else 1.0
    bend = activation.derivative_lipschitz if math.isfinite(activation.derivative_lipschitz) else steep
    return steep, bend
