"""Constants measured on the reached set: against closed forms, and where there are none."""

import math
from typing import Any

import pytest
import torch

from theory_check.claims.claim import Unmet
from theory_check.neural_ode.case import Case, Explicit, Sphere
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.neural_ode.measurements.own_model.assumptions import unmet_by_model
from theory_check.neural_ode.measurements.own_model.curvature import curvature
from theory_check.neural_ode.measurements.own_model.kinks import kink

ZERO = Explicit(((0.0, 0.0), (1.0, 0.5)))


def test_the_constant_of_a_linear_field_is_its_spectral_norm(models: Any) -> None:
    """To the rounding of a difference; nothing is affine but what is."""
    instance = models.instance(models.case("linear"))
    A = instance.field.vector.view(2, 2)
    assert instance.reached.lipschitz == pytest.approx(float(torch.linalg.matrix_norm(A, ord=2)), rel=1e-9)
    found = _unmet(models, models.case("linear"), "ntk-positive-definite")
    assert str(found) == "the field is not affine on the reached set: it is affine on the reached set"
    assert _unmet(models, models.case("smooth"), "ntk-positive-definite") is None
    sizes = curvature(instance.field, instance.reached, instance.generator("test"))
    # dF/dA is h in every row, so that its derivative along a state has Frobenius norm sqrt 2 for each axis.
    assert sizes.bend == pytest.approx(2.0, rel=1e-6)
    assert sizes.parameters <= instance.reached.largest * (1 + 1e-12)


def test_a_field_is_measured_by_its_values_not_by_its_gradients(models: Any) -> None:
    """A backward pass of the wrong sign changes no Lipschitz constant."""
    instance = models.instance(models.case("wrong_sign"))
    generator = torch.Generator().manual_seed(0)
    for k in range(0, len(instance.reached.times), 16):
        h = instance.reached.states[k]
        beside = h + 1e-3 * torch.randn(h.shape, generator=generator, dtype=torch.float64)
        t = instance.reached.times[k]
        quotient = torch.linalg.vector_norm(instance.field(t, beside) - instance.field(t, h), dim=1)
        assert (quotient <= 1.01 * instance.reached.lipschitz * torch.linalg.vector_norm(beside - h, dim=1)).all()


@pytest.mark.parametrize("name", ["square_root", "towards"])
def test_slopes_without_end_are_no_constant(name: str, models: Any) -> None:
    """sign(h) sqrt|h| at 0: the slope grows eightfold at each refinement; away from 0 it has a constant."""
    reached = models.instance(models.case(name, ZERO)).reached
    assert math.isinf(reached.lipschitz)
    assert reached.unbounded.startswith("slopes over distances of 2^-10, 2^-16, ..., 2^-34 are 32, 256,")
    away = models.instance(models.case("square_root", Explicit(((1.0, 4.0),)))).reached
    assert away.lipschitz == pytest.approx(0.5, rel=0.01)


def test_a_steep_field_has_a_constant(models: Any) -> None:
    """tanh(1000 h) / 1000 at 0: its slope of 1 is seen once differences are shorter than 1e-3, and grows no more."""
    reached = models.instance(models.case("steep", ZERO)).reached
    assert reached.lipschitz == pytest.approx(1.0, rel=0.01)


def test_a_blow_up_is_no_reached_set(models: Any) -> None:
    """The solution of h' = h^2 from 1 leaves all bounds at t = 1."""
    reached = models.instance(models.case("square", ZERO, horizon=2.0)).reached
    assert reached.unbounded.startswith("a trajectory leaves all bounds before the horizon")


def test_a_stiff_field_is_followed_as_far_as_it_matters(models: Any) -> None:
    """L = 1e4: 32 / L of the horizon."""
    instance = models.instance(models.case("stiff", horizon=4.0))
    assert instance.reached.lipschitz == pytest.approx(1e4, rel=1e-6)
    assert instance.part(4.0) == pytest.approx(4e-4, rel=1e-6)
    assert instance.told(4e-4)["part of the horizon looked at"] == 4e-4


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("smooth", ((1.0, -0.5), (0.0, 0.0)), ""),
        ("rough", ((1.0, -0.5), (0.0, 0.0)), ""),
        ("very_steep", ((0.0, 0.0),), ""),
        ("relu_at_rest", ((0.0, 0.0),), "jumps by 1 at the state (0, 0)"),
        ("relu_at_rest", ((1.0, 0.5),), ""),
        ("jumps_in_time", ((0.9, -1.0),), "jumps by 1"),
    ],
)
def test_kinks_are_found_where_trajectories_meet_them(
    name: str, rows: tuple[tuple[float, ...], ...], words: str, models: Any
) -> None:
    """At rest at 0, and crossed at 0.3 + t; nowhere else, and in no smooth field, however steep."""
    instance = models.instance(models.case(name, Explicit(rows)))
    found = kink(instance.field, instance.reached, instance.generator("test"))
    assert words in found if words else found == ""
    assert (_unmet(models, instance.case, "backward-unique") is None) is (words == "")


def test_assumptions_about_data_are_those_of_the_case(models: Any) -> None:
    """Parallel rows and large steps are found without a look at the module."""
    repeated = models.case("smooth", Explicit(((1.0, 0.5), (1.0, 0.5))))
    assert _unmet(models, repeated, "ntk-positive-definite").finding == "rows 0 and 1 are parallel"
    large = models.case("smooth", Sphere(2, 2, 1), eta_factor=3.0)
    assert _unmet(models, large, "linear-convergence").finding == "learning rate 3.0 / lambda_max"


def _unmet(models: Any, case: Case, claim: str) -> Unmet | None:
    return unmet_by_model(CLAIMS[claim], case, models.seeds, models.load_model)
