"""Activations side by side: theory and probes agree, numbers do not depend on who else is compared."""

import msgspec
import pytest

from theory_check.commands.compare import properties_of_uniqueness
from theory_check.compare.comparison import Plan, compare, judged_uniqueness
from theory_check.compare.records import COLUMNS, Candidate
from theory_check.neural_ode.case import Sphere
from theory_check.neural_ode.model import NeuralODE
from theory_check.search.request import make_request

pytestmark = pytest.mark.usefixtures("without_shape_checks")


def plan(*names: str, seed: int = 0) -> Plan:
    """A small comparison: eight networks of width eight."""
    return Plan(make_request(activations=names, seed=seed), Sphere(3, 4, 0), "sphere", NeuralODE(), 8, 8)


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("softplus", "proved", "proved"),
        ("relu", "proved", "fails"),
        ("hardtanh(x - 1)", "proved", "fails"),
        ("sign_sqrt", "fails", "open"),
        ("square", "fails", "open"),
    ],
)
def test_uniqueness_is_what_theory_and_probes_say(name: str, forward: str, backward: str) -> None:
    """Proved by the constants where they are finite, and the claims' own properties find what breaks it elsewhere."""
    small = plan(name)
    found = judged_uniqueness(small, small.request.load(name), properties_of_uniqueness())
    assert [unique.status for unique in found] == [forward, backward]
    for unique in found:
        assert (unique.case is not None) == (unique.failing > 0) == (unique.status == "fails")
        if unique.status == "fails":
            assert (unique.measured or 0.0) > (unique.bound or 0.0)


def test_numbers_do_not_depend_on_who_else_is_compared() -> None:
    """Another rival and another place in the list change nothing but rank and points; another seed does."""

    def alone(*names: str, seed: int = 0) -> Candidate:
        found = compare(plan(*names, seed=seed), properties_of_uniqueness())
        assert {c.name for c in found.candidates} == set(names)
        assert all(set(c.cells) == set(COLUMNS) for c in found.candidates)
        return next(msgspec.structs.replace(c, rank=0, points=0.0) for c in found.candidates if c.name == "tanh")

    first = alone("tanh", "identity")
    assert alone("sin", "tanh") == first
    assert alone("tanh", "sin", seed=1).cells["gradient_error"] != first.cells["gradient_error"]
