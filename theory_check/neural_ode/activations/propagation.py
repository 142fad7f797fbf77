"""How bounds, slopes and corners of scaled, shifted, added and multiplied activations follow from their operands."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from theory_check.neural_ode.activations import corners as corner
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.balls import quotient
from theory_check.neural_ode.activations.corners import Corner, Corners
from theory_check.neural_ode.activations.rounding import interval_product, interval_sum, product_up, sum_up


@dataclass(frozen=True)
class Pieces:
    """What an operation yields, before it becomes an Activation.

    Attributes:
        curvature: bound of |phi''| between corners.
        corners: candidates; a jump may be zero.
        proved: every bound holds if finite, and no corner is missing.
        settled: an infinite bound is the truth, not only more than the rules can bound.
    """

    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, int], Tensor]
    lipschitz: float
    curvature: float
    lower: float
    upper: float
    corners: Corners
    analytic: bool
    differentiable: bool
    ball: Callable[[Any], Any]
    proved: bool
    settled: bool


def constant(value: float) -> Pieces:
    """The constant function."""
    return Pieces(
        function=lambda x: torch.full_like(x, value),
        slope=lambda x, _side: torch.zeros_like(x),
        lipschitz=0.0,
        curvature=0.0,
        lower=value,
        upper=value,
        corners=(),
        analytic=True,
        differentiable=True,
        ball=lambda x: 0 * x + value,
        proved=True,
        settled=True,
    )


def scaled(factor: float, f: Activation) -> Pieces:
    """The multiple factor * f: all bounds times |factor|; a negative factor turns the range over."""
    slope, ball = f.one_sided_derivative, ball_of(f)
    lower, upper = interval_product((factor, factor), (f.lower, f.upper))
    return Pieces(
        function=lambda x: factor * f.function(x),
        slope=lambda x, side: factor * slope(x, side),
        lipschitz=product_up(abs(factor), f.lipschitz),
        curvature=product_up(abs(factor), f.curvature),
        lower=lower,
        upper=upper,
        corners=corner.scaled(f.corners, factor),
        analytic=f.analytic,
        differentiable=f.differentiable,
        ball=lambda x: factor * ball(x),
        proved=f.bounds == "proved",
        settled=True,
    )


def shifted(f: Activation, offset: float) -> Pieces:
    """The shifted f + offset: only the range moves."""
    ball = ball_of(f)
    lower, upper = interval_sum((f.lower, f.upper), (offset, offset))
    return Pieces(
        function=lambda x: f.function(x) + offset,
        slope=f.one_sided_derivative,
        lipschitz=f.lipschitz,
        curvature=f.curvature,
        lower=lower,
        upper=upper,
        corners=f.corners,
        analytic=f.analytic,
        differentiable=f.differentiable,
        ball=lambda x: ball(x) + offset,
        proved=f.bounds == "proved",
        settled=True,
    )


def added(f: Activation, g: Activation) -> Pieces:
    """The sum f + g: bounds add up. Infinite plus finite is infinite; infinite plus infinite may cancel."""
    slope_f, slope_g, ball_f, ball_g = f.one_sided_derivative, g.one_sided_derivative, ball_of(f), ball_of(g)
    lower, upper = interval_sum((f.lower, f.upper), (g.lower, g.upper))
    return Pieces(
        function=lambda x: f.function(x) + g.function(x),
        slope=lambda x, side: slope_f(x, side) + slope_g(x, side),
        lipschitz=sum_up(f.lipschitz, g.lipschitz),
        curvature=sum_up(f.curvature, g.curvature),
        lower=lower,
        upper=upper,
        corners=corner.merged(f.corners, g.corners),
        analytic=f.analytic and g.analytic,
        differentiable=f.differentiable and g.differentiable,
        ball=lambda x: ball_f(x) + ball_g(x),
        proved=_both_proved(f, g),
        settled=not (math.inf in (f.lipschitz, f.curvature) and math.inf in (g.lipschitz, g.curvature)),
    )


def multiplied(f: Activation, g: Activation) -> Pieces:
    """The product f g: (f g)' = f' g + f g' and (f g)'' = f'' g + 2 f' g' + f g'', each factor by its supremum."""
    slope_f, slope_g, ball_f, ball_g = f.one_sided_derivative, g.one_sided_derivative, ball_of(f), ball_of(g)
    lower, upper = interval_product((f.lower, f.upper), (g.lower, g.upper))
    jumps = [
        *(_jump(c, g.value_at(float(c.location))) for c in f.corners),
        *(_jump(c, f.value_at(float(c.location))) for c in g.corners),
    ]
    return Pieces(
        function=lambda x: f.function(x) * g.function(x),
        slope=lambda x, side: slope_f(x, side) * g.function(x) + f.function(x) * slope_g(x, side),
        lipschitz=sum_up(product_up(f.lipschitz, g.supremum), product_up(f.supremum, g.lipschitz)),
        curvature=sum_up(
            product_up(f.curvature, g.supremum),
            product_up(2.0, f.lipschitz, g.lipschitz),
            product_up(f.supremum, g.curvature),
        ),
        lower=lower,
        upper=upper,
        corners=corner.merged(tuple(jumps)),
        analytic=f.analytic and g.analytic,
        differentiable=f.differentiable and g.differentiable,
        ball=lambda x: ball_f(x) * ball_g(x),
        proved=_both_proved(f, g),
        settled=False,
    )


