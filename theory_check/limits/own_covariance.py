"""The covariance of each input with itself at two times: variances and covariances are unknown together.

Inputs are grouped by their norm, since nothing else matters here: on a sphere there is one group.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.activations.activation import Activation
from theory_check.limits.collocation import Grid, greatest, grid, interpolation, resampled
from theory_check.limits.covariance import Sides, own_covariance_step, own_sides, picard
from theory_check.limits.dual_activation import DualActivation, InfiniteKernel
from theory_check.limits.growth import majorant
from theory_check.limits.marginals import UNIT_ROUNDOFF, Dual
from theory_check.limits.polynomial_moments import PolynomialSizes

Array = NDArray[np.float64]

_NODES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
# Values on the grid of one solve, over all covariances; kinks make bounds fall slowly, and then all of this is used.
_MOST_VALUES = 2**19
# A bound that falls by less from one rung to the next has met rounding, or a resolution that cannot be had. One of
# first order falls to 3/4.
STALLED = 0.9
# Step of the difference quotient in a variance; its relative error is of this size.
_VARIANCE_STEP = 1e-4


def node_ladder(count: int) -> tuple[int, ...]:
    """Numbers of nodes to try for that many covariances: the finest grids are for few."""
    return tuple(n for n in _NODES if n <= 64 or count * n * n <= _MOST_VALUES)


@dataclass(frozen=True)
class OwnCovariance:
    """C(s, t; x, x) for groups of inputs of one norm.

    Attributes:
        values: at the nodes of `grid`, (groups, nodes, nodes).
        grid: where.
        error: bound at all times, (groups,).
        dual: of phi, at the resolution that was needed.
        sweeps: Picard sweeps of the last solve.
    """

    values: Float[Array, "groups nodes nodes"]
    grid: Grid
    error: Float[Array, " groups"]
    dual: Dual
    sweeps: int

    @property
    def variance_bound(self) -> float:
        """Bound of every variance at all times, with room for errors of one per cent."""
        return 1.01 * float(greatest(self.values).max())

    @property
    def error_fits(self) -> bool:
        """Whether the errors stay within that room, as bounds that hold only there take for granted."""
        return float(self.error.max()) <= 0.01 * float(greatest(self.values).min())

    def variances(self, nodes: int) -> Float[Array, "groups times"]:
        """C(t, t) at the nodes of another grid, never negative."""
        matrix = interpolation(self.grid.nodes, nodes)
        diagonal = np.einsum("ti,gij,tj->gt", matrix, self.values, matrix, optimize=True)
        clipped: Array = np.maximum(diagonal, 0.0)
        return clipped


def own_covariances(
    activation: Activation,
    duals: DualActivation,
    start: Float[Array, " groups"],
    growth_squared: float,
    tolerance: float,
    start_error: Float[Array, " groups"],
) -> OwnCovariance:
    """Solve with more nodes, and a finer dual, until every error bound is below the tolerance or no longer falls.

    Args:
        activation: phi.
        duals: of phi and phi', coarsest resolution.
        start: C(0, 0) = sigma_u^2 |x|^2 / d of every group.
        growth_squared: (sigma_w T)^2.
        tolerance: wanted for C, absolute.
        start_error: bound of the error of `start`.

    Raises:
        InfiniteKernel: the covariance blows up before the horizon.
    """
    best: OwnCovariance | None = None
    dual, guess = duals.value, np.broadcast_to(start[:, None, None], (len(start), 8, 8))
    for nodes in node_ladder(len(start)):
        points = grid(nodes)
        guess = resampled(guess, nodes)
        while True:
            settled = max(1e-2 * tolerance, 4 * UNIT_ROUNDOFF * float(np.abs(guess).max()))
            step = own_covariance_step(points, growth_squared, start, dual)
            guess, sweeps = picard(step, guess, settled=settled)
            error, by_dual = _error(activation, duals, dual, guess, points, start, growth_squared, start_error)
            # Where the dual is to blame a finer one is tried first: more nodes would not help.
            blamed = float(error.max()) > tolerance and 0.1 * tolerance < float(by_dual.max()) < math.inf
            finer = dual.refined() if blamed else None
            if finer is None:
                break
            dual = finer
        found = OwnCovariance(guess, points, error, dual, sweeps)
        worst, previous = float(error.max()), math.inf if best is None else float(best.error.max())
        if worst < previous:
            best = found
        if worst <= tolerance or (nodes > 16 and worst > STALLED * previous):
            break
    if best is None:
        reason = "errors may grow without limit at this sigma_w T"
        if (start == 0).any():
            reason = "an input is zero, at which errors may grow without limit for this phi; leave that row out"
        raise InfiniteKernel(f"no bound on the covariance can be given: {reason}")
    return best


def _error(
    activation: Activation,
    duals: DualActivation,
    dual: Dual,
    covariance: Array,
    points: Grid,
    start: Array,
    growth_squared: float,
    start_error: Array,
) -> tuple[Float[Array, " groups"], Float[Array, " groups"]]:
    """Residual on a finer grid, error of the dual, rounding; each times the growth of errors. And the dual's part.

    For a polynomial of low degree the residual is a polynomial that the finer grid determines, so its bound is proved.
    Otherwise it is measured there and doubled: if a refinement at least halves the error of the integral, the change
    from one grid to the next is at least half the error of the coarser.
    """
    factor, exact = refinement(duals)
    fine = grid(factor * points.nodes)
    sampled = resampled(covariance, fine.nodes)
    sides = own_sides(dual, sampled)
    values = sides.expectation(sampled)
    residual = sampled - start[:, None, None] - growth_squared * fine.double_integral(values)
    size = greatest(residual) if exact else 2.0 * np.abs(residual).max(axis=(1, 2))
    # The mean is what the integral sees; for a polynomial bounds at the nodes are not those of all times.
    errors = sides.error(sampled)
    evaluation = growth_squared * (greatest(errors) if exact else fine.total(errors))
    rounding = (2 * fine.nodes + 8) * UNIT_ROUNDOFF * np.abs(sampled).max(axis=(1, 2))
    growth = np.array(
        [
            error_growth(
                activation,
                duals,
                own_sides(dual, one, checked=False),
                one,
                points.times,
                growth_squared,
                1.01 * float(greatest(one)[0]),
            )
            for one in (covariance[g : g + 1] for g in range(len(covariance)))
        ]
    )
    return (size + evaluation + rounding + start_error) * growth, evaluation * growth


def refinement(duals: DualActivation) -> tuple[int, bool]:
    """By how much the grid on which residuals are taken is finer, and whether it determines them."""
    if duals.degree is not None and duals.degree <= 4:
        # With n nodes E[phi(u) phi(v)] has degree deg (n - 1) in each time, and D as well; products with D add n - 1.
        return duals.degree + 1 if duals.degree > 0 else 2, True
    return 2, False


def error_growth(
    activation: Activation,
    duals: DualActivation,
    sides: Sides,
    covariance: Float[Array, "one nodes nodes"],
    times: Float[Array, " nodes"],
    growth_squared: float,
    greatest_variance: float,
    *,
    euler: bool = False,
) -> float:
    """From residual to error for one group of inputs.

    Args:
        activation: phi.
        duals: of phi and phi'.
        sides: phi under the covariance.
        covariance: at the times.
        times: ascending, from 0 to 1.
        growth_squared: (sigma_w T)^2.
        greatest_variance: at all times, with room for the error.
        euler: the covariance is that of a network with layers at these times.

    Derivatives of the dual are taken at the solution (first order in the error); for polynomials they are bounded for
    all variances up to the greatest.
    """
    if duals.degree is not None:
        sizes = PolynomialSizes.of(activation, greatest_variance)
        ones = np.ones((len(times), len(times)))
        return majorant(
            times, growth_squared, sizes.slope**2 * ones, 0.5 * sizes.curvature * sizes.value * ones, euler=euler
        )
    slope_sides = own_sides(duals.slope, covariance, checked=False)
    by_covariance = np.abs(slope_sides.expectation(covariance))[0]
    variances = slope_sides.left.variances
    moved_marginals = sides.dual.marginals(variances * (1 + _VARIANCE_STEP), checked=False)
    moved = Sides(sides.dual, moved_marginals, sides.right, same=False)
    step = np.maximum(variances * _VARIANCE_STEP, np.finfo(np.float64).tiny)[0]
    by_variance = np.abs(moved.expectation(covariance) - sides.expectation(covariance))[0] / step[:, None]
    return majorant(times, growth_squared, by_covariance, by_variance, euler=euler)
