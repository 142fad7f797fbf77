"""How much the equations of the covariances let an error grow: Gronwall's inequality in two times.

Time runs over [0, 1] and c = sigma_w T. An error e of a covariance that satisfies its equation up to a residual r obeys

    |e(s,t)| <= r + c^2 integral_0^s integral_0^t K_q |e(a,b)| + K_a |e(a,a)| + K_b |e(b,b)| da db,

K_q, K_a, K_b bounding the derivatives of the dual activation in the covariance and in both variances.
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import i0

Array = NDArray[np.float64]

_MOST_ITERATIONS = 5000
_SETTLED = 1e-13


def resolvent(growth_squared: float, sensitivity: Float[Array, " pairs"]) -> Float[Array, " pairs"]:
    """The factor from residual to error when the variances are given: I_0(2 c sqrt(K_q)), for a constant K_q.

    e = r I_0(2 c sqrt(K_q s t)) solves the inequality with equality, and the iteration is monotone.
    """
    result: Array = i0(2.0 * np.sqrt(growth_squared * sensitivity))
    return result


def majorant(
    times: Float[Array, " nodes"],
    growth_squared: float,
    by_covariance: Float[Array, "nodes nodes"],
    by_variance: Float[Array, "nodes nodes"],
    *,
    euler: bool = False,
) -> float:
    """The factor from residual to error of one input's own covariance, where the variances err too.

    Args:
        times: ascending, from 0 to 1.
        growth_squared: c^2.
        by_covariance: K_q at the nodes.
        by_variance: K_a at the nodes, the first index being the time of the variance; K_b is its transpose.
        euler: integrals are sums over the lower corners of cells, as in the L-layer network.

    Returns:
        The value at (1, 1) of an upper solution that is constant on the cells between nodes: coefficients are the
        greatest of a cell's corners, the solution is taken at its upper corner, or at the lower one of `euler`.
        Infinite where cells are too coarse.
    """
    area = growth_squared * np.outer(np.diff(times), np.diff(times))
    k_q, k_a = _greatest_corner(by_covariance) * area, _greatest_corner(by_variance) * area
    solution = np.ones_like(area)
    for _ in range(_MOST_ITERATIONS):
        used = np.pad(solution, (1, 0), constant_values=1.0)[:-1, :-1] if euler else solution
        diagonal = np.diagonal(used)
        source = k_q * used + k_a * diagonal[:, None] + k_a.T * diagonal[None, :]
        following = 1.0 + np.cumsum(np.cumsum(source, axis=0), axis=1)
        if not following[-1, -1] < 1e200:
            return math.inf
        if np.all(following <= solution * (1.0 + _SETTLED)):
            return float(following[-1, -1])
        solution = following
    return math.inf


def _greatest_corner(values: Float[Array, "nodes nodes"]) -> Float[Array, "cells cells"]:
    corners = (values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:])
    greatest: Array = np.maximum.reduce(corners)
    return greatest
