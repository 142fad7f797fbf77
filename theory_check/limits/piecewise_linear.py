"""The dual of a continuous piecewise linear phi, and of its derivative: the arc-cosine formula with any kinks.

phi'' = sum_i J_i delta(x - kappa_i). Differentiating in rho and integrating back (u, v with variances a, b;
h_i = kappa_i / sqrt a, k_j = kappa_j / sqrt b; c_0 = E phi(u), c_1 = sqrt(a) E phi'(u); r = sin t):

    E[phi'(u) phi'(v)] = E phi'(u) E phi'(v) + 1/2pi sum_ij J_i J_j integral_0^asin(rho) e_ij(t) dt
    E[phi(u) phi(v)]   = c_0 c_0' + rho c_1 c_1' + sqrt(ab)/2pi sum_ij J_i J_j integral_0^asin(rho) (rho - sin t) e_ij(t) dt
    e_ij(t) = exp(-(h_i^2 + k_j^2 - 2 h_i k_j sin t) / (2 cos^2 t))

With all kinks at 0, e = 1: asin(rho), and rho asin(rho) + sqrt(1 - rho^2) - 1 (Cho and Saul, 2009). Otherwise the
integrals are taken by Gauss-Legendre, the error being read off a second, smaller order.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import ndtr

from theory_check.limits.marginals import UNIT_ROUNDOFF, Marginals

Array = NDArray[np.float64]

_ORDERS = (64, 48)
_BLOCK = 2**15


@dataclass(frozen=True)
class PiecewiseLinearDual:
    """The dual of phi, or of phi' (`slope`).

    Attributes:
        kinks: kappa_i, ascending.
        jumps: J_i.
        left_slope: phi' left of all kinks.
        offset: phi(x) = offset + left_slope x + sum_i J_i max(x - kappa_i, 0).
        slope: whether this is the dual of phi'; at a kink phi' is the mean of its sides.
    """

    kinks: tuple[float, ...]
    jumps: tuple[float, ...]
    left_slope: float
    offset: float
    slope: bool
    nodes: int = 0
    terms: int = 2**31

    @property
    def estimated(self) -> bool:
        """Exact when all kinks are at 0."""
        return any(self.kinks)

    def refined(self) -> None:
        """There is one resolution."""

    def marginals(self, variances: Float[Array, "groups times"]) -> Marginals:
        """Second moments; the two coefficients c_0 and c_1 (of phi), or c_0 (of phi')."""
        scales = np.sqrt(variances)
        places = np.array(self.kinks) / np.maximum(scales, 1e-150)[..., None]
        jumps = np.array(self.jumps)
        above = ndtr(-places)
        mean_slope = self.left_slope + above @ jumps
        density = np.exp(-0.5 * np.minimum(places**2, 1e4)) / math.sqrt(2 * math.pi)
        mean = self.offset + (scales[..., None] * density - np.array(self.kinks) * above) @ jumps
        coefficients = np.stack([mean_slope] if self.slope else [mean, scales * mean_slope], axis=-1)
        nothing = np.zeros_like(coefficients)
        partial = Marginals(variances, variances, coefficients, nothing, np.zeros_like(variances))
        flat = partial.variances.reshape(-1, 1)
        alone = Marginals(flat, flat, coefficients.reshape(len(flat), 1, -1), nothing, flat)
        moment = self._sum(alone, alone, np.where(flat > 0, 1.0, 0.0)[:, :, None], _ORDERS[0]).reshape(variances.shape)
        return Marginals(variances, moment, coefficients, nothing, partial.error)

    def values(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """The formula."""
        return self._sum(left, right, rho, _ORDERS[0])

    def error(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """Difference of two orders (estimated), and rounding, which near rho = 1 asin makes the square root of."""
        total = float(np.sum(np.abs(self.jumps))) + abs(self.left_slope)
        scale = 1.0 if self.slope else np.sqrt(left.variances[:, :, None] * right.variances[:, None, :])
        # |d asin| <= 8 u / sqrt(1 - rho^2), and at most sqrt(16 u) in all; phi gains a factor sqrt(1 - rho^2).
        steep = np.minimum(8 / np.sqrt(np.maximum(1 - rho**2, UNIT_ROUNDOFF)), 4 / math.sqrt(UNIT_ROUNDOFF))
        rounding = UNIT_ROUNDOFF * total**2 * scale * (8 + steep if self.slope else 64)
        size = np.sqrt(left.second_moment[:, :, None] * right.second_moment[:, None, :])
        bound: Array = np.broadcast_to(rounding + 16 * UNIT_ROUNDOFF * size, rho.shape).copy()
        if self.estimated:
            bound += np.abs(self._sum(left, right, rho, _ORDERS[0]) - self._sum(left, right, rho, _ORDERS[1]))
        return bound

    def _sum(self, left: Marginals, right: Marginals, rho: Array, order: int) -> Array:
        total = np.zeros_like(rho)
        for k in range(left.coefficients.shape[-1]):
            total += rho**k * (left.coefficients[:, :, None, k] * right.coefficients[:, None, :, k])
        scale = 1.0 if self.slope else np.sqrt(left.variances[:, :, None] * right.variances[:, None, :])
        return total + scale / (2 * math.pi) * self._integrals(left, right, rho, order)

    def _integrals(self, left: Marginals, right: Marginals, rho: Array, order: int) -> Array:
        if not self.estimated:
            angle = np.arcsin(rho)
            jump = sum(self.jumps) ** 2
            return jump * angle if self.slope else jump * (rho * angle + np.sqrt(1 - rho**2) - 1)
        a, b = (
            np.broadcast_to(np.maximum(v, 1e-300), rho.shape).ravel()
            for v in (left.variances[:, :, None], right.variances[:, None, :])
        )
        flat = rho.ravel()
        blocks = [
            self._by_quadrature(a[i : i + _BLOCK], b[i : i + _BLOCK], flat[i : i + _BLOCK], order)
            for i in range(0, len(flat), _BLOCK)
        ]
        return np.concatenate(blocks).reshape(rho.shape)

    def _by_quadrature(self, a: Array, b: Array, rho: Array, order: int) -> Array:
        x, w = np.polynomial.legendre.leggauss(order)
        angle = np.arcsin(rho)
        total = np.zeros_like(rho)
        for node, weight in zip(0.5 * (x + 1), 0.5 * w, strict=True):
            sine, cosine_squared = np.sin(node * angle), np.cos(node * angle) ** 2
            factor = weight * angle * (1.0 if self.slope else rho - sine)
            for kink, jump in zip(self.kinks, self.jumps, strict=True):
                for other, other_jump in zip(self.kinks, self.jumps, strict=True):
                    h, k = kink / np.sqrt(a), other / np.sqrt(b)
                    exponent = (h - k) ** 2 / (2 * cosine_squared) + h * k * (1 - sine) / cosine_squared
                    total += factor * (jump * other_jump) * np.exp(-exponent)
        return total
