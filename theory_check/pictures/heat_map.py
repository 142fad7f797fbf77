"""Matrices as heat maps: one rectangle a cell, since an image would be pixels, which a page's policy need not allow."""

import math
import textwrap
from itertools import pairwise

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator
from numpy.typing import NDArray

from theory_check.pictures.axis_scale import AxisScale, scale_of
from theory_check.pictures.palette import NAMED
from theory_check.pictures.picture import Matrix, Picture

SCALE_LEVELS = 24
# Rows and columns are numbered from 1, at most so many of them.
MOST_NUMBERS = 8
TITLE_LETTERS = 48


def draw_heat_maps(figure: Figure, picture: Picture, font_size: float) -> None:
    """Side by side, on one colour scale, which stands at their right."""
    matrices = picture.matrices
    values = [value for matrix in matrices for row in matrix.rows for value in row]
    shades = _shades(values)
    grid = figure.add_gridspec(1, len(matrices) + 1, width_ratios=[1.0] * len(matrices) + [0.09])
    for k, matrix in enumerate(matrices):
        axes = figure.add_subplot(grid[0, k])
        _draw_cells(axes, np.array(matrix.rows, dtype=np.float64).reshape(len(matrix.rows), -1), shades)
        _lay_out_cells(axes, matrix, picture, font_size, first=k == 0)
    scale = figure.add_subplot(grid[0, -1])
    ends = np.linspace(0.0, 1.0, SCALE_LEVELS + 1)
    for bottom, top in pairwise(ends):
        # A hair more than its height: no seam shows between neighbours.
        scale.axhspan(bottom, top + 0.002, color=_colour((bottom + top) / 2), linewidth=0)
    scale.set(xlim=(0, 1), ylim=(0, 1), xticks=[])
    scale.set_yticks(*shades.ticks())
    scale.yaxis.tick_right()
    scale.tick_params(length=3, labelsize=font_size - 1, color=NAMED["ink"])
    for spine in scale.spines.values():
        spine.set_visible(False)


def _draw_cells(axes: Axes, cells: NDArray[np.float64], shades: AxisScale) -> None:
    for row, values in enumerate(cells):
        for column, share in enumerate(shades.places(values)):
            colour = _colour(share)
            corner = (column - 0.5, row - 0.5)
            # Edges in the colour of the cell: no seam shows between neighbours.
            axes.add_patch(Rectangle(corner, 1.0, 1.0, facecolor=colour, edgecolor=colour, linewidth=0.4))


def _lay_out_cells(axes: Axes, matrix: Matrix, picture: Picture, font_size: float, *, first: bool) -> None:
    rows, columns = len(matrix.rows), len(matrix.rows[0]) if matrix.rows else 0
    axes.set(xlim=(-0.5, max(columns, 1) - 0.5), ylim=(max(rows, 1) - 0.5, -0.5), aspect="equal")
    for axis, count in ((axes.xaxis, columns), (axes.yaxis, rows)):
        axis.set_major_locator(FixedLocator(range(0, count, max(1, math.ceil(count / MOST_NUMBERS)))))
        axis.set_major_formatter(lambda value, _: str(round(value) + 1))
    axes.set_title(textwrap.fill(matrix.name, TITLE_LETTERS // len(picture.matrices)), fontsize=font_size)
    axes.set_xlabel(picture.x_label, fontsize=font_size)
    axes.set_ylabel(picture.y_label if first else "", fontsize=font_size)
    axes.tick_params(length=0, labelsize=font_size - 1)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _shades(values: list[float]) -> AxisScale:
    """From the least to the greatest value, 0 among them: a difference of shade is as large as the difference is."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return AxisScale(min(low, 0.0), max(high, 0.0), "linear") if low or high else scale_of(np.zeros(1), "linear")


def _colour(share: float) -> str:
    return to_hex(colormaps["cividis"](float(share)))
