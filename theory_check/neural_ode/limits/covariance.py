"""Two-time covariances at infinite width, by collocation in time and Picard sweeps (docs/theory.md#infinite-width).

    C(s,t) = q + c^2 integral_0^s integral_0^t E[phi(z_a) phi(z'_b)] da db,       c = sigma_w T, time on [0, 1]
    D(s,t) = sigma_v^2 E[phi'(z_1) phi'(z'_1)] + c^2 integral_s^1 integral_t^1 E[phi'(z_a) phi'(z'_b)] D(a,b) da db

The first is solved for each input with itself, where variances and covariances are unknown together, and then for
pairs, whose variances are known. Its unknown is the mean growth H (collocation.py),

    C(s,t) = q + s t H(s,t),     H(s,t) = c^2 times the mean of E[phi(z_a) phi(z'_b)] over [0, s] x [0, t],

which keeps its digits near time 0, where the covariance of an input x = 0 vanishes. The second equation is linear.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.limits.collocation import Grid
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel
from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF, Dual, Marginals, correlation

Array = NDArray[np.float64]

# Picard's sweeps converge factorially once they do; what takes more does not.
_MOST_SWEEPS = 500
# A covariance beyond this has left every range in which a kernel means anything.
HUGE = 1e60


class Unsolved(ArithmeticError):
    """An equation that was not solved on its grid. What that says of the kernel depends on phi: see `as_infinite`.

    Attributes:
        how: "grows": values ran away; "wanders": sweeps did not settle; "unbounded": no bound of the error was found.
    """

    def __init__(self, how: Literal["grows", "wanders", "unbounded"]) -> None:
        self.how = how
        super().__init__(f"the equation was not solved: {how}")


def as_infinite(failure: Unsolved, activation: Activation, growth_squared: float) -> InfiniteKernel:
    """What a failure says to a user, in one line.

    The covariance of a Lipschitz phi exists at every horizon, so that there only the computation can have failed.
    """
    scale = f"sigma_w T = {math.sqrt(growth_squared):.6g}"
    if activation.is_lipschitz:
        reason = {
            "grows": "it overflows, or the grid in time is too coarse for it",
            "wanders": f"it does not settle in {_MOST_SWEEPS} sweeps: the grid in time is too coarse, "
            "or phi varies too fast to be integrated",
            "unbounded": "the grid in time is too coarse to bound its error",
        }[failure.how]
        return InfiniteKernel(
            f"the covariance was not resolved at {scale}: {reason}; as phi is Lipschitz it exists, "
            "and a smaller sigma_w T can be computed"
        )
    reason = {
        "grows": "the covariance blows up or overflows before the horizon, or the grid is too coarse for it",
        "wanders": f"the covariance does not settle in {_MOST_SWEEPS} sweeps: it nearly blows up before the horizon, "
        "or phi varies too fast to be integrated",
        "unbounded": "no bound on the covariance can be given: errors may grow without limit before the horizon",
    }[failure.how]
    return InfiniteKernel(f"{reason}: sigma_w T is too large, got {scale}")


@dataclass(frozen=True)
class Sides:
    """Both inputs of a batch of pairs: phi (or phi') under their variances.

    Attributes:
        dual: whose expectations are taken.
        left: marginals of the first inputs; one group, or one for each pair.
        right: of the second inputs.
        same: both are one input: at equal times the correlation is exactly 1.
    """

    dual: Dual
    left: Marginals
    right: Marginals
    same: bool

    def rho(self, covariance: Float[Array, "pairs nodes nodes"]) -> Float[Array, "pairs nodes nodes"]:
        """Correlations, in [-1, 1]."""
        rho = correlation(covariance, self.left.variances, self.right.variances)
        if self.same:
            index = np.arange(rho.shape[-1])
            rho[:, index, index] = np.where(self.left.variances > 0, 1.0, 0.0)
        return rho

    def expectation(self, covariance: Float[Array, "pairs nodes nodes"]) -> Float[Array, "pairs nodes nodes"]:
        """E[phi(z_s) phi(z'_t)] at all nodes."""
        values = self.dual.values(self.left, self.right, self.rho(covariance))
        if self.same:
            index = np.arange(values.shape[-1])
            values[:, index, index] = self.left.second_moment
        return values

    def error(self, covariance: Float[Array, "pairs nodes nodes"]) -> Float[Array, "pairs nodes nodes"]:
        """Bound of the error of `expectation`, the covariance taken as exact."""
        bound = self.dual.error(self.left, self.right, self.rho(covariance))
        if self.same:
            index = np.arange(bound.shape[-1])
            # Second moments are not cut; they inherit the error of the coefficients' quadrature.
            moment = self.left.second_moment
            bound[:, index, index] = 2 * self.left.error * np.sqrt(moment) + 16 * UNIT_ROUNDOFF * moment
        return bound


def picard(
    step: Callable[[Array], Array], guess: Float[Array, "pairs nodes nodes"], *, settled: Float[Array, " pairs"] | float
) -> tuple[Float[Array, "pairs nodes nodes"], int]:
    """The fixed point of a sweep, and how many sweeps it took.

    A pair has settled when its greatest change is below `settled` or a few roundings of its greatest value, or has met
    the rounding of the sweep and no longer falls; sweeps stop when all have. The leftover is part of the residual that
    is measured afterwards, so stopping early costs accuracy, never the bound.

    Raises:
        Unsolved: values overflow, or the sweeps do not settle.
    """
    now = guess
    done, change = np.zeros(len(guess), dtype=bool), np.full(len(guess), math.inf)
    for sweep in range(1, _MOST_SWEEPS + 1):
        following = step(now)
        size = np.abs(following).max(axis=(1, 2), initial=0.0)
        if not size.max(initial=0.0) < HUGE:
            raise Unsolved("grows")
        before, change = change, np.abs(following - now).max(axis=(1, 2), initial=0.0)
        now = following
        done |= change <= np.maximum(settled, 4 * UNIT_ROUNDOFF * size)
        done |= (change >= 0.5 * before) & (change <= 1e-12 * size)
        if done.all():
            return now, sweep
    raise Unsolved("wanders")


def covariance_step(
    grid: Grid, growth_squared: float, start: Float[Array, " pairs"], sides: Sides
) -> Callable[[Array], Array]:
    """One sweep for the mean growth of pairs whose variances are given."""

    def step(growth: Array) -> Array:
        swept: Array = growth_squared * grid.double_average(sides.expectation(grid.covariance(start, growth)))
        return swept

    return step


def own_covariance_step(
    grid: Grid, growth_squared: float, start: Float[Array, " pairs"], dual: Dual
) -> Callable[[Array], Array]:
    """One sweep for the mean growth of inputs with themselves: variances come from the diagonal of the sweep before."""

    def step(growth: Array) -> Array:
        sides = own_sides(dual, grid.covariance(start, growth), checked=False)
        return covariance_step(grid, growth_squared, start, sides)(growth)

    return step


def own_sides(dual: Dual, covariance: Float[Array, "groups nodes nodes"], *, checked: bool = True) -> Sides:
    """The marginals of inputs with themselves."""
    variances = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0)
    marginals = dual.marginals(np.ascontiguousarray(variances), checked=checked)
    return Sides(dual, marginals, marginals, same=True)


def adjoint_covariance(
    grid: Grid, growth_squared: float, final: Float[Array, " pairs"], slopes: Float[Array, "pairs nodes nodes"]
) -> Float[Array, "pairs nodes nodes"]:
    """D from E[phi' phi'] at the nodes and its value at the final time, sigma_v^2 E[phi'(z_1) phi'(z'_1)]."""

    def step(adjoint: Array) -> Array:
        swept: Array = final[:, None, None] + growth_squared * grid.double_integral_to_end(slopes * adjoint)
        return swept

    guess = np.broadcast_to(final[:, None, None], slopes.shape).copy()
    return picard(step, guess, settled=4 * UNIT_ROUNDOFF * np.abs(final))[0]
