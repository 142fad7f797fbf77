"""Figures of limits: kernels, laws, horizons and spectra, against closed forms where there are any."""

import math

import msgspec
import numpy as np
import pytest
from scipy import special

from theory_check.neural_ode.figures.horizon_variance import QUICK as HORIZONS
from theory_check.neural_ode.figures.horizon_variance import HorizonSizes, horizon_variance
from theory_check.neural_ode.figures.kernel_spectrum import QUICK as SPECTRUM
from theory_check.neural_ode.figures.kernel_spectrum import kernel_spectrum
from theory_check.neural_ode.figures.kernel_width import QUICK as KERNELS
from theory_check.neural_ode.figures.kernel_width import kernel_width
from theory_check.neural_ode.figures.output_law import QUICK as LAW
from theory_check.neural_ode.figures.output_law import output_law


def test_the_tangent_kernel_approaches_its_limit_like_the_root_of_the_width() -> None:
    """Slopes are near -1/2 within what 40 networks on each of five rungs show, and the narrow errors are greater."""
    (figure,) = kernel_width(0, KERNELS)
    *curves, expected = figure.picture.series
    assert [curve.name for curve in curves] == list(KERNELS.activations)
    for curve in curves:
        y = [value or math.nan for value in curve.y]
        assert np.polyfit(np.log(curve.x), np.log(y), 1)[0] == pytest.approx(-0.5, abs=0.25)
        assert y[0] > 1.5 * y[-1]
    assert expected.y[0] == pytest.approx(expected.y[1] * math.sqrt(KERNELS.widths[-1] / KERNELS.widths[0]))


def test_the_spread_of_the_variance_falls_and_quantiles_settle() -> None:
    """Var(S) / E[S]^2 of tanh has slope -1; quantiles of the widest networks stay inside the band, of width 2 not."""
    spread, quantiles = output_law(0, LAW)
    tanh = next(series for series in spread.picture.series if series.name == "tanh")
    slope = np.polyfit(np.log(tanh.x), np.log([value or math.nan for value in tanh.y]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.15)
    narrow, *_, wide = (series for series in quantiles.picture.series if series.style == "points")
    band = next(series for series in quantiles.picture.series if series.style == "band")

    def outside(y: tuple[float | None, ...]) -> int:
        assert band.low is not None
        assert band.high is not None
        return sum(not low <= (v or 0.0) <= high for low, v, high in zip(band.low, y, band.high, strict=True))

    assert outside(wide.y) == 0
    assert outside(narrow.y) > 10


def test_the_variance_of_the_identity_is_a_bessel_function() -> None:
    """Closed form: I_0(2 sigma_w T) for inputs with |x|^2 = d; I_0(2) at every horizon where sigma_w = 1 / T."""
    sizes = msgspec.structs.replace(HORIZONS, activations=("identity",))
    (figure,) = horizon_variance(0, sizes)
    by_name = {series.name: series for series in figure.picture.series}
    fixed, scaled = by_name["identity, σ_w = 1: n = ∞"], by_name["identity, σ_w = 1 / T: n = ∞"]
    np.testing.assert_allclose(fixed.y, special.i0(2 * np.array(fixed.x)), rtol=1e-9)
    np.testing.assert_allclose(scaled.y, np.full(len(scaled.y), special.i0(2.0)), rtol=1e-9)


def test_networks_lie_about_the_line_of_infinite_width() -> None:
    """At T = 1 the interval of tanh, widened by its bias of order 1 / n, holds the limit."""
    (figure,) = horizon_variance(0, HORIZONS)
    by_name = {series.name: series for series in figure.picture.series}
    points, line = by_name["tanh, σ_w = 1: n = 64"], by_name["tanh, σ_w = 1: n = ∞"]
    at = points.x.index(1.0)
    limit = np.interp(1.0, line.x, [value or math.nan for value in line.y])
    assert points.low is not None
    assert points.high is not None
    assert points.low[at] * (1 - 2 / 64) < limit < points.high[at] * (1 + 2 / 64)
    assert "at most 1 since φ is bounded" in figure.seen


def test_the_smallest_eigenvalue_is_proved_to_be_positive() -> None:
    """The proved bound stands in the sentence; the spectrum of a normalised kernel sums to the number of inputs."""
    (figure,) = kernel_spectrum(0, SPECTRUM)
    assert figure.seen.count("proved: more than") == len(SPECTRUM.activations)
    for series in figure.picture.series:
        assert sum(value or 0.0 for value in series.y) == pytest.approx(SPECTRUM.inputs)
    (affine,) = kernel_spectrum(0, msgspec.structs.replace(SPECTRUM, activations=("identity",), inputs=70))
    assert "nothing proved" in affine.seen


@pytest.mark.parametrize("horizons", [(), (1.0, 1.0), (-1.0,), (math.inf,)])
def test_horizons_that_mean_nothing_are_refused(horizons: tuple[float, ...]) -> None:
    """One line that shows them."""
    with pytest.raises(ValueError, match="horizons must be growing positive finite numbers, got") as caught:
        HorizonSizes(activations=("tanh",), horizons=horizons, points=3, width=8, networks=10)
    assert str(horizons) in str(caught.value)
