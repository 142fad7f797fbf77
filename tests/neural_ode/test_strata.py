"""Classes of cases by their sizes."""

import pytest

from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.strata import strata_of


def case(horizon: float = 1.0, sigma_w: float = 1.0, width: int = 8) -> Case:
    """A case that differs from others in its sizes only."""
    return Case(
        activation="tanh(x)", data=Sphere(1, 2, 0), width=width, neural_ode=NeuralODE(sigma_w=sigma_w, horizon=horizon)
    )


@pytest.mark.parametrize(
    ("sizes", "classes"),
    [
        ((0.5, 1.0, 8), ("short", "weak", "narrow")),
        ((0.75, 1.0, 11), ("about 1", "strong", "narrow")),
        ((1.5, 0.25, 12), ("about 1", "weak", "wide")),
        ((2.0, 0.5, 24), ("long", "strong", "wide")),
    ],
)
def test_classes_of_a_case(sizes: tuple[float, float, int], classes: tuple[str, str, str]) -> None:
    """At the ends of each class."""
    assert tuple(strata_of(case(*sizes)).values()) == classes
