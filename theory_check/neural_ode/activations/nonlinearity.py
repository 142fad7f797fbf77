"""Certificates by value: that an activation is not affine, and whether it is odd.

Syntax does not decide: softplus(x) - softplus(-x) is x. A second difference phi(a + h) - 2 phi(a) + phi(a - h) that
is not zero does, when it is evaluated with an enclosure.
"""

import sys
from itertools import product

import torch
from flint import arb, ctx

from theory_check.neural_ode.activations.activation import Activation

_PRECISION = 128  # bits; float64 loses a second difference of 1e-16 to rounding, this one does not
_CENTRES = (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 5.0, -5.0, 8.0, -8.0)
_WIDTHS = (1.0, 0.5, 2.0, 4.0, 8.0, 0.125)
_PAIRS = tuple(product(_CENTRES, _WIDTHS))
# Error allowed to one evaluation without balls, in units in the last place of the larger of value and argument:
# parts that cancel, as in silu(x) - silu(-x) - x, are of the size of the argument.
_ULPS = 64.0


def second_difference_certificate(activation: Activation) -> tuple[float, float] | None:
    """A pair (a, h) at which the second difference is certainly not zero, or None when none is found.

    With ball arithmetic this is a proof that phi is not affine. For a user's function, which has float64 values only,
    it is one under the assumption that an evaluation errs by at most 64 ulps of the largest value or argument.
    None proves nothing, although for an affine phi it is the only answer.
    """
    centres = torch.tensor([a for a, _ in _PAIRS], dtype=torch.float64)
    widths = torch.tensor([h for _, h in _PAIRS], dtype=torch.float64)
    values = torch.stack([activation(centres + k * widths) for k in (-1, 0, 1)])
    differences = (values[0] - 2.0 * values[1] + values[2]).abs()
    largest = values.abs().amax(dim=0)
    # Float64 only chooses the order in which pairs are tried.
    relative = torch.nan_to_num(differences / (largest + sys.float_info.min), nan=0.0)
    order = [_PAIRS[i] for i in relative.argsort(descending=True, stable=True)]
    if activation.ball is None:
        # Three values, the middle one twice, each within _ULPS ulps; two additions add less than four more.
        margin = (4.0 * _ULPS + 4.0) * sys.float_info.epsilon * torch.maximum(largest, centres.abs() + widths)
        certain = {pair for pair, d, m in zip(_PAIRS, differences, margin, strict=True) if bool(d > m)}
        return next((pair for pair in order if pair in certain), None)
    return next((pair for pair in order[:16] if _excludes_zero(activation, *pair)), None)


def is_certified_nonlinear(activation: Activation) -> bool:
    """Whether phi is certainly not affine."""
    return second_difference_certificate(activation) is not None


def _excludes_zero(activation: Activation, centre: float, width: float) -> bool:
    """Whether the ball of the second difference excludes zero; centre +- width are exact doubles."""
    ball = activation.ball
    if ball is None:
        return False
    with ctx.workprec(_PRECISION):
        difference = ball(arb(centre + width)) - 2 * ball(arb(centre)) + ball(arb(centre - width))
        return bool(difference.is_finite()) and not difference.contains(0)
