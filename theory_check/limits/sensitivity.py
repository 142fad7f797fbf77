"""How far a dual activation moves when covariance and variances are known only up to errors.

G(q, a, b) = E[f(u) f(v)], u and v with variances a, b and covariance q; f is phi or phi'. sigma = sqrt(E f^2),
L1 and L2 bound |f'| and |f''|, and rho = q / sqrt(ab).

In q: dG/dq = E[f'(u) f'(v)], at most E[f'^2] and L1^2.
In a: dG/da = E[f''(u) f(v)] / 2, at most L2 sigma / 2 (Cauchy-Schwarz).
      At fixed rho couple u = sqrt(a) X with sqrt(a') X: G moves by at most L1 |sqrt a - sqrt a'| sigma; at fixed q, rho
      moves by rho |sqrt a - sqrt a'| / sqrt(a') as well, which costs L1^2 sqrt(b) |sqrt a - sqrt a'|. Together
      L1 (sigma + L1 sqrt b) |sqrt a - sqrt a'|, and |sqrt a - sqrt a'| <= |a - a'| / (2 sqrt(min)) or sqrt|a - a'|.
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

from theory_check.limits.marginals import UNIT_ROUNDOFF

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
    """Bounds of the errors of covariance and variances, and the range of the variances over all times; (pairs,)."""

    covariance: Float[Array, " pairs"]
    left_variance: Float[Array, " pairs"]
    right_variance: Float[Array, " pairs"]
    least_left: Float[Array, " pairs"]
    least_right: Float[Array, " pairs"]
    greatest_variance: Float[Array, " pairs"]

    @property
    def sides(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Error and least value of either variance."""
        return (self.left_variance, self.least_left), (self.right_variance, self.least_right)


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
    uniform = np.broadcast_to(_uniform_change(sizes, errors)[:, None, None], rho.shape)
    if np.isfinite(uniform).all():
        return uniform
    rho_error, nearest = _nearest_to_one(errors, rho, same=same)
    by_series = _change_by_series(sizes, errors, rho_error, nearest, terms)
    smallest: Array = np.fmin(np.fmin(uniform, by_series), _change_across_jumps(sizes, errors, rho_error, nearest))
    if same:
        # E[f^2] at variance a: its derivative is E[f^2 (Z^2 - 1)] / 2a, and E|Z^2 - 1| < 1.
        index = np.arange(rho.shape[-1])
        smallest[:, index, index] = np.fmin(smallest[:, index, index], (_relative(errors) * sizes.supremum**2)[:, None])
    return smallest


def _relative(errors: ArgumentErrors) -> Float[Array, " pairs"]:
    """(da/a + db/b) / 2."""
    left, right = (_per(delta, 2 * least) for delta, least in errors.sides)
    return left + right


def _per(error: Float[Array, " pairs"], least: Float[Array, " pairs"]) -> Float[Array, " pairs"]:
    """Their quotient; 0 where there is no error, infinite where `least` is 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient: Array = np.where(error > 0, error / least, 0.0)
    return quotient


def _nearest_to_one(
    errors: ArgumentErrors, rho: Float[Array, "pairs times times2"], *, same: bool
) -> tuple[Float[Array, "pairs times times2"], Float[Array, "pairs times times2"]]:
    """The error of rho, and the greatest |rho| within it."""
    from_covariance = _per(errors.covariance, np.sqrt(errors.least_left * errors.least_right))
    error = np.broadcast_to((from_covariance + _relative(errors))[:, None, None], rho.shape).copy()
    if same:
        index = np.arange(rho.shape[-1])
        error[:, index, index] = 0.0
    return error, np.minimum(np.abs(rho) + error, 1.0)


def _uniform_change(sizes: Sizes, errors: ArgumentErrors) -> Float[Array, " pairs"]:
    """Bound of the change of G at all times for an f without jumps; infinite otherwise."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        total = sizes.slope * errors.covariance
        sigma = np.sqrt(sizes.second_moment)
        for delta, least in errors.sides:
            root = np.minimum(_per(delta, 2 * np.sqrt(least)), np.sqrt(delta))
            coupled = sizes.lipschitz * (sigma + sizes.lipschitz * np.sqrt(errors.greatest_variance)) * root
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
    sigma, root = np.sqrt(sizes.second_moment), np.sqrt(errors.greatest_variance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # An interval of |rho| of that length, with its upper end at `nearest`, moves asin most; near 1 like a root.
        steep = rho_error / np.sqrt((1 - nearest) * (1 + nearest))
        on_asin = np.fmin(steep, 2 * np.arcsin(np.sqrt(np.minimum(rho_error, 2.0) / 2)))
        slopes = (root * sizes.between) ** 2 + 2 * root * sizes.between * sizes.jumps / math.sqrt(2 * math.pi)
        by_variance = np.zeros_like(errors.covariance)
        for delta, least in errors.sides:
            crossing = sizes.jumps * sizes.supremum * _GREATEST_Z_DENSITY / np.sqrt(least)
            moved = (sizes.between * sigma + crossing) * _per(delta, 2 * np.sqrt(least))
            by_variance = by_variance + np.where(delta > 0, moved, 0.0)
        total: Array = (
            slopes[:, None, None] * rho_error + sizes.jumps**2 / (2 * math.pi) * on_asin + by_variance[:, None, None]
        )
    return total


def _change_by_series(
    sizes: Sizes,
    errors: ArgumentErrors,
    rho_error: Float[Array, "pairs times times2"],
    nearest: Float[Array, "pairs times times2"],
    terms: int,
) -> Float[Array, "pairs times times2"]:
    """The bound by Hermite series, and 2 sigma sigma' where it says nothing."""
    relative = _relative(errors)[:, None, None]
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
