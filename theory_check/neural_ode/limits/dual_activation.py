"""Dual activations: E[phi(u) phi(v)] for centred Gaussian pairs, with an error bound for each value.

The one place that decides how the dual of an activation is computed: a closed form where there is one, else a Hermite
series (hermite.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from theory_check.neural_ode.activations import loading, polynomial
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.algebra import NAMES
from theory_check.neural_ode.activations.mollification import is_piecewise_linear, pieces_of, unmollified
from theory_check.neural_ode.activations.parsing import parse
from theory_check.neural_ode.limits import closed_forms
from theory_check.neural_ode.limits.breakpoints import breakpoints
from theory_check.neural_ode.limits.closed_forms import PolynomialDual, derivative_of
from theory_check.neural_ode.limits.hermite import HermiteDual, RealFunction
from theory_check.neural_ode.limits.marginals import Dual
from theory_check.neural_ode.limits.mollified import MollifiedDual
from theory_check.neural_ode.limits.piecewise_linear import PiecewiseLinearDual

Array = NDArray[np.float64]

# Beyond this degree rounding of the exact sum is worse than that of a quadrature.
_MAX_DEGREE = 24
# Forty standard deviations of the least variance at which coefficients are divided by it (variance_derivative.py).
_NEAR_ZERO = 4e-3


class InfiniteKernel(ArithmeticError):
    """A limiting kernel that is infinite or does not exist; the message is one line."""


@dataclass(frozen=True)
class DualActivation:
    """The duals of phi and of phi' (almost everywhere).

    Attributes:
        value: of phi.
        slope: of phi'.
        degree: of phi as a polynomial whose duals are exact, else None.
        kink_near_zero: phi' jumps at 0, or so near to it that small variances (variance_derivative.py) feel it.
    """

    value: Dual
    slope: Dual
    degree: int | None
    kink_near_zero: bool = False

    def refined(self) -> "DualActivation | None":
        """Both one step finer; None where neither can be."""
        value, slope = self.value.refined(), self.slope.refined()
        if value is None and slope is None:
            return None
        return replace(self, value=value or self.value, slope=slope or self.slope)


@dataclass(frozen=True)
class DualValues:
    """Values with the bound of each.

    Attributes:
        values: E[phi(u) phi(v)].
        error_bound: of each value; truncation is proved, rounding is bounded to first order.
        proved: whether no part of the bound is estimated; a quadrature's error is estimated from a coarser rule.
        terms: of the Hermite series, 0 for a closed form.
    """

    values: Float[Array, " pairs"]
    error_bound: Float[Array, " pairs"]
    proved: bool
    terms: int


def dual_values(
    activation: str | Activation,
    left_variance: Float[Array, " pairs"],
    right_variance: Float[Array, " pairs"],
    rho: Float[Array, " pairs"],
    *,
    derivative: bool = False,
    tolerance: float = 1e-12,
) -> DualValues:
    """E[phi(u) phi(v)], or E[phi'(u) phi'(v)], for many pairs of centred Gaussians at once.

    Args:
        activation: an Activation, or the name or expression of one.
        left_variance: of u, zero or more.
        right_variance: of v, zero or more.
        rho: their correlation, in [-1, 1].
        derivative: whether phi' (almost everywhere) takes the place of phi.
        tolerance: nodes and terms are doubled until every bound is below it, or there is no finer rule.

    Raises:
        ValueError: a negative variance or a correlation outside [-1, 1].
        InfiniteKernel: E[phi^2], or E[phi'^2], is infinite.

    Source: docs/theory.md#dual-activations.
    """
    if not (np.min(left_variance) >= 0 and np.min(right_variance) >= 0):
        raise ValueError(f"variances must be zero or more, got {min(np.min(left_variance), np.min(right_variance))}")
    if not np.abs(rho).max() <= 1:
        raise ValueError(f"rho must lie in [-1, 1], got {rho[np.argmax(np.abs(rho))]}")
    both = dual_of(loading.activation(activation) if isinstance(activation, str) else activation)
    if derivative:
        require_finite_slope(loading.activation(activation) if isinstance(activation, str) else activation)
    dual: Dual | None = both.slope if derivative else both.value
    while dual is not None:
        left = dual.marginals(left_variance[:, None])
        right = dual.marginals(right_variance[:, None])
        correlations = np.where((left_variance > 0) & (right_variance > 0), rho, 0.0)[:, None, None]
        found = DualValues(
            dual.values(left, right, correlations).ravel(),
            dual.error(left, right, correlations).ravel(),
            not dual.estimated,
            left.coefficients.shape[-1],
        )
        if found.error_bound.max() <= tolerance:
            break
        dual = dual.refined()
    return found


def dual_of(activation: Activation, precision: float = 1e-15) -> DualActivation:
    """The duals of an activation and of its derivative.

    Args:
        activation: phi.
        precision: relative to the second moments; series are cut there.
    """
    closed = {
        "erf(x)": (closed_forms.ERF, closed_forms.ERF_SLOPE),
        "sin(x)": (closed_forms.SIN, closed_forms.COS),
        "cos(x)": (closed_forms.COS, closed_forms.SIN),
    }.get(activation.expression)
    if closed is not None:
        return DualActivation(*closed, degree=None)
    if activation.degree is not None and activation.degree <= _MAX_DEGREE and activation.ball is not None:
        coefficients = polynomial.coefficients(parse(activation.expression, NAMES))
        if coefficients is not None:
            exact = PolynomialDual(tuple(float(c) for c in coefficients) or (0.0,))
            return DualActivation(exact, derivative_of(exact), degree=exact.terms)
    if is_piecewise_linear(activation):
        return DualActivation(
            _piecewise_linear(activation, slope=False),
            _piecewise_linear(activation, slope=True),
            degree=None,
            kink_near_zero=any(abs(kink) < _NEAR_ZERO for kink in activation.kinks),
        )
    smoothed = unmollified(activation)
    if smoothed is not None:
        kinked, added = dual_of(smoothed[0]), smoothed[1] ** 2
        return DualActivation(MollifiedDual(kinked.value, added), MollifiedDual(kinked.slope, added), degree=None)
    points = tuple(breakpoints(activation))
    name = activation.expression
    return DualActivation(
        HermiteDual(_on_arrays(activation.function), points, f"({name})", precision=precision),
        HermiteDual(_on_arrays(activation.derivative), points, f"({name})'", precision=precision),
        degree=None,
        kink_near_zero=any(abs(kink) < _NEAR_ZERO for kink in activation.kinks),
    )


def require_finite_slope(activation: Activation) -> None:
    """Raise where phi' is not square integrable near a breakpoint: then the tangent kernel is infinite.

    phi'(x)^2 |x - kappa| falls to zero as x approaches kappa wherever phi' grows like a power with a finite square.

    Raises:
        InfiniteKernel: it does not.
    """
    if activation.is_lipschitz:
        return
    for point in breakpoints(activation):
        for side in (-1.0, 1.0):
            sizes = [activation.slope_at(point + side * gap) ** 2 * gap for gap in (1e-4, 1e-8)]
            if not sizes[1] <= 0.5 * sizes[0] + 1e-6:
                raise InfiniteKernel(
                    f"the tangent kernel of {activation.expression} is infinite: "
                    f"E[phi'(z)^2] diverges at x = {point:.6g}"
                )


def _piecewise_linear(activation: Activation, *, slope: bool) -> PiecewiseLinearDual:
    pieces = pieces_of(activation)
    return PiecewiseLinearDual(
        kinks=pieces.kinks, jumps=pieces.jumps, left_slope=pieces.left_slope, offset=pieces.offset, slope=slope
    )


def _on_arrays(function: Callable[[Tensor], Tensor]) -> RealFunction:
    def on_arrays(x: Array) -> Array:
        with torch.no_grad():
            values: Array = function(torch.from_numpy(np.ascontiguousarray(x))).numpy()
        return values

    return on_arrays
