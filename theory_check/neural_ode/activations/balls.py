"""Activations in ball arithmetic: one text for an `arb` (an enclosed number) and an `arb_series` (an enclosed jet).

Forms are chosen by the sign of the midpoint so that exponentials decay; both forms are the same function, so the
choice affects width only, never correctness. Where a jet straddles a kink its derivatives are the whole line.
"""

from collections.abc import Callable
from typing import Any

from flint import arb, arb_series

_ANYTHING = arb("+/- inf")

Ball = Any  # python-flint ships no types: an arb or an arb_series


def softplus(x: Ball) -> Ball:
    """log(1 + exp(x))."""
    return x + _log_one_plus((-x).exp()) if _leans_right(x) else _log_one_plus(x.exp())


def sigmoid(x: Ball) -> Ball:
    """1 / (1 + exp(-x)), with the exponential once: a form that holds it twice is wider, however small the ball."""
    if _leans_right(x):
        return quotient(1, 1 + (-x).exp())
    return 1 - quotient(1, 1 + x.exp())


def tanh(x: Ball) -> Ball:
    """Hyperbolic tangent from exp(-2 |x|)."""
    if isinstance(x, arb):
        return x.tanh()
    decaying = (-2 * x if _leans_right(x) else 2 * x).exp()
    magnitude = quotient(2, 1 + decaying) - 1
    return magnitude if _leans_right(x) else -magnitude


def gelu(x: Ball) -> Ball:
    """The product x Phi(x), with Phi(x) = erfc(-x / sqrt 2) / 2."""
    return x * (-x / arb(2).sqrt()).erfc() / 2


def smooth_relu(x: Ball) -> Ball:
    """X Phi(x) + p(x), with Phi(x) = erfc(-x / sqrt 2) / 2 and p the normal density."""
    return gelu(x) + (-(x * x) / 2).exp() / (2 * arb.pi()).sqrt()


def silu(x: Ball) -> Ball:
    """The quotient x / (1 + exp(-x))."""
    return x * sigmoid(x)


def elu(x: Ball) -> Ball:
    """Identity above 0, exp(x) - 1 below.

    Across 0 the coefficients enclose both branches: first derivatives agree at 0, second ones exist almost everywhere.
    """
    at = _constant(x)
    if at > 0:
        return x
    below = x.exp() - 1
    if at < 0:
        return below
    if isinstance(x, arb):
        return x.union(below)
    return arb_series([x[k].union(below[k]) for k in range(x.prec)], x.prec)


def piecewise(
    x: Ball, kink: float, below: Callable[[Ball], Ball], above: Callable[[Ball], Ball], value: Callable[[arb], arb]
) -> Ball:
    """`below` left of the kink, `above` right of it; across it `value`, with derivatives anywhere on the line."""
    at = _constant(x)
    if at < kink:
        return below(x)
    if at > kink:
        return above(x)
    if isinstance(x, arb):
        return value(at)
    return arb_series([value(at), *[_ANYTHING] * (x.prec - 1)], x.prec)


def quotient(above: Ball, below: Ball) -> Ball:
    """The quotient; anything where the divisor may be zero (python-flint raises for a jet)."""
    if isinstance(below, arb_series) and below[0].contains(0):
        return arb_series([_ANYTHING] * below.prec, below.prec)
    return above / below


def relu(x: Ball) -> Ball:
    """max(x, 0)."""
    return piecewise(x, 0.0, lambda u: 0 * u, lambda u: u, lambda u: u.max(arb(0)))


def leaky_relu(x: Ball) -> Ball:
    """max(x, 0.01 x), with 0.01 the double."""
    return piecewise(x, 0.0, lambda u: 0.01 * u, lambda u: u, lambda u: u.max(u * 0.01))


def absolute(x: Ball) -> Ball:
    """|x|."""
    return piecewise(x, 0.0, lambda u: -u, lambda u: u, abs)


def hardtanh(x: Ball) -> Ball:
    """The input clamped to [-1, 1]."""
    return piecewise(x, -1.0, lambda u: 0 * u - 1, _clamped_above, _clamped)


def sign_sqrt(x: Ball) -> Ball:
    """sign(x) sqrt |x|, increasing, so a ball is enclosed by the values at its ends."""
    return piecewise(
        x,
        0.0,
        lambda u: -(-u).sqrt(),
        lambda u: u.sqrt(),
        lambda u: _signed_root(u.lower()).union(_signed_root(u.upper())),
    )


def _clamped_above(x: Ball) -> Ball:
    return piecewise(x, 1.0, lambda u: u, lambda u: 0 * u + 1, _clamped)


def _clamped(x: arb) -> arb:
    return x.max(arb(-1)).min(arb(1))


def _signed_root(x: arb) -> arb:
    return x.sqrt() if x >= 0 else -(-x).sqrt()


def _log_one_plus(x: Ball) -> Ball:
    return x.log1p() if isinstance(x, arb) else (1 + x).log()


def _constant(x: Ball) -> arb:
    return x[0] if isinstance(x, arb_series) else x


def _leans_right(x: Ball) -> bool:
    return bool(_constant(x).mid() >= 0)
