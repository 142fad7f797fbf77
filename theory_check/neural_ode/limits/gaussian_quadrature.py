"""Quadrature under N(0, 1) against Hermite polynomials of high degree.

Everything is multiplied by the root of the normal density, so that neither overflow nor loss of digits occurs:
h_k root(density) are the Hermite functions, bounded by one.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.float64]

# exp(-13^2/2) is 2e-37: what phi makes of |Z| > 13 is below rounding unless phi^2 grows like a Gaussian decays.
WINDOW = 13.0


@dataclass(frozen=True)
class Rule:
    """Nodes shared by all variances.

    Attributes:
        z: nodes, ascending.
        weights: with respect to dz.
        density: of N(0, 1) at the nodes.
        weighted_polynomials: h_k(z) density(z) weight, (terms + 1, nodes).
    """

    z: Float[Array, " nodes"]
    weights: Float[Array, " nodes"]
    density: Float[Array, " nodes"]
    weighted_polynomials: Float[Array, "degrees nodes"]


@lru_cache(maxsize=8)
def trapezoid(intervals: int, terms: int) -> Rule:
    """Equal weights on [-13, 13]: geometric convergence for analytic functions."""
    z = np.linspace(-WINDOW, WINDOW, intervals + 1)
    return _rule(z, np.full(intervals + 1, 2 * WINDOW / intervals), terms)


@lru_cache(maxsize=8)
def split_at_zero(panels: int, order: int, terms: int) -> Rule:
    """Gauss-Legendre panels of equal width, one edge being 0."""
    z, weights = _panels(np.zeros((1, 1)), panels, order)
    return _rule(z[0], weights[0], terms)


def by_moving_panels(
    function: Callable[[Array], Array],
    scales: Float[Array, " variances"],
    breakpoints: tuple[float, ...],
    panels: int,
    order: int,
    terms: int,
) -> tuple[Float[Array, "variances degrees"], Float[Array, " variances"]]:
    """Coefficients and second moments of phi(scale Z), panels being split at breakpoint / scale."""
    z, weights = _panels(np.array(breakpoints) / np.maximum(scales, 1e-150)[:, None], panels, order)
    root_density = _root_density(z)
    values = function(scales[:, None] * z)
    moments = np.sum(values**2 * root_density**2 * weights, axis=1)
    weighted = values * root_density * weights
    coefficients = np.empty((len(scales), terms + 1))
    for k, row in enumerate(islice(_hermite_functions(z), terms + 1)):
        coefficients[:, k] = np.einsum("vj,vj->v", weighted, row)
    return coefficients, moments


def _panels(points: Float[Array, "rows points"], panels: int, order: int) -> tuple[Array, Array]:
    """Nodes and weights of panels of equal width, split further at the points of each row."""
    inside = np.clip(points, -WINDOW, WINDOW)
    even = np.broadcast_to(np.linspace(-WINDOW, WINDOW, panels + 1), (len(inside), panels + 1))
    edges = np.sort(np.concatenate([even, inside], axis=1), axis=1)
    x, w = np.polynomial.legendre.leggauss(order)
    half_width = 0.5 * np.diff(edges, axis=1)[:, :, None]
    z = (0.5 * (edges[:, 1:] + edges[:, :-1])[:, :, None] + half_width * x).reshape(len(inside), -1)
    return z, (half_width * w).reshape(len(inside), -1)


def _rule(z: Array, weights: Array, terms: int) -> Rule:
    root_density = _root_density(z)
    polynomials = np.empty((terms + 1, len(z)))
    for k, row in enumerate(islice(_hermite_functions(z), terms + 1)):
        polynomials[k] = row * (root_density * weights)
    polynomials.setflags(write=False)
    return Rule(z, weights, root_density**2, polynomials)


def _root_density(z: Array) -> Array:
    result: Array = np.exp(-0.25 * z * z) / (2 * math.pi) ** 0.25
    return result


def _hermite_functions(z: Array) -> Iterator[Array]:
    """h_k(z) root(density(z)) for k = 0, 1, ... by the three-term recurrence of the normalised polynomials."""
    before, now = np.zeros_like(z), _root_density(z)
    k = 0
    while True:
        yield now
        before, now = now, (z * now - math.sqrt(k) * before) / math.sqrt(k + 1)
        k += 1
