"""Two-time covariances: Bessel forms for the identity, the equations themselves, and blow-up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import i0

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.limits.collocation import grid, resampled
from theory_check.neural_ode.limits.covariance import Unsolved, adjoint_covariance, own_sides, picard
from theory_check.neural_ode.limits.dual_activation import dual_of, dual_values
from theory_check.neural_ode.limits.own_covariance import own_covariances


@given(st.floats(0.01, 4.0), st.floats(0.1, 10.0))
@settings(max_examples=25, deadline=None)
def test_the_identity_has_bessel_functions(growth: float, start: float) -> None:
    """C(s,t) = q I_0(2 c sqrt(st)) and D(s,t) = sigma_v^2 I_0(2 c sqrt((1-s)(1-t))), to 1e-12 of their size."""
    phi = activation("identity")
    own = own_covariances(phi, dual_of(phi), np.array([start]), growth**2, 1e-14 * start, np.zeros(1))
    s, t = own.grid.times[:, None], own.grid.times[None, :]
    np.testing.assert_allclose(own.values[0], start * i0(2 * growth * np.sqrt(s * t)), rtol=1e-12)
    points = grid(32)
    s, t = points.times[:, None], points.times[None, :]
    adjoint = adjoint_covariance(points, growth**2, np.array([start]), np.ones((1, 32, 32)))
    np.testing.assert_allclose(adjoint[0], start * i0(2 * growth * np.sqrt((1 - s) * (1 - t))), rtol=1e-12)
    error = np.abs(own.values[0, -1, -1] - start * i0(2 * growth))
    assert error <= own.error[0]


@pytest.mark.parametrize(("expression", "tolerance"), [("softplus", 1e-9), ("tanh(2*x)", 1e-8), ("relu", 1e-6)])
def test_the_equation_holds_between_nodes(expression: str, tolerance: float) -> None:
    """On a grid that shares no inner node, by integrals of point values that are computed one by one."""
    phi = activation(expression)
    own = own_covariances(phi, dual_of(phi), np.array([1.0, 2.5]), 1.0, 1e-10, np.zeros(2))
    other = grid(37)
    for covariance, start in zip(resampled(own.values, 37), (1.0, 2.5), strict=True):
        variance = np.broadcast_to(np.diagonal(covariance)[:, None], (37, 37))
        rho = np.clip(covariance / np.sqrt(variance * variance.T), -1.0, 1.0)
        flat = dual_values(phi, variance.ravel().copy(), variance.T.ravel().copy(), rho.ravel(), tolerance=1e-10)
        swept = start + other.integral @ flat.values.reshape(37, 37) @ other.integral.T
        np.testing.assert_allclose(covariance, swept, atol=tolerance)


def test_a_blow_up_is_an_error_that_says_so() -> None:
    """x^2 from variance 1: C is finite for a short time only."""
    phi = activation("square")
    with pytest.raises(Unsolved, match="grows"):
        own_covariances(phi, dual_of(phi), np.array([1.0]), 4.0, 1e-8, np.zeros(1))
    short = own_covariances(phi, dual_of(phi), np.array([1.0]), 0.04, 1e-10, np.zeros(1))
    assert short.error[0] < 1e-10


def test_sweeps_that_wander_are_given_up() -> None:
    """A step without a fixed point ends after a counted number of sweeps."""
    with pytest.raises(Unsolved, match="wanders"):
        picard(lambda covariance: 1.0 - covariance, np.zeros((1, 2, 2)), settled=1e-12)


def test_at_equal_times_one_input_has_its_second_moment() -> None:
    """The diagonal carries no truncation: E phi(z)^2 exactly, even where the series converges slowly."""
    phi = activation("tanh(6*x)")
    dual = dual_of(phi).value.refined()
    assert dual is not None
    covariance = np.array([[[4.0, 3.999], [3.999, 4.0]]])
    sides = own_sides(dual, covariance)
    z = np.linspace(-9.0, 9.0, 40001)
    exact = np.sum(np.tanh(12.0 * z) ** 2 * np.exp(-0.5 * z * z)) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    error = sides.error(covariance)[0]
    assert abs(sides.expectation(covariance)[0, 0, 0] - exact) <= error[0, 0] + 1e-14
    assert error[0, 0] < 1e-2 * error[0, 1]


def test_at_time_zero_a_state_that_starts_at_zero_has_the_correlations_of_its_first_motion() -> None:
    """Under phi = relu + 1 it moves off like s W 1: the correlation with later times is continuous in s, and 1 at 0."""
    phi = activation("relu(x) + 1")
    own = own_covariances(phi, dual_of(phi), np.zeros(1), 1.0, 1e-6, np.zeros(1))
    rho = own_sides(own.dual, own.values).rho(own.values)[0]
    assert rho[0, 0] == 1.0
    first = own.grid.times[1]
    assert (np.abs(rho[0] - rho[1]) <= 3 * first).all()
    assert (rho[0, 1:] > 0.9).all()
    assert (rho[0, -1] < 0.999).all()
