"""Gronwall factors against the solutions of the equations they bound."""

import math

import numpy as np
import pytest
from scipy.special import i0

from theory_check.limits.collocation import grid
from theory_check.limits.growth import majorant, resolvent


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
