"""Claim adjoint-gradient: do adjoint gradients of the loss equal its differences?

Three gradients are compared along directions in each of U, W and V: Richardson-extrapolated differences of the loss,
the exact discrete adjoint of the scheme, and the continuous adjoint solved adaptively. Each error is attributed: to the
truncation and the rounding of the difference, to the forward scheme (by halving its step) and to the backward solve.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from theory_check.judge.discrepancy import USABLE_SHARE, Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case, Explicit
from theory_check.neural_ode.measurements.adjoint_error import adaptive_errors, fixed_step_rounding, largest_adjoint
from theory_check.neural_ode.measurements.bounds import halving_bound, summation_bound
from theory_check.neural_ode.measurements.gradient_error import (
    GradientSizes,
    gradient_error,
    gradient_sizes,
    loss_error,
    output_error,
)
from theory_check.neural_ode.measurements.gradients_compared import Along, compared
from theory_check.neural_ode.measurements.instance import (
    Instance,
    prepare,
    propagator_bound,
    slope_bounds,
    with_bounded_growth,
)
from theory_check.neural_ode.measurements.rounding import input_scale, start_rounding, state_rounding
from theory_check.neural_ode.measurements.step_control import steps_within_tolerance
from theory_check.neural_ode.networks.flow import FlowGradient, solve_adjoint
from theory_check.neural_ode.networks.gradients import (
    Difference,
    directional_difference,
    loss,
    loss_gradient_discrete,
    low_order_difference,
)
from theory_check.neural_ode.networks.model import readout
from theory_check.neural_ode.networks.parameters import Parameters, add_scaled, inner, norm
from theory_check.neural_ode.networks.schemes import Trajectory, adjoint, final_states, forward
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture

# exp(3) is 20: bounds that carry errors by it still tell a per mille of the gradient.
MOST_GROWTH = 3.0
# Of both solves: what it leaves is far below a thousandth of a gradient, and far above rounding.
TOLERANCE = 1e-11
# In units of the distance over which the loss is smooth.
INITIAL_STEP = 0.1
# Of Richardson's table: halving a step five times reaches rounding from INITIAL_STEP.
LEVELS = 5
# Where derivatives may jump: short enough to meet few jumps, long enough to stay above rounding.
LOW_ORDER_STEP = 1e-3
# Of outputs and labels together: a residual that is smaller by chance leaves no gradient to compare.
LEAST_RESIDUAL = 1e-4


def gradient_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """Differences against the discrete and the continuous adjoint, along one direction in each of U, W and V.

    Args:
        case: any activation, inputs and weights; W is scaled so that L T <= 3.
        setting: seeds and device.
        refined: twice the steps, a tenth of the tolerance, and sizes that are measured where they were bounded, to
            confirm a failure; taken as well where bounds are too wide without.
    """
    instance = prepare(case, setting)
    parameters, rate = with_bounded_growth(instance, instance.parameters(), MOST_GROWTH)
    steps = max(16, math.ceil(4 * rate * case.neural_ode.horizon)) * (2 if refined else 1)
    tolerance = TOLERANCE / 10 if refined else TOLERANCE
    model, activation, inputs = case.neural_ode, instance.activation, instance.inputs
    fine = forward(activation, model, parameters, inputs, scheme="rk4", steps=4 * steps)
    labels = _labels(instance, readout(model, parameters, activation(fine.final)))
    rungs = [
        loss_gradient_discrete(activation, model, parameters, inputs, labels, scheme="rk4", steps=k * steps)
        for k in (1, 2, 4)
    ]
    gradient = rungs[-1]
    sizes, carried = gradient_sizes(instance, parameters, fine, labels), propagator_bound(instance, parameters, rate)
    if refined:
        backward_pass = adjoint(activation, model, parameters, fine, fine.outputs - labels)
        largest = largest_adjoint(fine, backward_pass, sizes.final, rate)
        sizes = replace(sizes, final=min(sizes.final, largest / carried))
    bounds = {"final": sizes.final, "flat": sizes.flat, "carried": carried}
    rounded = fixed_step_rounding(instance, parameters, fine, start=start_rounding(instance, parameters), **bounds)
    rounding_of_adjoint = gradient_error(instance, parameters, sizes, rounded, rate=rate, carried=carried)
    size = _scale(instance, sizes, norm(gradient), rounding_of_adjoint)
    along = [
        _along(instance, parameters, labels, direction, fine, sizes, carried)
        for direction in _directions(instance, gradient)
    ]
    solved: list[FlowGradient] = []

    def continuous() -> tuple[Parameters, float, float]:
        solved.append(
            solve_adjoint(
                activation, model, parameters, inputs, lambda outputs: outputs - labels, rtol=tolerance, atol=tolerance
            )
        )
        # Norms of whole gradients: in one direction errors at several jumps of phi'' can cancel.
        scheme = halving_bound(*(norm(add_scaled(b, -1.0, a)) for a, b in pairwise(rungs)))
        errors = adaptive_errors(
            instance, parameters, fine, solved[0], tolerance=tolerance, by_defect=refined, **bounds
        )
        backward = gradient_error(instance, parameters, sizes, errors, rate=rate, carried=carried)
        # The dense output behind the integral has the solver's local error; the rule's own is estimated.
        return solved[0].gradient, scheme, backward + solved[0].quadrature_error

    of_scheme, of_flow = compared(
        along, gradient, size=size, rounding=rounding_of_adjoint, continuous=continuous, picture=_picture
    )
    if not of_flow:
        return tuple(of_scheme)
    if any(d.powerless for d in (*of_scheme, *of_flow)) and not refined:
        # Where the flow amplifies, so do errors of its solves: tighter ones may still tell gradients apart.
        return gradient_discrepancies(case, setting, refined=True)
    # The bound of the adaptive solves takes for granted that every step honours the tolerance: checked as well.
    return (*of_scheme, *of_flow, steps_within_tolerance(instance, parameters, tolerance, solved[0]))


def _along(
    instance: Instance,
    parameters: Parameters,
    labels: Tensor,
    direction: Parameters,
    fine: Trajectory,
    sizes: GradientSizes,
    carried: float,
) -> Along[Parameters]:
    difference, rounding = _difference(instance, parameters, labels, direction, fine, sizes, carried)
    entries = sum(t.numel() for t in _tensors(direction))
    return Along(
        lambda gradient: inner(gradient, direction), entries, difference.value, difference.truncation, rounding
    )


def _picture(found: Mapping[str, Sequence[Discrepancy]]) -> Picture:
    """Differences of the loss against adjoints, along the direction in each of U, W and V."""
    series = []
    for name, along in found.items():
        places = np.arange(1.0, len(along) + 1)
        series += [
            curve(f"difference minus {name}", places, [d.error for d in along]),
            curve(f"its bound, {name}", places, [d.bound for d in along], style="line"),
        ]
    scales = [d.scale or 0.0 for d in next(iter(found.values()))]
    series.append(curve("what is compared", np.arange(1.0, len(scales) + 1), scales, style="line"))
    return Picture(
        kind="gradients",
        title="Differences of the loss against its adjoint gradients",
        x_label="direction: 1 in U, 2 in W, 3 in V",
        y_label="distance",
        y_scale="log",
        series=tuple(series),
        note="Points below the bound of their kind agree; a bound has power where it lies far below what is compared.",
    )


def _labels(instance: Instance, outputs: Tensor) -> Tensor:
    """The case's labels; those that were drawn, not given, are moved by 1 where they happen to meet the outputs."""
    labels = instance.labels()[:, None]
    given = isinstance(instance.case.data, Explicit) and instance.case.data.labels is not None
    size = torch.linalg.vector_norm
    met = size(outputs - labels) < LEAST_RESIDUAL * (size(outputs) + size(labels))
    return labels + 1.0 if met and not given else labels


