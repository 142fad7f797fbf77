"""The limits of the NNGP and tangent kernels as the width grows, with a bound of the error of every entry."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.activations import loading
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.limits.covariance import Unsolved, as_infinite
from theory_check.neural_ode.limits.dual_activation import dual_of, require_finite_slope
from theory_check.neural_ode.limits.input_pairs import InputPairs, input_pairs
from theory_check.neural_ode.limits.kernel_bounds import Problem
from theory_check.neural_ode.limits.own_covariance import OwnCovariance, own_covariances, refinement
from theory_check.neural_ode.limits.refinement import QUANTITIES, SolvedPairs, judged_error, solve
from theory_check.neural_ode.model import NeuralODE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LimitKernels:
    """Both limiting kernels over the inputs, exactly symmetric.

    Attributes:
        nngp: Sigma, (inputs, inputs).
        tangent: Theta_inf, (inputs, inputs).
        state: C(T, T), the covariance of a coordinate of h_T over the inputs, (inputs, inputs).
        state_error: bound of |computed - true| of every entry of `state`.
        nngp_error: of every entry of `nngp`.
        tangent_error: of every entry of `tangent`.
        estimated: the parts of the bounds that are measured by refinement and not proved; empty for polynomials of
            degree up to 4. "quadrature": of dual activations. "collocation": in time, and the growth of errors
            ("growth" alone for the L-layer network, which has nothing to discretise).
            "activation": Lipschitz constants of a function whose bounds are measured.
        nodes: in time, of the finest solve.
        sweeps: Picard sweeps of the longest solve.
        terms: of Hermite series at most, 0 where closed forms were used.
    """

    nngp: Float[Array, "inputs inputs"]
    tangent: Float[Array, "inputs inputs"]
    nngp_error: Float[Array, "inputs inputs"]
    tangent_error: Float[Array, "inputs inputs"]
    state: Float[Array, "inputs inputs"]
    state_error: Float[Array, "inputs inputs"]
    estimated: tuple[str, ...]
    nodes: int
    sweeps: int
    terms: int

    @property
    def error_bound(self) -> float:
        """The greatest bound of an entry of either kernel."""
        return float(max(self.nngp_error.max(), self.tangent_error.max()))

    @property
    def rigorous(self) -> bool:
        """Every part of the bound is proved, none estimated."""
        return not self.estimated


def limit_kernels(
    activation: str | Activation,
    inputs: NDArray[np.number[Any]],
    neural_ode: NeuralODE,
    tolerance: float = 1e-10,
    *,
    tangent: bool = True,
) -> LimitKernels:
    """The kernels of the Neural ODE with shared weights at infinite width.

    They depend on sigma_w and the horizon through their product only.

    Args:
        activation: an Activation, or the name or expression of one.
        inputs: (inputs, dimension), finite.
        neural_ode: scales and horizon.
        tolerance: wanted for every entry, absolute. Where it cannot be reached the bounds are larger and say so.
        tangent: whether the tangent kernel is wanted to the tolerance, too; else its bounds are what comes out.

    Raises:
        ValueError: inputs that are not a finite real matrix with a row and a column; a tolerance that is not
            positive; an unknown activation.
        InfiniteKernel: (an ArithmeticError) E[phi'^2] is infinite; the covariance blows up before the horizon, which
            that of a Lipschitz phi never does; or the grid in time cannot resolve it at this sigma_w T.

    An input x = 0 is an input like any other: where phi(0) = 0 its state stays 0 and its rows are 0; where not, its
    state moves off like sigma_w t W phi(0) / sqrt(n).

    Source: docs/theory.md#infinite-width.
    """
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance must be a positive finite number, got {tolerance!r}")
    if isinstance(activation, str):
        activation = loading.activation(activation)
    pairs = input_pairs(inputs, neural_ode.sigma_u)
    require_finite_slope(activation)
    duals = dual_of(activation, precision=max(1e-4 * tolerance, 1e-16))
    growth_squared = (neural_ode.sigma_w * neural_ode.horizon) ** 2
    problem = Problem(activation, duals, growth_squared, neural_ode.sigma_v**2, pairs.rounding, tangent)
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            own, on_groups, on_pairs = _solved(problem, pairs, tolerance)
        except Unsolved as failure:
            raise as_infinite(failure, activation, growth_squared) from None
    estimated = estimated_parts(problem)
    if not refinement(duals)[1] or not own.error_fits:
        estimated = (*estimated, "collocation")
    return assembled(pairs, on_groups, on_pairs, estimated, own.grid.nodes, own.sweeps)


def _solved(problem: Problem, pairs: InputPairs, tolerance: float) -> tuple[OwnCovariance, SolvedPairs, SolvedPairs]:
    """The groups' own covariances, and the kernels of inputs with themselves and of pairs."""
    # What is built on it must not feel its error; where phi' jumps, correlations near 1 feel the root of it.
    for_own = tolerance / 30 if problem.activation.is_smooth else min(tolerance / 30, tolerance**2)
    start_error, before = pairs.rounding * pairs.group_start, math.inf
    while True:
        own = own_covariances(
            problem.activation, problem.duals, pairs.group_start, problem.growth_squared, for_own, start_error
        )
        # Inputs with themselves first: one for each norm, and the hardest, since correlations are near 1.
        on_groups = solve(problem, own, pairs.same, tolerance)
        on_pairs = solve(problem, own, pairs.different, tolerance)
        reached = float(max(judged_error(problem, found).max(initial=0.0) for found in (on_groups, on_pairs)))
        # Steep phi carry that error further than was allowed for: again, as long as it can be had and it helps.
        if reached <= tolerance or own.missed > 1 or reached > 0.5 * before:
            return own, on_groups, on_pairs
        for_own, before = for_own * tolerance / (3 * reached), reached


def assembled(
    pairs: InputPairs,
    on_groups: SolvedPairs,
    on_pairs: SolvedPairs,
    estimated: tuple[str, ...],
    nodes: int,
    sweeps: int,
) -> LimitKernels:
    """Matrices over the inputs from the parts of their upper triangles."""
    return LimitKernels(
        **{name: pairs.assemble(getattr(on_groups, name), getattr(on_pairs, name)) for name in QUANTITIES},
        estimated=estimated,
        nodes=max(nodes, on_groups.nodes, on_pairs.nodes),
        sweeps=max(sweeps, on_groups.sweeps, on_pairs.sweeps),
        terms=max(on_groups.terms, on_pairs.terms),
    )


def estimated_parts(problem: Problem) -> tuple[str, ...]:
    """Which parts of the bounds, time apart, rest on a measurement."""
    measured = ("activation",) if problem.activation.bounds != "proved" else ()
    by_quadrature = problem.duals.value.estimated or problem.duals.slope.estimated
    return (*measured, "quadrature") if by_quadrature else measured
