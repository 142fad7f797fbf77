"""The derivative of a dual activation in a variance: against differences, and in closed form at and near variance 0."""

import math

import numpy as np
import pytest
import torch

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.limits.closed_forms import ERF_SLOPE
from theory_check.neural_ode.limits.covariance import own_sides
from theory_check.neural_ode.limits.dual_activation import dual_of, dual_values
from theory_check.neural_ode.limits.variance_derivative import variance_derivative

LIPSCHITZ = [entry.name for entry in CATALOGUE.values() if entry.is_lipschitz]
EXPRESSIONS = [
    *LIPSCHITZ,
    "square",
    "cube",
    "tanh(2*x + 0.3)",
    "softplus(x)*sin(x) + 0.2",
    "relu(x) + 1",
    "relu(x + 0.5) - 0.25*x",
    "elu(x) + 1",
    "0.5*relu(x) + softplus(x)",
]
SMOOTH = [name for name in EXPRESSIONS if activation(name).is_smooth]


def derivative(phi: Activation, a: float, b: float, rho: float) -> float:
    """dG/da as the limits take it, from the finest series."""
    duals = dual_of(phi)
    while (finer := duals.refined()) is not None:
        duals = finer
    q = rho * math.sqrt(a) * math.sqrt(b)
    covariance = np.array([[[a, q], [q, b]]])
    slopes = own_sides(duals.slope, covariance, checked=False)
    return float(variance_derivative(duals, covariance, slopes)[0, 0, 1])


def second_derivative(phi: Activation, x: float, side: int) -> float:
    """The second derivative at x from one side, by automatic differentiation of phi'."""
    at = torch.tensor(x + side * 1e-9, dtype=torch.float64, requires_grad=True)
    slope = phi.one_sided_derivative(at, side)
    return float(torch.autograd.grad(slope, at)[0]) if slope.requires_grad else 0.0


def mean_of(phi: Activation, variance: float) -> float:
    """E phi(v) by the trapezoid rule on a grid so fine that kinks do not matter."""
    z = np.linspace(-10.0, 10.0, 400_001)
    values = phi(torch.from_numpy(math.sqrt(variance) * z)).numpy()
    return float(np.sum(values * np.exp(-0.5 * z * z)) * (z[1] - z[0]) / math.sqrt(2 * math.pi))


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize(("a", "b", "rho"), [(1.3, 2.1, 0.7), (0.4, 5.0, -0.6), (2.0, 0.5, 0.0)])
def test_it_is_the_limit_of_differences(expression: str, a: float, b: float, rho: float) -> None:
    """Central differences of the dual at fixed covariance, extrapolated: fourth order in a step of two per cent."""
    phi = activation(expression)
    q = rho * math.sqrt(a * b)

    def central(step: float) -> float:
        moved = np.array([a + step, a - step])
        values = dual_values(phi, moved, np.full(2, b), q / np.sqrt(moved * b), tolerance=1e-12).values
        return float(values[0] - values[1]) / (2 * step)

    expected = (4 * central(0.01 * a) - central(0.02 * a)) / 3
    size = math.sqrt(dual_values(phi, np.array([a]), np.array([a]), np.ones(1)).values[0])
    assert derivative(phi, a, b, rho) == pytest.approx(expected, abs=1e-5 * (1 + size), rel=1e-5)


@pytest.mark.parametrize("expression", SMOOTH)
@pytest.mark.parametrize("a", [1e-120, 1e-30, 1e-16, 1e-12, 1e-8, 1e-6])
def test_at_variance_zero_it_is_a_mean_of_the_curvatures_on_either_side(expression: str, a: float) -> None:
    """E[phi(v)] phi''(0) / 2 at covariance 0, to the order of the variance; ELU's phi'' jumps from 1 to 0 there."""
    phi, b = activation(expression), 1.7
    left, right = second_derivative(phi, 0.0, -1), second_derivative(phi, 0.0, 1)
    # Below a variance of 1e-8 the value there is taken. What phi'' gains on one side it loses on the other, to second
    # order, unless it jumps.
    away = 10 * a if abs(left - right) < 1e-6 else math.sqrt(max(a, 1e-8))
    assert derivative(phi, a, b, 0.0) == pytest.approx(0.25 * (left + right) * mean_of(phi, b), abs=1e-7 + away)


@pytest.mark.parametrize("expression", ["relu", "leaky_relu", "abs", "relu(x) + 1", "0.5*relu(x) + softplus(x)"])
@pytest.mark.parametrize("a", [1e-120, 1e-16, 1e-10])
def test_a_kink_at_zero_makes_it_grow_like_the_inverse_root(expression: str, a: float) -> None:
    """J E[phi(v)] / (2 sqrt(2 pi a)) at covariance 0."""
    phi, b = activation(expression), 0.8
    jump = phi.slope_at(0.0, 1) - phi.slope_at(0.0, -1)
    expected = jump * mean_of(phi, b) / (2 * math.sqrt(2 * math.pi)) / math.sqrt(a)
    assert derivative(phi, a, b, 0.0) == pytest.approx(expected, rel=1e-3)


def test_a_variance_that_is_exactly_zero_has_no_error_to_carry() -> None:
    """The state of an input 0 under phi(0) = 0 is known, however steep phi is there."""
    assert derivative(activation("relu"), 0.0, 1.0, 0.0) == 0.0
    assert derivative(activation("abs"), 0.0, 0.0, 0.0) == 0.0


def test_the_slope_of_erf_has_one_too() -> None:
    """The closed form of E[phi' phi'], differentiated, against central differences."""
    a, b, q, step = 1.3, 2.1, 0.9, 1e-4
    moved = np.array([a + step, a - step])
    values = dual_values("erf", moved, np.full(2, b), q / np.sqrt(moved * b), derivative=True).values
    found = ERF_SLOPE.by_variance(np.array([a]), np.array([b]), np.array([q / math.sqrt(a * b)]))[0]
    assert float(found) == pytest.approx(float(values[0] - values[1]) / (2 * step), rel=1e-7)
