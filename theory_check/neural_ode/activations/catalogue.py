"""The catalogue, each entry with proved L1, L2 and range.

Derivatives are written in forms that neither overflow nor cancel for large |x|. A closed form that is not a double
is widened by a few ulps, so that a declared bound is never below the true one.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from theory_check.neural_ode.activations import balls
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.corners import Corner, locations
from theory_check.neural_ode.activations.rounding import widened

LEAKY_SLOPE = 0.01


def _entry(
    name: str,
    function: Callable[[Tensor], Tensor],
    slope: Callable[[Tensor], Tensor] | Callable[[Tensor, int], Tensor],
    ball: Callable[[Any], Any],
    *,
    lipschitz: float,
    curvature: float,
    lower: float = -math.inf,
    upper: float = math.inf,
    jumps: Mapping[float, Fraction] = MappingProxyType({}),
    degree: int | None = None,
    analytic: bool = False,
    differentiable: bool = False,
) -> Activation:
    """One entry; `slope` takes a side exactly when there are jumps."""
    corners = tuple(Corner(Fraction(at), jump) for at, jump in jumps.items())
    return Activation(
        name=name,
        expression="x" if name == "identity" else f"{name}(x)",
        function=function,
        one_sided_derivative=slope if jumps else lambda x, _side: slope(x),  # type: ignore[call-arg, arg-type]
        lipschitz=lipschitz,
        derivative_lipschitz=math.inf if jumps else curvature,
        lower=lower,
        upper=upper,
        kinks=locations(corners),
        degree=degree,
        analytic=analytic,
        differentiable=analytic or differentiable,
        ball=ball,
        bounds="proved",
        operators=0 if name == "identity" else 1,
        curvature=curvature,
        corners=corners,
    )


def _softplus(x: Tensor) -> Tensor:
    # Torch's switches to x at 20 and jumps by 2e-9 there; at 40 the jump is 4e-18, which no double of that size shows.
    if x.is_complex():
        return torch.logaddexp(x, torch.zeros_like(x))
    return torch.nn.functional.softplus(x, threshold=40.0)


def _sigmoid_slope(x: Tensor) -> Tensor:
    decaying = torch.exp(-x.abs())
    return decaying / (1.0 + decaying) ** 2


def _tanh_slope(x: Tensor) -> Tensor:
    return 4.0 * _sigmoid_slope(2.0 * x)


def _normal_distribution(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(x * -math.sqrt(0.5))


def _smooth_relu(x: Tensor) -> Tensor:
    # Far to the left both terms cancel, to rounding of either sign; the function is positive.
    within = _with_normal_tails(x)
    density = torch.exp(-0.5 * within**2) / math.sqrt(2.0 * math.pi)
    return torch.clamp(x * _normal_distribution(within) + density, min=0.0)


def _smooth_relu_slope(x: Tensor) -> Tensor:
    return _normal_distribution(_with_normal_tails(x))


def _with_normal_tails(x: Tensor) -> Tensor:
    # Beyond 37 density and tail are below 1e-297: exp and erfc are slow where they are subnormal.
    return torch.clamp(x, -37.0, 37.0)


def _gelu_slope(x: Tensor) -> Tensor:
    return _normal_distribution(x) + x * torch.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _elu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.expm1(torch.clamp(x, max=0.0)))


def _indicator(x: Tensor, kink: float, side: int) -> Tensor:
    """Derivative of max(x - kink, 0) from one side."""
    return (x >= kink if side > 0 else x > kink).to(x.dtype)


def _sign_sqrt_slope(x: Tensor) -> Tensor:
    return 0.5 / x.abs().sqrt()


# u*, the positive solution of u tanh u = 1.
_U_STAR = 1.1996786402577337
# W(1/e), the solution of w exp(w) = 1/e.
_LAMBERT = 0.2784645427610738
# min of x Phi(x), at the zero -0.7517915246... of Phi(x) + x phi(x), rounded down; it has no closed form.
_GELU_MINIMUM = -0.16997120747990370

_SMOOTH = (
    # phi' = sigmoid, increasing to 1. phi'' = s (1 - s) <= 1/4.
    _entry(
        "softplus", _softplus, torch.sigmoid, balls.softplus, lipschitz=1.0, curvature=0.25, lower=0.0, analytic=True
    ),
    # phi' = 1 - t^2 <= 1. |phi''| = 2 t (1 - t^2), greatest at t = 1 / sqrt 3: 4 / (3 sqrt 3).
    _entry(
        "tanh",
        torch.tanh,
        _tanh_slope,
        balls.tanh,
        lipschitz=1.0,
        curvature=widened(4.0 / (3.0 * math.sqrt(3.0))),
        lower=-1.0,
        upper=1.0,
        analytic=True,
    ),
    # phi' = 2 / sqrt(pi) exp(-x^2). |phi''| = 4 |x| / sqrt(pi) exp(-x^2), greatest at x^2 = 1/2: sqrt(8 / (pi e)).
    # torch's erf takes no complex input, so no complex step although erf is entire.
    _entry(
        "erf",
        torch.erf,
        lambda x: (2.0 / math.sqrt(math.pi)) * torch.exp(-x * x),
        lambda x: x.erf(),
        lipschitz=widened(2.0 / math.sqrt(math.pi)),
        curvature=widened(math.sqrt(8.0 / (math.pi * math.e))),
        lower=-1.0,
        upper=1.0,
        differentiable=True,
    ),
    _entry(
        "sin",
        torch.sin,
        torch.cos,
        lambda x: x.sin(),
        lipschitz=1.0,
        curvature=1.0,
        lower=-1.0,
        upper=1.0,
        analytic=True,
    ),
    _entry(
        "cos",
        torch.cos,
        lambda x: -torch.sin(x),
        lambda x: x.cos(),
        lipschitz=1.0,
        curvature=1.0,
        lower=-1.0,
        upper=1.0,
        analytic=True,
    ),
    # phi' = 1 / (1 + x^2) <= 1. |phi''| = 2 |x| / (1 + x^2)^2, greatest at x^2 = 1/3: 3 sqrt 3 / 8.
    _entry(
        "arctan",
        torch.atan,
        lambda x: 1.0 / (1.0 + x * x),
        lambda x: x.atan(),
        lipschitz=1.0,
        curvature=widened(3.0 * math.sqrt(3.0) / 8.0),
        lower=widened(-math.pi / 2.0),
        upper=widened(math.pi / 2.0),
        analytic=True,
    ),
    # phi' = Phi + x p with p the normal density, phi'' = (2 - x^2) p. phi' is greatest at sqrt 2 and least at
    # -sqrt 2, where it is 1 minus the greatest: Phi(sqrt 2) + sqrt 2 p(sqrt 2) = (1 + erf 1) / 2 + 1 / (e sqrt pi).
    # phi''' = x (x^2 - 4) p: |phi''| is sqrt(2 / pi) at 0 and 2 p(2) = 0.11 at 2.
    _entry(
        "gelu",
        lambda x: x * _normal_distribution(x),
        _gelu_slope,
        balls.gelu,
        lipschitz=widened(0.5 * (1.0 + math.erf(1.0)) + 1.0 / (math.e * math.sqrt(math.pi))),
        curvature=widened(math.sqrt(2.0 / math.pi)),
        lower=_GELU_MINIMUM,
        differentiable=True,
    ),
    # With u = x/2: phi'' = sech(u)^2 (1 - u tanh u) / 2 vanishes at u* tanh u* = 1, where phi' is greatest:
    # (1 + tanh u*)/2 + u* sech(u*)^2 / 2 = (1 + u*)/2, and least at -u*: (1 - u*)/2. |phi''| <= 1/2 inside
    # [-u*, u*], and outside <= |u| sech(u)^2 / 2 <= 2 u* exp(-2 u*) = 0.22, as u exp(-2u) decreases beyond 1/2.
    # phi' = 0 at x = -v with v = 1 + w, w exp(w) = 1/e, and phi is -w there.
    _entry(
        "silu",
        lambda x: x * torch.sigmoid(x),
        lambda x: torch.sigmoid(x) + x * _sigmoid_slope(x),
        balls.silu,
        lipschitz=widened(0.5 * (1.0 + _U_STAR)),
        curvature=0.5,
        lower=widened(-_LAMBERT),
        analytic=True,
    ),
    # phi' = s (1 - s) <= 1/4. |phi''| = s (1 - s) |1 - 2 s|, greatest at s = (1 +- 1/sqrt 3)/2: 1 / (6 sqrt 3).
    _entry(
        "sigmoid",
        torch.sigmoid,
        _sigmoid_slope,
        balls.sigmoid,
        lipschitz=0.25,
        curvature=widened(1.0 / (6.0 * math.sqrt(3.0))),
        lower=0.0,
        upper=1.0,
        analytic=True,
    ),
    # phi' = min(exp(x), 1) is continuous, phi'' = exp(x) <= 1 for x < 0 and 0 for x > 0.
    _entry(
        "elu", _elu, lambda x: torch.exp(torch.clamp(x, max=0.0)), balls.elu, lipschitz=1.0, curvature=1.0, lower=-1.0
    ),
)

# Piecewise linear: phi'' = 0 between the kinks, L1 is the greatest |slope|.
_KINKED = (
    _entry(
        "relu",
        torch.relu,
        lambda x, side: _indicator(x, 0.0, side),
        balls.relu,
        lipschitz=1.0,
        curvature=0.0,
        lower=0.0,
        jumps={0.0: Fraction(1)},
    ),
    _entry(
        "leaky_relu",
        lambda x: torch.where(x > 0, x, LEAKY_SLOPE * x),
        lambda x, side: torch.where(_indicator(x, 0.0, side) > 0, torch.ones_like(x), LEAKY_SLOPE),
        balls.leaky_relu,
        lipschitz=1.0,
        curvature=0.0,
        jumps={0.0: 1 - Fraction(LEAKY_SLOPE)},
    ),
    _entry(
        "abs",
        torch.abs,
        lambda x, side: 2.0 * _indicator(x, 0.0, side) - 1.0,
        balls.absolute,
        lipschitz=1.0,
        curvature=0.0,
        lower=0.0,
        jumps={0.0: Fraction(2)},
    ),
    _entry(
        "hardtanh",
        lambda x: torch.clamp(x, -1.0, 1.0),
        lambda x, side: _indicator(x, -1.0, side) - _indicator(x, 1.0, side),
        balls.hardtanh,
        lipschitz=1.0,
        curvature=0.0,
        lower=-1.0,
        upper=1.0,
        jumps={-1.0: Fraction(1), 1.0: Fraction(-1)},
    ),
)

# Controls: affine, polynomials (no Lipschitz constant), and an infinite slope at 0.
_CONTROLS = (
    _entry(
        "identity",
        lambda x: x,
        torch.ones_like,
        lambda x: x,
        lipschitz=1.0,
        curvature=0.0,
        degree=1,
        analytic=True,
    ),
    _entry(
        "square",
        lambda x: x * x,
        lambda x: 2.0 * x,
        lambda x: x * x,
        lipschitz=math.inf,
        curvature=2.0,
        lower=0.0,
        degree=2,
        analytic=True,
    ),
    _entry(
        "cube",
        lambda x: x * x * x,
        lambda x: 3.0 * x * x,
        lambda x: x * x * x,
        lipschitz=math.inf,
        curvature=math.inf,
        degree=3,
        analytic=True,
    ),
    # phi' = 1 / (2 sqrt |x|), infinite at 0 from both sides: no jump, no bound.
    _entry(
        "sign_sqrt",
        lambda x: torch.sign(x) * torch.sqrt(torch.abs(x)),
        _sign_sqrt_slope,
        balls.sign_sqrt,
        lipschitz=math.inf,
        curvature=math.inf,
    ),
)

CATALOGUE: Mapping[str, Activation] = MappingProxyType({entry.name: entry for entry in _SMOOTH + _KINKED + _CONTROLS})

# exp may be called in an expression; alone it is no activation of the paper.
EXPONENTIAL = _entry(
    "exp",
    torch.exp,
    torch.exp,
    lambda x: x.exp(),
    lipschitz=math.inf,
    curvature=math.inf,
    lower=0.0,
    analytic=True,
)
# E relu(x + Z), Z ~ N(0, 1), may be called too: every mollified piecewise linear phi is a sum of these and a line
# (mollification.py). phi' = Phi <= 1 and phi'' is the normal density, at most 1 / sqrt(2 pi). Entire, but torch's erfc
# takes no complex input.
SMOOTH_RELU = _entry(
    "smooth_relu",
    _smooth_relu,
    _smooth_relu_slope,
    balls.smooth_relu,
    lipschitz=1.0,
    curvature=widened(1.0 / math.sqrt(2.0 * math.pi)),
    lower=0.0,
    differentiable=True,
)
FUNCTIONS: Mapping[str, Activation] = MappingProxyType({**CATALOGUE, "exp": EXPONENTIAL, "smooth_relu": SMOOTH_RELU})

# Non-decreasing on the whole line, so a range is mapped by its ends.
MONOTONE = frozenset(
    {
        "softplus",
        "tanh",
        "erf",
        "arctan",
        "sigmoid",
        "elu",
        "relu",
        "leaky_relu",
        "hardtanh",
        "smooth_relu",
        "cube",
        "sign_sqrt",
        "exp",
    }
)
