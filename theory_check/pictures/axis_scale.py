"""One axis: which range it shows, where a number lies on it, and its ticks with their numbers as plain text.

Places are shares of the axis, computed here: a plotting library's own logarithmic axes stumble over the numbers at the
edge of double precision that measurements of a divergence do give.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from theory_check.pictures.picture import Scale

Array = NDArray[np.float64]

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_TICKS = 6
# As shares of the axis: closer numbers would touch on a narrow screen.
LEAST_APART = 0.11
PLAIN_FROM, PLAIN_TO = 1e-3, 1e5
MARGIN = 0.06
# Beyond, a power of ten or its reciprocal is no normal double.
LARGEST_POWER = 300


@dataclass(frozen=True)
class AxisScale:
    """The range [low, high] on a linear or, both positive, on a logarithmic scale; low < high."""

    low: float
    high: float
    scale: Scale

    def places(self, values: Float[Array, " points"]) -> Float[Array, " points"]:
        """Shares of the axis: 0 at `low`, 1 at `high`; NaN stays, and what lies outside is kept near."""
        if self.scale == "log":
            low, high = math.log10(self.low), math.log10(self.high)
            shares = (np.log10(np.maximum(values, 5e-324)) - low) / (high - low)
        else:
            # Halves, so that no difference overflows.
            shares = (values / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return np.clip(shares, -1.0, 2.0)

    def ticks(self, wanted: Sequence[float] = ()) -> tuple[list[float], list[str]]:
        """Places and texts; at `wanted` (sizes of a ladder) where given, thinned out where they are crowded."""
        values = wanted or (self._decades() if self.scale == "log" else self._steps())
        kept: list[float] = []
        places: list[float] = []
        for value in values:
            if not self.low <= value <= self.high:
                continue
            place = float(self.places(np.array([value]))[0])
            if not places or place - places[-1] >= LEAST_APART:
                kept.append(value)
                places.append(place)
        return places, [number_text(value, _digits(kept)) for value in kept]

    def _decades(self) -> list[float]:
        """Powers of ten, or numbers between them where there are few."""
        span = math.log10(self.high) - math.log10(self.low)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = max(1, math.ceil((last - first) / MOST_TICKS))
        few = ("1", "2", "5") if span > 0.7 else ("1", "1.5", "2", "3", "4", "5", "7")
        bases = ("1",) if span > 2 else few
        return [float(f"{base}e{power}") for power in range(first, last + 1) if power % every == 0 for base in bases]

    def _steps(self) -> list[float]:
        """Multiples of a round step, as found for the same range in units of its power of ten."""
        largest = max(abs(self.low), abs(self.high))
        power = max(-LARGEST_POWER, min(LARGEST_POWER, math.floor(math.log10(largest))))
        unit = 10.0**power
        locator = MaxNLocator(MOST_TICKS - 1, steps=[1, 2, 2.5, 5, 10])
        ticks = locator.tick_values(self.low / unit, self.high / unit)
        step = float(np.diff(ticks).min()) if len(ticks) > 1 else 0.0
        # What should be 0 may be a rounding of the step.
        return [0.0 if abs(tick) < 1e-9 * step else float(f"{tick:.15g}") * unit for tick in ticks]


def scale_of(values: Float[Array, " points"], scale: Scale) -> AxisScale:
    """The range of all values and a margin, never empty; not positive ones count for nothing on a logarithmic scale."""
    values = values[np.isfinite(values) & ((values > 0) | (scale == "linear"))]
    if not len(values):
        return AxisScale(0.1, 10.0, scale) if scale == "log" else AxisScale(0.0, 1.0, scale)
    low, high = float(values.min()), float(values.max())
    most = math.log10(np.finfo(np.float64).max)
    if scale == "log":
        margin = max(MARGIN * (math.log10(high) - math.log10(low)), 0.04) if high > low else 0.5
        ends = max(math.log10(low) - margin, -323.0), min(math.log10(high) + margin, most - 1e-9)
        return AxisScale(10.0 ** ends[0], 10.0 ** ends[1], scale)
    margin = 2 * MARGIN * (high / 2 - low / 2)
    if low - margin == low or high + margin == high:
        margin = max(abs(low), abs(high)) / 2 or 0.5
    largest = float(np.finfo(np.float64).max)
    return AxisScale(max(low - margin, -largest), min(high + margin, largest), scale)


def number_text(value: float, digits: int = 3) -> str:
    """A number with so many significant digits: 0.05, 2048, 2·10⁻⁵, 10⁻¹²."""
    if value == 0:
        return "0"
    size = abs(value)
    if PLAIN_FROM <= size < PLAIN_TO:
        return f"{value:.{max(digits, math.floor(math.log10(size)) + 1)}g}".replace("-", "\u2212")
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    power = f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    if mantissa in {"1", "-1"}:
        return power if value > 0 else f"\u2212{power}"
    return f"{mantissa}·{power}".replace("-", "\u2212")


def _digits(values: Sequence[float]) -> int:
    """The fewest significant digits, at least 4, that tell all the values apart."""
    texts = ([number_text(value, digits) for value in values] for digits in range(4, 18))
    return next((digits for digits, shown in enumerate(texts, 4) if len(set(shown)) == len(shown)), 17)
