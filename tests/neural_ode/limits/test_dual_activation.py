"""Dual activations against brute-force quadrature in two dimensions, and their bounds against the error made."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.limits.breakpoints import breakpoints
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel, dual_values

EXPRESSIONS = [
    *(name for name in CATALOGUE if name != "sign_sqrt"),
    "tanh(3*x)",
    "relu(2*x + 1) + tanh(x)",
    "square(relu(x))",
    "elu(x + 0.5)",
    "hardtanh(2*x) + x",
    "0.5*x**3 - x + 0.25",
]
# Left variance, right variance, correlation.
ARGUMENTS = [(1.3, 2.1, 0.7), (0.4, 5.0, -0.95), (1.0, 1.0, 0.9999), (2.0, 0.5, 0.0)]


def by_brute_force(function: Callable[[np.ndarray], np.ndarray], points: list[float], a: float, b: float, rho: float):
    """E[f(u) f(v)] with v = sqrt(b) (rho X + sqrt(1 - rho^2) Y): panels in X, and for each X panels in Y."""
    x, w = np.polynomial.legendre.leggauss(16)

    def rule(splits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        edges = np.unique(np.concatenate([np.linspace(-9.0, 9.0, 25), np.clip(splits, -9.0, 9.0)]))
        half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
        nodes = (middle[:, None] + half[:, None] * x).ravel()
        return nodes, (half[:, None] * w).ravel() * np.exp(-0.5 * nodes**2) / math.sqrt(2 * math.pi)

    spread = math.sqrt(1 - rho * rho)
    total = 0.0
    # Where rho is near 1 the inner integral varies over the width `spread` around a breakpoint of v.
    shifts = np.outer(np.array(points) / math.sqrt(b), [1.0]).ravel()
    layers = [s + spread * k for s in shifts for k in (-6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6)]
    outer = np.concatenate([np.array(points) / math.sqrt(a), np.array(layers)])
    for z, weight in zip(*rule(outer), strict=True):
        y, inner = rule((np.array(points) / math.sqrt(b) - rho * z) / spread)
        total += (
            weight
            * function(np.array([math.sqrt(a) * z]))[0]
            * (inner @ function(math.sqrt(b) * (rho * z + spread * y)))
        )
    return total


def on_arrays(phi: Activation, *, derivative: bool) -> Callable[[np.ndarray], np.ndarray]:
    """Phi or its derivative on NumPy arrays."""
    function = phi.derivative if derivative else phi.function
    return lambda x: function(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize("derivative", [False, True], ids=["phi", "slope"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_values_lie_within_their_bounds(expression: str, derivative: bool) -> None:  # noqa: FBT001 (parametrised)
    """Every value agrees with brute force within its bound and the reference's own error."""
    phi = activation(expression)
    points = breakpoints(phi)
    function = on_arrays(phi, derivative=derivative)
    left, right, rho = (np.array(column) for column in zip(*ARGUMENTS, strict=True))
    found = dual_values(phi, left, right, rho, derivative=derivative, tolerance=1e-11)
    for index, (a, b, r) in enumerate(ARGUMENTS):
        expected = by_brute_force(function, points, a, b, r)
        size = math.sqrt(by_square(function, a) * by_square(function, b))
        assert abs(found.values[index] - expected) <= found.error_bound[index] + 1e-12 * (1 + size)
    # Away from rho = 1 the tolerance is met.
    assert (found.error_bound[[0, 1, 3]] <= 1e-10).all()


def by_square(function: Callable[[np.ndarray], np.ndarray], a: float) -> float:
    """E[f(u)^2] on a plain fine grid, to a few digits."""
    z = np.linspace(-9, 9, 20001) + 1e-5
    return float(
        np.sum(function(math.sqrt(a) * z) ** 2 * np.exp(-0.5 * z * z)) * (z[1] - z[0]) / math.sqrt(2 * math.pi)
    )


