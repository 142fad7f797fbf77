"""The exact infinite-width kernels of the L-layer network: the Euler scheme of the Neural ODE with step T/L.

With e = sigma_w T / L, layers k, l from 0 to L, and all expectations under the covariance C
(docs/theory.md#kernels-of-the-layers):

    C[k+1, l+1] = C[k+1, l] + C[k, l+1] - C[k, l] + e^2 E[phi(z_k) phi(z'_l)],       C[k, 0] = C[0, l] = C(0, 0)
    D[k, l]     = sigma_v^2 E[phi'(z_L) phi'(z'_L)] + e^2 sum_{i >= k, j >= l} E[phi'(z_i) phi'(z'_j)] D[i+1, j+1]
    Theta       = Sigma + e^2 sum_{k, l < L} D[k+1, l+1] E[phi(z_k) phi(z'_l)] + C(0, 0) D[0, 0]

so that nothing is discretised and only the dual activation is computed to a tolerance.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.activations import loading
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.limits.covariance import HUGE, Sides, own_sides
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel, dual_of, require_finite_slope
from theory_check.neural_ode.limits.error_growth import ROOM, error_growth, product, starts_near_zero
from theory_check.neural_ode.limits.input_pairs import input_pairs
from theory_check.neural_ode.limits.kernel_bounds import Problem, Seen, kernel_bounds
from theory_check.neural_ode.limits.kernels import LimitKernels, assembled, estimated_parts
from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF, Dual, Marginals, correlation
from theory_check.neural_ode.limits.pair_kernels import PairKernels, Pairs
from theory_check.neural_ode.limits.refinement import (
    QUANTITIES,
    SolvedPairs,
    in_batches,
    judged_error,
    no_pairs,
    terms_of,
)
from theory_check.neural_ode.model import NeuralODE

Array = NDArray[np.float64]

# Their recursion costs its square.
_MOST_LAYERS = 1024


def layer_kernels(
    activation: str | Activation,
    inputs: NDArray[np.number[Any]],
    neural_ode: NeuralODE,
    layers: int,
    tolerance: float = 1e-10,
    *,
    tangent: bool = True,
) -> LimitKernels:
    """The kernels of the L-layer residual network with shared weights at infinite width.

    Args:
        activation: an Activation, or the name or expression of one.
        inputs: (inputs, dimension), finite.
        neural_ode: scales and horizon.
        layers: L, from 1 to 1024; time and memory of a pair grow like its square.
        tolerance: wanted for every entry, absolute. Where it cannot be reached the bounds are larger and say so.
        tangent: as in `limit_kernels`.

    Returns:
        The kernels. `nodes` are layers, `sweeps` is 0. Of the bound only quadrature, and the growth of errors where phi
        is no polynomial, are estimated.

    Raises:
        ValueError: as `limit_kernels`, or a number of layers out of range.
        InfiniteKernel: (an ArithmeticError) the covariance overflows, or E[phi'^2] is infinite.

    Source: docs/theory.md#kernels-of-the-layers.
    """
    if not 1 <= layers <= _MOST_LAYERS:
        raise ValueError(f"layers must be from 1 to {_MOST_LAYERS}, got {layers!r}")
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
        own = _own(problem, pairs.same, layers, tolerance / 30)
        on_groups = _solve(problem, own, pairs.same, tolerance)
        on_pairs = _solve(problem, own, pairs.different, tolerance)
    estimated = estimated_parts(problem)
    if duals.degree is None or not own.error_fits:
        estimated = (*estimated, "growth")
    return assembled(pairs, on_groups, on_pairs, estimated, layers, 0)


@dataclass(frozen=True)
class _OwnLayers:
    """C of the groups with themselves, (groups, layers + 1, layers + 1), and the bound of every layer's variance."""

    values: Float[Array, "groups nodes nodes"]
    error: Float[Array, "groups nodes"]

    @property
    def variances(self) -> Float[Array, "groups nodes"]:
        return np.ascontiguousarray(np.diagonal(self.values, axis1=1, axis2=2))

    @property
    def greatest_variance(self) -> float:
        """With room for errors."""
        return (1 + ROOM) * float(np.abs(self.values).max())

    @property
    def error_fits(self) -> bool:
        return bool((self.error.max(axis=1) <= ROOM * self.variances.max(axis=1)).all())


def _own(problem: Problem, groups: Pairs, layers: int, tolerance: float) -> _OwnLayers:
    """Layer by layer: the variance of the next layer needs the correlations of this one with all before it."""
    while True:
        values = _own_values(problem.duals.value, groups.start, layers, problem.growth_squared / layers**2)
        evaluation = problem.growth_squared * own_sides(problem.duals.value, values).error(values).mean(axis=(1, 2))
        finer = problem.duals.refined() if evaluation.max() > 0.05 * tolerance else None
        if finer is None or finer.value is problem.duals.value:
            return _OwnLayers(values, _own_error(problem, values, evaluation))
        problem = replace(problem, duals=finer)


def _own_values(
    dual: Dual, start: Float[Array, " groups"], layers: int, step_squared: float
) -> Float[Array, "groups nodes nodes"]:
    values = np.broadcast_to(start[:, None, None], (len(start), layers + 1, layers + 1)).copy()
    seen: Marginals | None = None
    for k in range(layers):
        here = dual.marginals(values[:, k, k][:, None], checked=False)
        seen = here if seen is None else seen.extended(here)
        rho = correlation(values[:, None, k, : k + 1], here.variances, seen.variances)
        features = dual.values(here, seen, rho)[:, 0]
        features[:, k] = here.second_moment[:, 0]
        values[:, k + 1, 1 : k + 1] = values[:, k, 1 : k + 1] + step_squared * np.cumsum(features[:, :k], axis=1)
        values[:, : k + 1, k + 1] = values[:, k + 1, : k + 1]
        values[:, k + 1, k + 1] = values[:, k, k + 1] + step_squared * features.sum(axis=1)
        if not np.abs(values[:, k + 1]).max() < HUGE:
            raise InfiniteKernel(f"the covariance overflows in layer {k + 1} of {layers}: sigma_w T is too large")
    return values


def _own_error(
    problem: Problem, values: Float[Array, "groups nodes nodes"], evaluation: Float[Array, " groups"]
) -> Float[Array, "groups nodes"]:
    """Errors of the dual, of the start and of rounding, times the growth of errors; layer 0 has that of the start."""
    layers = values.shape[-1] - 1
    start_error = problem.start_error * values[:, 0, 0]
    local = evaluation + (2 * layers + 8) * UNIT_ROUNDOFF * np.abs(values).max(axis=(1, 2))
    times = np.linspace(0.0, 1.0, layers + 1)
    greatest = (1 + ROOM) * float(np.abs(values).max())
    near_zero = starts_near_zero(problem.duals, values[:, 0, 0], values)
    bounds = np.empty(values.shape[:2])
    for g in range(len(values)):
        growths = error_growth(
            problem.activation,
            problem.duals,
            values[g : g + 1],
            times,
            problem.growth_squared,
            greatest,
            near_zero=bool(near_zero[g]),
            euler=True,
        )
        of_start = product(start_error[g], growths.uniform)
        bounds[g, 1:] = of_start + product(local[g], growths.rising if near_zero[g] else growths.uniform)
        bounds[g, 0] = start_error[g]
    return bounds


def _solve(problem: Problem, own: _OwnLayers, pairs: Pairs, tolerance: float) -> SolvedPairs:
    """Kernels of the pairs, with finer duals until the bounds are met or there are none."""
    if not len(pairs.start):
        return no_pairs()
    size = own.values.shape[-1]
    while True:
        duals = problem.duals
        marginals = (duals.value.marginals(own.variances), duals.slope.marginals(own.variances))
        coefficients = 0 if len(own.values) == 1 else 4 * marginals[0].coefficients[0].size
        found = in_batches(partial(_kernels, problem, own, marginals), pairs, 12 * size**2 + coefficients)
        unmet = judged_error(problem, found) > tolerance
        finer = duals.refined() if (found.evaluation[unmet] > 0.1 * tolerance).any() else None
        if finer is None:
            return SolvedPairs(**{name: getattr(found, name) for name in QUANTITIES}, terms=terms_of(duals))
        problem = replace(problem, duals=finer)


def _kernels(problem: Problem, own: _OwnLayers, marginals: tuple[Marginals, Marginals], pairs: Pairs) -> PairKernels:
    """A batch of pairs whose variances are known."""
    features, slopes = (
        Sides(dual, of.take(pairs.left), of.take(pairs.right), same=pairs.same)
        for dual, of in zip((problem.duals.value, problem.duals.slope), marginals, strict=True)
    )
    layers = own.values.shape[-1] - 1
    step_squared = problem.growth_squared / layers**2
    covariance = own.values[pairs.left] if pairs.same else _covariance(features, pairs.start, layers, step_squared)
    feature_values, slope_values = features.expectation(covariance), slopes.expectation(covariance)
    final = problem.output_variance * slope_values[:, -1, -1]
    adjoint = np.broadcast_to(final[:, None, None], covariance.shape).copy()
    for k in range(layers - 1, -1, -1):
        products = slope_values[:, k, :-1] * adjoint[:, k + 1, 1:]
        adjoint[:, k, :-1] = adjoint[:, k + 1, :-1] + step_squared * np.cumsum(products[:, ::-1], axis=1)[:, ::-1]
    # D[k+1, l+1] beside E[phi(z_k) phi(z'_l)]; the last layer takes part in no sum and has weight 0.
    beside = adjoint[:, np.minimum(np.arange(1, layers + 2), layers)][
        :, :, np.minimum(np.arange(1, layers + 2), layers)
    ]
    weights = np.append(np.full(layers, 1.0 / layers), 0.0)
    zero = np.zeros_like(final)
    seen = Seen(
        covariance=covariance,
        adjoint=beside,
        adjoint_start=adjoint[:, 0, 0],
        feature_values=feature_values,
        features=features,
        slopes=slopes,
        start=pairs.start,
        times=np.linspace(0.0, 1.0, layers + 1),
        weights=weights,
        own_errors=(own.error[pairs.left], own.error[pairs.right]),
        covariance_residual=zero,
        rising_residual=zero,
        adjoint_residual=zero,
        greatest_variance=own.greatest_variance,
        exact=False,
    )
    bounds = kernel_bounds(problem, seen)
    nngp = problem.output_variance * feature_values[:, -1, -1]
    through_layers = problem.growth_squared * seen.total(beside * feature_values)
    tangent = nngp + through_layers + pairs.start * seen.adjoint_start
    return PairKernels(
        covariance[:, -1, -1], bounds.state, nngp, bounds.nngp, tangent, bounds.tangent, bounds.evaluation, 0
    )


def _covariance(
    features: Sides, start: Float[Array, " pairs"], layers: int, step_squared: float
) -> Float[Array, "pairs nodes nodes"]:
    """C of pairs whose variances are known, one layer of the first input after the other."""
    values = np.broadcast_to(start[:, None, None], (len(start), layers + 1, layers + 1)).copy()
    for k in range(layers):
        here = features.left.at(k)
        rho = correlation(values[:, k : k + 1], here.variances, features.right.variances)
        row = features.dual.values(here, features.right, rho)[:, 0, :-1]
        values[:, k + 1, 1:] = values[:, k, 1:] + step_squared * np.cumsum(row, axis=1)
    return values
