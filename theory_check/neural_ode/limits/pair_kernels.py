"""NNGP and tangent kernel of a batch of pairs, from the equations in covariance.py, with the bound of each value.

    Sigma = sigma_v^2 E[phi(z_1) phi(z'_1)]
    Theta = Sigma + c^2 integral integral D(s,t) E[phi(z_s) phi(z'_t)] ds dt + C(0,0) D(0,0)

Values are taken on a grid finer than the one the equations were solved on; the difference between the two is what
the bounds are made of, as in own_covariance.py.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from theory_check.neural_ode.limits.collocation import Grid, greatest, grid, resampled
from theory_check.neural_ode.limits.covariance import Sides, adjoint_covariance, covariance_step, picard
from theory_check.neural_ode.limits.kernel_bounds import Problem, Seen, kernel_bounds
from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF, Marginals
from theory_check.neural_ode.limits.own_covariance import OwnCovariance, refinement

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """A batch.

    Attributes:
        left: group of the first inputs.
        right: group of the second.
        start: C(0, 0) = sigma_u^2 x.x'/d.
        same: every pair is one input twice: C is known.
    """

    left: Int[NDArray[np.intp], " pairs"]
    right: Int[NDArray[np.intp], " pairs"]
    start: Float[Array, " pairs"]
    same: bool

    def take(self, which: NDArray[np.intp] | slice) -> "Pairs":
        """Some of them."""
        return Pairs(self.left[which], self.right[which], self.start[which], self.same)


@dataclass(frozen=True)
class PairKernels:
    """C(T, T) and kernels of a batch of pairs with their bounds; `evaluation` is the part that is due to the duals."""

    state: Float[Array, " pairs"]
    state_error: Float[Array, " pairs"]
    nngp: Float[Array, " pairs"]
    nngp_error: Float[Array, " pairs"]
    tangent: Float[Array, " pairs"]
    tangent_error: Float[Array, " pairs"]
    evaluation: Float[Array, " pairs"]
    sweeps: int


@dataclass(frozen=True)
class Grids:
    """The grid of a solve and a finer one, with the marginals of all groups on both.

    Attributes:
        own: covariances of the groups with themselves.
        coarse: where the equations are solved.
        fine: where residuals are taken.
        exact: residuals are polynomials which the fine grid determines.
        coarse_marginals: of phi and of phi'.
        fine_marginals: of phi and of phi', with errors.
        own_errors: bounds of the variances on the fine grid, (groups, nodes).
    """

    own: OwnCovariance
    coarse: Grid
    fine: Grid
    exact: bool
    coarse_marginals: tuple[Marginals, Marginals]
    fine_marginals: tuple[Marginals, Marginals]
    own_errors: Float[Array, "groups nodes"]

    @property
    def doubles_per_pair(self) -> int:
        """Numbers a pair takes: some arrays on the fine grid, and its coefficients where groups differ."""
        coefficients = self.fine_marginals[0].coefficients
        own = 0 if len(coefficients) == 1 else 4 * coefficients[0].size
        return 12 * self.fine.nodes**2 + own


def grids(problem: Problem, own: OwnCovariance, nodes: int) -> Grids:
    """Grids and marginals for a solve with that many nodes."""
    factor, exact = refinement(problem.duals)
    coarse, fine = grid(nodes), grid(factor * nodes)
    duals = (problem.duals.value, problem.duals.slope)
    on_coarse, on_fine = own.variances(coarse.nodes), own.variances(fine.nodes)
    return Grids(
        own,
        coarse,
        fine,
        exact,
        (duals[0].marginals(on_coarse, checked=False), duals[1].marginals(on_coarse, checked=False)),
        (duals[0].marginals(on_fine), duals[1].marginals(on_fine)),
        own.variance_errors(fine.nodes),
    )


def pair_kernels(problem: Problem, pairs: Pairs, on: Grids, tolerance: float) -> PairKernels:
    """Solve for a batch of pairs.

    Args:
        problem: what all share.
        pairs: the batch.
        on: grids and marginals.
        tolerance: sweeps stop well below it.

    Raises:
        Unsolved: an equation has no bounded solution that the sweeps can find.
    """
    start, growth = pairs.start, problem.growth_squared
    features, slopes = _sides(problem, pairs, on.coarse_marginals)
    if pairs.same:
        mean_growth, sweeps = on.own.growth[pairs.left], 0
        covariance = on.coarse.covariance(start, resampled(mean_growth, on.coarse.nodes))
    else:
        guess = np.zeros((len(start), on.coarse.nodes, on.coarse.nodes))
        settled = np.maximum(1e-3 * tolerance, 4 * UNIT_ROUNDOFF * np.abs(start))
        mean_growth, sweeps = picard(covariance_step(on.coarse, growth, start, features), guess, settled=settled)
        covariance = on.coarse.covariance(start, mean_growth)
    slope_values = slopes.expectation(covariance)
    adjoint = adjoint_covariance(on.coarse, growth, problem.output_variance * slope_values[:, -1, -1], slope_values)
    through_time = growth * on.coarse.total(adjoint * features.expectation(covariance))
    finely = resampled(mean_growth, on.fine.nodes)
    adjoint = resampled(adjoint, on.fine.nodes)
    solved = _Solution(pairs, on.fine.covariance(start, finely), finely, adjoint, through_time, sweeps)
    return _judged(problem, solved, on)


@dataclass(frozen=True)
class _Solution:
    """Covariances and their mean growth on the fine grid, and the tangent kernel's integral by the coarse grid."""

    pairs: Pairs
    covariance: Float[Array, "pairs nodes nodes"]
    growth: Float[Array, "pairs nodes nodes"]
    adjoint: Float[Array, "pairs nodes nodes"]
    through_time: Float[Array, " pairs"]
    sweeps: int


