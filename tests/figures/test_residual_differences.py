"""Outputs and gradients of L layers beside those of the ODE."""

import math

import msgspec
import numpy as np
import pytest

from theory_check.figures.residual_depth import QUICK as DEPTHS
from theory_check.figures.residual_depth import DepthSizes, residual_depth
from theory_check.figures.residual_width import QUICK as WIDTHS
from theory_check.figures.residual_width import residual_width
from theory_check.measurements.depth_ladder import DEPTH_MARGIN


def _fall(x: tuple[float, ...], y: tuple[float | None, ...]) -> float:
    """The least squares slope on logarithmic axes."""
    return float(np.polyfit(np.log(x), np.log([value or math.nan for value in y]), 1)[0])


def test_both_differences_fall_like_one_over_the_depth_at_every_width() -> None:
    """One curve for each width, all of slope -1, and the line that is expected."""
    figures = residual_depth(0, DEPTHS)
    assert [figure.name for figure in figures] == ["paper-output-depth", "paper-gradient-depth"]
    for figure in figures:
        *curves, expected = figure.picture.series
        assert len(curves) == len(DEPTHS.widths)
        assert all(abs(_fall(curve.x, curve.y) + 1) < DEPTH_MARGIN for curve in curves)
        assert _fall(expected.x, expected.y) == pytest.approx(-1.0)
        assert "in every case" in figure.seen


def test_a_network_without_a_flow_has_no_difference() -> None:
    """With phi(x) = 0 x + 1 h_T is exact for every number of layers, so that errors are those of rounding."""
    sizes = msgspec.structs.replace(DEPTHS, phi="x*0 + 1", widths=(16,))
    figure = residual_depth(0, sizes)[0]
    assert max(value or 0.0 for value in figure.picture.series[0].y) < 1e-13


def test_the_constant_does_not_grow_with_the_width() -> None:
    """Each activation has a curve with intervals; for gradients, which vary less, its slope is told from growth."""
    output, gradient = residual_width(1, WIDTHS)
    for figure in (output, gradient):
        assert [series.name for series in figure.picture.series] == list(WIDTHS.activations)
        for series in figure.picture.series:
            assert series.low is not None
            assert series.high is not None
            values = [value or math.nan for value in series.y]
            assert all(a < b < c for a, b, c in zip(series.low, values, series.high, strict=True))
    assert all(_fall(series.x, series.y) < 0.15 for series in gradient.picture.series)


def test_too_few_depths_are_refused() -> None:
    """One line that shows what was given and how many a slope takes."""
    with pytest.raises(ValueError, match=r"depths must be at least 5 growing integers from 1 on, got \(8, 16\)"):
        DepthSizes(widths=(16,), depths=(8, 16), networks=10, inputs=2, outputs=1)
