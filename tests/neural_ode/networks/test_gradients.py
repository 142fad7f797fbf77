"""The gradient of the loss three ways, and differences that know their own errors."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.neural_ode.networks.flow import solve_adjoint
from theory_check.neural_ode.networks.gradients import (
    directional_difference,
    loss,
    loss_gradient_discrete,
    low_order_difference,
)
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.parameters import add_scaled, draw_parameters, inner, norm
from theory_check.neural_ode.networks.schemes import forward


def each(function: Callable[[float], float]) -> Callable[[Sequence[float]], list[float]]:
    """A function of one number as one of many points."""
    return lambda points: [function(t) for t in points]


def test_loss_is_half_the_sum_of_squares() -> None:
    """No factor 1/N."""
    outputs, labels = torch.tensor([[3.0], [1.0]]), torch.tensor([[1.0], [1.5]])
    assert float(loss(outputs, labels)) == (4 + 0.25) / 2


@pytest.mark.parametrize("scheme", ["euler", "rk4"])
def test_discrete_gradient_equals_autograd(scheme: str, network, plain_outputs) -> None:
    """U, W and V agree with autograd through loss and scheme written out."""
    net = network("gelu", outputs=2)
    leaves = [x.clone().requires_grad_() for x in (net.parameters.U, net.parameters.W, net.parameters.V)]
    labels = net.cotangent
    value = ((plain_outputs(net, *leaves, scheme, 4) - labels) ** 2).sum() / 2
    expected = torch.autograd.grad(value, leaves)
    found = loss_gradient_discrete(*net.model, net.inputs, labels, scheme=scheme, steps=4)
    for part, wanted in zip((found.U, found.W, found.V), expected, strict=True):
        torch.testing.assert_close(part, wanted, rtol=1e-12, atol=1e-13)


def test_continuous_gradient_equals_differences_of_the_loss(network) -> None:
    """Along random directions, within the difference's own errors plus 1,000 tolerances of the two solves."""
    net = network("tanh", width=10)
    labels, tolerance = net.cotangent, 1e-9
    solved = solve_adjoint(*net.model, net.inputs, lambda outputs: outputs - labels, rtol=tolerance, atol=tolerance)
    found = solved.gradient
    for seed in range(3):
        direction = draw_parameters(width=10, dimension=3, seed=70 + seed)

        def moved(t: float, direction=direction) -> float:
            p = add_scaled(net.parameters, t, direction)
            return float(loss(forward(net.activation, net.neural_ode, p, net.inputs, steps=100).outputs, labels))

        difference = directional_difference(each(moved), initial_step=0.05)
        bound = difference.truncation + difference.rounding + 1000 * tolerance * norm(found) * norm(direction)
        assert abs(inner(found, direction) - difference.value) <= bound
        assert bound < 1e-3 * norm(found) * norm(direction)


@settings(deadline=None)
@given(
    frequency=st.floats(0.1, 3),
    phase=st.floats(-3, 3),
    size=st.sampled_from([1.0, 1e-8, 1e8]),
    offset=st.sampled_from([0.0, 1.0, 1e3]),
)
def test_differences_know_their_own_error(frequency: float, phase: float, size: float, offset: float) -> None:
    """For size (offset + sin(frequency t + phase)) the true derivative lies within truncation plus rounding.

    The estimate of the rounding rests on nine values, whose noise can be small by luck; the most that the function's
    own roundings can make is known here.
    """

    def function(t: float) -> float:
        return size * (offset + math.sin(frequency * t + phase))

    step, levels = 0.2, 5
    found = directional_difference(each(function), initial_step=step, levels=levels)
    true = size * frequency * math.cos(phase)
    # Of one value, in units of u size: the product and the sum in the argument, sin to an ulp, the sum and the product.
    roundings = frequency * step + (frequency * step + abs(phase)) + 2 + 2 * (offset + 1)
    # The recursion adds errors with the weights 4^j and 1 over 4^j - 1.
    weights = math.prod((4.0**j + 1) / (4.0**j - 1) for j in range(1, levels))
    most = roundings * 2.0**-53 * size / (step / 2 ** (levels - 1)) * weights
    assert abs(found.value - true) <= found.truncation + max(found.rounding, most)
    assert found.truncation + found.rounding <= 1e-6 * size * (1 + offset)


def test_the_noise_of_nine_values_can_be_small_by_luck() -> None:
    """Found by the search: the estimate alone is a quarter of the error."""
    frequency, phase = 0.5191965119068154, 3.0
    found = directional_difference(each(lambda t: math.sin(frequency * t + phase)), initial_step=0.2)
    assert abs(found.value - frequency * math.cos(phase)) < 1e-13
    test_differences_know_their_own_error.hypothesis.inner_test(frequency, phase, 1.0, 0.0)


def test_noise_of_the_function_is_seen() -> None:
    """With noise of 1e-7 added to the values, the rounding estimate grows with it and still covers the error."""
    generator = np.random.Generator(np.random.PCG64(0))
    clean = directional_difference(each(math.exp), initial_step=0.2)
    for _ in range(20):
        noisy = directional_difference(each(lambda t: math.exp(t) + generator.uniform(-1e-7, 1e-7)), initial_step=0.2)
        assert noisy.rounding > 1e4 * clean.rounding
        assert abs(noisy.value - 1) <= 2 * (noisy.truncation + noisy.rounding)


def test_polynomials_are_differentiated_exactly() -> None:
    """A cubic needs one extrapolation, a quintic two: only rounding is left."""
    found = directional_difference(each(lambda t: 3 * t**5 + t**3 - 2 * t + 1), initial_step=1.0)
    assert abs(found.value + 2) < 1e-12
    assert found.truncation < 1e-12


def test_more_levels_extrapolate_further() -> None:
    """Two levels leave an error of fourth order that six levels remove."""
    rough = directional_difference(each(math.sin), initial_step=1.0, levels=2)
    fine = directional_difference(each(math.sin), initial_step=1.0, levels=6)
    assert 1e-4 < abs(rough.value - 1) < rough.truncation
    assert abs(fine.value - 1) < 1e-12


@pytest.mark.parametrize("corner", [0.0, 1e-4, 3e-4, -7e-4])
def test_low_order_differences_cover_a_jump_of_the_second_derivative(corner: float) -> None:
    """For t^2 bent at a corner, where extrapolation has nothing to go on, the error stays within its bound."""

    def function(t: float) -> float:
        return math.sin(t) + 40 * max(0.0, t - corner) ** 2

    true = 1.0 + 80 * max(0.0, -corner)
    found = low_order_difference(each(function), initial_step=1e-3)
    assert abs(found.value - true) <= found.truncation + found.rounding
    assert found.truncation < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initial_step": 0.0}, r"initial_step must be a positive finite number, got 0\.0"),
        ({"initial_step": math.inf}, "initial_step must be a positive finite number, got inf"),
        ({"initial_step": 0.1, "levels": 1}, "levels must be at least 2, got 1"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, float], message: str) -> None:
    """Each bad value is shown with what would be right."""
    with pytest.raises(ValueError, match=message):
        directional_difference(each(math.sin), **change)


def test_a_value_that_is_not_finite_is_named() -> None:
    """The message shows where the function failed."""
    with pytest.raises(NonFiniteState, match=r"not finite at -0\.5: nan"):
        directional_difference(each(lambda t: math.nan if t < 0 else t), initial_step=0.5)
