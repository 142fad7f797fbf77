"""From the residual of an input's own covariance to its error: Gronwall's factors at the solution.

Derivatives of the dual activation are taken where the covariance was computed (first order in the error); for
polynomials they are bounded for all variances that the errors allow, by Cauchy-Schwarz.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.limits.covariance import own_sides
from theory_check.neural_ode.limits.dual_activation import DualActivation
from theory_check.neural_ode.limits.growth import majorant
from theory_check.neural_ode.limits.polynomial_moments import PolynomialSizes, bounds_in_time
from theory_check.neural_ode.limits.variance_derivative import variance_derivative

Array = NDArray[np.float64]

# A variance that begins below this share of what it becomes counts as near zero; both kinds of bound hold on either
# side, and differ little there.
NEAR_ZERO = 1e-2
# Errors of a covariance, as a share of its greatest value, within which bounds for polynomials hold at all times.
ROOM = 0.01


@dataclass(frozen=True)
class ErrorGrowth:
    """Factors from residual to error.

    Attributes:
        uniform: for a residual that is at most a constant at all times.
        rising: for one that is at most a constant times sqrt(s t), the error too; in a network with layers for one that
            is nothing in layer 0. Infinite where it was not asked for.
    """

    uniform: float
    rising: float


def starts_near_zero(
    duals: DualActivation, start: Float[Array, " groups"], covariance: Float[Array, "groups times times"]
) -> Bool[NDArray[np.bool_], " groups"]:
    """Which groups have so small a variance at first that their errors are to be measured relative to sqrt(s t).

    For polynomials, whose derivatives are bounded at every variance, there is no need.
    """
    near: NDArray[np.bool_] = start <= NEAR_ZERO * np.abs(covariance).max(axis=(1, 2))
    return near & (duals.degree is None)


def product(error: float, factor: float) -> float:
    """Their product; no error stays none under an infinite factor."""
    return error * factor if error > 0 else 0.0


def error_growth(
    activation: Activation,
    duals: DualActivation,
    covariance: Float[Array, "one nodes nodes"],
    times: Float[Array, " nodes"],
    growth_squared: float,
    greatest_variance: float,
    *,
    near_zero: bool,
    euler: bool = False,
) -> ErrorGrowth:
    """Both factors for one group of inputs.

    Args:
        activation: phi.
        duals: of phi and phi'.
        covariance: at the times.
        times: ascending, to 1.
        growth_squared: (sigma_w T)^2.
        greatest_variance: at all times, with room for the error.
        near_zero: whether the second factor is wanted.
        euler: the covariance is that of a network with layers at these times.
    """
    if duals.degree is not None:
        computed, room = np.diagonal(covariance[0]), ROOM * greatest_variance
        variances = bounds_in_time(activation, computed, room, greatest_variance)
        sizes = PolynomialSizes.of(activation, variances)
        by_covariance, by_variance = np.outer(sizes.slope, sizes.slope), 0.5 * np.outer(sizes.curvature, sizes.value)
    else:
        slopes = own_sides(duals.slope, covariance, checked=False)
        by_covariance = np.abs(slopes.expectation(covariance))[0]
        by_variance = np.abs(variance_derivative(duals, covariance, slopes))[0]
    uniform = majorant(times, growth_squared, by_covariance, by_variance, euler=euler)
    if not near_zero:
        return ErrorGrowth(uniform, math.inf)
    rising = majorant(times, growth_squared, by_covariance, by_variance, euler=euler, rising=True)
    return ErrorGrowth(uniform, rising)
