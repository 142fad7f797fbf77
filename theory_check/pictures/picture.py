"""What a reader should see of a case: curves or a matrix as plain numbers. How they are drawn is elsewhere."""

import math
from typing import Literal

import msgspec

PictureKind = Literal[
    "ladder",
    "quantiles",
    "spectrum",
    "loss",
    "horizon",
    "kernel",
    "trajectories",
    "gradients",
    "counts",
]
Scale = Literal["linear", "log"]
Style = Literal["points", "line", "band"]

MOST_POINTS = 400


class Series(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One curve.

    name: its entry in the legend.
    x, y: equally many finite numbers; None in y leaves a gap.
    low, high: the ends of an interval about each y (points get error bars, a band is filled), or None.
    style: "points" for what was measured, "line" for what is expected, "band" for what is allowed.

    Raises:
        ValueError: lengths differ, a number is not finite, or there are more than MOST_POINTS.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    style: Style = "points"

    def __post_init__(self) -> None:
        columns = [column for column in (self.x, self.y, self.low, self.high) if column is not None]
        if len({len(column) for column in columns}) != 1 or len(self.x) > MOST_POINTS:
            lengths = [len(column) for column in columns]
            raise ValueError(f"series {self.name!r} must have columns of one length up to {MOST_POINTS}, got {lengths}")
        if not all(math.isfinite(value) for column in columns for value in column if value is not None):
            raise ValueError(f"series {self.name!r} must be finite")


class Matrix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One heat map: a name and equally long rows of finite numbers."""

    name: str
    rows: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if len({len(row) for row in self.rows}) > 1 or not all(math.isfinite(v) for row in self.rows for v in row):
            raise ValueError(f"matrix {self.name!r} must have finite rows of one length")


class Picture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture of one case.

    kind: what it shows, so that a page can explain it.
    title: a line without the case, which stands beside it.
    x_label, y_label: what the axes mean, with units where there are any.
    x_scale, y_scale: of the axes; a logarithmic one leaves out what is not positive.
    series: curves over one pair of axes; empty where there are matrices.
    matrices: heat maps, side by side, on one colour scale.
    note: a sentence on how to read it.
    """

    kind: PictureKind
    title: str
    x_label: str = ""
    y_label: str = ""
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    series: tuple[Series, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    note: str = ""
