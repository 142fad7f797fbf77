"""Collocation in time on [0, 1]: Chebyshev points, and the matrices that integrate and evaluate an interpolant.

Covariances are carried by their mean growth H: C(s, t) = C(0, 0) + s t H(s, t). Where C(0, 0) = 0 they vanish like s t,
and H keeps the digits that C would lose there.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The instant that stands for time 0 where a limit along the path is meant: the correlation at time 0 of a state that
# starts at 0 is that of its first motion. Its fourth power is a normal double, and its square is lost beside any
# variance that is not 0.
INSTANT = 1e-60


@dataclass(frozen=True)
class Grid:
    """Chebyshev points of the second kind, 0 and 1 among them.

    Attributes:
        times: ascending, (nodes,).
        average: row i is the mean of the interpolant over [0, times[i]], its value at 0 for the first; every row to a
            few roundings, so that nothing is lost near 0, (nodes, nodes).
        integral: row i integrates the interpolant from 0 to times[i], (nodes, nodes).
        weights: the last row: Clenshaw-Curtis weights, which are positive.
        to_end: row i integrates from times[i] to 1.
    """

    times: Float[Array, " nodes"]
    average: Float[Array, "nodes nodes"]
    integral: Float[Array, "nodes nodes"]
    weights: Float[Array, " nodes"]
    to_end: Float[Array, "nodes nodes"]

    @property
    def nodes(self) -> int:
        """How many."""
        return len(self.times)

    @property
    def instants(self) -> Float[Array, " nodes"]:
        """The times, with INSTANT in place of 0."""
        return np.maximum(self.times, INSTANT)

    def covariance(self, start: Float[Array, " pairs"], growth: Float[Array, "pairs nodes nodes"]) -> Array:
        """C(0, 0) + s t H(s, t) at all nodes."""
        values: Array = start[:, None, None] + np.outer(self.instants, self.instants) * growth
        return values

    def double_average(self, values: Float[Array, "pairs nodes nodes"]) -> Array:
        """The mean over [0, s] x [0, t], at all nodes."""
        result: Array = self.average @ values @ self.average.T
        return result

    def double_integral_to_end(self, values: Float[Array, "pairs nodes nodes"]) -> Array:
        """The integral over [s, 1] x [t, 1], at all nodes."""
        result: Array = self.to_end @ values @ self.to_end.T
        return result

    def total(self, values: Float[Array, "pairs nodes nodes"]) -> Float[Array, " pairs"]:
        """The integral over the square."""
        result: Array = self.weights @ values @ self.weights
        return result


@lru_cache(maxsize=32)
def grid(nodes: int) -> Grid:
    """The grid with that many points, at least 2."""
    # (1 - cos angle) / 2 as a square: points near 0 keep all digits.
    times: Array = np.sin(0.5 * _angles(nodes)) ** 2
    average: Array = _averages(nodes) @ _analysis(nodes)
    average[0] = np.eye(nodes)[0]
    integral: Array = times[:, None] * average
    weights = integral[-1]
    return Grid(times, average, integral, weights, weights - integral)


def _angles(nodes: int) -> Float[Array, " nodes"]:
    """The points are (1 - cos angle) / 2."""
    return np.linspace(0.0, np.pi, nodes)


def _points(nodes: int) -> Float[Array, " nodes"]:
    """On [-1, 1]; sin keeps them exactly antisymmetric about the middle."""
    result: Array = np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, nodes))
    return result


@lru_cache(maxsize=64)
def _analysis(nodes: int) -> Float[Array, "nodes nodes"]:
    """From values to Chebyshev coefficients: the inverse of a well conditioned matrix (condition about sqrt 2)."""
    inverse: Array = np.linalg.inv(chebyshev.chebvander(_points(nodes), nodes - 1)).astype(np.float64)
    return inverse


def _averages(nodes: int) -> Float[Array, "nodes degrees"]:
    """The mean of T_k over [-1, x] at every point x = -cos angle.

    It is (-1)^k (sin^2((k+1) angle/2) / (k+1) - sin^2((k-1) angle/2) / (k-1)) / (1 - cos angle) for k >= 2: squares in
    place of differences of cosines, so that no digits are lost near -1, where it tends to T_k(-1) = (-1)^k.
    """
    angle = _angles(nodes)[1:, None]
    k = np.arange(2, nodes)
    means = np.ones((nodes, nodes))
    means[:, 1::2] = -1.0
    above, below = np.sin(0.5 * (k + 1) * angle) ** 2 / (k + 1), np.sin(0.5 * (k - 1) * angle) ** 2 / (k - 1)
    means[1:, 2:] *= (above - below) / (2.0 * np.sin(0.5 * angle) ** 2)
    means[1:, 1] = -(np.cos(0.5 * angle[:, 0]) ** 2)
    return means


@lru_cache(maxsize=256)
def interpolation(source: int, target: int) -> Float[Array, "target source"]:
    """Values at the points of `grid(target)` of the interpolant through those of `grid(source)`."""
    if source == target:
        return np.eye(source)
    matrix: Array = chebyshev.chebvander(_points(target), source - 1) @ _analysis(source)
    # Both grids hold both ends.
    matrix[0], matrix[-1] = np.eye(source)[0], np.eye(source)[-1]
    return matrix


def resampled(values: Float[Array, "pairs source source"], target: int) -> Array:
    """An interpolant in two times on another grid."""
    matrix = interpolation(values.shape[-1], target)
    result: Array = matrix @ values @ matrix.T
    return result


def greatest(values: Float[Array, "pairs nodes nodes"]) -> Float[Array, " pairs"]:
    """Bound of the interpolant's absolute value over the whole square: the sum of its Chebyshev coefficients' sizes."""
    analysis = _analysis(values.shape[-1])
    result: Array = np.abs(analysis @ values @ analysis.T).sum(axis=(1, 2))
    return result
