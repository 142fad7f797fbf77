"""The model's scalars: ranges, and a record that reads back."""

import math

import msgspec
import pytest

from theory_check.neural_ode.model import NeuralODE

BAD = [math.nan, math.inf, -math.inf, -1.0]


@pytest.mark.parametrize("name", ["sigma_u", "sigma_v", "horizon"])
@pytest.mark.parametrize("value", [*BAD, 0.0, -0.0])
def test_scales_and_horizon_are_positive_and_finite(name: str, value: float) -> None:
    """The message names the field and shows the value."""
    with pytest.raises(ValueError, match=f"^{name} must be a positive finite number, got {value!r}$"):
        NeuralODE(**{name: value})


@pytest.mark.parametrize("value", BAD)
def test_the_recurrent_scale_is_not_negative(value: float) -> None:
    """sigma_w may be zero, which leaves the state where it starts, but not negative."""
    with pytest.raises(ValueError, match=r"^sigma_w must be zero or a positive finite number"):
        NeuralODE(sigma_w=value)
    assert NeuralODE(sigma_w=0.0).sigma_w == 0.0


def test_it_reads_back_and_stays_as_it_is() -> None:
    """JSON gives the same record back; fields are keyword only, frozen and known."""
    model = NeuralODE(sigma_u=0.1, sigma_w=0.0, sigma_v=1 / 3, horizon=1e-3)
    assert msgspec.json.decode(msgspec.json.encode(model), type=NeuralODE) == model
    assert NeuralODE() == NeuralODE(sigma_u=1.0, sigma_w=1.0, sigma_v=1.0, horizon=1.0)
    with pytest.raises(AttributeError):
        model.horizon = 2.0  # type: ignore[misc]
    with pytest.raises(msgspec.ValidationError, match="sigma"):
        msgspec.json.decode(b'{"sigma":1.0}', type=NeuralODE)
    with pytest.raises(msgspec.ValidationError, match="horizon"):
        msgspec.json.decode(b'{"horizon":0.0}', type=NeuralODE)
