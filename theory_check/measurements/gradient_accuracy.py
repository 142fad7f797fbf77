"""Claim adjoint-gradient: do adjoint gradients of the loss equal its differences?

Three gradients are compared along directions in each of U, W and V: Richardson-extrapolated differences of the loss,
the exact discrete adjoint of the scheme, and the continuous adjoint solved adaptively. Each error is attributed: to the
truncation and the rounding of the difference, to the forward scheme (by halving its step) and to the backward solve.
"""

import math
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from theory_check.case import Case
from theory_check.claims import quantities as q
from theory_check.evidence.discrepancy import Discrepancy
from theory_check.measurements.bounds import adaptive_bound, growth, halving_bound, summation_bound
from theory_check.measurements.instance import Instance, Setting, prepare, with_bounded_growth
from theory_check.networks.gradients import Difference, directional_difference, loss, loss_gradient_discrete
from theory_check.networks.gradients import loss_gradient_continuous
from theory_check.networks.parameters import Parameters, add_scaled, inner, norm
from theory_check.networks.schemes import forward

MOST_GROWTH = 4.0
TOLERANCE = 1e-11
INITIAL_STEP = 0.1


def gradient_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """Differences against the discrete and the continuous adjoint, along one direction in each of U, W and V.

    Args:
        case: any activation, inputs and weights; W is scaled so that L T <= 4.
        setting: seeds and device.
        refined: twice the steps and a tenth of the tolerance, to confirm a failure.
    """
    instance = prepare(case, setting)
    parameters, rate = with_bounded_growth(instance, instance.parameters(), MOST_GROWTH)
    labels = instance.labels()
    steps = max(16, math.ceil(4 * rate * case.neural_ode.horizon)) * (2 if refined else 1)
    tolerance = TOLERANCE / 10 if refined else TOLERANCE
    model, activation, inputs = case.neural_ode, instance.activation, instance.inputs
    rungs = [
        loss_gradient_discrete(activation, model, parameters, inputs, labels, scheme="rk4", steps=k * steps)
        for k in (1, 2, 4)
    ]
    continuous = loss_gradient_continuous(
        activation, model, parameters, inputs, labels, method="dopri5", rtol=tolerance, atol=tolerance, state="checkpoints"
    )
    backward = _solver_bound(instance, parameters, labels, rate, tolerance, 4 * steps)
    size = norm(rungs[-1])
    found = []
    for direction in _directions(instance, rungs[-1]):
        difference = _difference(instance, parameters, labels, direction, 4 * steps)
        slopes = [inner(rung, direction) for rung in rungs]
        rounding = difference.rounding + summation_bound(sum(t.numel() for t in _tensors(direction)), size)
        own = difference.truncation + rounding
        scheme = halving_bound(*(abs(b - a) for a, b in pairwise(slopes)))
        parts = {"truncation of the difference": difference.truncation, "rounding of the difference": rounding}
        found.append(Discrepancy(q.DISCRETE, abs(difference.value - slopes[-1]), own, size, parts))
        found.append(
            Discrepancy(
                q.CONTINUOUS,
                abs(difference.value - inner(continuous, direction)),
                own + scheme + backward,
                size,
                {**parts, "forward scheme": scheme, "adaptive solves": backward},
            )
        )
    return tuple(found)


def _tensors(p: Parameters) -> tuple[Tensor, Tensor, Tensor]:
    return p.U, p.W, p.V


def _directions(instance: Instance, gradient: Parameters) -> list[Parameters]:
    """A unit direction in each of U, W, V: half along the gradient, so that a wrong sign or factor shows, half random."""
    generator = instance.generator("directions")
    zero = Parameters(*(torch.zeros_like(t) for t in _tensors(gradient)))
    found = []
    for name in ("U", "W", "V"):
        block: Tensor = getattr(gradient, name)
        noise = torch.randn(block.shape, generator=generator, dtype=torch.float64).to(block)
        length = torch.linalg.vector_norm(block)
        mixed = noise / torch.linalg.vector_norm(noise) + (block / length if length > 0 else 0.0)
        found.append(replace(zero, **{name: mixed / torch.linalg.vector_norm(mixed)}))
    return found


def _difference(
    instance: Instance, parameters: Parameters, labels: Tensor, direction: Parameters, steps: int
) -> Difference:
    def along(t: float) -> float:
        moved = add_scaled(parameters, t, direction)
        outputs = forward(
            instance.activation, instance.case.neural_ode, moved, instance.inputs, scheme="rk4", steps=steps
        ).outputs
        return float(loss(outputs, labels[:, None]))

    return directional_difference(along, initial_step=INITIAL_STEP)


def _solver_bound(
    instance: Instance, parameters: Parameters, labels: Tensor, rate: float, tolerance: float, steps: int
) -> float:
    """Error of the gradient from an adaptive forward and an adaptive backward solve.

    With e the bound on a state's error, an output errs by sigma_v |v| L1 e / sqrt n, the adjoint by exp(L T) times what
    the states' error changes of its equation, plus its own solve; the gradient with respect to W is the integral of
    lambda phi^T, that with respect to U is lambda_0 x^T, that with respect to V is phi(h_T).
    """
    model, activation = instance.case.neural_ode, instance.activation
    trajectory = forward(activation, model, parameters, instance.inputs, scheme="rk4", steps=steps)
    grown = growth(rate, model.horizon)
    width = parameters.W.shape[-1]
    steep = activation.lipschitz if math.isfinite(activation.lipschitz) else 1.0
    bend = activation.derivative_lipschitz if math.isfinite(activation.derivative_lipschitz) else steep
    count = trajectory.grid[0].numel()
    features = float(torch.linalg.vector_norm(activation(trajectory.grid), dim=(-2, -1)).max())
    readout = float(torch.linalg.vector_norm(parameters.V)) * model.sigma_v / math.sqrt(width)
    residual = float(torch.linalg.vector_norm(trajectory.outputs[:, 0] - labels))
    adjoint_size = readout * residual * steep * grown
    state = adaptive_bound(tolerance, float(trajectory.grid.abs().max()), count, steps, rate, model.horizon)
    # lambda: through residual and phi'(h_T), through phi'(h_t) along the way, and by its own solve.
    at_end = readout * (readout * steep * state * steep + residual * bend * state)
    # |lambda_t| <= exp(L (T - t)) |lambda_T| and an error made at t reaches 0 with exp(L t): one factor exp(L T) in all.
    along = rate * model.horizon * grown * readout * residual * bend * state
    own = adaptive_bound(tolerance, adjoint_size, count, steps, rate, model.horizon)
    adjoint_error = grown * at_end + along + own
    on_w = model.sigma_w / math.sqrt(width) * model.horizon * (adjoint_error * features + adjoint_size * steep * state)
    inputs_size = float(torch.linalg.vector_norm(instance.inputs)) / math.sqrt(instance.inputs.shape[1])
    on_u = model.sigma_u * inputs_size * adjoint_error
    on_v = model.sigma_v / math.sqrt(width) * (residual * steep * state + readout * steep * state * features)
    return on_w + on_u + on_v
