"""Collocation in time: integration and evaluation of polynomials are exact."""

import numpy as np
import pytest

from theory_check.neural_ode.limits.collocation import greatest, grid, resampled


@pytest.mark.parametrize("nodes", [2, 5, 12, 64])
def test_polynomials_are_integrated_exactly(nodes: int) -> None:
    """All powers below the number of nodes, from 0 and to 1."""
    points = grid(nodes)
    t = points.times
    assert t[0] == 0.0
    assert t[-1] == 1.0
    for power in range(nodes):
        integral = t ** (power + 1) / (power + 1)
        np.testing.assert_allclose(points.integral @ t**power, integral, atol=1e-14)
        np.testing.assert_allclose(points.to_end @ t**power, integral[-1] - integral, atol=1e-14)
    assert (points.weights > 0).all()


def test_two_times_are_integrated_and_resampled() -> None:
    """A product of powers, over rectangles from both ends, and on another grid."""
    points, finer = grid(8), grid(19)
    s, t = points.times[:, None], points.times[None, :]
    values = (s**3 * t**2)[None]
    np.testing.assert_allclose((points.integral @ values @ points.integral.T)[0], s**4 * t**3 / 12, atol=1e-15)
    np.testing.assert_allclose(points.double_integral_to_end(values)[0], (1 - s**4) * (1 - t**3) / 12, atol=1e-15)
    assert points.total(values)[0] == pytest.approx(1 / 12, abs=1e-15)
    np.testing.assert_allclose(
        resampled(values, 19)[0], finer.times[:, None] ** 3 * finer.times[None, :] ** 2, atol=1e-14
    )


def test_the_greatest_value_is_bounded_between_nodes() -> None:
    """An interpolant that is small at the nodes of a coarse grid and large between them is seen."""
    fine = grid(33)
    s, t = fine.times[:, None], fine.times[None, :]
    values = (np.cos(9 * s) * np.sin(7 * t))[None]
    bound = greatest(resampled(values, 20))[0]
    assert np.abs(values).max() <= bound <= 20 * np.abs(values).max()
