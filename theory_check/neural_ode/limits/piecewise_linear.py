"""The dual of a continuous piecewise linear phi, and of its derivative, in closed form for any kinks.

phi(x) = o + l x + sum_i J_i max(x - kappa_i, 0). With u, v of variances a, b and correlation rho, (X, Y) the standard
pair of that correlation, h_i = kappa_i / sqrt a, k_j = kappa_j / sqrt b, c_0 = E phi(u), c_1 = sqrt(a) E phi'(u):

    E[phi'(u) phi'(v)] = E phi'(u) E phi'(v) + sum_ij J_i J_j (P(X > h, Y > k) - P(X > h) P(Y > k))
    E[phi(u) phi(v)]   = c_0 c_0' + rho c_1 c_1' + sqrt(ab) sum_ij J_i J_j R(h_i, k_j)
    R(h, k) = E[(X - h)+ (Y - k)+] - E(X - h)+ E(Y - k)+ - rho P(X > h) P(Y > k)

so that the sums hold only what correlation adds beyond the first two Hermite terms. Orthant probabilities come from
Owen's T function; with all kinks at 0 they are asin(rho) / 2 pi, and 2 pi R = rho asin(rho) + sqrt(1 - rho^2) - 1,
the arc-cosine kernel (Cho and Saul, 2009).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import ndtr, owens_t

from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF, Marginals

Array = NDArray[np.float64]

# Beyond 40 standard deviations a kink is out of reach: densities are below the smallest double.
_OUT_OF_REACH = 40.0
_TINY = 1e-300


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
    estimated: bool = False
    nodes: int = 0
    terms: int = 2**31

    def refined(self) -> None:
        """There is one resolution."""

    def marginals(self, variances: Float[Array, "groups times"], *, checked: bool = True) -> Marginals:  # noqa: ARG002
        """Second moments; the two coefficients c_0 and c_1 (of phi), or c_0 (of phi')."""
        scales = np.sqrt(variances)
        places = np.array(self.kinks) / np.maximum(scales, 1e-150)[..., None]
        jumps = np.array(self.jumps)
        above = ndtr(-places)
        mean_slope = self.left_slope + above @ jumps
        density = np.exp(-0.5 * np.minimum(places**2, 1e4)) / math.sqrt(2 * math.pi)
        mean = self.offset + (scales[..., None] * density - np.array(self.kinks) * above) @ jumps
        coefficients = np.stack([mean_slope] if self.slope else [mean, scales * mean_slope], axis=-1)
        # A second moment is the value at rho = 1, of every variance with itself.
        flat, of_each = variances.reshape(-1, 1), coefficients.reshape(variances.size, 1, -1)
        alone = Marginals(flat, flat, of_each, of_each, flat)
        together = np.where(flat > 0, 1.0, 0.0)[:, :, None]
        moment = self._sum(alone, alone, together).reshape(variances.shape)
        return Marginals(variances, moment, coefficients, np.zeros_like(coefficients), np.zeros_like(variances))

    def values(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """The formula."""
        return self._sum(left, right, rho)

    def error(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """Rounding, to first order.

        Orthant probabilities move by d rho / sqrt(1 - rho^2), and by sqrt(2 d rho) at most; R moves by their integral.
        """
        total = float(np.sum(np.abs(self.jumps))) + abs(self.left_slope)
        if self.slope:
            steep = np.minimum(8 / np.sqrt(np.maximum(1 - rho**2, UNIT_ROUNDOFF)), 4 / math.sqrt(UNIT_ROUNDOFF))
            return UNIT_ROUNDOFF * total**2 * (16 + steep)
        # Kinks further out are moved to 40 standard deviations before anything is multiplied by them.
        furthest = float(np.max(np.abs(self.kinks)))
        reach_left, reach_right = (
            np.minimum(furthest, _OUT_OF_REACH * np.sqrt(side.variances)) for side in (left, right)
        )
        reach = reach_left[:, :, None] * reach_right[:, None, :]
        scale = np.sqrt(left.variances[:, :, None] * right.variances[:, None, :])
        size = np.sqrt(left.second_moment[:, :, None] * right.second_moment[:, None, :])
        bound: Array = UNIT_ROUNDOFF * (64 * total**2 * (scale + reach) + 16 * size)
        return np.broadcast_to(bound, rho.shape).copy()

    def by_variance(
        self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]
    ) -> Float[Array, "pairs times times2"]:
        """dG/da at fixed covariance and b, a > 0: sum_i J_i p(h_i) / (2 sqrt a) E[phi(v) | u = kappa_i].

        Given u = kappa, v has mean rho sqrt(b) h and variance b (1 - rho^2).
        """
        root, other = np.sqrt(left.variances)[:, :, None], np.sqrt(right.variances)[:, None, :]
        spread = other * np.sqrt((1 - rho) * (1 + rho))
        total = np.zeros_like(rho)
        for kink, jump in zip(self.kinks, self.jumps, strict=True):
            place = np.clip(kink / np.maximum(root, _TINY), -_OUT_OF_REACH, _OUT_OF_REACH)
            mean = rho * other * place
            expected = self.offset + self.left_slope * mean
            for kappa, step in zip(self.kinks, self.jumps, strict=True):
                above = _ratio(mean - kappa, np.maximum(spread, _TINY))
                near = np.clip(above, -_OUT_OF_REACH, _OUT_OF_REACH)
                expected = expected + step * (spread * _density(near) + (mean - kappa) * ndtr(above))
            total += jump * _density(place) / (2 * np.maximum(root, _TINY)) * expected
        return total

    def _sum(self, left: Marginals, right: Marginals, rho: Array) -> Array:
        total = np.zeros_like(rho)
        for k in range(left.coefficients.shape[-1]):
            total += rho**k * (left.coefficients[:, :, None, k] * right.coefficients[:, None, :, k])
        scale = 1.0 if self.slope else np.sqrt(left.variances[:, :, None] * right.variances[:, None, :])
        return total + scale * self._added_by_correlation(left, right, rho)

    def _added_by_correlation(self, left: Marginals, right: Marginals, rho: Array) -> Array:
        if not any(self.kinks):
            angle = np.arcsin(rho)
            jump = sum(self.jumps) ** 2 / (2 * math.pi)
            return jump * angle if self.slope else jump * (rho * angle + np.sqrt((1 - rho) * (1 + rho)) - 1)
        added = np.zeros_like(rho)
        term = _orthant_excess if self.slope else _product_excess
        roots = (np.sqrt(left.variances)[:, :, None], np.sqrt(right.variances)[:, None, :])
        for kink, jump in zip(self.kinks, self.jumps, strict=True):
            for other, other_jump in zip(self.kinks, self.jumps, strict=True):
                h, k = (
                    np.clip(place / np.maximum(root, _TINY), -_OUT_OF_REACH, _OUT_OF_REACH)
                    for place, root in zip((kink, other), roots, strict=True)
                )
                added += jump * other_jump * term(h, k, rho)
        return added


def _orthant_excess(h: Array, k: Array, rho: Array) -> Array:
    """P(X > h, Y > k) - P(X > h) P(Y > k)."""
    result: Array = _orthant(-h, -k, rho) - ndtr(-h) * ndtr(-k)
    return result


def _product_excess(h: Array, k: Array, rho: Array) -> Array:
    """R(h, k).

    Integration by parts gives E[(X - h)+ (Y - k)+] = (rho + h k) P(X > h, Y > k) - k p(h) P(Y > k | X = h)
    - h p(k) P(X > h | Y = k) + (1 - rho^2) f(h, k), with p and f the densities.
    """
    s = np.sqrt((1 - rho) * (1 + rho))
    safe = np.maximum(s, _TINY)
    density_h, density_k = _density(h), _density(k)
    given_h, given_k = ndtr(_ratio(rho * h - k, safe)), ndtr(_ratio(rho * k - h, safe))
    distance = np.clip(_ratio(k - rho * h, safe), -_OUT_OF_REACH, _OUT_OF_REACH)
    joint = s * density_h * _density(distance)
    above_h, above_k = ndtr(-h), ndtr(-k)
    product = (rho + h * k) * _orthant(-h, -k, rho) - k * density_h * given_h - h * density_k * given_k + joint
    first = (density_h - h * above_h) * (density_k - k * above_k)
    result: Array = product - first - rho * above_h * above_k
    return result


def _orthant(x: Array, y: Array, rho: Array) -> Array:
    """P(X < x, Y < y) from Owen's T function (Owen, 1956); zeros are moved by the smallest amount."""
    x, y = np.where(x == 0, _TINY, x), np.where(y == 0, _TINY, y)
    s = np.maximum(np.sqrt((1 - rho) * (1 + rho)), _TINY)
    opposite = np.where(x * y < 0, 0.5, 0.0)
    with np.errstate(over="ignore"):
        inside = 0.5 * (ndtr(x) + ndtr(y)) - owens_t(x, (y / x - rho) / s) - owens_t(y, (x / y - rho) / s) - opposite
    together = ndtr(np.minimum(x, y))
    apart = np.maximum(ndtr(x) - ndtr(-y), 0.0)
    result: Array = np.where(rho >= 1, together, np.where(rho <= -1, apart, inside))
    return result


def _density(x: Array) -> Array:
    result: Array = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return result


def _ratio(above: Array, below: Array) -> Array:
    with np.errstate(over="ignore"):
        ratio: Array = above / below
    return ratio
