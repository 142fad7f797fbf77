"""From arrays to one curve of a picture."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from theory_check.pictures.picture import Series, Style

Array = NDArray[np.float64]

MOST_POINTS = 200
LARGEST = 1e300


def curve(
    name: str,
    x: ArrayLike,
    y: ArrayLike,
    *,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    style: Style = "points",
) -> Series:
    """A series of at most 200 points; of more it takes evenly spaced ones, first and last among them, and says so.

    Args:
        name: its entry in the legend.
        x: finite.
        y: as many numbers; one that is not finite leaves a gap.
        low: lower ends of intervals; what is beyond 1e300 is drawn there.
        high: upper ends.
        style: as in `Series`.

    Raises:
        ValueError: lengths differ, or a number of `x` is not finite.
    """
    columns = [_column(values) for values in (x, y, low, high) if values is not None]
    count = len(columns[0])
    kept = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(int)) if count else slice(0)
    if count > MOST_POINTS:
        name = f"{name} ({MOST_POINTS} of {count} points)"
    if any(len(column) != count for column in columns):
        raise ValueError(f"curve {name!r} must have columns of one length, got {[len(c) for c in columns]}")
    across, along, *ends = (column[kept] for column in columns)
    clipped = [tuple(np.clip(np.nan_to_num(end, nan=0.0), -LARGEST, LARGEST).tolist()) for end in ends]
    return Series(
        name=name,
        x=tuple(across.tolist()),
        y=tuple(value if np.isfinite(value) else None for value in along.tolist()),
        low=clipped[0] if clipped else None,
        high=clipped[1] if clipped else None,
        style=style,
    )


def _column(values: ArrayLike) -> Float[Array, " points"]:
    return np.atleast_1d(np.asarray(values, dtype=np.float64))
