"""Gronwall factors against the solutions of the equations they bound."""

import math

import numpy as np
import pytest
from scipy.special import i0

from theory_check.neural_ode.limits.collocation import grid
from theory_check.neural_ode.limits.growth import majorant, resolvent


def by_small_steps(c: float, by_covariance: float, by_variance: float, steps: int = 400) -> float:
    """The equation with equality, by Euler steps in both times: below the solution, and close to it."""
    e = np.ones((steps + 1, steps + 1))
    area = (c / steps) ** 2
    source = np.zeros_like(e)
    for k in range(steps):
        for_row = e[k, : k + 1]
        diagonal = np.diagonal(e)[: k + 1]
        source[k, : k + 1] = by_covariance * for_row + by_variance * (e[k, k] + diagonal)
        source[: k + 1, k] = source[k, : k + 1]
        e[k + 1, 1 : k + 2] = e[k, 1 : k + 2] + area * np.cumsum(source[k, : k + 1])
        e[: k + 2, k + 1] = e[k + 1, : k + 2]
        e[k + 1, k + 1] = 1 + area * source[: k + 1, : k + 1].sum()
    return float(e[-1, -1])


@pytest.mark.parametrize("c", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("by_variance", [0.0, 0.2])
def test_the_majorant_lies_above_the_solution_and_close_to_it(c: float, by_variance: float) -> None:
    """Constant coefficients: never below, at most a third above with 32 nodes."""
    times = grid(32).times
    ones = np.ones((32, 32))
    bound = majorant(times, c * c, 0.8 * ones, by_variance * ones)
    solution = by_small_steps(c, 0.8, by_variance)
    assert solution <= bound <= 1.34 * solution


def test_without_variances_the_factor_is_a_bessel_function() -> None:
    """The resolvent is the solution, and the majorant bounds it."""
    times, ones = grid(64).times, np.ones((64, 64))
    exact = float(i0(2 * 1.5 * math.sqrt(0.7)))
    slope = np.full((1, 64), math.sqrt(0.7))
    assert resolvent(2.25, times, slope, slope)[0] == pytest.approx(exact, rel=1e-14)
    assert by_small_steps(1.5, 0.7, 0.0) == pytest.approx(exact, rel=1e-2)
    assert exact <= majorant(times, 2.25, 0.7 * ones, 0 * ones) <= 1.1 * exact


def test_slopes_that_grow_enter_by_their_mean() -> None:
    """k(s) = 2 s has the mean 1: the factor is that of slopes 1, to the width of the cells, and never below."""
    times = grid(64).times
    rising = 2.0 * times[None, :]
    exact = float(i0(2 * 1.5))
    assert exact <= resolvent(2.25, times, rising, rising)[0] <= 1.1 * exact


def rising_by_iteration(c: float, by_covariance: float, by_variance: float, steps: int = 200) -> float:
    """The greatest m of the equation with K_a = by_variance / a, by midpoint sums: close to the solution."""
    middle = (np.arange(steps) + 0.5) / steps
    root = np.sqrt(np.outer(middle, middle))
    m = np.ones_like(root)
    for _ in range(60):
        diagonal = np.diagonal(m)
        source = by_covariance * root * m + by_variance * (diagonal[:, None] + diagonal[None, :])
        # The integral up to the middle of the last cells.
        along = np.cumsum(source, axis=0) - 0.5 * source
        m = 1 + (c / steps) ** 2 * (np.cumsum(along, axis=1) - 0.5 * along) / root
    return float(m.max())


@pytest.mark.parametrize(("c", "by_covariance", "by_variance"), [(1.0, 0.5, 0.4), (2.0, 0.8, 0.0), (1.5, 0.3, 0.6)])
def test_a_residual_that_rises_gives_an_error_that_rises(c: float, by_covariance: float, by_variance: float) -> None:
    """K_a like 1/a, which no constant residual survives: never below the solution, at most two fifths above."""
    times = grid(48).instants
    ones = np.ones((48, 48))
    found = majorant(times, c * c, by_covariance * ones, by_variance / times[:, None] * ones, rising=True)
    solution = rising_by_iteration(c, by_covariance, by_variance)
    assert 0.999 * solution <= found <= 1.4 * solution


def test_in_layers_an_error_that_rises_is_none_in_layer_zero() -> None:
    """However great the derivatives are there, they meet no error."""
    times = np.linspace(0.0, 1.0, 9)
    steep = np.full((9, 9), 0.5)
    steep[0] = 1e30
    factor = majorant(times, 1.0, 0 * steep, steep, euler=True, rising=True)
    assert 1.0 < factor < 4.0


def test_euler_sums_are_bounded_exactly() -> None:
    """For the layers of a network the recursion itself is the bound."""
    times, ones = np.linspace(0, 1, 21), np.ones((21, 21))
    assert majorant(times, 1.0, 0.8 * ones, 0.1 * ones, euler=True) == pytest.approx(
        by_small_steps(1.0, 0.8, 0.1, steps=20), rel=1e-12
    )


def test_cells_too_coarse_for_a_bound_give_none() -> None:
    """Infinity, not a number that is too small."""
    times, ones = np.array([0.0, 1.0]), np.ones((2, 2))
    assert majorant(times, 4.0, ones, ones) == math.inf
