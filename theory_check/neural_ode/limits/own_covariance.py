"""The covariance of each input with itself at two times: variances and covariances are unknown together.

Inputs are grouped by their norm, since nothing else matters here: on a sphere there is one group.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.limits.collocation import Grid, greatest, grid, interpolation, resampled
from theory_check.neural_ode.limits.covariance import Unsolved, own_covariance_step, own_sides, picard
from theory_check.neural_ode.limits.dual_activation import DualActivation
from theory_check.neural_ode.limits.error_growth import ROOM, error_growth, product, starts_near_zero
from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF, Dual

Array = NDArray[np.float64]

# Each a half or a third more than the one before, so that the last solve costs most of all.
_NODES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
# Values on the grid of one solve, over all covariances; kinks make bounds fall slowly, and then all of this is used.
_MOST_VALUES = 2**19
# A bound that falls by less from one rung to the next has met rounding, or a resolution that cannot be had. One of
# first order falls to 3/4.
STALLED = 0.9


def node_ladder(count: int) -> tuple[int, ...]:
    """Numbers of nodes to try for that many covariances: the finest grids are for few."""
    return tuple(n for n in _NODES if n <= 64 or count * n * n <= _MOST_VALUES)


@dataclass(frozen=True)
class OwnCovariance:
    """C(s, t; x, x) for groups of inputs of one norm.

    Attributes:
        start: C(0, 0), (groups,).
        growth: H at the nodes of `grid`, with C(s, t) = C(0, 0) + s t H(s, t); (groups, nodes, nodes).
        grid: where.
        uniform_error: part of the bound of C(s, t) that holds at all times, (groups,).
        rising_error: another part, times sqrt(s t); (groups,).
        missed: the greatest ratio of a bound to what was wanted; at most 1 where all are met.
        dual: of phi, at the resolution that was needed.
        sweeps: Picard sweeps of the last solve.
    """

    start: Float[Array, " groups"]
    growth: Float[Array, "groups nodes nodes"]
    grid: Grid
    uniform_error: Float[Array, " groups"]
    rising_error: Float[Array, " groups"]
    missed: float
    dual: Dual
    sweeps: int

    @property
    def values(self) -> Float[Array, "groups nodes nodes"]:
        """C at the nodes."""
        return self.grid.covariance(self.start, self.growth)

    @property
    def error(self) -> Float[Array, " groups"]:
        """Bound of the error of C at all times."""
        return self.uniform_error + self.rising_error

    @property
    def variance_bound(self) -> float:
        """Bound of every variance at all times, with room for errors."""
        return (1 + ROOM) * float(greatest(self.values).max())

    @property
    def error_fits(self) -> bool:
        """Whether the errors stay within that room, as bounds that hold only there take for granted."""
        return bool((self.error <= ROOM * greatest(self.values)).all())

    def variances(self, nodes: int) -> Float[Array, "groups times"]:
        """C(t, t) at the nodes of another grid, never negative."""
        matrix, instants = interpolation(self.grid.nodes, nodes), grid(nodes).instants
        diagonal = np.einsum("ti,gij,tj->gt", matrix, self.growth, matrix, optimize=True)
        clipped: Array = np.maximum(self.start[:, None] + instants**2 * diagonal, 0.0)
        return clipped

    def variance_errors(self, nodes: int) -> Float[Array, "groups times"]:
        """Bounds of the errors of C(t, t) at the nodes of another grid."""
        bounds: Array = self.uniform_error[:, None] + self.rising_error[:, None] * grid(nodes).instants
        return bounds


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
        tolerance: wanted for C where variances are 1 or more. Where they are smaller, what is wanted is the tolerance
            times the standard deviation, because phi moves with that; for a kinked phi, whose slopes move with the
            correlation, times the variance.
        start_error: bound of the error of `start`.

    Raises:
        Unsolved: no solution was found on any grid, or none with a bound.
    """
    best: OwnCovariance | None = None
    finest, guess = duals, np.zeros((len(start), 8, 8))
    for nodes in node_ladder(len(start)):
        points = grid(nodes)
        guess = resampled(guess, nodes)
        while True:
            wanted = tolerance * _scale(activation, points.covariance(start, guess))
            guess, sweeps = picard(
                own_covariance_step(points, growth_squared, start, finest.value), guess, settled=1e-2 * wanted
            )
            wanted = tolerance * _scale(activation, points.covariance(start, guess))
            uniform, rising, by_dual = _errors(activation, finest, guess, points, start, growth_squared, start_error)
            missed = _ratio(uniform + rising, wanted)
            # Where the dual is to blame a finer one is tried first: more nodes would not help.
            blamed = missed > 1 and 0.1 < _ratio(by_dual, wanted) < math.inf
            finer = finest.refined() if blamed else None
            if finer is None or finer.value is finest.value:
                break
            finest = finer
        previous = math.inf if best is None else best.missed
        if missed < previous:
            best = OwnCovariance(start, guess, points, uniform, rising, missed, finest.value, sweeps)
        if missed <= 1 or (nodes > 16 and missed > STALLED * previous):
            break
    if best is None:
        raise Unsolved("unbounded")
    return best


