"""Bounds of a function that is only known by its values: measured, never proved.

Method, in float64:

- Growth. A supremum is taken on grids over [-R, R] for R = 8, 64, ..., 32768. It is infinite when the last widening
  raises it by more than a thousandth, and by a quarter more than the one before: |x|^p grows 8^p times as much each
  time, a logarithm as much, a function with a supremum less. So |x|^0.11 is seen as unbounded, a logarithm is not.
- Refinement. Around the greatest grid values the grid is refined until neighbours are about 1e-6 apart.
- Regularity. Every cell of the grids up to R = 512 is halved 22 times, keeping the half over which the function
  changes more. The change shrinks like (cell width)^a: a = 1 for a Lipschitz function, a = 0 for a jump, a = 1/2 for
  a square root. Exponents are read between halvings 14 and 22; below 0.9 the function is not Lipschitz in that cell.
  Applied to phi this decides L1, applied to phi' it decides L2; where phi' jumps, halving goes on to the last bit and
  gives the kink. Changes below 1e-8 of the scale (the local size, or
  that on [-8, 8] where it is larger) count as rounding of the implementation: torch's softplus, for
  one, jumps by 2e-9 at 20.

What is missed: two kinks in one cell of 0.002 (0.02 beyond |x| = 8), a jump of phi' smaller than its smooth change
over that cell, features beyond |x| = 512, and growth slower than stated.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from theory_check.neural_ode.activations.corners import Reals

# As the module's docstring says of each.
_WINDOWS = (8.0, 64.0, 512.0, 4096.0, 32768.0)
_WINDOWS_OF_REGULARITY = _WINDOWS[:3]
_CELLS = 8192
_PEAKS = 8
_FINEST = 1e-6
_ROUNDING = 1e-8
# Grid points sit at an irrational fraction of a cell, so that none falls on a special point such as 0.
_OFFSET = math.sqrt(2.0) - 1.0
# Extrema like to sit here, and are then met exactly.
_SPECIAL = torch.arange(-16, 17, dtype=torch.float64) / 2.0
# Suprema that are only approached, at infinity.
_FAR = torch.tensor([sign * 10.0**k for k in range(5, 13) for sign in (-1, 1)], dtype=torch.float64)

RealFunction = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class MeasuredBounds:
    """Measured sup |phi'|, sup |phi''| (inf where phi' is not Lipschitz), range, and kinks."""

    lipschitz: float
    curvature: float
    lower: float
    upper: float
    kinks: Reals


def measure(function: RealFunction, slope: RealFunction, *, known_kinks: bool = False) -> MeasuredBounds:
    """Measure the bounds of phi from phi and its derivative, both elementwise on float64 tensors.

    Args:
        function: phi.
        slope: phi', from either side where it jumps.
        known_kinks: kinks are known already and not looked for.
    """
    irregular = _irregular_cells(slope)
    lipschitz = curvature = math.inf
    if not _irregular_cells(function).exponent.numel():
        lipschitz = _supremum(lambda x: slope(x).abs())
        # Differences across an irregular point of phi' only measure their own step.
        curvature = math.inf if irregular.exponent.numel() else _supremum(_difference_quotient(slope))
    jumping = irregular.exponent < 0.25
    wanted = not known_kinks and math.isfinite(lipschitz)
    kinks = _located(slope, irregular.left[jumping], irregular.right[jumping]) if wanted else ()
    return MeasuredBounds(lipschitz, curvature, 0.0 - _supremum(lambda x: -function(x)), _supremum(function), kinks)


def crossings(function: RealFunction) -> Reals:
    """Zeros with a change of sign in [-64, 64], to the last bit; two in one cell of 0.008 are missed."""
    step = 128.0 / (2 * _CELLS)
    left = (torch.arange(2 * _CELLS, dtype=torch.float64) + _OFFSET) * step - 64.0
    above = function(left) >= 0
    changes = above[:-1] != above[1:]
    left, right, rises = left[:-1][changes], left[1:][changes], above[1:][changes]
    for _ in range(60):
        middle = 0.5 * (left + right)
        in_right = (function(middle) >= 0) != rises
        left, right = torch.where(in_right, middle, left), torch.where(in_right, right, middle)
    return tuple(_shortest_between(float(a), float(b)) for a, b in zip(left, right, strict=True))


def _grid(window: float) -> Float[Tensor, " points"]:
    step = 2.0 * window / _CELLS
    return (torch.arange(_CELLS, dtype=torch.float64) + _OFFSET) * step - window


def _supremum(function: RealFunction) -> float:
    """The supremum by growth and refinement; inf where there is none. NaN (an overflow that cancels) is left out."""
    greatest: list[float] = []
    peaks: list[tuple[float, float]] = []
    for window in _WINDOWS:
        grid = torch.cat([_SPECIAL, _grid(window)])
        values = torch.nan_to_num(function(grid), nan=-math.inf, posinf=math.inf, neginf=-math.inf)
        if bool((values == math.inf).any()):
            return math.inf
        greatest.append(max([float(values.max()), *greatest[-1:]]))
        best = values.topk(_PEAKS)
        peaks += [(float(grid[i]), 2.0 * window / _CELLS) for i in best.indices]
    before, last = greatest[-2] - greatest[-3], greatest[-1] - greatest[-2]
    if last > 1.25 * before and last > 1e-3 * abs(greatest[-1]):
        return math.inf
    far = float(torch.nan_to_num(function(_FAR), nan=-math.inf, posinf=-math.inf).max())
    return max(far, greatest[-1], *(_refined(function, centre, step) for centre, step in peaks))


def _refined(function: RealFunction, centre: float, step: float) -> float:
    """The greatest value on ever finer grids around a peak."""
    best = -math.inf
    while step > _FINEST:
        grid = centre + torch.linspace(-1.5 * step, 1.5 * step, 97, dtype=torch.float64)
        values = torch.nan_to_num(function(grid), nan=-math.inf, posinf=math.inf, neginf=-math.inf)
        best = max(best, float(values.max()))
        centre, step = float(grid[values.argmax()]), step / 32.0
    return best


def _difference_quotient(slope: RealFunction) -> RealFunction:
    """|phi''| by symmetric differences over about the width at which truncation and rounding balance."""

    def quotient(x: Tensor) -> Tensor:
        half_width = torch.clamp(1e-9 * x.abs(), min=1e-5)  # eps^(1/3) where x is moderate
        right, left = x + half_width, x - half_width
        return (slope(right) - slope(left)).abs() / (right - left)

    return quotient


@dataclass(frozen=True)
class _Cells:
    """Cells over which a function changes more than a Lipschitz function could, with the exponent of the change."""

    left: Float[Tensor, " cells"]
    right: Float[Tensor, " cells"]
    exponent: Float[Tensor, " cells"]


def _irregular_cells(function: RealFunction) -> _Cells:
    lefts, rights, exponents = [], [], []
    scale = float(torch.nan_to_num(function(_SPECIAL).abs(), nan=0.0, posinf=0.0).max())
    for window in _WINDOWS_OF_REGULARITY:
        grid = _grid(window)
        left, right = grid[:-1], grid[1:]
        wide = _bisected(function, left, right, 14)
        narrow = _bisected(function, *wide, 8)
        at_left, at_right = function(narrow[0]), function(narrow[1])
        change = (at_right - at_left).abs()
        earlier = (function(wide[1]) - function(wide[0])).abs()
        size = torch.maximum(torch.maximum(at_left.abs(), at_right.abs()), torch.full_like(change, scale))
        exponent = torch.log2(earlier / change) / 8.0
        irregular: Bool[Tensor, " cells"] = (change > _ROUNDING * size) & (exponent < 0.9)
        lefts.append(narrow[0][irregular])
        rights.append(narrow[1][irregular])
        exponents.append(exponent[irregular])
    return _Cells(torch.cat(lefts), torch.cat(rights), torch.cat(exponents))


def _bisected(
    function: RealFunction, left: Float[Tensor, " cells"], right: Float[Tensor, " cells"], halvings: int
) -> tuple[Float[Tensor, " cells"], Float[Tensor, " cells"]]:
    """Keep the half over which the function changes more, again and again."""
    at_left, at_right = function(left), function(right)
    for _ in range(halvings):
        middle = 0.5 * (left + right)
        at_middle = function(middle)
        go_right = (at_right - at_middle).abs() > (at_middle - at_left).abs()
        left, at_left = torch.where(go_right, middle, left), torch.where(go_right, at_middle, at_left)
        right, at_right = torch.where(go_right, right, middle), torch.where(go_right, at_right, at_middle)
    return left, right


def _located(slope: RealFunction, left: Float[Tensor, " cells"], right: Float[Tensor, " cells"]) -> Reals:
    """Jumps to the last bit, each as the shortest decimal between the two ends."""
    if not left.numel():
        return ()
    lefts, rights = _bisected(slope, left, right, 40)
    found = {_shortest_between(float(a), float(b)) for a, b in zip(lefts, rights, strict=True)}
    # Overlapping windows see one jump several times, to within the last cells.
    kinks: list[float] = []
    for kink in sorted(found):
        if not kinks or kink - kinks[-1] > 1e-9 * (1.0 + abs(kink)):
            kinks.append(kink)
    return tuple(kinks)


def _shortest_between(left: float, right: float) -> float:
    margin = math.ulp(max(abs(left), abs(right)))
    for digits in range(17):
        candidate = round(0.5 * (left + right), digits) + 0.0
        if left - margin <= candidate <= right + margin:
            return candidate
    return 0.5 * (left + right)