def _scale(instance: Instance, sizes: GradientSizes, size: float, resolution: float) -> float:
    """|gradient|; where rounding hides that (x = 0 with phi(0) = 0), the size of lambda_T for the steepest phi'."""
    steep, _ = slope_bounds(instance.activation)
    return size if resolution < USABLE_SHARE * size else sizes.flat * steep


def _tensors(p: Parameters) -> tuple[Tensor, Tensor, Tensor]:
    return p.U, p.W, p.V


def _directions(instance: Instance, gradient: Parameters) -> list[Parameters]:
    """A unit direction in each of U, W, V: half along the gradient, so that a wrong factor shows, half random."""
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
    instance: Instance,
    parameters: Parameters,
    labels: Tensor,
    direction: Parameters,
    fine: Trajectory,
    sizes: GradientSizes,
    carried: float,
) -> tuple[Difference, float]:
    """The difference of the scheme's loss in a direction, and a bound of its rounding."""
    model, activation, steps = instance.case.neural_ode, instance.activation, len(fine.grid) - 1
    residuals: list[float] = []

    def along(points: Sequence[float]) -> list[float]:
        factors = labels.new_tensor(points)[:, None, None]
        moved = Parameters(*(p + factors * d for p, d in zip(_tensors(parameters), _tensors(direction), strict=True)))
        features = activation(final_states(activation, model, moved, instance.inputs, scheme="rk4", steps=steps))
        outputs = readout(model, moved, features)
        residuals.append(float(torch.linalg.vector_norm(outputs - labels, dim=(-2, -1)).max()))
        return [float(loss(of_one, labels)) for of_one in outputs]

    smoothness = _smooth_length(instance, sizes)
    if activation.analytic:
        step = INITIAL_STEP * smoothness
        shortest = step / 2 ** (LEVELS - 1)
        difference = directional_difference(along, initial_step=step, levels=LEVELS)
    else:
        # Where phi'' jumps (elu) the error of a difference is no series in the step: nothing to extrapolate.
        step = LOW_ORDER_STEP * smoothness
        shortest = step / 4
        difference = low_order_difference(along, initial_step=step)
    # The measured noise sees nothing where the loss is flat to rounding, so what can be derived counts as well.
    run = state_rounding(instance, parameters, fine.grid, steps=steps, duration=model.horizon, moved=step)
    # The moved parameters are sums, rounded: each as if the loss were taken a little further along.
    moving = summation_bound(1, norm(parameters) + step)
    states = carried * (start_rounding(instance, parameters) + run)
    noise = loss_error(max(residuals), output_error(instance, parameters, sizes, states), len(labels))
    noise += moving * max(residuals) * _output_slope(instance, sizes, carried)
    return difference, max(difference.rounding, _extrapolated(noise / shortest))