def _scale(activation: Activation, covariance: Float[Array, "groups nodes nodes"]) -> Float[Array, " groups"]:
    """What the tolerance is relative to; at most 1."""
    size = np.abs(covariance).max(axis=(1, 2))
    scale: Array = np.minimum(1.0, np.sqrt(size) if activation.is_smooth else size)
    return scale


def _ratio(error: Float[Array, " groups"], wanted: Float[Array, " groups"]) -> float:
    """The greatest quotient; no error is none whatever is wanted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.where(error > 0, error / wanted, 0.0)
    return float(quotient.max())


def _errors(
    activation: Activation,
    duals: DualActivation,
    growth: Array,
    points: Grid,
    start: Array,
    growth_squared: float,
    start_error: Array,
) -> tuple[Float[Array, " groups"], Float[Array, " groups"], Float[Array, " groups"]]:
    """The uniform and the rising part of the bound (`OwnCovariance`), and what of both is due to the dual.

    Residual on a finer grid, error of the dual, rounding; each times the growth of errors. For a polynomial of low
    degree the residual is a polynomial that the finer grid determines, so its bound is proved. Otherwise it is measured
    there and doubled: if a refinement at least halves the error of the integral, the change from one grid to the next
    is at least half the error of the coarser.

    From a variance near zero the state first moves like s, and all errors but that of the start vanish like
    sqrt(s t) or faster: they are measured relative to that, or what phi makes of a small variance would be lost.
    """
    factor, exact = refinement(duals)
    fine = grid(factor * points.nodes)
    sampled_growth = resampled(growth, fine.nodes)
    sampled = fine.covariance(start, sampled_growth)
    sides = own_sides(duals.value, sampled)
    defect = sampled_growth - growth_squared * fine.double_average(sides.expectation(sampled))
    errors = sides.error(sampled)
    mean_errors = fine.double_average(errors)
    roundings = (2 * fine.nodes + 8) * UNIT_ROUNDOFF
    times = np.outer(fine.instants, fine.instants)
    # The mean is what the integral sees; for a polynomial bounds at the nodes are not those of all times.
    size = greatest(times * defect) if exact else 2.0 * np.abs(times * defect).max(axis=(1, 2))
    evaluation = growth_squared * (greatest(errors) if exact else fine.total(errors))
    rounding = roundings * np.abs(sampled).max(axis=(1, 2))
    near_zero = starts_near_zero(duals, start, sampled)
    uniform, rising, by_dual = np.zeros_like(start), np.zeros_like(start), np.zeros_like(start)
    covariance = points.covariance(start, growth)
    for g in range(len(start)):
        one, most = covariance[g : g + 1], (1 + ROOM) * float(greatest(covariance[g : g + 1])[0])
        growths = error_growth(
            activation, duals, one, points.instants, growth_squared, most, near_zero=bool(near_zero[g])
        )
        if near_zero[g]:
            root = np.sqrt(times)
            measured = 2.0 * np.abs(root * defect[g]).max() + roundings * np.abs(sampled_growth[g]).max()
            from_dual = growth_squared * (root * mean_errors[g]).max()
            uniform[g] = product(start_error[g] + 8 * UNIT_ROUNDOFF * start[g], growths.uniform)
            rising[g] = product(measured + from_dual, growths.rising)
            by_dual[g] = product(from_dual, growths.rising)
        else:
            uniform[g] = (size[g] + evaluation[g] + rounding[g] + start_error[g]) * growths.uniform
            by_dual[g] = evaluation[g] * growths.uniform
    return uniform, rising, by_dual


def refinement(duals: DualActivation) -> tuple[int, bool]:
    """By how much the grid on which residuals are taken is finer, and whether it determines them."""
    if duals.degree is not None and duals.degree <= 4:
        # With n nodes C has degree n in each time, E[phi(u) phi(v)] degree deg n, its integral one more, and the
        # product of D with it (deg + 1) n - 1: as much as (deg + 1) n nodes determine.
        return duals.degree + 1 if duals.degree > 0 else 2, True
    return 2, False
