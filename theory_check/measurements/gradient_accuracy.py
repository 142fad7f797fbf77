"""Claim adjoint-gradient: do adjoint gradients of the loss equal its differences?

Three gradients are compared along directions in each of U, W and V: Richardson-extrapolated differences of the loss,
the exact discrete adjoint of the scheme, and the continuous adjoint solved adaptively. Each error is attributed: to the
truncation and the rounding of the difference, to the forward scheme (by halving its step) and to the backward solve.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from scipy.integrate import RK45
from torch import Tensor

from theory_check.case import Case
from theory_check.claims import quantities as q
from theory_check.evidence.discrepancy import Discrepancy
from theory_check.measurements.bounds import adaptive_bound, halving_bound, summation_bound
from theory_check.measurements.instance import (
    Instance,
    Setting,
    largest_norm,
    prepare,
    propagator_bound,
    with_bounded_growth,
)
from theory_check.networks.flow import FlowGradient, solve_adjoint
from theory_check.networks.gradients import (
    Difference,
    directional_difference,
    loss,
    loss_gradient_discrete,
    low_order_difference,
)
from theory_check.networks.model import final_adjoint, readout, recurrent_matrix
from theory_check.networks.parameters import Parameters, inner, norm
from theory_check.networks.schemes import Trajectory, final_states, forward

MOST_GROWTH = 3.0
TOLERANCE = 1e-11
INITIAL_STEP = 0.1
LOW_ORDER_STEP = 1e-3
DOPRI5_STAGES = 6


def gradient_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """Differences against the discrete and the continuous adjoint, along one direction in each of U, W and V.

    Args:
        case: any activation, inputs and weights; W is scaled so that L T <= 3.
        setting: seeds and device.
        refined: twice the steps and a tenth of the tolerance, to confirm a failure.
    """
    instance = prepare(case, setting)
    parameters, rate = with_bounded_growth(instance, instance.parameters(), MOST_GROWTH)
    labels = instance.labels()[:, None]
    steps = max(16, math.ceil(4 * rate * case.neural_ode.horizon)) * (2 if refined else 1)
    tolerance = TOLERANCE / 10 if refined else TOLERANCE
    model, activation, inputs = case.neural_ode, instance.activation, instance.inputs
    rungs = [
        loss_gradient_discrete(activation, model, parameters, inputs, labels, scheme="rk4", steps=k * steps)
        for k in (1, 2, 4)
    ]
    fine = forward(activation, model, parameters, inputs, scheme="rk4", steps=4 * steps)
    size = _scale(instance, parameters, fine, labels, norm(rungs[-1]))
    discrete, slopes = [], []
    for direction in _directions(instance, rungs[-1]):
        difference = _difference(instance, parameters, labels, direction, 4 * steps)
        rounding = difference.rounding + summation_bound(sum(t.numel() for t in _tensors(direction)), size)
        along = [inner(rung, direction) for rung in rungs]
        parts = {"truncation of the difference": difference.truncation, "rounding of the difference": rounding}
        error, bound = abs(difference.value - along[-1]), difference.truncation + rounding
        discrete.append(Discrepancy(q.DISCRETE, error, bound, size, parts))
        slopes.append((direction, difference.value, halving_bound(*(abs(b - a) for a, b in pairwise(along)))))
    if any(d.error > d.bound and not d.powerless for d in discrete):
        return tuple(discrete)  # the loss has no derivative here, or the scheme's own gradient is wrong
    solved = solve_adjoint(
        activation,
        model,
        parameters,
        inputs,
        lambda outputs: outputs - labels,
        method="dopri5",
        rtol=tolerance,
        atol=tolerance,
        state="checkpoints",
    )
    backward = _solver_bound(instance, parameters, fine, labels, rate, tolerance, solved)
    continuous = [
        Discrepancy(
            q.CONTINUOUS,
            abs(value - inner(solved.gradient, direction)),
            d.bound + scheme + backward,
            size,
            {**d.details, "forward scheme": scheme, "adaptive solves": backward},
        )
        for d, (direction, value, scheme) in zip(discrete, slopes, strict=True)
    ]
    # The bound of the adaptive solves takes for granted that every step honours the tolerance: checked as well.
    return (*discrete, *continuous, _steps_within_tolerance(instance, parameters, tolerance, solved))


def _steps_within_tolerance(
    instance: Instance, parameters: Parameters, tolerance: float, solved: FlowGradient
) -> Discrepancy:
    """The largest embedded error estimate of an accepted backward step over what the tolerance asked for allows.

    Every accepted step is taken again with SciPy's table of the same pair, in the root mean square over state and
    adjoint that torchdiffeq controls. Its estimate uses Shampine's weights, two thirds of SciPy's: hence the bound of
    3/2.
    """
    A = recurrent_matrix(instance.case.neural_ode, parameters)
    activation = instance.activation
    worst = 0.0
    for piece in solved.pieces:
        start, end = piece.samples[:, 0], piece.samples[:, -1]
        lengths = start.new_tensor(piece.mesh).diff()[:, None, None, None]
        slopes: list[Tensor] = []
        for row in (*RK45.A, RK45.B):
            h, adjoint = (start + lengths * sum(float(c) * k for c, k in zip(row, slopes, strict=False))).unbind(1)
            slopes.append(torch.stack([-(activation(h) @ A.mT), activation.derivative(h) * (adjoint @ A)], dim=1))
        estimate = lengths * sum(float(c) * k for c, k in zip(RK45.E, slopes, strict=True))
        allowed = tolerance * (1.0 + torch.maximum(start.abs(), end.abs()))
        worst = max(worst, float((estimate / allowed).flatten(1).square().mean(1).sqrt().max()))
    return Discrepancy(q.STEPS, worst, 1.5 + summation_bound(len(parameters.W) + 8, 1.0 / tolerance))


def _scale(instance: Instance, parameters: Parameters, fine: Trajectory, labels: Tensor, size: float) -> float:
    """|gradient|; where that is zero to rounding (x = 0 with phi(0) = 0), that of lambda_T for the steepest phi'."""
    model = instance.case.neural_ode
    readout = float(torch.linalg.vector_norm(parameters.V)) * model.sigma_v / math.sqrt(parameters.W.shape[-1])
    residual = float(torch.linalg.vector_norm(fine.outputs - labels))
    steep = instance.activation.lipschitz if math.isfinite(instance.activation.lipschitz) else 1.0
    natural = readout * residual * steep
    return natural if size <= summation_bound(parameters.W.numel(), natural) else size