def test_coarse_resolutions_say_how_coarse_they_are() -> None:
    """A steep function at the first resolution errs visibly, and its bound covers the error without dwarfing it."""
    left = np.full(3, 6.0)
    rho = np.array([0.5, 0.9, 0.99])
    coarse = dual_values("tanh(5*x)", left, left, rho, tolerance=1.0)
    fine = dual_values("tanh(5*x)", left, left, rho, tolerance=1e-13)
    error = np.abs(coarse.values - fine.values)
    assert error.max() > 1e-7
    assert (error <= coarse.error_bound + fine.error_bound).all()
    assert (coarse.error_bound <= 1e4 * error + 1e-12)[1:].all()


def test_only_closed_forms_are_called_proved() -> None:
    """The flag tells closed forms and polynomials from quadratures."""
    one = np.array([1.0])
    proved = {name: dual_values(name, one, one, 0.5 * one).proved for name in CATALOGUE}
    assert {name for name, is_proved in proved.items() if is_proved} == {
        "erf", "sin", "cos", "relu", "leaky_relu", "abs", "hardtanh", "identity", "square", "cube",
    }  # fmt: skip


@given(st.floats(0.01, 8.0), st.floats(-1.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_relu_is_the_arc_cosine_kernel(variance: float, rho: float) -> None:
    """ReLU and its step have the textbook forms."""
    a, r = np.array([variance]), np.array([rho])
    angle = math.acos(rho)
    value = variance * (math.sin(angle) + (math.pi - angle) * rho) / (2 * math.pi)
    step = (math.pi - angle) / (2 * math.pi)
    assert dual_values("relu", a, a, r).values[0] == pytest.approx(value, abs=1e-14 * (1 + variance))
    assert dual_values("relu", a, a, r, derivative=True).values[0] == pytest.approx(step, abs=1e-14)


def test_zero_variance_gives_the_value_at_zero() -> None:
    """At variance 0 u is known: E[phi(u) phi(v)] = phi(0) E phi(v), which for softplus of v = 0 is log(2)^2."""
    zero, one = np.array([0.0]), np.array([1.0])
    assert dual_values("softplus", zero, zero, one).values[0] == pytest.approx(math.log(2) ** 2, abs=1e-14)
    assert dual_values("relu", zero, one, one).values[0] == 0.0
    assert dual_values("hardtanh(x + 2)", zero, one, one).values[0] == pytest.approx(
        dual_values("hardtanh(x + 2)", np.array([1e-20]), one, zero).values[0], abs=1e-9
    )


def test_an_infinite_second_moment_is_refused() -> None:
    """E[phi'^2] of sign(x) sqrt|x| diverges like a logarithm, E[phi^2] of exp(x^2) like an exponential."""
    one = np.array([1.0])
    with pytest.raises(InfiniteKernel, match="infinite"):
        dual_values("sign_sqrt", one, one, 0.5 * one, derivative=True)
    with pytest.raises(ArithmeticError, match="infinite"):
        dual_values("exp(0.5*square(x))", one, one, 0.5 * one)
    assert math.isfinite(dual_values("sign_sqrt", one, one, 0.5 * one).values[0])


@pytest.mark.parametrize(
    ("left", "rho", "message"),
    [(-1.0, 0.5, "variances must be zero or more"), (1.0, 1.5, r"rho must lie in \[-1, 1\]")],
)
def test_meaningless_arguments_are_refused(left: float, rho: float, message: str) -> None:
    """The message shows the bad value."""
    with pytest.raises(ValueError, match=message):
        dual_values("tanh", np.array([left]), np.array([1.0]), np.array([rho]))


def test_breakpoints_are_found_through_expressions() -> None:
    """ELU has no kink but is not smooth at 0; its argument decides where."""
    assert breakpoints(activation("elu(2*x - 1) + relu(x + 3)")) == pytest.approx([-3.0, 0.5], abs=1e-12)
    assert breakpoints(activation("square(relu(x))")) == [0.0]
    assert breakpoints(activation("gelu(x)*tanh(x)")) == []
