"""The probes of a comparison meet what is known to break uniqueness."""

import pytest

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Digits, Explicit, Sphere, count_of
from theory_check.neural_ode.measurements.uniqueness_probes import uniqueness_probes
from theory_check.neural_ode.model import NeuralODE


@pytest.mark.parametrize("data", [Digits(tuple(range(5))), Sphere(5, 4, 0), Explicit(((1.0,), (2.0,), (3.0,)))])
def test_every_phi_gets_its_kinks_and_the_zero_state(data: Digits | Sphere | Explicit) -> None:
    """A state is held at each kink; one input is zero; of the user's own data two rows are taken."""
    model = NeuralODE(horizon=0.5)
    probes = uniqueness_probes(activation("hardtanh(x - 1)"), data, model)
    assert [probe.weights.pinned for probe in probes if probe.stratum == "pinned"] == [0.0, 2.0]
    assert any(isinstance(p.data, Explicit) and not any(p.data.rows[0]) for p in probes)
    assert count_of(probes[0].data) == 2
    assert {probe.neural_ode for probe in probes} == {model}
    assert len(uniqueness_probes(activation("tanh"), data, model)) == len(probes) - 2
