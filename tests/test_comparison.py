"""Activations side by side: theory and probes agree, numbers do not depend on who else is compared."""

import pytest

from theory_check.case import Data, Sphere
from theory_check.cli.compare import properties_of_uniqueness
from theory_check.comparison import Plan, compare
from theory_check.evidence.comparison import Candidate, Comparison
from theory_check.neural_ode import NeuralODE
from theory_check.request import make_request

DATA = Sphere(3, 4, 0)


def compared(*names: str, data: Data = DATA, seed: int = 0) -> Comparison:
    """A small comparison: eight networks of width eight."""
    request = make_request(activations=names, seed=seed)
    return compare(Plan(request, data, "sphere", NeuralODE(), 8, 8), properties_of_uniqueness())


def by_name(comparison: Comparison) -> dict[str, Candidate]:
    """Candidates without what depends on the others."""
    return {c.name: c for c in comparison.candidates}


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("softplus", "proved", "proved"),
        ("relu", "proved", "fails"),
        ("sign_sqrt", "fails", "open"),
        ("square", "fails", "open"),
    ],
)
def test_uniqueness_is_what_theory_and_probes_say(name: str, forward: str, backward: str) -> None:
    """Proved by the constants where they are finite, and the claims' own properties find what breaks it elsewhere."""
    found = by_name(compared(name, "tanh"))[name]
    assert (found.forward.status, found.backward.status) == (forward, backward)
    for unique in (found.forward, found.backward):
        assert (unique.case is not None) == (unique.failing > 0) == (unique.status == "fails")
        if unique.status == "fails":
            assert (unique.measured or 0.0) > (unique.bound or 0.0)


def test_numbers_do_not_depend_on_who_else_is_compared() -> None:
    """Networks are those of the seed: another rival, another order and a second run change nothing; a seed does."""
    pair, other = by_name(compared("tanh", "relu")), by_name(compared("softplus", "tanh"))
    assert pair["tanh"].cells == other["tanh"].cells
    assert compared("tanh", "relu") == compared("tanh", "relu")
    assert (
        by_name(compared("tanh", "relu", seed=1))["tanh"].cells["gradient_error"]
        != pair["tanh"].cells["gradient_error"]
    )


def test_an_equal_phi_of_another_spelling_is_a_tie() -> None:
    """Two expressions of one function share the rank and every point."""
    first, second = compared("relu", "0.5*(x + abs(x))").candidates
    assert (first.rank, first.points) == (second.rank, second.points) == (1, 1.5)