def _tensors(p: Parameters) -> tuple[Tensor, Tensor, Tensor]:
    return p.U, p.W, p.V


def _directions(instance: Instance, gradient: Parameters) -> list[Parameters]:
    """A unit direction in each of U, W, V: half along the gradient, so that a wrong sign shows, half random."""
    generator = instance.generator("directions")
    zero = Parameters(*(torch.zeros_like(t) for t in _tensors(gradient)))
    found = []
    for name in ("U", "W", "V"):
        block: Tensor = getattr(gradient, name)
        noise = torch.randn(block.shape, generator=generator, dtype=torch.float64).to(block)
        noise /= torch.linalg.vector_norm(noise)
        if torch.sum(noise * block) < 0:
            noise = -noise  # in a block of one entry the two could cancel
        length = torch.linalg.vector_norm(block)
        mixed = noise + block / length if length > 0 else noise
        found.append(replace(zero, **{name: mixed / torch.linalg.vector_norm(mixed)}))
    return found


def _difference(
    instance: Instance, parameters: Parameters, labels: Tensor, direction: Parameters, steps: int
) -> Difference:
    model, activation = instance.case.neural_ode, instance.activation

    def along(points: Sequence[float]) -> list[float]:
        factors = labels.new_tensor(points)[:, None, None]
        moved = Parameters(*(p + factors * d for p, d in zip(_tensors(parameters), _tensors(direction), strict=True)))
        features = activation(final_states(activation, model, moved, instance.inputs, scheme="rk4", steps=steps))
        return [float(loss(outputs, labels)) for outputs in readout(model, moved, features)]

    if activation.analytic:
        return directional_difference(along, initial_step=INITIAL_STEP)
    # Where phi'' jumps (elu) the error of a difference is no series in the step: nothing to extrapolate.
    return low_order_difference(along, initial_step=LOW_ORDER_STEP)


def _solver_bound(
    instance: Instance,
    parameters: Parameters,
    fine: Trajectory,
    labels: Tensor,
    rate: float,
    tolerance: float,
    solved: FlowGradient,
) -> float:
    """Error of the gradient from an adaptive forward and an adaptive backward solve.

    Every accepted step errs by at most the tolerance asked for, and what it makes of that later is measured: P bounds
    |dh_t / dh_s| for all s <= t. With e = P times the sum over steps, the states err by e; the adjoint by what that
    changes of its final value and of its equation, plus its own solve. The gradient with respect to W is the integral
    of lambda phi^T, that with respect to U is lambda_0 x^T, that with respect to V is phi(h_T).
    """
    model, activation = instance.case.neural_ode, instance.activation
    width, count = parameters.W.shape[-1], fine.grid[0].numel()
    steps = solved.evaluations / DOPRI5_STAGES
    carried = propagator_bound(instance, parameters, rate)
    steep = activation.lipschitz if math.isfinite(activation.lipschitz) else 1.0
    bend = activation.derivative_lipschitz if math.isfinite(activation.derivative_lipschitz) else steep
    features = largest_norm(activation(fine.grid))
    readout = float(torch.linalg.vector_norm(parameters.V)) * model.sigma_v / math.sqrt(width)
    residual = fine.outputs - labels
    error_of_residual = float(torch.linalg.vector_norm(residual))
    final = float(torch.linalg.vector_norm(final_adjoint(activation, model, parameters, fine.final, residual, 0.5)))
    state = carried * adaptive_bound(tolerance, largest_norm(fine.grid), count, steps)
    at_end = readout * (readout * steep * state * steep + error_of_residual * bend * state)
    along = model.horizon * (rate / steep if steep > 0 else 0.0) * bend * state * carried * final
    # Rows of lambda start every piece at unit root mean square, |lambda| <= P |lambda_T|, and grow by at most e in it.
    own = (
        carried
        * carried
        * final
        * adaptive_bound(tolerance, math.e * math.sqrt(count), count, steps)
        / math.sqrt(count)
    )
    adjoint_error = carried * (at_end + along) + own
    on_w = (
        model.sigma_w / math.sqrt(width) * model.horizon * (adjoint_error * features + final * carried * steep * state)
    )
    inputs_size = float(torch.linalg.vector_norm(instance.inputs)) / math.sqrt(instance.inputs.shape[1])
    on_u = model.sigma_u * inputs_size * adjoint_error
    on_v = model.sigma_v / math.sqrt(width) * (error_of_residual * steep * state + readout * steep * state * features)
    return on_w + on_u + on_v + (solved.quadrature_error or 0.0)
