"""Dual activations by Hermite series: E[phi(u) phi(v)] = sum_k rho^k c_k(a) c_k(b) for variances a, b, correlation rho.

c_k(a) = E[phi(sqrt(a) Z) h_k(Z)] with h_k = He_k / sqrt(k!), orthonormal under N(0, 1). What is left out beyond K is,
by Cauchy-Schwarz, at most |rho|^(K+1) sqrt(t_a t_b), with t_a = E[phi(sqrt(a) Z)^2] - sum_{k<=K} c_k(a)^2 (Parseval).
Coefficients wrong by vectors of length e_a, e_b change the sum by at most e_a |c(b)| + |c(a)| e_b.

For a smooth phi the expectations are taken by the trapezoid rule, which converges geometrically for analytic phi;
otherwise by Gauss-Legendre panels that are split at the breakpoints of phi (docs/theory.md#dual-activations).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.limits.gaussian_quadrature import by_moving_panels, split_at_zero, trapezoid
from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF, Marginals

Array = NDArray[np.float64]
RealFunction = Callable[[Array], Array]

# Trapezoid intervals and Hermite terms, each step finer than the one before. The rule resolves h_k while
# sqrt(k) < pi / step.
_RESOLUTIONS = ((400, 64), (800, 256), (1600, 1024), (3200, 2048))
# Gauss points on a smooth panel, and fewer for the error estimate by difference.
_PANEL_ORDER, _COARSE_ORDER = 16, 12
# Doubles in one array, 16 MiB: near the processor.
_CHUNK = 2**21


@dataclass(frozen=True)
class HermiteDual:
    """The dual of a function given by values.

    Attributes:
        function: phi (or phi'), elementwise on float64 arrays.
        breakpoints: where phi is not smooth, ascending.
        name: for messages.
        resolution: index into the ladder of nodes and terms.
        precision: terms are cut where what is left out is below this share of sqrt(E[phi(u)^2] E[phi(v)^2]).
        estimated: the quadrature's error is measured by halving its nodes.
    """

    function: RealFunction
    breakpoints: tuple[float, ...]
    name: str
    resolution: int = 0
    precision: float = 1e-15
    estimated: bool = True

    @property
    def terms(self) -> int:
        """Terms of the series at most."""
        return _RESOLUTIONS[self.resolution][1]

    @property
    def nodes(self) -> int:
        """Nodes of the quadrature, before panels are split."""
        return _RESOLUTIONS[self.resolution][0]

    def refined(self) -> "HermiteDual | None":
        """More nodes and terms; None at the end of the ladder."""
        # Nodes that move with the variance make every polynomial a matrix: the last step would take minutes.
        last = len(_RESOLUTIONS) - (2 if any(self.breakpoints) else 1)
        if self.resolution == last:
            return None
        return replace(self, resolution=self.resolution + 1)

    def marginals(self, variances: Float[Array, "groups times"], *, checked: bool = True) -> Marginals:
        """Coefficients and second moments of phi(sqrt(a) Z) for every variance a >= 0.

        Unless `checked`, errors of the quadrature are left at zero: enough for `values`.

        Raises:
            ArithmeticError: E[phi^2] is not finite, or not decided by |Z| <= 13.
        """
        flat = variances.ravel()
        shared = all(point == 0.0 for point in self.breakpoints)
        size = max(1, _CHUNK // self.nodes)
        parts = [self._of(flat[i : i + size], shared=shared, checked=checked) for i in range(0, len(flat), size)]
        coefficients, moments, errors, moment_errors = (np.concatenate(part) for part in zip(*parts, strict=True))
        if not np.isfinite(moments).all():
            raise ArithmeticError(f"E[{self.name}^2] is not finite at variance {flat[~np.isfinite(moments)][0]:.6g}")
        kept = np.cumsum(coefficients**2, axis=1)
        # Parseval's difference carries the rounding of two sums of `terms` squares and the errors of both.
        slack = 8 * UNIT_ROUNDOFF * moments + moment_errors + 2 * errors * np.sqrt(moments) + errors**2
        tails = np.maximum(moments[:, None] - kept, 0.0) + slack[:, None]
        shape = variances.shape
        return Marginals(
            variances=variances,
            second_moment=moments.reshape(shape),
            coefficients=coefficients.reshape(*shape, -1),
            tails=tails.reshape(*shape, -1),
            error=errors.reshape(shape),
        )

    def values(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """E[phi(u) phi(v)] for every pair of times; exact second moments are the business of the caller."""
        cut = self._cut(left, right, rho)
        total = np.zeros_like(rho)
        for k in range(cut, -1, -1):
            total *= rho
            total += left.coefficients[:, :, None, k] * right.coefficients[:, None, :, k]
        return total

    def error(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """Bound of |values - truth|: truncation (proved), quadrature (estimated), rounding (to first order)."""
        cut = self._cut(left, right, rho)
        truncation = np.abs(rho) ** (cut + 1) * np.sqrt(left.tails[:, :, None, cut] * right.tails[:, None, :, cut])
        size_left, size_right = np.sqrt(left.second_moment), np.sqrt(right.second_moment)
        quadrature = left.error[:, :, None] * size_right[:, None, :] + size_left[:, :, None] * right.error[:, None, :]
        # Horner with K terms: at most 2 K + 2 rounded operations on |rho^k c_k c_k'|, summing to |c| |c'|.
        rounding = (2 * cut + 4) * UNIT_ROUNDOFF * size_left[:, :, None] * size_right[:, None, :]
        bound: Array = truncation + quadrature + rounding
        return bound

    def _cut(self, left: Marginals, right: Marginals, rho: Array) -> int:
        """The fewest terms whose truncation bound is below `precision`, relative to the second moments."""
        largest = float(np.abs(rho).max(initial=0.0))
        worst = np.sqrt(_greatest_tails(left) * _greatest_tails(right))
        allowed = self.precision * math.sqrt(float(left.second_moment.max()) * float(right.second_moment.max()))
        enough = largest ** np.arange(1, len(worst) + 1) * worst <= allowed
        return int(np.argmax(enough)) if enough.any() else len(worst) - 1

    def _of(self, variances: Array, *, shared: bool, checked: bool) -> tuple[Array, Array, Array, Array]:
        """Coefficients, second moments, and the error of each by comparison with a coarser rule."""
        scales = np.sqrt(variances)
        fine, moments = self._integrals(scales, shared=shared, coarse=False)
        if not checked:
            return fine, moments, np.zeros_like(scales), np.zeros_like(scales)
        coarse, coarse_moments = self._integrals(scales, shared=shared, coarse=True)
        return fine, moments, np.linalg.norm(fine - coarse, axis=1), np.abs(moments - coarse_moments)

    def _integrals(self, scales: Array, *, shared: bool, coarse: bool) -> tuple[Array, Array]:
        """By one rule; the coarse one has half the nodes, or panels of a lower order."""
        if not self.breakpoints:
            rule = trapezoid(self.nodes // 2 if coarse else self.nodes, self.terms)
        elif shared:
            rule = split_at_zero(self.nodes // _PANEL_ORDER, _COARSE_ORDER if coarse else _PANEL_ORDER, self.terms)
        else:
            order = _COARSE_ORDER if coarse else _PANEL_ORDER
            return by_moving_panels(
                self.function, scales, self.breakpoints, self.nodes // _PANEL_ORDER, order, self.terms
            )
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.function(scales[:, None] * rule.z)
            squares = values**2 * rule.density
            moments = squares @ rule.weights
        # phi^2 times the density must have died out at the ends of the window.
        ends = np.maximum(squares[:, 0], squares[:, -1])
        if not (ends <= UNIT_ROUNDOFF * moments + np.finfo(np.float64).tiny).all():
            raise ArithmeticError(f"E[{self.name}^2] is infinite or not decided within 13 standard deviations")
        return values @ rule.weighted_polynomials.T, moments


def _greatest_tails(marginals: Marginals) -> Array:
    greatest: Array = marginals.tails.reshape(-1, marginals.tails.shape[-1]).max(axis=0)
    return greatest
