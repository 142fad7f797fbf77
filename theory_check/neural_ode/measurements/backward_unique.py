"""Claim backward-unique: is there one adjoint, whatever the solver and whatever phi' is taken to be at a kink?

The adjoint along one and the same trajectory is computed with the derivative just left and just right of every state.
For smooth phi the two differ by L2 times the shift; where a state stays at a kink they differ by a jump that does not
shrink with it. No point of any activation is named here: the search brings states to kinks.
"""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.adjoint_error import (
    adaptive_errors,
    adjoint_error,
    fixed_step_rounding,
    largest_adjoint,
)
from theory_check.neural_ode.measurements.bounds import growth, halving_bound
from theory_check.neural_ode.measurements.instance import (
    Instance,
    prepare,
    propagator_bound,
    slope_bounds,
    with_bounded_growth,
)
from theory_check.neural_ode.measurements.rounding import adjoint_rounding
from theory_check.neural_ode.networks.flow import solve_adjoint
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.networks.schemes import adjoint, forward
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture

# exp(4) is 55: a jump of the adjoint is carried back by it, and so are the errors of its solves.
MOST_GROWTH = 4.0
# Far below the change that a shift of 2^-40 makes visible, and above rounding.
TOLERANCE = 1e-12
# Far above the rounding of a state, far below any distance over which a smooth derivative changes visibly.
RELATIVE_SHIFT = 2.0**-40


def backward_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """What was measured of the adjoint's uniqueness: choice of derivative, then choice of solver.

    Args:
        case: any activation, inputs and weights; W is scaled so that L T <= 4.
        setting: seeds and device.
        refined: half the shift, twice the steps and a tenth of the tolerance, to confirm a failure.
    """
    instance = prepare(case, setting)
    parameters, rate = with_bounded_growth(instance, instance.parameters(), MOST_GROWTH)
    solvers = _solvers(instance, parameters, rate, refined=refined)
    if solvers.powerless and not refined:
        # Where the flow amplifies, so do its errors: a tighter solve may still tell the adjoints apart.
        solvers = _solvers(instance, parameters, rate, refined=True)
    found = _jump(instance, parameters, rate, refined=refined), solvers
    if instance.activation.is_lipschitz:
        return found
    # The bounds presume a constant; exp, whose adjoint is unique, breaks those of a function of slope 1.
    return tuple(replace(d, unusable="phi has no Lipschitz constant to derive a bound from") for d in found)


def _jump(instance: Instance, parameters: Parameters, rate: float, *, refined: bool) -> Discrepancy:
    model, activation = instance.case.neural_ode, instance.activation
    steps = 64 if refined else 32
    trajectory = forward(activation, model, parameters, instance.inputs, scheme="rk4", steps=steps)
    shift = RELATIVE_SHIFT * (1.0 + float(trajectory.stages.abs().max())) * (0.5 if refined else 1.0)
    ones = torch.ones_like(trajectory.outputs)
    left, right = (adjoint(_shifted(activation, sign * shift), model, parameters, trajectory, ones) for sign in (-1, 1))
    # |phi'(h + shift) - phi'(h - shift)| <= 2 L2 shift changes lambda_T by the readout times that, and the adjoint's
    # equation at t by (L / L1) 2 L2 shift |lambda_t|, |lambda_t| <= exp(L (T - t)) |lambda_T|; what is changed at t is
    # carried on to 0 with exp(L t).
    steep, bend = slope_bounds(activation)
    readout = _readout(instance, parameters)
    grown = growth(rate, model.horizon)
    change = 2.0 * bend * shift * readout * grown * (1.0 + rate * model.horizon)
    rounding = 2.0 * adjoint_rounding(
        instance,
        parameters,
        trajectory.grid,
        final=readout * steep,
        flat=readout,
        carried=grown,
        steps=steps,
        duration=model.horizon,
    )

    def sketch() -> Picture:
        # kappa of all stages of a step together is the step times the adjoint's mean over it.
        gaps = torch.linalg.vector_norm((right.weights - left.weights).sum(dim=1) / trajectory.step, dim=(-2, -1))
        times = trajectory.step * np.arange(steps)
        left_to_go = rate * (model.horizon - times)
        allowed = 2.0 * bend * shift * readout * np.exp(left_to_go) * (1.0 + left_to_go) + rounding
        return Picture(
            kind="trajectories",
            title="Separation of the adjoints for phi' just left and just right of every state",
            x_label="time t, from which the step begins that is averaged over",
            y_label="distance of both adjoints",
            y_scale="log",
            series=(
                curve("measured", times, gaps.cpu().numpy()),
                curve("bound for a smooth phi", times, allowed, style="line"),
            ),
            note="Below the line the choice of phi' does not matter, so that there is one adjoint.",
        )

    return Discrepancy(
        q.JUMP,
        float(torch.linalg.vector_norm(right.lambda_0 - left.lambda_0)),
        change + rounding,
        readout * steep,
        {"shift": shift, "change that a smooth phi' allows": change, "rounding": rounding},
        sketch=sketch,
    )


def _solvers(instance: Instance, parameters: Parameters, rate: float, *, refined: bool) -> Discrepancy:
    model, activation, inputs = instance.case.neural_ode, instance.activation, instance.inputs
    steps, tolerance = (64, TOLERANCE / 10) if refined else (32, TOLERANCE)
    ones = inputs.new_ones(len(inputs), 1)
    runs: list[Tensor] = []
    for k in (1, 2, 4):
        trajectory = forward(activation, model, parameters, inputs, scheme="rk4", steps=k * steps)
        backward = adjoint(activation, model, parameters, trajectory, ones)
        runs.append(backward.lambda_0)
    adaptive = solve_adjoint(
        activation,
        model,
        parameters,
        inputs,
        ones,
        rtol=tolerance,
        atol=tolerance,
    )
    fixed_bound = halving_bound(*(float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(runs)))
    steep, bend = slope_bounds(activation)
    flat = _readout(instance, parameters)
    final, carried = flat * steep, propagator_bound(instance, parameters, rate)
    # Times P it bounds |lambda_t|, which is measured where that is too wide.
    over_p = min(final, largest_adjoint(trajectory, backward, 0.0, rate) / carried) if refined else final
    sizes = {"final": over_p, "flat": flat, "carried": carried}
    rounded, solved = (
        fixed_step_rounding(instance, parameters, trajectory, **sizes),
        adaptive_errors(instance, parameters, trajectory, adaptive, tolerance=tolerance, by_defect=refined, **sizes),
    )
    # An error of the state changes lambda_T by L2 times it.
    rounding, adaptive_bound = (
        adjoint_error(instance, rate, e, at_end=flat * bend * e.state, final=over_p, carried=carried)
        for e in (rounded, solved)
    )
    return Discrepancy(
        q.ADJOINT_AGREEMENT,
        float(torch.linalg.vector_norm(adaptive.lambda_0 - runs[-1])),
        fixed_bound + adaptive_bound + rounding,
        float(torch.linalg.vector_norm(runs[-1])) + final,
        {"fixed-step": fixed_bound, "adaptive": adaptive_bound, "rounding": rounding},
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