def _smooth_length(instance: Instance, sizes: GradientSizes) -> float:
    """A distance in the space of parameters over which the loss is smooth: at most 1.

    States move by (sigma_u / sqrt d) |x| or T (sigma_w / sqrt n) |phi| at first, for a unit of distance; phi' changes
    by a share of itself over L1 / L2. Longer steps of a difference would meet a loss that is no series in the step.
    """
    model = instance.case.neural_ode
    steep, bend = slope_bounds(instance.activation)
    moved = max(input_scale(instance), model.horizon * model.sigma_w / math.sqrt(instance.case.width) * sizes.features)
    return min(1.0, steep / (bend * moved)) if bend * moved > 0 else 1.0


def _output_slope(instance: Instance, sizes: GradientSizes, carried: float) -> float:
    """Bound of the derivative of f with respect to all parameters."""
    model = instance.case.neural_ode
    steep, _ = slope_bounds(instance.activation)
    root = math.sqrt(instance.case.width)
    through = (
        sizes.readout
        * steep
        * carried
        * (input_scale(instance) + model.horizon * model.sigma_w / root * sizes.features)
    )
    return through + model.sigma_v / root * sizes.features


def _extrapolated(error: float) -> float:
    """Error of the last column of Richardson's table, from that of its first: weights 4^j and 1 over 4^j - 1."""
    return error * math.prod((4.0**j + 1.0) / (4.0**j - 1.0) for j in range(1, LEVELS))
