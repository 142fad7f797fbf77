"""Dual activations in closed form: arc-sine (erf), exponentials (sin, cos), finite Hermite sums (polynomials).

u, v are centred Gaussians with variances a, b and covariance q.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF, Marginals

Array = NDArray[np.float64]

# Elementary operations in the longest formula below, each rounded once (library functions to a few units).
_OPERATIONS = 32


@dataclass(frozen=True)
class ClosedDual:
    """A formula in (a, b, rho).

    Attributes:
        formula: E[phi(u) phi(v)] from variances a, b and correlation rho.
        by_variance: its derivative in a at fixed covariance and b, E[phi''(u) phi(v)] / 2, from the same arguments.
        conditioning: how many times its own size the formula moves at most for a relative change of its arguments,
            from variances (a, b); multiplies the rounding.
        mean_square: E[phi^2] as a function of the variance, computed without the loss of digits at rho = 1.
    """

    formula: Callable[[Array, Array, Array], Array]
    by_variance: Callable[[Array, Array, Array], Array]
    conditioning: Callable[[Array, Array], Array]
    mean_square: Callable[[Array], Array]
    estimated: bool = False
    terms: int = 2**31
    nodes: int = 0

    def refined(self) -> None:
        """A closed form cannot be refined."""

    def marginals(self, variances: Float[Array, "groups times"], *, checked: bool = True) -> Marginals:  # noqa: ARG002
        """Second moments; no coefficients."""
        nothing = np.zeros((*variances.shape, 0))
        return Marginals(variances, self.mean_square(variances), nothing, nothing, np.zeros_like(variances))

    def values(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """The formula."""
        return self.formula(left.variances[:, :, None], right.variances[:, None, :], rho)

    def error(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """Rounding, to first order."""
        size = np.sqrt(left.second_moment[:, :, None] * right.second_moment[:, None, :])
        factor = self.conditioning(left.variances[:, :, None], right.variances[:, None, :])
        bound: Array = np.broadcast_to(_OPERATIONS * UNIT_ROUNDOFF * size * factor, rho.shape).copy()
        return bound


@dataclass(frozen=True)
class PolynomialDual:
    """A polynomial: its Hermite series ends at its degree, so nothing is cut."""

    powers: tuple[float, ...]
    estimated: bool = False
    nodes: int = 0

    @property
    def terms(self) -> int:
        """The degree."""
        return max(len(self.powers) - 1, 0)

    def refined(self) -> None:
        """Exact already."""

    def marginals(self, variances: Float[Array, "groups times"], *, checked: bool = True) -> Marginals:  # noqa: ARG002
        """Exact coefficients: x^j = sum_i j! / (2^i i! (j - 2i)!) He_(j-2i)(x)."""
        degree = self.terms
        table = np.zeros((degree + 1, degree + 1))
        for j, power in enumerate(self.powers):
            for i in range(j // 2 + 1):
                k = j - 2 * i
                exact = Fraction(math.factorial(j), 2**i * math.factorial(i) * math.factorial(k))
                table[j, k] = power * float(exact) * math.sqrt(math.factorial(k))
        roots = np.sqrt(variances)[..., None] ** np.arange(degree + 1)
        coefficients = roots @ table
        # Rounding of a coefficient: degree + 8 operations on terms of these sizes.
        error = (degree + 8) * UNIT_ROUNDOFF * np.linalg.norm(roots @ np.abs(table), axis=-1)
        moment = np.sum(coefficients**2, axis=-1)
        return Marginals(variances, moment, coefficients, np.zeros_like(coefficients), error)

    def values(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """The finite sum."""
        total = np.zeros_like(rho)
        for k in range(self.terms, -1, -1):
            total *= rho
            total += left.coefficients[:, :, None, k] * right.coefficients[:, None, :, k]
        return total

    def error(self, left: Marginals, right: Marginals, rho: Float[Array, "pairs times times2"]) -> Array:
        """Rounding, to first order."""
        size_left, size_right = np.sqrt(left.second_moment), np.sqrt(right.second_moment)
        own = left.error[:, :, None] * size_right[:, None, :] + size_left[:, :, None] * right.error[:, None, :]
        horner = (2 * self.terms + 4) * UNIT_ROUNDOFF * size_left[:, :, None] * size_right[:, None, :]
        bound: Array = np.broadcast_to(own + horner, rho.shape).copy()
        return bound


def derivative_of(polynomial: PolynomialDual) -> PolynomialDual:
    """The dual of the polynomial's derivative."""
    return PolynomialDual(tuple(j * power for j, power in enumerate(polynomial.powers))[1:] or (0.0,))


