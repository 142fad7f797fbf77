"""Training curves: measured beside the linearised run."""

import math

import msgspec
import numpy as np
import pytest

from theory_check.neural_ode.figures.training_curves import QUICK, TrainingSizes, training_curves


def test_wide_networks_follow_the_linearised_run_more_closely() -> None:
    """The greatest distance of log loss from its prediction falls as the width grows; both start at 1."""

    def distance(width: int) -> float:
        (figure,) = training_curves(0, msgspec.structs.replace(QUICK, activations=("tanh",), width=width))
        measured, predicted = figure.picture.series
        assert measured.y[0] == 1.0
        assert predicted.y[0] == pytest.approx(1.0, rel=1e-14)
        assert measured.x == predicted.x
        ratio = np.array(measured.y, dtype=float) / np.array(predicted.y, dtype=float)
        return float(np.abs(np.log(ratio)).max())

    assert distance(1024) < 0.5 * distance(32)


def test_colours_pair_a_curve_with_its_prediction() -> None:
    """Six activations, six colours: a prediction comes six places after its curve."""
    names = ("softplus", "gelu", "tanh", "erf", "relu", "leaky_relu")
    (figure,) = training_curves(0, TrainingSizes(activations=names, width=16, networks=2, inputs=3, steps=3))
    shown = [series.name for series in figure.picture.series]
    assert shown == [*names, *(f"{name}, predicted" for name in names)]
    assert all(series.low is not None for series in figure.picture.series[:6])
    assert "relu place" in figure.seen


def test_an_unknown_activation_is_refused() -> None:
    """In one line that names it."""
    with pytest.raises(ValueError, match="no_such") as caught:
        training_curves(0, msgspec.structs.replace(QUICK, activations=("no_such",)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["width", "networks", "steps", "layers"])
def test_counts_below_one_are_refused(field: str) -> None:
    """The message names the field and the value."""
    fields = {"activations": ("tanh",), "width": 8, "networks": 1, "inputs": 2, "steps": 2, field: 0}
    with pytest.raises(ValueError, match=f"{field} must be an integer of at least 1, got 0"):
        TrainingSizes(**fields)


def test_more_digits_than_there_are_is_refused() -> None:
    """The message says how many there are."""
    with pytest.raises(ValueError, match="between 1 and the 1797 digits there are, got 2000"):
        training_curves(0, msgspec.structs.replace(QUICK, inputs=2000))
    assert math.isfinite(QUICK.width)
