"""Corners: the points where a derivative jumps, kept exactly for as long as that is possible.

Locations are rational numbers because a double is one and affine maps keep them rational: 3 x - 1 has its zero
at 1/3, not at the nearest double. Jumps are rational until a transcendental slope multiplies them. Exactness is
what allows cancellation to be proved: relu(x) - relu(-x) has no kink.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import torch
from torch import Tensor

Slope = Callable[[float, int], float]

if TYPE_CHECKING:
    Reals = tuple[float, ...]
    Corners = tuple["Corner", ...]
else:
    # Checked at run time, long tuples would be by a random item, and Hypothesis refuses strategies that use random.
    Reals = Corners = tuple


@dataclass(frozen=True)
class Corner:
    """The derivative jumps by `jump` (right minus left) at `location`; `exact` when both are exact numbers."""

    location: Fraction
    jump: Fraction
    exact: bool = True


def scaled(corners: Corners, factor: float) -> Corners:
    """Corners of factor * f."""
    return tuple(Corner(c.location, Fraction(factor) * c.jump, c.exact) for c in corners)


def under_affine(corners: Corners, slope: Fraction, intercept: Fraction) -> Corners:
    """Corners of f(slope * x + intercept), slope not zero.

    Right minus left slope is slope * jump where slope > 0; a negative one swaps the sides: |slope| * jump.
    """
    moved = [Corner((c.location - intercept) / slope, abs(slope) * c.jump, c.exact) for c in corners]
    return tuple(sorted(moved, key=lambda c: c.location))


def inexact(location: Fraction, jump: float, size: float) -> Corner:
    """A corner whose jump was computed in float64 from slopes of magnitude `size`; within their rounding it is zero."""
    negligible = not math.isfinite(jump) or abs(jump) <= 16 * sys.float_info.epsilon * size
    return Corner(location, Fraction(0 if negligible else jump), exact=False)


def measured_at(points: Reals, slope: Slope) -> Corners:
    """Corners at the given doubles with the jump read off one-sided derivatives."""
    found = []
    for point in sorted(set(points)):
        left, right = slope(point, -1), slope(point, 1)
        found.append(inexact(Fraction(point), right - left, abs(left) + abs(right)))
    return tuple(found)


def merged(*families: Corners) -> Corners:
    """Corners of a sum: jumps at one place add up. Zero jumps are kept for `without_smooth_points`."""
    total: dict[Fraction, Corner] = {}
    for corner in (c for family in families for c in family):
        seen = total.get(corner.location)
        if seen is None:
            total[corner.location] = corner
            continue
        exact = seen.exact and corner.exact
        jump = seen.jump + corner.jump
        size = float(abs(seen.jump) + abs(corner.jump))
        at = corner.location
        total[at] = Corner(at, jump) if exact else inexact(at, float(jump), size)
    return tuple(total[location] for location in sorted(total))


def without_smooth_points(corners: Corners) -> tuple[Corners, bool]:
    """The corners with a jump, and whether each one left out was proved to have none."""
    return tuple(c for c in corners if c.jump), all(c.exact for c in corners if not c.jump)


def beside(slope: Callable[[Tensor, int], Tensor], kinks: Reals) -> Callable[[Tensor, int], Tensor]:
    """One-sided derivatives that, at these doubles, are taken a few ulps to the side.

    For kinks whose nearest double lies beside them, where an evaluation sees one slope only; and for functions that
    are known from one value of the derivative.
    """

    def one_sided(x: Tensor, side: int) -> Tensor:
        for kink in kinks:
            at = torch.tensor(kink, dtype=x.dtype, device=x.device)
            step = 8.0 * torch.finfo(x.dtype).eps * max(abs(kink), 1.0)
            x = torch.where(x == at, at + side * step, x)
        return slope(x, side)

    return one_sided if kinks else slope


def locations(corners: Corners) -> Reals:
    """Nearest doubles, ascending, without repetition."""
    return tuple(sorted({float(c.location) for c in corners}))
