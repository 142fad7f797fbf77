"""Collocation in time on [0, 1]: Chebyshev points, and the matrices that integrate and evaluate an interpolant."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Chebyshev points of the second kind, 0 and 1 among them.

    Attributes:
        times: ascending, (nodes,).
        integral: row i integrates the interpolant from 0 to times[i], (nodes, nodes).
        weights: the last row: Clenshaw-Curtis weights, which are positive.
        to_end: row i integrates from times[i] to 1.
    """

    times: Float[Array, " nodes"]
    integral: Float[Array, "nodes nodes"]
    weights: Float[Array, " nodes"]
    to_end: Float[Array, "nodes nodes"]

    @property
    def nodes(self) -> int:
        """How many."""
        return len(self.times)

    def double_integral(self, values: Float[Array, "pairs nodes nodes"]) -> Array:
        """The integral over [0, s] x [0, t], at all nodes."""
        result: Array = self.integral @ values @ self.integral.T
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
    # sin keeps the points exactly antisymmetric about the middle.
    points = np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, nodes))
    vandermonde = chebyshev.chebvander(points, nodes)
    # From values to coefficients; the inverse of a well conditioned matrix (condition about sqrt 2).
    analysis = np.linalg.inv(vandermonde[:, :-1])
    antiderivative = chebyshev.chebint(np.eye(nodes), lbnd=-1.0)
    integral = 0.5 * (vandermonde @ antiderivative) @ analysis
    integral[0] = 0.0
    weights = integral[-1]
    return Grid(0.5 * (points + 1.0), integral, weights, weights - integral)


@lru_cache(maxsize=256)
def interpolation(source: int, target: int) -> Float[Array, "target source"]:
    """Values at the points of `grid(target)` of the interpolant through those of `grid(source)`."""
    if source == target:
        return np.eye(source)
    old, new = (np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, n)) for n in (source, target))
    matrix: Array = chebyshev.chebvander(new, source - 1) @ np.linalg.inv(chebyshev.chebvander(old, source - 1))
    return matrix


def resampled(values: Float[Array, "pairs source source"], target: int) -> Array:
    """An interpolant in two times on another grid."""
    matrix = interpolation(values.shape[-1], target)
    result: Array = matrix @ values @ matrix.T
    return result


def greatest(values: Float[Array, "pairs nodes nodes"]) -> Float[Array, " pairs"]:
    """Bound of the interpolant's absolute value over the whole square: the sum of its Chebyshev coefficients' sizes."""
    nodes = values.shape[-1]
    points = np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, nodes))
    analysis = np.linalg.inv(chebyshev.chebvander(points, nodes - 1))
    result: Array = np.abs(analysis @ values @ analysis.T).sum(axis=(1, 2))
    return result
