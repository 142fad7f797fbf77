"""f(g(x)): chain rule from one side, propagated bounds, and the kinks a kinked f makes out of g's crossings."""

import math
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

from theory_check.neural_ode.activations import corners as corner
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import MONOTONE
from theory_check.neural_ode.activations.corners import Corner, Corners
from theory_check.neural_ode.activations.measured_bounds import crossings
from theory_check.neural_ode.activations.polynomial import Coefficients
from theory_check.neural_ode.activations.propagation import Pieces, ball_of, raised
from theory_check.neural_ode.activations.rounding import interval_sum, product_up, sum_up, widened


def composed(f: Activation, g: Activation, inner: Coefficients | None) -> Pieces:
    """f(g(x)) for a function f of the catalogue; `inner` are the coefficients of g where it is a polynomial.

    |(f o g)'| <= L1f L1g and |(f o g)''| <= L2f L1g^2 + L1f L2g (docs/theory.md#regularity-of-an-activation),
    with suprema of f' and f'' over
    the range of g where they are finite only there.
    """
    affine = inner is not None and len(inner) == 2
    if f.name in ("square", "cube") and not affine:
        return raised(g, 2 if f.name == "square" else 3)
    lipschitz, curvature = _on_range(f, g)
    lower, upper = _range(f, g)
    corners, enumerated = _corners(f, g, inner)
    ball_f, ball_g = ball_of(f), ball_of(g)
    return Pieces(
        function=lambda x: f.function(g.function(x)),
        slope=_chain_rule(f, g),
        lipschitz=product_up(lipschitz, g.lipschitz),
        curvature=sum_up(product_up(curvature, g.lipschitz, g.lipschitz), product_up(lipschitz, g.curvature)),
        lower=lower,
        upper=upper,
        corners=corners,
        analytic=f.analytic and g.analytic,
        differentiable=f.differentiable and g.differentiable,
        ball=lambda x: ball_f(ball_g(x)),
        proved=f.bounds == g.bounds == "proved" and enumerated,
        settled=affine,
    )


def _chain_rule(f: Activation, g: Activation) -> Callable[[Tensor, int], Tensor]:
    slope_f, slope_g = f.one_sided_derivative, g.one_sided_derivative

    def smooth(x: Tensor, side: int) -> Tensor:
        return slope_f(g.function(x), 1) * slope_g(x, side)

    def kinked(x: Tensor, side: int) -> Tensor:
        # Moving x to `side` moves g(x) to the side that the sign of g's slope says.
        inner, rate = g.function(x), slope_g(x, side)
        return torch.where(side * rate >= 0, slope_f(inner, 1), slope_f(inner, -1)) * rate

    return kinked if f.kinks else smooth


def _on_range(f: Activation, g: Activation) -> tuple[float, float]:
    """Suprema of |f'| and |f''| over the range of g."""
    if f.name == "exp" and g.upper < math.inf:
        greatest = widened(math.exp(g.upper)) if g.upper < 709.0 else math.inf
        return greatest, greatest
    return f.lipschitz, f.curvature


def _range(f: Activation, g: Activation) -> tuple[float, float]:
    """Enclosure of f(g(x)): by the ends for a monotone f, else by |f(u) - f(0)| <= L1 |u|."""
    if f.name in MONOTONE:
        lower = max(f.lower, _outward(f, g.lower, -1)) if math.isfinite(g.lower) else f.lower
        upper = min(f.upper, _outward(f, g.upper, 1)) if math.isfinite(g.upper) else f.upper
        return lower, upper
    reach = product_up(f.lipschitz, g.supremum)
    near = interval_sum((-reach, reach), (_outward(f, 0.0, -1), _outward(f, 0.0, 1)))
    return max(f.lower, near[0]), min(f.upper, near[1])


def _outward(f: Activation, at: float, direction: int) -> float:
    """f(at), eight ulps further out: more than the error of torch's functions. A zero at 0 is exact."""
    value = f.value_at(at)
    return value if at == value == 0.0 else value + direction * 8.0 * math.ulp(value)


def _corners(f: Activation, g: Activation, inner: Coefficients | None) -> tuple[Corners, bool]:
    """Corners of f(g(x)), and whether none can be missing."""
    if inner is not None and len(inner) < 2:
        return (), True
    if inner is not None and len(inner) == 2:
        return corner.under_affine(f.corners, inner[1], inner[0]), True
    crossed = [kink for kink in f.kinks if g.lower < kink < g.upper]
    # A kink at the edge of g's range is only touched: where g is differentiable its slope is zero there.
    found = [_at_corner(f, g, c) for c in g.corners]
    known = [float(c.location) for c in g.corners]
    for kink in crossed:
        for at in crossings(lambda x, level=kink: g.function(x) - level):  # type: ignore[misc]
            if all(abs(at - other) > 1e-9 * (1.0 + abs(at)) for other in known):
                rate = g.slope_at(at)
                jump = f.slope_at(kink, 1) - f.slope_at(kink, -1)
                found.append(corner.inexact(Fraction(at), abs(rate) * jump, abs(jump)))
    return corner.merged(tuple(found)), not crossed


def _at_corner(f: Activation, g: Activation, c: Corner) -> Corner:
    """The jump of f(g(x)) at a corner of g."""
    at = float(c.location)
    value = g.value_at(at)
    if not f.kinks:
        rate = f.slope_at(value)
        return corner.inexact(c.location, rate * float(c.jump), float(abs(c.jump)))
    nearest = min(f.kinks, key=lambda kink: abs(kink - value))
    value = nearest if abs(value - nearest) <= 16.0 * math.ulp(1.0 + abs(nearest)) else value
    slopes = [_slope_beside(g, at, side) for side in (-1, 1)]
    left, right = (
        f.slope_at(value, 1 if side * rate >= 0 else -1) * rate for side, rate in zip((-1, 1), slopes, strict=True)
    )
    return corner.inexact(c.location, right - left, abs(left) + abs(right))


def _slope_beside(g: Activation, at: float, side: int) -> float:
    """One-sided slope a few ulps away, as a corner's nearest double may lie on its wrong side."""
    return g.slope_at(at + side * 8.0 * math.ulp(at), side)
