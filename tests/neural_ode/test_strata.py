"""Classes of cases, and a search that covers each of them by count, not by luck."""

from collections import Counter
from itertools import cycle

import pytest

from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.strata import ENUMERATED, PATIENCE, Coverage, strata_of


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


def every_class() -> list[Case]:
    """Twelve cases, one for every combination, the simplest first."""
    return [case(h, s / h, n) for n in (8, 16) for s in (1.0, 0.25) for h in (1.0, 0.5, 2.0)]


@pytest.mark.parametrize("cases", [3, 6, 12, 30])
def test_cases_fall_evenly_into_the_classes_of_every_dimension(cases: int) -> None:
    """Every class has half its share at least, however often the simplest case is drawn."""
    coverage, taken = Coverage(cases, 0), []
    for drawn in cycle([*[case()] * 3, *every_class()]):
        if coverage.takes(drawn):
            taken.append(drawn)
        if len(taken) == cases:
            break
    for dimension, classes in ENUMERATED.items():
        counts = Counter(strata_of(c)[dimension] for c in taken)
        assert min(counts[name] for name in classes) >= cases / len(classes) / 2


def test_short_searches_start_at_different_classes() -> None:
    """Twelve searches of one case each see every combination."""
    wanted = [
        tuple(name for left in Coverage(1, offset)._left.values() for name, count in left.items() if count)
        for offset in range(12)
    ]
    assert set(wanted) == {tuple(strata_of(c).values()) for c in every_class()}


def test_a_dimension_without_a_choice_is_given_up() -> None:
    """Where every draw has width 8 the search waits once, not for every case."""
    coverage = Coverage(4, 2)
    taken = [coverage.takes(case(horizon)) for horizon in (1.0, 0.5, 2.0) * 10]
    first = taken.index(True)
    assert first <= PATIENCE + 3
    assert "width" not in coverage._left
    assert "horizon" in coverage._left
