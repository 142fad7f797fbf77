"""What a dual activation has to know about each variance before it meets correlations."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.float64]

UNIT_ROUNDOFF = 2.0**-53


@dataclass(frozen=True)
class Marginals:
    """phi under N(0, a) for the variances a of groups of inputs at times.

    Attributes:
        variances: a, (groups, times).
        second_moment: E[phi(sqrt(a) Z)^2].
        coefficients: c_0, c_1, ... of the Hermite series; empty where a closed form needs none.
        tails: what the squares of the coefficients beyond each degree can add up to.
        error: length of the vector of errors of the coefficients.
    """

    variances: Float[Array, "groups times"]
    second_moment: Float[Array, "groups times"]
    coefficients: Float[Array, "groups times terms"]
    tails: Float[Array, "groups times terms"]
    error: Float[Array, "groups times"]

    def take(self, groups: NDArray[np.intp]) -> "Marginals":
        """The marginals of some groups, with repetition; a single group is kept as one, to be broadcast."""
        if len(self.variances) == 1:
            return self
        return Marginals(
            self.variances[groups],
            self.second_moment[groups],
            self.coefficients[groups],
            self.tails[groups],
            self.error[groups],
        )

    def at(self, time: int) -> "Marginals":
        """One time only."""
        now = slice(time, time + 1)
        return Marginals(
            self.variances[:, now],
            self.second_moment[:, now],
            self.coefficients[:, now],
            self.tails[:, now],
            self.error[:, now],
        )

    def extended(self, later: "Marginals") -> "Marginals":
        """With times appended."""
        return Marginals(
            np.concatenate([self.variances, later.variances], axis=1),
            np.concatenate([self.second_moment, later.second_moment], axis=1),
            np.concatenate([self.coefficients, later.coefficients], axis=1),
            np.concatenate([self.tails, later.tails], axis=1),
            np.concatenate([self.error, later.error], axis=1),
        )


@runtime_checkable
class Dual(Protocol):
    """E[phi(u) phi(v)] for Gaussian pairs: a Hermite series, or a closed form."""

    @property
    def estimated(self) -> bool:
        """Whether `error` rests on a comparison of two resolutions, not on a proof."""

    @property
    def terms(self) -> int:
        """Degrees k for which rho^k occurs, at most; a large number for closed forms."""

    @property
    def nodes(self) -> int:
        """Nodes of the quadrature; 0 for closed forms."""

    def refined(self) -> "Dual | None":
        """A finer one, or None."""

    def marginals(self, variances: Float[Array, "groups times"], *, checked: bool = True) -> Marginals:
        """What `values` needs, and `error` too where `checked`."""

    def values(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """E[phi(u) phi(v)], (pairs, times, times2)."""

    def error(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """Bound of the error of each value."""


def correlation(covariance: Float[Array, "pairs times times2"], left: Array, right: Array) -> Array:
    """Correlations from covariances and variances, (pairs, times, times2); 0 where a variance is 0."""
    # A product of roots: the product of two variances at time 0+ may be too small for a double.
    scale = np.sqrt(left)[:, :, None] * np.sqrt(right)[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.where(scale > 0, covariance / scale, 0.0)
    clipped: Array = np.clip(rho, -1.0, 1.0)
    return clipped
