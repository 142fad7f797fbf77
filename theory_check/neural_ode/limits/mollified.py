"""The dual of a mollified phi, E[phi(x + eps Z)]: that of phi at variances a + eps^2 and b + eps^2, same covariance.

For (u, v) with variances a, b and covariance q, and Z, Z' independent of them and of each other,
E[phi_eps(u) phi_eps(v)] = E[phi(u + eps Z) phi(v + eps Z')], and u + eps Z, v + eps Z' have variances a + eps^2,
b + eps^2 and covariance q. The same holds of derivatives. Correlations shrink, so that high degrees are damped.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.limits.marginals import Dual, Marginals

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MollifiedDual:
    """The dual of phi_eps, or of its derivative.

    Attributes:
        kinked: the dual of phi, or of phi'; a closed form, whose marginals hold no series that is cut.
        added: eps^2.
    """

    kinked: Dual
    added: float
    estimated: bool = False
    nodes: int = 0
    terms: int = 2**31

    def refined(self) -> None:
        """A closed form cannot be refined."""

    def marginals(self, variances: Float[Array, "groups times"], *, checked: bool = True) -> Marginals:
        """Those of phi at a + eps^2, but for the second moment, which is that of phi_eps."""
        noisy = self.kinked.marginals((variances + self.added).reshape(-1, 1), checked=checked)
        # phi_eps(u)^2 is the product with itself under two independent noises: correlation a / (a + eps^2).
        alone = (variances.reshape(-1, 1) / noisy.variances)[:, :, None]
        moment = self.kinked.values(noisy, noisy, alone).reshape(variances.shape)
        found = self.kinked.marginals(variances + self.added, checked=checked)
        return replace(found, variances=variances, second_moment=moment)

    def values(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """The dual of phi with the noise added."""
        return self.kinked.values(self._noisy(left), self._noisy(right), self._damped(left, right, rho))

    def error(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """Rounding, to first order; twice that of phi, as variances and correlations are rounded once more."""
        noisy_left, noisy_right = (self.kinked.marginals(side.variances + self.added) for side in (left, right))
        return 2.0 * self.kinked.error(noisy_left, noisy_right, self._damped(left, right, rho))

    def _noisy(self, side: Marginals) -> Marginals:
        return replace(side, variances=side.variances + self.added)

    def _damped(self, left: Marginals, right: Marginals, rho: Array) -> Array:
        """The correlation with the noise added."""
        shares = [np.sqrt(side.variances / (side.variances + self.added)) for side in (left, right)]
        damped: Array = rho * (shares[0][:, :, None] * shares[1][:, None, :])
        return damped
