"""Outputs and gradients of L layers beside those of the ODE."""

import math

import msgspec
import numpy as np
import pytest
import torch

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.figures.residual_depth import QUICK as DEPTHS
from theory_check.neural_ode.figures.residual_depth import DepthSizes, residual_depth
from theory_check.neural_ode.figures.residual_error import ResidualError
from theory_check.neural_ode.figures.residual_width import QUICK as WIDTHS
from theory_check.neural_ode.figures.residual_width import residual_width
from theory_check.neural_ode.measurements.depth_ladder import DEPTH_MARGIN
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import draw_parameters


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


def test_a_linear_network_has_the_difference_of_a_power_and_an_exponential() -> None:
    """For phi(x) = x outputs are V (I + A / L)^L h_0 / sqrt n and V exp(A) h_0 / sqrt n."""
    parameters = draw_parameters(width=12, dimension=3, outputs=2, seed=5)
    inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    network = ResidualError(activation("identity"), NeuralODE(), parameters, inputs)
    A, start = parameters.W / math.sqrt(12), inputs @ parameters.U.T / math.sqrt(3)
    layered = torch.linalg.matrix_power(torch.eye(12, dtype=torch.float64) + A / 7, 7)
    difference = start @ (layered - torch.linalg.matrix_exp(A)).T @ parameters.V.T / math.sqrt(12)
    assert network.at((7,))[0, 0] == pytest.approx(float(difference.square().mean().sqrt()), rel=1e-9)
    assert (network.of_reference() < 1e-8 * network.at((7,))[0]).all()


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


def test_a_reference_that_is_not_near_enough_is_refused() -> None:
    """Gradients of ReLU jump where states cross the kink, those of the reference too: no curve is drawn of that."""
    sizes = msgspec.structs.replace(WIDTHS, activations=("relu",), depth=1024)
    with pytest.raises(ArithmeticError, match=r"numerical errors are .* they must be at most 0\.1"):
        residual_width(1, sizes)


def test_too_few_depths_are_refused() -> None:
    """One line that shows what was given and how many a slope takes."""
    with pytest.raises(ValueError, match=r"depths must be at least 5 growing integers from 1 on, got \(8, 16\)"):
        DepthSizes(widths=(16,), depths=(8, 16), networks=10, inputs=2, outputs=1)
