"""Claim independent-outputs: what outputs of one network share, at the case's width and as the width grows."""

import math

import numpy as np
import pytest

from theory_check.judge import rates
from theory_check.judge.rates import replicates_needed_by
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.measurements.independent_outputs import OUTPUTS, RATE_MARGIN, OutputIndependence, _products
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.planted.defects import planted


def on_sphere(expression: str, inputs: int = 1) -> Case:
    """Points in six dimensions, typical weights."""
    return Case(
        activation=expression, data=Sphere(inputs, 6, 0), width=16, neural_ode=NeuralODE(sigma_w=0.5, sigma_v=1.5)
    )


def test_outputs_pass_and_tied_ones_do_not(bench: object) -> None:
    """Ties and a correlation of 0.1 are seen as such, a wrong scale of all outputs by their fourth moments alone."""
    correlation, moment = OutputIndependence(on_sphere("softplus(x)"), bench).tests()
    right = correlation.sample(0)
    assert right.p_value > 1e-4
    assert right.samples == bench.profile.networks * OUTPUTS // 2
    assert moment.sample(0).p_value > 1e-4
    for defect, r in (("readouts-tied", 1.0), ("readouts-correlated", 0.1)):
        with planted(defect):
            wrong = OutputIndependence(on_sphere("softplus(x)"), bench).tests()[0].sample(0)
        assert wrong.p_value < 1e-11
        assert wrong.statistic == pytest.approx(r, abs=0.05)
    with planted("readout-scaled-by-width"):
        correlation, moment = OutputIndependence(on_sphere("softplus(x)"), bench).tests()
        assert correlation.sample(0).p_value == pytest.approx(right.p_value, rel=1e-6)
        assert moment.sample(0).p_value < 1e-11


def test_both_sides_of_the_claim_are_reported(bench: object) -> None:
    """Directly and through S, within three standard errors of each other."""
    details = OutputIndependence(on_sphere("tanh(x)"), bench).tests()[1].sample(0).details
    direct, through = details["E[f1^2 f2^2] - E[f1^2] E[f2^2], over E[S]^2"], details["Var(S) / E[S]^2"]
    error = np.hypot(details["its standard error"], details["standard error of Var(S) / E[S]^2"])
    assert 0 < details["standard error of Var(S) / E[S]^2"] < through
    assert abs(direct - through) < 3 * error


def test_products_are_means_over_pairs() -> None:
    """Against the sum over pairs written out."""
    f = np.random.default_rng(0).normal(size=(3, 4))
    pairs = [(k, j) for k in range(4) for j in range(4) if k != j]
    expected = np.mean([f[:, k] ** 2 * f[:, j] ** 2 for k, j in pairs], axis=0)
    np.testing.assert_allclose(_products(f), expected, rtol=1e-12)


@pytest.mark.parametrize("expression", ["x", "relu(x)"])
def test_the_variance_of_s_falls_like_the_inverse_width(expression: str, bench: object) -> None:
    """Where finite widths show most, the slope is within 0.12 of -1; with W scaled by n^(-1/4) it is refuted."""
    outputs = OutputIndependence(on_sphere(expression, inputs=6), bench)
    assert outputs.without_rate() == ""
    assert abs(outputs(0).slope + 1.0) <= 0.12
    with planted("weights-scaled-too-little"):
        assert outputs._ladder(0, 80).verdict is Verdict.REFUTED


@pytest.mark.parametrize(("most", "taken"), [(1000, "asked for"), (5, "most")])
def test_a_ladder_that_cannot_decide_takes_as_many_networks_as_its_spread_asks_for(
    most: int, taken: str, bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten networks cannot; the ladder is measured afresh, once, with half again as many as needed, up to the most."""
    monkeypatch.setattr(rates, "MOST_AFRESH", most)
    seen: list[int] = []
    right = OutputIndependence._ladder

    def recorded(self: OutputIndependence, stage: int, networks: int) -> object:
        seen.append(networks)
        return right(self, stage, networks)

    monkeypatch.setattr(OutputIndependence, "_ladder", recorded)
    outputs = OutputIndependence(on_sphere("tanh(x)", inputs=6), bench, networks=10)
    outputs(0)
    needed = replicates_needed_by(right(outputs, 0, 10), RATE_MARGIN)
    assert needed > 40
    assert seen == [10, {"asked for": math.ceil(1.5 * needed), "most": 50}[taken]]


def test_networks_without_features_are_left_out(bench: object) -> None:
    """A shifted ReLU of which nothing is left is unusable, and said to be."""
    assert "all features vanish" in OutputIndependence(on_sphere("relu(x - 40)"), bench).unusable()
