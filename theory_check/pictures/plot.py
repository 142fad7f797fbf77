"""A picture as a matplotlib figure, in colours that stand for those of the page.

The figure is 400 units wide with text of 12.5, so that it reads at 320 pixels as at 900. Its legend lies below the
axes, where it covers nothing, and every name is shown as it is: no name is taken for mathematics or for a private one.
"""

import math
import textwrap

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from numpy.typing import NDArray

from theory_check.pictures.axis_scale import scale_of
from theory_check.pictures.heat_map import draw_heat_maps
from theory_check.pictures.palette import NAMED, SERIES
from theory_check.pictures.picture import Picture, Series

Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

UNITS = 72.0  # of an SVG of matplotlib in an inch
WIDTH, PLOT_HEIGHT, LINE_HEIGHT = 400.0, 235.0, 17.0
FONT_SIZE = 12.5
TITLE_LETTERS, LEGEND_LETTERS = 46, 46
X_LABEL_LETTERS, Y_LABEL_LETTERS = 40, 25
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[tuple[float, tuple[float, ...]], ...] = (
    (0, ()),
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
    (0, (9, 2.5)),
    (0, (3, 1.5, 1, 1.5, 1, 1.5)),
)
FEW_POINTS, MARKER_SIZE, SMALL_MARKER_SIZE = 40, 5.0, 2.2
BAND_OPACITY = 0.22
SIZES_SHOWN = 9


def figure_of(picture: Picture) -> Figure:
    """Draw it. Every text of the figure is plain text."""
    title = textwrap.wrap(picture.title, TITLE_LETTERS) or [""]
    entries = [_entry(series, k, picture) for k, series in enumerate(picture.series)]
    legend_lines = sum(text.count("\n") + 1 for _, text in entries)
    height = PLOT_HEIGHT + LINE_HEIGHT * (len(title) + legend_lines)
    figure = Figure(
        figsize=(WIDTH / UNITS, height / UNITS),
        dpi=UNITS,
        layout="compressed" if picture.matrices else "constrained",
        facecolor="none",
    )
    figure.suptitle("\n".join(title), fontsize=FONT_SIZE + 1, x=0.02, ha="left", weight="bold", linespacing=1.15)
    if picture.matrices:
        draw_heat_maps(figure, picture, FONT_SIZE)
    else:
        _draw_series(figure.add_subplot(), picture)
    if entries:
        handles, texts = zip(*entries, strict=True)
        figure.legend(
            handles,
            texts,
            loc="outside lower left",
            frameon=False,
            handlelength=2.6,
            labelspacing=0.3,
        )
    for text in figure.findobj(Text):
        text.set(color=NAMED["ink"])
    return figure


def _draw_series(axes: Axes, picture: Picture) -> None:
    shown = [_shown(series, picture) for series in picture.series]
    columns = [np.concatenate([part[k] for part in shown] or [np.empty(0)]) for k in range(4)]
    ends = np.concatenate(columns[1:])
    if picture.y_scale == "log" and (ends <= 0).any() and (ends > 0).any():
        # An interval that reaches 0 leaves the axes at the bottom, visibly.
        ends = np.append(ends, ends[ends > 0].min() / 2)
    horizontal, vertical = scale_of(columns[0], picture.x_scale), scale_of(ends, picture.y_scale)
    for k, (series, (x, *rest)) in enumerate(zip(picture.series, shown, strict=True)):
        y, low, high = map(vertical.places, rest)
        _draw_one(axes, series, k, (horizontal.places(x), y, low, high))
    pairs = zip(picture.series, shown, strict=True)
    sizes = np.unique(np.concatenate([x for series, (x, *_) in pairs if series.style == "points"] or [np.empty(0)]))
    # Few measured sizes, or numbers of things, are ticks themselves.
    counted = picture.x_scale == "log" or (sizes == np.round(sizes)).all()
    wanted = sizes.tolist() if counted and len(sizes) <= SIZES_SHOWN else ()
    axes.set_xticks(*horizontal.ticks(wanted))
    axes.set_yticks(*vertical.ticks())
    axes.set(xlim=(0, 1), ylim=(0, 1), facecolor="none")
    axes.grid(color=NAMED["grid"], linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=3, labelsize=FONT_SIZE - 1, color=NAMED["ink"])
    axes.set_xlabel(textwrap.fill(picture.x_label, X_LABEL_LETTERS), fontsize=FONT_SIZE)
    axes.set_ylabel(textwrap.fill(picture.y_label, Y_LABEL_LETTERS), fontsize=FONT_SIZE)
    for name, spine in axes.spines.items():
        spine.set_visible(name in {"left", "bottom"})
        spine.set_color(NAMED["ink"])


def _draw_one(axes: Axes, series: Series, k: int, places: Columns) -> None:
    x, y, low, high = places
    if not len(x):
        return
    colour = SERIES[k % len(SERIES)]
    if series.style == "band":
        axes.fill_between(x, low, high, color=colour, alpha=BAND_OPACITY, linewidth=0, zorder=1)
    elif series.style == "line":
        axes.plot(x, y, color=colour, linestyle=DASHES[k % len(DASHES)], linewidth=1.8, zorder=2)
    else:
        if series.low is not None:
            axes.vlines(x, low, high, color=colour, linewidth=1.3, zorder=3)
        size = MARKER_SIZE if len(x) <= FEW_POINTS else SMALL_MARKER_SIZE
        _mark(axes.plot(x, y, linestyle="none", zorder=4)[0], k, size)


def _mark(line: Line2D, k: int, size: float) -> None:
    """The marker of the k-th series; every other one is open and larger, so that it shows around a point below it."""
    colour = SERIES[k % len(SERIES)]
    line.set(marker=MARKERS[k % len(MARKERS)], color=colour, markersize=size)
    if k % 2:
        line.set(markerfacecolor="none", markersize=1.6 * size, markeredgewidth=1.2)


def _shown(series: Series, picture: Picture) -> Columns:
    """x, y, low, high of the points that can be drawn on the axes' scales; y is NaN in a gap."""
    x = np.array(series.x, dtype=np.float64)
    y = np.array([math.nan if value is None else value for value in series.y], dtype=np.float64)
    low = y if series.low is None else np.array(series.low, dtype=np.float64)
    high = y if series.high is None else np.array(series.high, dtype=np.float64)
    kept = np.ones(len(x), dtype=bool)
    if picture.x_scale == "log":
        kept &= x > 0
    if picture.y_scale == "log":
        kept &= high > 0 if series.style == "band" else ~(y <= 0)
    return x[kept], y[kept], low[kept], high[kept]


def _entry(series: Series, k: int, picture: Picture) -> tuple[Artist, str]:
    """The entry of a series in the legend, which says so where nothing of it can be drawn."""
    colour = SERIES[k % len(SERIES)]
    handle: Artist
    if series.style == "band":
        handle = Patch(facecolor=colour, alpha=BAND_OPACITY, linewidth=0)
    elif series.style == "line":
        handle = Line2D([], [], color=colour, linestyle=DASHES[k % len(DASHES)], linewidth=1.8)
    else:
        handle = Line2D([], [], linestyle="none")
        _mark(handle, k, MARKER_SIZE)
    name = series.name
    if not series.x or (series.style != "band" and all(value is None for value in series.y)):
        name += " (no points)"
    elif not len(_shown(series, picture)[0]):
        name += " (nothing positive to draw)"
    return handle, textwrap.fill(name, LEGEND_LETTERS) or " "