def _sides(problem: Problem, pairs: Pairs, marginals: tuple[Marginals, Marginals]) -> tuple[Sides, Sides]:
    value, slope = problem.duals.value, problem.duals.slope
    return (
        Sides(value, marginals[0].take(pairs.left), marginals[0].take(pairs.right), same=pairs.same),
        Sides(slope, marginals[1].take(pairs.left), marginals[1].take(pairs.right), same=pairs.same),
    )


def _judged(problem: Problem, solved: _Solution, on: Grids) -> PairKernels:
    """Kernels on the fine grid, bounded by what is seen there."""
    pairs, fine, growth, scale = solved.pairs, on.fine, problem.growth_squared, problem.output_variance
    features, slopes = _sides(problem, pairs, on.fine_marginals)
    feature_values, slope_values = features.expectation(solved.covariance), slopes.expectation(solved.covariance)
    final = scale * slope_values[:, -1, -1]
    times = np.outer(fine.instants, fine.instants)
    defect = solved.growth - growth * fine.double_average(feature_values)
    residuals = (
        times * defect,
        solved.adjoint - final[:, None, None] - growth * fine.double_integral_to_end(slope_values * solved.adjoint),
    )
    through_time = growth * fine.total(solved.adjoint * feature_values)
    seen = Seen(
        covariance=solved.covariance,
        adjoint=solved.adjoint,
        adjoint_start=solved.adjoint[:, 0, 0],
        feature_values=feature_values,
        features=features,
        slopes=slopes,
        start=pairs.start,
        times=fine.instants,
        weights=fine.weights,
        own_errors=(on.own_errors[pairs.left], on.own_errors[pairs.right]),
        covariance_residual=np.zeros_like(final) if pairs.same else _extent(residuals[0], exact=on.exact),
        rising_residual=_extent(np.sqrt(times) * defect, exact=on.exact),
        adjoint_residual=_extent(residuals[1], exact=on.exact),
        greatest_variance=on.own.variance_bound,
        exact=on.exact,
    )
    bounds = kernel_bounds(problem, seen)
    nngp = scale * feature_values[:, -1, -1]
    return PairKernels(
        state=solved.covariance[:, -1, -1],
        state_error=bounds.state,
        nngp=nngp,
        nngp_error=bounds.nngp,
        tangent=nngp + through_time + pairs.start * seen.adjoint_start,
        tangent_error=bounds.tangent + np.abs(through_time - solved.through_time),
        evaluation=bounds.evaluation,
        sweeps=solved.sweeps,
    )


def _extent(residual: Array, *, exact: bool) -> Float[Array, " pairs"]:
    """Bound of a residual over all times; twice what is seen unless the grid determines it (own_covariance.py)."""
    bound: Array = greatest(residual) if exact else 2.0 * np.abs(residual).max(axis=(1, 2))
    return bound
