"""The picture of a rate: what was measured on each rung, and the slope that was expected of it."""

import math

from theory_check.claims.quantity import Quantity
from theory_check.judge.rates import SUPPORT_CONFIDENCE, RateResult
from theory_check.pictures.picture import Picture, Series


def ladder_picture(quantity: Quantity, result: RateResult, expected: float) -> Picture:
    """Rungs with their intervals, the expected slope through the last rung, and the slopes that agree with it.

    Args:
        quantity: what falls or grows, as the outcome calls it.
        result: the ladder that was judged.
        expected: the exponent.
    """
    ends = (result.sizes[0], result.sizes[-1])

    def through_last(slope: float) -> tuple[float, ...]:
        return tuple(_product(result.values[-1], size / ends[-1], slope) for size in ends)

    low, high = result.agreeing
    title, along, across = _axes(quantity)
    curves = [
        Series(
            name=f"measured, with intervals of {SUPPORT_CONFIDENCE:.1%}: slope {_number(result.slope)}",
            x=result.sizes,
            y=result.values,
            low=tuple(low for low, _ in result.intervals),
            high=tuple(high for _, high in result.intervals),
        ),
        Series(name=f"slope {_number(expected)}, as expected", x=ends, y=through_last(expected), style="line"),
    ]
    if math.isfinite(low) and math.isfinite(high):
        steep, flat = through_last(low), through_last(high)
        curves.append(
            Series(
                name=f"slopes that agree: {_number(low)} to {_number(high)}",
                x=ends,
                y=through_last(expected),
                low=tuple(map(min, steep, flat)),
                high=tuple(map(max, steep, flat)),
                style="band",
            )
        )
    else:
        end, words = (high, "or less") if math.isfinite(high) else (low, "or more")
        curves.append(
            Series(name=f"slope {_number(end)}: it {words} agrees", x=ends, y=through_last(end), style="line")
        )
    return Picture(
        kind="ladder",
        title=title,
        x_label=across,
        y_label=along,
        x_scale="log",
        y_scale="log",
        series=tuple(curves),
        note="On logarithmic axes a rate is a straight line; all lines are drawn through the last rung.",
    )


def _axes(quantity: Quantity) -> tuple[str, str, str]:
    """Title and labels; a slope of log A against log B is drawn as A against B."""
    if quantity.axes is None:
        return quantity.text, "measured", "size of the rung"
    along, across = quantity.axes
    return f"{along[0].upper()}{along[1:]} against {across}", along, across


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _product(value: float, ratio: float, slope: float) -> float:
    """The value times ratio^slope, kept within what a double holds."""
    return math.exp(min(math.log(value) + slope * math.log(ratio), 690.0))
