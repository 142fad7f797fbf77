"""Error bounds of both kernels of a batch of pairs, from what is known to be wrong along the way.

The chain is: C errs by its residual, by the dual activation and by the variances it was given; so expectations are
taken at wrong arguments; so D errs; and the kernels are made of all three. Every step is amplified by Gronwall's factor
(growth.py). The same chain serves the Neural ODE and the L-layer network, whose sums over layers are dominated by the
integrals: all bounds increase with time.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.limits.collocation import greatest
from theory_check.neural_ode.limits.covariance import Sides
from theory_check.neural_ode.limits.dual_activation import DualActivation
from theory_check.neural_ode.limits.error_growth import NEAR_ZERO, ROOM
from theory_check.neural_ode.limits.growth import resolvent
from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF
from theory_check.neural_ode.limits.polynomial_moments import PolynomialSizes, bounds_in_time
from theory_check.neural_ode.limits.sensitivity import ArgumentErrors, Sizes, change

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """What all pairs share.

    Attributes:
        activation: phi.
        duals: of phi and phi', at the resolution pairs need.
        growth_squared: (sigma_w T)^2.
        output_variance: sigma_v^2.
        start_error: relative rounding of C(0, 0) by inner products and by grouping norms.
        tangent: whether the tolerance is wanted of the tangent kernel, too; it takes phi', which is harder.
    """

    activation: Activation
    duals: DualActivation
    growth_squared: float
    output_variance: float
    start_error: float
    tangent: bool = True


@dataclass(frozen=True)
class Seen:
    """A batch as it was computed.

    Attributes:
        covariance: C at the times where bounds are taken.
        adjoint: D where it multiplies expectations, (pairs, times, times).
        adjoint_start: D(0, 0).
        feature_values: E[phi phi].
        features: phi under both inputs.
        slopes: phi' under both inputs.
        start: C(0, 0).
        times: ascending, to 1.
        weights: of the times in an integral over [0, 1]; positive.
        own_errors: of the variances of the first and of the second inputs at the times, (pairs, times).
        covariance_residual: bound of how far C is from satisfying its equation.
        rising_residual: the same relative to sqrt(s t), for variances that start near zero.
        adjoint_residual: bound of how far D is from satisfying its own.
        greatest_variance: of all inputs at all times, with room for its error.
        exact: bounds at the nodes are to hold at all times (see `_envelope`).
    """

    covariance: Float[Array, "pairs nodes nodes"]
    adjoint: Float[Array, "pairs nodes nodes"]
    adjoint_start: Float[Array, " pairs"]
    feature_values: Float[Array, "pairs nodes nodes"]
    features: Sides
    slopes: Sides
    start: Float[Array, " pairs"]
    times: Float[Array, " nodes"]
    weights: Float[Array, " nodes"]
    own_errors: tuple[Float[Array, "pairs nodes"], Float[Array, "pairs nodes"]]
    covariance_residual: Float[Array, " pairs"]
    rising_residual: Float[Array, " pairs"]
    adjoint_residual: Float[Array, " pairs"]
    greatest_variance: float
    exact: bool

    def total(self, values: Float[Array, "pairs nodes nodes"]) -> Float[Array, " pairs"]:
        """The integral over the square."""
        result: Array = self.weights @ values @ self.weights
        return result


@dataclass(frozen=True)
class Bounds:
    """Bounds of C(T, T) and of both kernels but for the integral over time, and about what of them the duals cause."""

    state: Float[Array, " pairs"]
    nngp: Float[Array, " pairs"]
    tangent: Float[Array, " pairs"]
    evaluation: Float[Array, " pairs"]


def kernel_bounds(problem: Problem, seen: Seen) -> Bounds:
    """Follow the errors from C to the kernels."""
    growth, scale, same = problem.growth_squared, problem.output_variance, seen.features.same
    features, slopes, total = seen.features, seen.slopes, seen.total
    feature_error = _envelope(features.error(seen.covariance), exact=seen.exact)
    slope_error = _envelope(slopes.error(seen.covariance), exact=seen.exact)
    value_sizes, slope_sizes = _sizes(problem, features, slopes, seen.greatest_variance)
    amplification = resolvent(growth, seen.times, *_slopes_in_time(problem, slopes, seen.greatest_variance))
    rounding = (2 * len(seen.weights) + 8) * UNIT_ROUNDOFF
    left, right = seen.own_errors
    start_error = problem.start_error * np.sqrt(features.left.variances[:, 0] * features.right.variances[:, 0])
    rho = features.rho(seen.covariance)

    # 1. The covariance: residual, dual activation, variances of both inputs, rounding; times the growth of errors.
    if same:
        # An error that rises like sqrt(s t) is at most the root of its product at both times.
        state_error, covariance_error = left[:, -1], np.sqrt(left[:, :, None] * right[:, None, :])
    else:
        given = _errors(np.zeros((len(left), 1, 1)), left, right, features)
        by_variances = change(value_sizes, given, rho, features.dual.terms, same=False)
        state_error = amplification * (
            seen.covariance_residual
            + growth * (total(feature_error) + (by_variances.max(axis=(1, 2)) if seen.exact else total(by_variances)))
            + rounding * np.abs(seen.covariance).max(axis=(1, 2))
            + start_error
        )
        covariance_error = state_error[:, None, None]
        if not seen.exact and _starts_near_zero(features):
            # The integral of f over [0, s] x [0, t] is at most sqrt(s t) times the root of that of f^2.
            rise = np.sqrt(np.outer(seen.times, seen.times))
            moved = np.abs(seen.covariance - seen.start[:, None, None]) / np.maximum(rise, np.finfo(np.float64).tiny)
            rising = (
                seen.rising_residual
                + growth * (np.sqrt(total(feature_error**2)) + np.sqrt(total(by_variances**2)))
                + rounding * moved.max(axis=(1, 2))
            )
            covariance_error = np.minimum(
                covariance_error,
                (amplification * start_error)[:, None, None] + (amplification * rising)[:, None, None] * rise,
            )
            state_error = covariance_error[:, -1, -1]
    errors = _errors(covariance_error, left, right, features)

    # 2. Both expectations at the true arguments.
    feature_change = feature_error + change(value_sizes, errors, rho, features.dual.terms, same=same)
    slope_change = slope_error + change(slope_sizes, errors, rho, slopes.dual.terms, same=same)

    # 3. The adjoint covariance.
    size = _envelope(seen.adjoint, exact=seen.exact)
    adjoint_error = amplification * (
        seen.adjoint_residual
        + scale * slope_change[:, -1, -1]
        + growth * total(slope_change * size)
        + rounding * size.max(axis=(1, 2))
    )

    # 4. The kernels: Sigma, the integral of D E[phi phi], and C(0,0) D(0,0).
    reach = _envelope(seen.feature_values, exact=seen.exact) + feature_change
    values = np.abs(scale * seen.feature_values[:, -1, -1])
    nngp = scale * feature_change[:, -1, -1] + 4 * UNIT_ROUNDOFF * values
    through_start = np.abs(seen.start * seen.adjoint_start)
    tangent = (
        nngp
        + growth * (total(feature_change * size) + adjoint_error * total(reach))
        + (np.abs(seen.start) + start_error) * adjoint_error
        + start_error * np.abs(seen.adjoint_start)
        + rounding * (values + growth * total(size * reach) + through_start)
    )
    by_duals = amplification * (scale + growth) * (total(feature_error) + total(slope_error))
    return Bounds(state_error, nngp, tangent, by_duals)


def _starts_near_zero(features: Sides) -> bool:
    """Whether any variance of the batch does: then the bound that rises with the times is worth its cost."""
    return any(
        bool((side.variances[:, 0] <= NEAR_ZERO * side.variances.max(axis=1)).any())
        for side in (features.left, features.right)
    )


def _envelope(values: Array, *, exact: bool) -> Float[Array, "pairs nodes nodes"]:
    """Absolute values at the nodes; where everything is to be proved, one bound for all times."""
    if not exact:
        return np.abs(values)
    constant: Array = np.broadcast_to(greatest(values)[:, None, None], values.shape)
    return constant


def _errors(covariance: Array, left: Array, right: Array, sides: Sides) -> ArgumentErrors:
    return ArgumentErrors(covariance, left, right, sides.left.variances, sides.right.variances)


def _slopes_in_time(
    problem: Problem, slopes: Sides, greatest_variance: float
) -> tuple[Float[Array, "_pairs nodes"], Float[Array, "_pairs nodes"]]:
    """Bounds of the root mean square of phi' along the trajectories of the first and of the second inputs.

    Their product bounds E[phi'(u) phi'(v)]. For polynomials it is proved, with room for errors of the variances; else
    second moments at the nodes have one per cent for what lies between.
    """
    found = []
    for side in (slopes.left, slopes.right):
        if problem.duals.degree is not None:
            room = ROOM * greatest_variance
            variances = bounds_in_time(problem.activation, side.variances, room, greatest_variance)
            found.append(PolynomialSizes.of(problem.activation, variances).slope)
        else:
            found.append(np.minimum(np.sqrt(1.01 * side.second_moment), problem.activation.lipschitz))
    return found[0], found[1]


def _sizes(problem: Problem, features: Sides, slopes: Sides, greatest_variance: float) -> tuple[Sizes, Sizes]:
    """Bounds for phi and for phi' along the trajectories: proved for polynomials, else second moments at the nodes."""
    activation = problem.activation
    value, slope = (
        np.maximum(sides.left.second_moment.max(axis=1), sides.right.second_moment.max(axis=1))
        for sides in (features, slopes)
    )
    if problem.duals.degree is not None:
        proved = PolynomialSizes.of(activation, np.full_like(value, greatest_variance))
        curvature, third = float(proved.curvature.max()), float(proved.third.max())
        return (
            Sizes(proved.value**2, proved.slope**2, math.inf, curvature, math.inf),
            Sizes(proved.slope**2, proved.curvature**2, math.inf, third, math.inf),
        )
    lipschitz, second = activation.lipschitz, activation.derivative_lipschitz
    jumps = math.fsum(abs(activation.slope_at(kink, 1) - activation.slope_at(kink, -1)) for kink in activation.kinks)
    return (
        # One per cent for what lies between nodes: second moments vary slowly with time.
        Sizes(1.01 * value, np.minimum(1.01 * slope, lipschitz**2), lipschitz, second, activation.supremum),
        Sizes(1.01 * slope, np.full_like(slope, second**2), second, math.inf, lipschitz, jumps, activation.curvature),
    )