def divided(f: Activation, g: Activation) -> Pieces:
    """The quotient q = f / g, q' = (f' - q g') / g. Nothing is bounded by rule, so the bounds will be measured."""
    slope_f, slope_g, ball_f, ball_g = f.one_sided_derivative, g.one_sided_derivative, ball_of(f), ball_of(g)

    def slope(x: Tensor, side: int) -> Tensor:
        below = g.function(x)
        return (slope_f(x, side) - f.function(x) / below * slope_g(x, side)) / below

    jumps = [_jump(c, _reciprocal(g.value_at(float(c.location)))) for c in f.corners]
    for c in g.corners:
        inverse = _reciprocal(g.value_at(float(c.location)))
        jumps.append(_jump(c, -f.value_at(float(c.location)) * inverse * inverse))
    return Pieces(
        function=lambda x: f.function(x) / g.function(x),
        slope=slope,
        lipschitz=math.inf,
        curvature=math.inf,
        lower=-math.inf,
        upper=math.inf,
        corners=corner.merged(tuple(jumps)),
        analytic=f.analytic and g.analytic and (g.lower > 0 or g.upper < 0),
        differentiable=f.differentiable and g.differentiable and (g.lower > 0 or g.upper < 0),
        ball=lambda x: quotient(ball_f(x), ball_g(x)),
        proved=False,
        settled=False,
    )


def raised(f: Activation, exponent: int) -> Pieces:
    """f^n, with M = sup |f|: |n f^(n-1) f'| <= n M^(n-1) L1, and n (n-1) M^(n-2) L1^2 + n M^(n-1) L2."""
    slope, ball, n = f.one_sided_derivative, ball_of(f), float(exponent)
    once, twice = [f.supremum] * (exponent - 1), [f.supremum] * (exponent - 2)
    jumps = [_jump(c, n * f.value_at(float(c.location)) ** (exponent - 1)) for c in f.corners]
    lower, upper = power_range(f, exponent)
    return Pieces(
        function=lambda x: f.function(x) ** exponent,
        slope=lambda x, side: n * f.function(x) ** (exponent - 1) * slope(x, side),
        lipschitz=product_up(n, f.lipschitz, *once),
        curvature=sum_up(product_up(n, n - 1.0, f.lipschitz, f.lipschitz, *twice), product_up(n, f.curvature, *once)),
        lower=lower,
        upper=upper,
        corners=corner.merged(tuple(jumps)),
        analytic=f.analytic,
        differentiable=f.differentiable,
        ball=lambda x: ball(x) ** exponent,
        proved=f.bounds == "proved",
        settled=False,
    )


def power_range(f: Activation, exponent: int) -> tuple[float, float]:
    """Range of f^n from that of f: odd powers keep order, even ones that of |f|."""
    if exponent % 2:
        lower = -product_up(*[-f.lower] * exponent) if f.lower < 0 else 0.0
        return lower, product_up(*[f.upper] * exponent) if f.upper > 0 else 0.0
    return 0.0, product_up(*[f.supremum] * exponent)


def ball_of(f: Activation) -> Callable[[Any], Any]:
    """The ball evaluation, which every activation made of expressions has."""
    assert f.ball is not None, f.expression  # noqa: S101 (a user's function never gets here: it has no tree)
    return f.ball


def _both_proved(f: Activation, g: Activation) -> bool:
    return f.bounds == "proved" and g.bounds == "proved"


def _jump(c: Corner, factor: float) -> Corner:
    """A jump times a factor known in float64 only."""
    # A factor within rounding of zero, relative to 1, is taken for zero: a measured verdict either way.
    return corner.inexact(c.location, float(c.jump) * factor, float(abs(c.jump)))


def _reciprocal(value: float) -> float:
    return 1.0 / value if value else math.inf
