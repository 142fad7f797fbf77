"""How a dual activation moves with a variance, at and near variance 0 as well: no difference quotient is taken.

With G(q, a, b) = E[phi(u) phi(v)], u and v of variances a, b and covariance q, Gaussian integration by parts gives

    dG/da = E[phi''(u) phi(v)] / 2                                                           (q and b fixed).

In closed form that is, for erf, -(4/pi) q / ((1 + 2a) sqrt((1 + 2a)(1 + 2b) - 4 q^2)); for sin and cos, whose phi'' is
-phi, -G/2; for a polynomial its finite sum; for a piecewise linear phi, whose phi'' is made of masses J_i at kappa_i,

    dG/da = sum_i J_i p(kappa_i / sqrt a) / (2 sqrt a) E[phi(v) | u = kappa_i]               (p the normal density).

Otherwise, with Hermite coefficients c_k of phi and d_k of phi', and once more by parts,

    dG/da = (1/2) sum_k rho^k e_k(a) c_k(b),     e_k(a) = E[phi''(sqrt(a) Z) h_k(Z)] = sqrt(k+1) d_(k+1)(a) / sqrt(a),

the same as 2a dc_k/da = k c_k + sqrt((k+1)(k+2)) c_(k+2) at fixed rho. At a = 0: e_0 = phi''(0), or the mean of its
two sides where it jumps, so that dG/da = E[phi(v)] phi''(0) / 2 at covariance 0. With a kink at 0 it grows like
a^(-1/2), unless E phi(v) = 0.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.limits.closed_forms import ClosedDual, PolynomialDual, derivative_of
from theory_check.neural_ode.limits.covariance import Sides, own_sides
from theory_check.neural_ode.limits.dual_activation import DualActivation
from theory_check.neural_ode.limits.marginals import Marginals
from theory_check.neural_ode.limits.piecewise_linear import PiecewiseLinearDual

Array = NDArray[np.float64]

# Coefficients carry errors of a few roundings, and d_(k+1) / sqrt(a) this many times more at most. From here to
# variance 0 e_k moves by the curvature of phi'' times this.
_LEAST_VARIANCE = 1e-8


def variance_derivative(
    duals: DualActivation, covariance: Float[Array, "groups times times"], slopes: Sides
) -> Float[Array, "groups times times"]:
    """dG/da of groups of inputs with themselves, a being the variance at the first time; 0 where a is exactly 0.

    Args:
        duals: of phi and phi'.
        covariance: of each group; its diagonals are the variances.
        slopes: phi' under them.
    """
    features = own_sides(duals.value, covariance, checked=False)
    marginals, rho = features.left, features.rho(covariance)
    match duals.value:
        case ClosedDual() as closed:
            derivative = closed.by_variance(marginals.variances[:, :, None], marginals.variances[:, None, :], rho)
        case PolynomialDual() as polynomial:
            curvature = derivative_of(derivative_of(polynomial)).marginals(marginals.variances)
            derivative = 0.5 * _series(curvature.coefficients, marginals.coefficients, rho)
        case PiecewiseLinearDual() as piecewise_linear:
            derivative = piecewise_linear.by_variance(marginals, marginals, rho)
        case _:
            curvatures = _curvature_coefficients(duals, marginals.variances, slopes.left)
            derivative = 0.5 * _series(curvatures, marginals.coefficients, rho)
    values: Array = np.where(marginals.variances[:, :, None] > 0, derivative, 0.0)
    return values


def _curvature_coefficients(
    duals: DualActivation, variances: Float[Array, "groups times"], slopes: Marginals
) -> Float[Array, "groups times degrees"]:
    """e_k at every variance."""
    taken = np.maximum(variances, _LEAST_VARIANCE)
    if (taken > variances).any():
        slopes = duals.slope.marginals(taken, checked=False)
    coefficients = slopes.coefficients[..., 1:]
    # d_(k+1) has a limit at variance 0 where phi' jumps at it, and falls like sqrt(a) where it does not.
    root = np.sqrt(np.maximum(variances, np.finfo(np.float64).tiny) if duals.kink_near_zero else taken)
    found: Array = np.sqrt(np.arange(1, coefficients.shape[-1] + 1)) * coefficients / root[..., None]
    return found


def _series(left: Array, right: Array, rho: Array) -> Float[Array, "groups times times"]:
    """sum_k rho^k left_k right_k over the degrees that both have, by Horner's rule."""
    total = np.zeros_like(rho)
    for k in range(min(left.shape[-1], right.shape[-1]) - 1, -1, -1):
        total *= rho
        total += left[:, :, None, k] * right[:, None, :, k]
    return total
