"""How much the equations of the covariances let an error grow: Gronwall's inequality in two times.

Time runs over [0, 1] and c = sigma_w T. An error e of a covariance that satisfies its equation up to a residual r obeys

    |e(s,t)| <= r + c^2 integral_0^s integral_0^t K_q |e(a,b)| + K_a |e(a,a)| + K_b |e(b,b)| da db,

K_q, K_a, K_b bounding the derivatives of the dual activation in the covariance and in both variances.

Where the variance starts at 0 and phi has a kink there, K_a is like 1/s. A residual at most r sqrt(s t) then gives an
error |e(s,t)| <= r sqrt(s t) m, with

    m >= 1 + (c^2 / sqrt(s t)) integral_0^s integral_0^t K_q sqrt(a b) m + K_a a m + K_b b m da db

in which K_a a is bounded.
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import i0

Array = NDArray[np.float64]

_MOST_ITERATIONS = 5000
_SETTLED = 1e-13


def resolvent(
    growth_squared: float,
    times: Float[Array, " nodes"],
    left: Float[Array, "pairs nodes"],
    right: Float[Array, "pairs nodes"],
) -> Float[Array, " pairs"]:
    """The factor from residual to error when the variances are given and K_q(s, t) <= k(s) k'(t).

    With tau and tau' the integrals of k over [0, s] and of k' over [0, t], e = r I_0(2 c sqrt(tau tau')) solves the
    inequality with equality, and the iteration is monotone. The integrals are taken from above: on the cells between
    the times k is the greater of its ends.
    """
    lengths = np.diff(times)
    over_left, over_right = (np.maximum(k[:, :-1], k[:, 1:]) @ lengths for k in (left, right))
    result: Array = i0(2.0 * np.sqrt(growth_squared * over_left * over_right))
    return result


def majorant(
    times: Float[Array, " nodes"],
    growth_squared: float,
    by_covariance: Float[Array, "nodes nodes"],
    by_variance: Float[Array, "nodes nodes"],
    *,
    euler: bool = False,
    rising: bool = False,
) -> float:
    """The factor from residual to error of one input's own covariance, where the variances err too.

    Args:
        times: ascending, from 0 to 1; with `rising` the first may be positive, but no more than rounding.
        growth_squared: c^2.
        by_covariance: K_q at the nodes.
        by_variance: K_a at the nodes, the first index being the time of the variance; K_b is its transpose.
        euler: integrals are sums over the lower corners of cells, as in the L-layer network.
        rising: the residual is at most r sqrt(s t), and the factor is the greatest m; with `euler`, it is nothing in
            layer 0 and at most r in the others.

    Returns:
        The greatest value, which is that at (1, 1) unless `rising`, of an upper solution that is constant on the cells
        between nodes: coefficients are the greatest of a cell's corners, the solution is taken at its upper corner, or
        at the lower one of `euler`.
        Infinite where cells are too coarse.
    """
    area = growth_squared * np.outer(np.diff(times), np.diff(times))
    if rising and not euler:
        return _rising_majorant(times, area, by_covariance, by_variance)
    k_q, k_a = _greatest_corner(by_covariance) * area, _greatest_corner(by_variance) * area
    solution, edge = np.ones_like(area), 0.0 if rising else 1.0
    for _ in range(_MOST_ITERATIONS):
        used = np.pad(solution, (1, 0), constant_values=edge)[:-1, :-1] if euler else solution
        diagonal = np.diagonal(used)
        source = k_q * used + k_a * diagonal[:, None] + k_a.T * diagonal[None, :]
        following = 1.0 + np.cumsum(np.cumsum(source, axis=0), axis=1)
        if not following[-1, -1] < 1e200:
            return math.inf
        if np.all(following <= solution * (1.0 + _SETTLED)):
            return float(following[-1, -1])
        solution = following
    return math.inf


def _rising_majorant(times: Array, area: Array, by_covariance: Array, by_variance: Array) -> float:
    """The greatest m of the module docstring, constant on cells.

    On a cell the integral is linear in either time, so its quotient by sqrt(s t) is greatest in a corner; along the
    edges at time 0 it is 0.
    """
    root = np.sqrt(np.outer(times, times))
    k_q = _greatest_corner(by_covariance * root) * area
    k_a = _greatest_corner(by_variance * times[:, None]) * area
    solution = np.ones_like(area)
    for _ in range(_MOST_ITERATIONS):
        diagonal = np.diagonal(solution)
        source = k_q * solution + k_a * diagonal[:, None] + k_a.T * diagonal[None, :]
        integral = np.pad(np.cumsum(np.cumsum(source, axis=0), axis=1), ((1, 0), (1, 0)))
        following = 1.0 + _greatest_corner(integral / np.maximum(root, np.finfo(np.float64).tiny))
        if not following.max() < 1e200:
            return math.inf
        if np.all(following <= solution * (1.0 + _SETTLED)):
            return float(following.max())
        solution = following
    return math.inf


def _greatest_corner(values: Float[Array, "nodes nodes"]) -> Float[Array, "cells cells"]:
    corners = (values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:])
    greatest: Array = np.maximum.reduce(corners)
    return greatest
