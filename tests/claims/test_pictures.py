"""Every claim shows what was seen of it: a picture of the right kind, of what was judged, that can be drawn."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest
import torch

from theory_check.judge.profile import PROFILES
from theory_check.judge.verdict import Outcome, Verdict
from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.pictures.drawing import draw_file, draw_svg
from theory_check.pictures.picture import Picture
from theory_check.search.property import Property
from theory_check.search.request import make_request
from theory_check.search.trial import judge_case

THREE = Case(activation="softplus(x)", data=Sphere(3, 4, 0), width=64)
CROWD = msgspec.structs.replace(THREE, data=Sphere(6, 3, 0))
KINKED = msgspec.structs.replace(THREE, activation="relu(x)")
FOUR = msgspec.structs.replace(THREE, data=Sphere(4, 5, 0))

# Of each claim the property that is cheapest to judge.
SHOWN = {
    "forward-unique": ("test_forward_solution_exists_and_is_unique", THREE, "trajectories"),
    "backward-unique": ("test_adjoint_solution_is_unique", THREE, "trajectories"),
    "adjoint-gradient": ("test_adjoint_gradient_equals_differences", THREE, "gradients"),
    "discretize-optimize": ("test_gradients_of_euler_are_of_first_order", THREE, "ladder"),
    "resnet-limit": ("test_states_and_gradients_of_the_layers_approach_those_of_the_ode", THREE, "ladder"),
    "gaussian-output": ("test_output_given_the_features_is_standard_normal", THREE, "quantiles"),
    "nngp-limit": ("test_mean_nngp_kernel_is_the_limit", FOUR, "kernel"),
    "nngp-nondegenerate": ("test_limiting_nngp_kernel_is_positive_definite", THREE, "spectrum"),
    "independent-outputs": ("test_outputs_are_uncorrelated_given_the_features", THREE, "quantiles"),
    "structure-kept": ("test_limiting_correlations_grow_with_those_of_the_inputs", CROWD, "kernel"),
    "spread-reduced": ("test_limiting_correlations_exceed_those_of_the_inputs", THREE, "kernel"),
    "limits-commute": ("test_layers_extrapolated_give_the_kernels_of_the_ode", THREE, "ladder"),
    "ntk-limit": ("test_empirical_tangent_kernels_approach_the_limit", FOUR, "ladder"),
    "ntk-positive-definite": ("test_tangent_kernel_is_positive_definite", THREE, "spectrum"),
    "ntk-stable": ("test_kernel_keeps_its_smallest_eigenvalue", THREE, "spectrum"),
    "horizon-growth": ("test_variances_grow_with_the_horizon", THREE, "horizon"),
    "horizon-training": ("test_training_diverges_over_long_horizons", THREE, "loss"),
    "linear-convergence": ("test_gradient_descent_converges_linearly", THREE, "loss"),
    "smooth-trains-faster": ("test_well_smoothed_kinks_take_no_more_evaluations", KINKED, "counts"),
}


def judged(properties: dict[str, Property], name: str, case: Case) -> Outcome:
    """The outcome of one case with the sizes of the quick profile."""
    request = make_request(profile="quick", seed=0, activations=[case.activation])
    return judge_case(properties[name], case, request)


def test_every_claim_is_shown() -> None:
    """None is missing from the table of these tests."""
    assert set(SHOWN) == set(CLAIMS)


@pytest.mark.parametrize("claim", SHOWN)
def test_claim_supplies_a_picture(properties: dict[str, Property], claim: str, tmp_path: Path) -> None:
    """A supported case has one: of its kind, with points, short enough for a page, and drawn in less than 40 kB."""
    name, case, kind = SHOWN[claim]
    outcome = judged(properties, name, case)
    assert (outcome.claim, outcome.verdict) == (claim, Verdict.SUPPORTED), outcome.reason
    picture = outcome.picture
    assert picture is not None
    assert picture.kind == kind
    assert picture.note.endswith(".")
    assert picture.matrices or any(series.style != "band" and series.x for series in picture.series)
    assert all(len(series.x) <= 200 for series in picture.series)
    assert "(nothing positive" not in (svg := draw_svg(picture, ident="a"))
    assert len(svg.encode()) < 40_000
    draw_file(picture, tmp_path / "picture.svg")
    ET.parse(tmp_path / "picture.svg")  # noqa: S314 - written a line before
    assert msgspec.json.decode(json.dumps(msgspec.to_builtins(picture)), type=Picture) == picture


def test_picture_of_descent_shows_what_was_judged(properties: dict[str, Property]) -> None:
    """The measured losses begin where the prediction does, stay below the slowest decay, and end where details say."""
    picture = judged(properties, *SHOWN["linear-convergence"][:2]).picture
    assert picture is not None
    measured, predicted, allowed = (np.array(series.y) for series in picture.series)
    assert len(measured) == PROFILES["quick"].descent_steps + 1
    assert measured[0] == pytest.approx(predicted[0], rel=1e-12)
    assert (measured <= allowed * (1 + 1e-9)).all()
    assert (predicted[1:] < predicted[:-1]).all()


def test_separation_lies_between_gronwalls_bounds(properties: dict[str, Property]) -> None:
    """At every time, and it is neither of them: the picture shows a network, not its bound."""
    picture = judged(properties, *SHOWN["forward-unique"][:2]).picture
    assert picture is not None
    apart, band = picture.series
    assert band.low is not None
    assert band.high is not None
    assert all(low < value < high for low, value, high in zip(band.low[1:], apart.y[1:], band.high[1:], strict=True))


def test_spectrum_lies_above_what_is_proved(properties: dict[str, Property]) -> None:
    """The eigenvalues add up to the number of inputs, the trace; all are above the line, which is the outcome's."""
    outcome = judged(properties, *SHOWN["ntk-positive-definite"][:2])
    assert outcome.picture is not None
    values, proved = outcome.picture.series
    assert sum(values.y) == pytest.approx(3, rel=1e-12)
    assert proved.y == (outcome.measured, outcome.measured)
    assert min(values.y) > outcome.measured


def test_blow_up_and_parting_solutions_are_shown(properties: dict[str, Property]) -> None:
    """Without a Lipschitz constant: the state that leaves every bound, or solutions that stay apart."""
    name = "test_forward_solution_exists_and_is_unique"
    one = msgspec.structs.replace(THREE, data=Sphere(1, 1, 0), width=1)
    square = judged(properties, name, msgspec.structs.replace(one, activation="square(x)"))
    root = judged(properties, name, msgspec.structs.replace(one, activation="sign_sqrt(x)"))
    for outcome in (square, root):
        assert outcome.picture is not None
        assert outcome.picture.kind == "trajectories"
    assert root.picture.x_label == "distance at the start"


def test_pictures_change_no_number(properties: dict[str, Property], monkeypatch: pytest.MonkeyPatch) -> None:
    """An outcome without its picture is the same as one whose pictures were never made, and no generator moved."""
    before = torch.random.get_rng_state()
    shown = {claim: judged(properties, *SHOWN[claim][:2]) for claim in ("forward-unique", "structure-kept")}
    assert torch.equal(before, torch.random.get_rng_state())
    monkeypatch.setattr("theory_check.judge.audit.finished", lambda _sketch: (None, ""))
    for claim, outcome in shown.items():
        assert outcome.picture is not None
        assert judged(properties, *SHOWN[claim][:2]) == msgspec.structs.replace(outcome, picture=None)
