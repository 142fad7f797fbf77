"""Claim spread-reduced: who gains and who loses."""

import math

import pytest

from theory_check.neural_ode.case import Case, Explicit, Sphere
from theory_check.neural_ode.measurements.spread_reduced import spread_discrepancies

ANGLE = 0.3


def in_plane(expression: str, *angles: float) -> Case:
    """Points on the circle of radius sqrt 2."""
    rows = tuple((math.sqrt(2) * math.cos(angle), math.sqrt(2) * math.sin(angle)) for angle in angles)
    return Case(activation=expression, data=Explicit(rows), width=8)


def on_sphere(expression: str, *, inputs: int = 4) -> Case:
    """Points in three dimensions, correlated positively and negatively."""
    return Case(activation=expression, data=Sphere(inputs, 3, 1), width=8)


def test_the_identity_keeps_correlations_as_they_are(bench: object) -> None:
    """Their spread is neither more nor less."""
    for found in spread_discrepancies(on_sphere("x"), bench):
        assert "equals that of the inputs" in found.unusable
        assert found.details["limiting correlation"] == pytest.approx(found.details["correlation of the inputs"])


def test_tanh_spreads_two_inputs_and_softplus_gathers_them(bench: object) -> None:
    """From 0.9553 to 0.9530 for h_T and 0.9425 for f under tanh: beyond the bound; softplus takes both above 0.9553."""
    of_tanh = spread_discrepancies(in_plane("tanh(x)", 0.0, ANGLE), bench)
    for found, limit in zip(of_tanh, (0.9530, 0.9425), strict=True):
        assert found.powerless == ""
        assert found.details["correlation of the inputs"] == pytest.approx(math.cos(ANGLE), abs=1e-12)
        assert found.details["limiting correlation"] == pytest.approx(limit, abs=1e-4)
        assert found.error == pytest.approx(math.cos(ANGLE) - limit, abs=1e-4)
        assert found.error > 1000 * found.bound
    for found in spread_discrepancies(in_plane("softplus(x)", 0.0, ANGLE), bench):
        assert found.powerless == ""
        assert found.error == 0.0
        assert found.details["limiting correlation"] > math.cos(ANGLE) + 0.01


def test_opposite_inputs_are_told_apart_by_odd_functions_only(bench: object) -> None:
    """A pair x, -x stays at -1 under tanh, which decides nothing; softplus takes it up, by far."""
    for found in spread_discrepancies(in_plane("tanh(x)", 0.0, math.pi), bench):
        assert "equals that of the inputs" in found.unusable
        assert found.details["limiting correlation"] == pytest.approx(-1.0, abs=1e-6)
    for found in spread_discrepancies(in_plane("softplus(x)", 0.0, math.pi), bench):
        assert found.powerless == ""
        assert found.error == 0.0
        assert found.details["limiting correlation"] > -0.5


def test_a_pair_that_spreads_is_seen_beside_one_that_decides_nothing(bench: object) -> None:
    """x, -x and a third input under tanh: the loss of the pair at an angle of 0.3, and no excuse."""
    alone = spread_discrepancies(in_plane("tanh(x)", 0.0, ANGLE), bench)
    beside = spread_discrepancies(in_plane("tanh(x)", 0.0, math.pi, ANGLE), bench)
    for found, expected in zip(beside, alone, strict=True):
        assert found.unusable == ""
        assert found.details["pairs"] == 3
        assert found.error == pytest.approx(expected.error, rel=1e-3)
        assert found.error > found.bound


@pytest.mark.parametrize(
    "case",
    [
        in_plane("tanh(x)", 0.0),
        Case(activation="tanh(x)", data=Explicit(((0.0, 0.0), (1.0, 1.0))), width=8),
    ],
)
def test_what_cannot_be_compared_is_said_to_be(case: Case, bench: object) -> None:
    """Both quantities say why: no pair that the claim speaks of, or a kernel that vanishes."""
    found = spread_discrepancies(case, bench)
    assert len(found) == 2
    for one in found:
        assert "no two inputs whose limiting kernel is positive" in one.unusable
        assert one.error == 0.0
