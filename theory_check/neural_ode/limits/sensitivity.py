"""How far a dual activation moves when covariance and variances are known only up to errors.

G(q, a, b) = E[f(u) f(v)], u and v with variances a, b and covariance q; f is phi or phi'. sigma = sqrt(E f^2),
L1 and L2 bound |f'| and |f''|, and rho = q / sqrt(ab).

In q: dG/dq = E[f'(u) f'(v)], at most E[f'^2] and L1^2.
In a: dG/da = E[f''(u) f(v)] / 2, at most L2 sigma / 2 (Cauchy-Schwarz).
      At fixed rho couple u = sqrt(a) X with sqrt(a') X: G moves by at most L1 |sqrt a - sqrt a'| sigma; at fixed q, rho
      moves by rho |sqrt a - sqrt a'| / sqrt(a') as well, which costs L1^2 sqrt(b) |sqrt a - sqrt a'|. Together
      L1 (sigma + L1 sqrt b) |sqrt a - sqrt a'|, and |sqrt a - sqrt a'| = |a - a'| / (sqrt a + sqrt a').
Where f jumps, by J in all, at points kappa, and has slopes at most s between them, f' is a function plus point masses:
      |dG/drho| <= a s^2 + 2 sqrt(a) s J / sqrt(2 pi) + J^2 / (2 pi sqrt(1 - rho^2)), a being the greatest variance,
      |dG/d sqrt a| at fixed rho <= s sigma + J sup|f| max_z |z| p(z) / sqrt a, with p the normal density: the chance
      that kappa lies between sqrt(a) X and sqrt(a') X. asin integrates the last term of the first line.
In general the Hermite series gives, term by term and with Cauchy-Schwarz,
      |dG/drho| <= sigma sigma' max_k k |rho|^(k-1)
      |dG/da| at fixed rho <= sigma sigma' / (2a) (max_k k |rho|^k + max_k (k+2) |rho|^k)
since 2a dc_k/da = k c_k + sqrt((k+1)(k+2)) c_(k+2); and no change exceeds 2 sigma sigma'.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF

Array = NDArray[np.float64]

# max |z| p(z), at z = 1.
_GREATEST_Z_DENSITY = math.exp(-0.5) / math.sqrt(2 * math.pi)


@dataclass(frozen=True)
class Sizes:
    """Bounds for one f along all times.

    Attributes:
        second_moment: E f^2, the greater of a pair's two inputs, at the time where it is greatest, (pairs,).
        slope: a bound of E[f'(u) f'(v)], (pairs,); infinite where f jumps.
        lipschitz: L1 of f.
        curvature: L2 of f, or a bound of sqrt(E f''^2).
        supremum: of |f|.
        jumps: the sum of the sizes of f's jumps; 0 where it has none.
        between: bound of |f'| off the jumps; infinite where it is not known.
    """

    second_moment: Float[Array, " pairs"]
    slope: Float[Array, " pairs"]
    lipschitz: float
    curvature: float
    supremum: float
    jumps: float = 0.0
    between: float = math.inf


@dataclass(frozen=True)
class ArgumentErrors:
    """Bounds of the errors of covariance and variances at every time, and the variances.

    Attributes:
        covariance: (pairs, times, times2), or with single times where it is one bound for all.
        left_error: of the first variance, (pairs, times).
        right_error: of the second, (pairs, times2).
        left_variance: as it was used, (pairs, times), or one row for all pairs.
        right_variance: (pairs, times2), or one row.
    """

    covariance: Float[Array, "pairs _times _times2"]
    left_error: Float[Array, "pairs times"]
    right_error: Float[Array, "pairs times2"]
    left_variance: Float[Array, "_pairs times"]
    right_variance: Float[Array, "_pairs times2"]

    @property
    def sides(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Error and variance of either input, so shaped that they meet at pairs of times."""
        return (
            (self.left_error[:, :, None], self.left_variance[:, :, None]),
            (self.right_error[:, None, :], self.right_variance[:, None, :]),
        )

    @property
    def least_sides(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Error and the least that the variance may be."""
        left, right = self.sides
        return (left[0], np.maximum(left[1] - left[0], 0.0)), (right[0], np.maximum(right[1] - right[0], 0.0))

    @property
    def greatest_variance(self) -> Float[Array, "_pairs _times _times2"]:
        """What those of both inputs may be at most at all times."""
        left, right = self.left_variance + self.left_error, self.right_variance + self.right_error
        most: Array = np.maximum(left.max(axis=1), right.max(axis=1))
        return most[:, None, None]


def change(
    sizes: Sizes, errors: ArgumentErrors, rho: Float[Array, "pairs times times2"], terms: int, *, same: bool
) -> Float[Array, "pairs times times2"]:
    """Bound of the change of G at every pair of times.

    Args:
        sizes: of f.
        errors: of the arguments.
        rho: correlations where G was computed.
        terms: degrees of rho that occur in the series of G that was computed; what it lacks is accounted elsewhere.
        same: both are one input: rho is 1 exactly on the diagonal, where only the variance errs.
    """
    without_jumps = np.broadcast_to(_change_without_jumps(sizes, errors), rho.shape)
    if np.isfinite(without_jumps).all():
        return without_jumps
    rho_error, nearest = _nearest_to_one(errors, rho, same=same)
    by_series = _change_by_series(sizes, errors, rho_error, nearest, terms)
    across_jumps = _change_across_jumps(sizes, errors, rho_error, nearest)
    smallest: Array = np.fmin(np.fmin(without_jumps, by_series), across_jumps)
    if same:
        # E[f^2] at variance a: its derivative is E[f^2 (Z^2 - 1)] / 2a, and E|Z^2 - 1| < 1.
        index = np.arange(rho.shape[-1])
        relative = _per(errors.left_error, np.maximum(errors.left_variance - errors.left_error, 0.0))
        smallest[:, index, index] = np.fmin(smallest[:, index, index], relative * sizes.supremum**2)
    return smallest


def _relative(errors: ArgumentErrors) -> Float[Array, "pairs times times2"]:
    """(da/a + db/b) / 2."""
    left, right = (_per(delta, 2 * least) for delta, least in errors.least_sides)
    return left + right


def _per(error: Array, size: Array) -> Array:
    """Their quotient; 0 where there is no error, infinite where `size` is 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient: Array = np.where(error > 0, error / size, 0.0)
    return quotient


def _root_change(variance: Array, error: Array) -> Array:
    """The most that sqrt(a) moves when a >= 0 moves by `error`: about error / (2 sqrt a), and never beyond its root."""
    root = np.sqrt(variance)
    down = _per(np.minimum(error, variance), root + np.sqrt(np.maximum(variance - error, 0.0)))
    up = _per(error, root + np.sqrt(variance + error))
    result: Array = np.maximum(down, up)
    return result


def _nearest_to_one(
    errors: ArgumentErrors, rho: Float[Array, "pairs times times2"], *, same: bool
) -> tuple[Float[Array, "pairs times times2"], Float[Array, "pairs times times2"]]:
    """The error of rho, and the greatest |rho| within it."""
    (_, left), (_, right) = errors.least_sides
    error = np.minimum(_per(errors.covariance, np.sqrt(left) * np.sqrt(right)) + _relative(errors), 2.0)
    if same:
        index = np.arange(rho.shape[-1])
        error[:, index, index] = 0.0
    return error, np.minimum(np.abs(rho) + error, 1.0)


def _change_without_jumps(sizes: Sizes, errors: ArgumentErrors) -> Float[Array, "pairs _times _times2"]:
    """Bound of the change of G for an f without jumps; infinite otherwise."""
    sigma, slope = np.sqrt(sizes.second_moment)[:, None, None], sizes.slope[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        total: Array = np.where(errors.covariance > 0, slope * errors.covariance, 0.0)
        for delta, variance in errors.sides:
            coupled = sizes.lipschitz * (sigma + sizes.lipschitz * np.sqrt(errors.greatest_variance))
            coupled = coupled * _root_change(variance, delta)
            moved = np.fmin(0.5 * sizes.curvature * sigma * delta, coupled)
            total = total + np.where(delta > 0, moved, 0.0)
    result: Array = np.where(np.isnan(total), math.inf, total)
    return result


def _change_across_jumps(
    sizes: Sizes,
    errors: ArgumentErrors,
    rho_error: Float[Array, "pairs times times2"],
    nearest: Float[Array, "pairs times times2"],
) -> Float[Array, "pairs times times2"]:
    """The bound for an f with jumps and slopes between them; NaN or infinite where nothing is known of those."""
    sigma, root = np.sqrt(sizes.second_moment)[:, None, None], np.sqrt(errors.greatest_variance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # An interval of |rho| of that length, with its upper end at `nearest`, moves asin most; near 1 like a root.
        steep = rho_error / np.sqrt((1 - nearest) * (1 + nearest))
        on_asin = np.fmin(steep, 2 * np.arcsin(np.sqrt(np.minimum(rho_error, 2.0) / 2)))
        slopes = (root * sizes.between) ** 2 + 2 * root * sizes.between * sizes.jumps / math.sqrt(2 * math.pi)
        total: Array = slopes * rho_error + sizes.jumps**2 / (2 * math.pi) * on_asin
        for delta, least in errors.least_sides:
            crossing = sizes.jumps * sizes.supremum * _GREATEST_Z_DENSITY / np.sqrt(least)
            moved = (sizes.between * sigma + crossing) * _per(delta, 2 * np.sqrt(least))
            total = total + np.where(delta > 0, moved, 0.0)
    return total


def _change_by_series(
    sizes: Sizes,
    errors: ArgumentErrors,
    rho_error: Float[Array, "pairs times times2"],
    nearest: Float[Array, "pairs times times2"],
    terms: int,
) -> Float[Array, "pairs times times2"]:
    """The bound by Hermite series, and 2 sigma sigma' where it says nothing."""
    relative = _relative(errors)
    steepness = np.minimum(_greatest_power(nearest), float(terms))
    with np.errstate(invalid="ignore", over="ignore"):
        share = steepness * rho_error + (2.0 * steepness + 2.0) * relative
    bound: Array = sizes.second_moment[:, None, None] * np.fmin(np.nan_to_num(share, nan=2.0, posinf=2.0), 2.0)
    return bound


def _greatest_power(rho: Array) -> Array:
    """max_k k rho^(k-1) for rho in [0, 1]: at a real k = -1 / log(rho) it is 1 / (e rho |log rho|)."""
    inside = np.clip(rho, math.exp(-1.0), 1.0 - UNIT_ROUNDOFF)
    result: Array = np.where(rho >= 1.0, math.inf, 1.0 / (math.e * inside * -np.log(inside)))
    return np.maximum(result, 1.0)
