"""Polynomials, whose covariance may blow up: bounds are proved, and stay small until shortly before."""

import numpy as np
import pytest

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Digits, Sphere, materialise
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.limits.polynomial_moments import PolynomialSizes, bounds_in_time
from theory_check.neural_ode.model import NeuralODE


@pytest.mark.parametrize(
    ("name", "growth"), [("square", 0.6), ("0.5*x**2", 1.1), ("cube", 0.2), ("0.2*x**3 - x + 0.25", 0.6)]
)
def test_bounds_hold_and_are_proved_near_a_blow_up(name: str, growth: float) -> None:
    """Six inputs in five dimensions; two solves differ by less than their bounds, which are small and proved."""
    inputs, model = materialise(Sphere(6, 5, 1)), NeuralODE(sigma_w=growth)
    coarse, fine = (limit_kernels(name, inputs, model, tolerance) for tolerance in (1e-3, 1e-9))
    assert coarse.rigorous
    assert fine.rigorous
    for kind in ("state", "nngp", "tangent"):
        found, bound = getattr(coarse, kind), getattr(coarse, f"{kind}_error")
        assert (np.abs(found - getattr(fine, kind)) <= bound + getattr(fine, f"{kind}_error")).all()
        assert bound.max() <= 1e-4 * np.abs(found).max()


def test_one_digit_at_a_large_scale_is_known_to_six_digits() -> None:
    """A kernel of 20,000 that the greatest slope at all times bounded by 200,000: slopes in time bound it by 0.01."""
    found = limit_kernels("square", materialise(Digits((0,))), NeuralODE(sigma_u=2.0, sigma_w=0.75, horizon=0.5), 1e-4)
    assert found.tangent_error.max() <= 1e-6 * found.tangent.max()


def test_variances_that_may_fall_are_bounded_by_the_greatest() -> None:
    """Coefficients of one sign among even powers and among odd ones keep a variance from falling; others need not."""
    variances = np.array([[1.0, 3.0, 2.0]])
    np.testing.assert_allclose(bounds_in_time(activation("x**3 - square(x)"), variances, 0.1, 9.0), [[1.1, 3.1, 3.1]])
    np.testing.assert_array_equal(bounds_in_time(activation("x**3 - 3*x"), variances, 0.1, 9.0), [[9.0, 9.0, 9.0]])


def test_sizes_are_moments() -> None:
    """For x^3 at variance 2: E x^6 = 15 * 8, E (3 x^2)^2 = 27 * 4, E (6 x)^2 = 36 * 2, E 6^2; at 0 only the last."""
    sizes = PolynomialSizes.of(activation("cube"), np.array([0.0, 2.0]))
    found = np.stack([sizes.value, sizes.slope, sizes.curvature, sizes.third]) ** 2
    np.testing.assert_allclose(found, [[0.0, 120.0], [0.0, 108.0], [0.0, 72.0], [36.0, 36.0]], rtol=1e-14)