def _erf(a: Array, b: Array, rho: Array) -> Array:
    q = rho * np.sqrt(a * b)
    result: Array = (2 / math.pi) * np.arcsin(2 * q / np.sqrt((1 + 2 * a) * (1 + 2 * b)))
    return result


def _erf_slope(a: Array, b: Array, rho: Array) -> Array:
    # (1 + 2a)(1 + 2b) - 4 q^2, with the leading terms cancelled by hand.
    result: Array = (4 / math.pi) / np.sqrt(1 + 2 * a + 2 * b + 4 * a * b * (1 - rho) * (1 + rho))
    return result


def _erf_by_variance(a: Array, b: Array, rho: Array) -> Array:
    q, root = rho * np.sqrt(a) * np.sqrt(b), np.sqrt(1 + 2 * a + 2 * b + 4 * a * b * (1 - rho) * (1 + rho))
    result: Array = -(4 / math.pi) * q / ((1 + 2 * a) * root)
    return result


def _erf_slope_by_variance(a: Array, b: Array, rho: Array) -> Array:
    # d/da of (4/pi) w^(-1/2), w = (1 + 2a)(1 + 2b) - 4 q^2.
    w = 1 + 2 * a + 2 * b + 4 * a * b * (1 - rho) * (1 + rho)
    result: Array = -(4 / math.pi) * (1 + 2 * b) / (w * np.sqrt(w))
    return result


def _even_exponential(a: Array, b: Array, rho: Array) -> Array:
    q, mean = rho * np.sqrt(a * b), 0.5 * (a + b)
    result: Array = 0.5 * (np.exp(q - mean) + np.exp(-q - mean))
    return result


def _odd_exponential(a: Array, b: Array, rho: Array) -> Array:
    q, mean = rho * np.sqrt(a * b), 0.5 * (a + b)
    result: Array = -0.5 * np.exp(q - mean) * np.expm1(-2 * q)
    # exp(q) expm1(-2 q) overflows on the left half-line only, where q is small enough in what follows.
    return np.where(q >= 0, result, 0.5 * np.exp(-q - mean) * np.expm1(2 * q))


def _exponent(a: Array, b: Array) -> Array:
    result: Array = 1.0 + a + b
    return result


def _half_negative(formula: Callable[[Array, Array, Array], Array]) -> Callable[[Array, Array, Array], Array]:
    """The form of a phi whose second derivative is -phi."""
    return lambda a, b, rho: -0.5 * formula(a, b, rho)


def _square(formula: Callable[[Array, Array, Array], Array]) -> Callable[[Array], Array]:
    return lambda a: formula(a, a, np.ones_like(a))


# Relative conditioning: arcsin has unbounded slope at 1, but its argument is at most 2a / (1 + 2a), so that
# d arcsin(s) <= ds / sqrt(1 - s^2) <= ds (1 + 2a); the same number bounds the exponentials' exponents.
ERF = ClosedDual(_erf, _erf_by_variance, _exponent, _square(_erf))
ERF_SLOPE = ClosedDual(_erf_slope, _erf_slope_by_variance, _exponent, _square(_erf_slope))
SIN = ClosedDual(_odd_exponential, _half_negative(_odd_exponential), _exponent, _square(_odd_exponential))
COS = ClosedDual(_even_exponential, _half_negative(_even_exponential), _exponent, _square(_even_exponential))
