"""Claim adjoint-gradient on a user's own model: do gradients through its backward passes equal differences of the loss?

Three gradients are compared along directions in the start and in every parameter: central differences of the loss,
which know forward passes only; torch.autograd through a scheme; the continuous adjoint, solved adaptively. Errors are
attributed to the truncation and the rounding of the difference, to the forward scheme and to the backward solve.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.measurements.bounds import halving_bound, summation_bound
from theory_check.neural_ode.measurements.gradient_error import loss_error
from theory_check.neural_ode.measurements.gradients_compared import Along, compared
from theory_check.neural_ode.measurements.own_model.curvature import curvature
from theory_check.neural_ode.measurements.own_model.errors import (
    Sizes,
    adaptive_errors,
    gradient_error,
    rounding_of_adjoint,
    rounding_of_integral,
    scheme_rounding,
)
from theory_check.neural_ode.measurements.own_model.instance import ModelInstance, prepare_model
from theory_check.neural_ode.measurements.own_model.pictures import gradients_picture
from theory_check.neural_ode.networks.gradients import Difference, loss, low_order_difference
from theory_check.neural_ode.networks.own_model.gradients import continuous_gradient, discrete_gradient
from theory_check.neural_ode.networks.own_model.vector_field import scheme_steps, solve

# As for the paper's networks (measurements/adjoint_gradient.py).
MOST_GROWTH = 3.0
TOLERANCE = 1e-11
LOW_ORDER_STEP = 1e-3
# Parameters beyond so many are put together, so that a deep module costs no more.
MOST_BLOCKS = 12


def gradient_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """Differences against both adjoints, along one direction in the start and in each parameter (or group of them).

    Args:
        case: of a user's model; followed as long as L T <= 3, L being measured.
        setting: seeds, profile and loader.
        refined: twice the steps and a tenth of the tolerance, to confirm a failure; taken as well where bounds are too
            wide without.
    """
    instance = prepare_model(case, setting)
    found = _Comparison.of(instance, refined=refined).compared()
    if any(d.powerless for d in found) and not refined:
        found = _Comparison.of(instance, refined=True).compared()
    told = instance.told(instance.part(MOST_GROWTH))
    return tuple(replace(d, details={**d.details, **told}) for d in found)


def _product(direction: Tensor, gradient: Tensor) -> float:
    return float(gradient @ direction)


class _Comparison:
    """One case: its losses, gradients and the sizes that errors are derived from."""

    def __init__(self, instance: ModelInstance, sizes: Sizes, steps: int, tolerance: float) -> None:
        self.instance, self.sizes, self.steps, self.tolerance = instance, sizes, steps, tolerance

    @classmethod
    def of(cls, instance: ModelInstance, *, refined: bool) -> "_Comparison":
        reached = instance.reached
        duration = instance.part(MOST_GROWTH)
        steps = scheme_steps(reached.lipschitz, duration) * (2 if refined else 1)
        with torch.no_grad():
            final = solve(instance.field, instance.inputs, duration=duration, steps=4 * steps)[-1]
        sizes = Sizes(
            reached,
            curvature(instance.field, reached, instance.generator("curvature")),
            duration,
            final=float(torch.linalg.vector_norm(final @ instance.readout - instance.labels)),
            count=instance.inputs.numel(),
            parameters=len(instance.field.vector),
        )
        return cls(instance, sizes, steps, TOLERANCE / 10 if refined else TOLERANCE)

    def loss(self, states: Tensor) -> Tensor:
        """1/2 |f - y|^2."""
        return loss((states @ self.instance.readout)[:, None], self.instance.labels[:, None])

    def compared(self) -> tuple[Discrepancy, ...]:
        instance, sizes, duration = self.instance, self.sizes, self.sizes.duration
        field, inputs, steps = instance.field, instance.inputs, 4 * self.steps
        rungs = [
            discrete_gradient(field, inputs, self.loss, duration=duration, steps=k * self.steps) for k in (1, 2, 4)
        ]
        gradient = rungs[-1]
        rounding_of_adjoints = gradient_error(
            sizes,
            state=scheme_rounding(sizes, steps),
            own=rounding_of_adjoint(sizes, steps),
            own_integral=rounding_of_integral(sizes, steps),
        )
        directions = self._directions(gradient)
        differences = [self._difference(direction) for direction in directions.values()]
        # A gradient that is lost altogether must not lend its size to the comparison.
        size = max(float(torch.linalg.vector_norm(gradient)), *(abs(d.value) for d in differences))
        along = [
            Along(
                partial(_product, direction),
                len(direction),
                difference.value,
                difference.truncation,
                difference.rounding,
                name,
            )
            for (name, direction), difference in zip(directions.items(), differences, strict=True)
        ]

        def continuous() -> tuple[Tensor, float, float]:
            scheme = halving_bound(*(float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(rungs)))
            adaptive, backward = self._continuous()
            return adaptive, scheme, backward

        of_scheme, of_flow = compared(
            along,
            gradient,
            size=size,
            rounding=rounding_of_adjoints,
            continuous=continuous,
            picture=partial(gradients_picture, list(directions)),
        )
        return (*of_scheme, *of_flow)

    def _continuous(self) -> tuple[Tensor, float]:
        """The gradient by the continuous adjoint, and a bound of its error."""
        sizes, duration = self.sizes, self.sizes.duration
        pieces = max(1, math.ceil(sizes.reached.lipschitz * duration))
        solved = continuous_gradient(
            self.instance.field,
            self.instance.inputs,
            self.loss,
            times=[duration * k / pieces for k in range(pieces + 1)],
            tolerance=self.tolerance,
        )
        errors = adaptive_errors(
            sizes,
            self.tolerance,
            solved.forward_evaluations,
            solved.backward_evaluations,
            float(torch.linalg.vector_norm(solved.gradient)),
        )
        bound = gradient_error(sizes, state=errors.state, own=errors.adjoint, own_integral=errors.integral)
        return solved.gradient, bound

    def _directions(self, gradient: Float[Tensor, " directions"]) -> dict[str, Tensor]:
        """A unit direction in the start and in each parameter: half along the gradient, to show a wrong factor."""
        generator, count = self.instance.generator("directions"), self.sizes.count
        found = {}
        for name, place in {"start": slice(0, count), **self._groups(count)}.items():
            block = gradient[place]
            noise = torch.randn(block.shape, generator=generator, dtype=torch.float64)
            noise /= torch.linalg.vector_norm(noise)
            if float(noise @ block) < 0:
                noise = -noise  # in a block of one entry the two could cancel
            length = torch.linalg.vector_norm(block)
            mixed = noise + block / length if length > 0 else noise
            direction = torch.zeros_like(gradient)
            direction[place] = mixed / torch.linalg.vector_norm(mixed)
            found[name] = direction
        return found

    def _groups(self, offset: int) -> dict[str, slice]:
        """Every parameter on its own; neighbours together where there are many."""
        blocks = list(self.instance.field.blocks.items())
        each = max(1, math.ceil(len(blocks) / MOST_BLOCKS))
        groups = {}
        for k in range(0, len(blocks), each):
            (first, begin), (last, end) = blocks[k], blocks[min(k + each, len(blocks)) - 1]
            name = first if first == last else f"{first} to {last}"
            groups[name] = slice(offset + begin.start, offset + end.stop)
        return groups

    def _difference(self, direction: Tensor) -> Difference:
        """The difference of the scheme's loss in a direction; nothing says that it is a series in the step."""
        instance, count = self.instance, self.sizes.count
        field, vector = instance.field, instance.field.vector
        start, rest = direction[:count].view(instance.inputs.shape), direction[count:]
        losses: list[float] = []

        @torch.no_grad()
        def along(points: Sequence[float]) -> list[float]:
            values = []
            for point in points:
                moved = field.moved_to(vector + point * rest) if bool(rest.any()) else field
                states = solve(
                    moved, instance.inputs + point * start, duration=self.sizes.duration, steps=4 * self.steps
                )
                values.append(float(self.loss(states[-1])))
            losses.extend(values)
            return values

        difference = low_order_difference(along, initial_step=LOW_ORDER_STEP)
        # Noise measured at nine points can come out small by luck, so what can be derived counts as well.
        derived = self._loss_rounding(math.sqrt(2 * max(losses))) / (LOW_ORDER_STEP / 4)
        return replace(difference, rounding=max(difference.rounding, derived))

    def _loss_rounding(self, residual: float) -> float:
        """Rounding of one loss of the difference, |f - y| being at most `residual`; to first order in the step."""
        instance, sizes = self.instance, self.sizes
        # f = r . h_T with |r| = 1.
        of_output = scheme_rounding(sizes, 4 * self.steps)
        of_output += summation_bound(instance.inputs.shape[1], sizes.reached.largest)
        # What is moved is a sum, rounded: as if the loss were taken a little further along.
        start, theta = (float(torch.linalg.vector_norm(x)) for x in (instance.inputs, instance.field.vector))
        moving = summation_bound(1, start + LOW_ORDER_STEP)
        moving += sizes.duration * sizes.curved.parameters * summation_bound(1, theta + LOW_ORDER_STEP)
        return loss_error(residual, of_output, len(instance.inputs)) + sizes.adjoint * moving
