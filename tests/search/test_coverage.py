"""A search that covers the classes of its cases by count, not by luck."""

from collections import Counter
from itertools import cycle

import pytest

from theory_check.neural_ode.strata import ENUMERATED
from theory_check.search.coverage import PATIENCE, Coverage

Classes = dict[str, str]


def classes(horizon: str = "about 1", scale: str = "strong", width: str = "narrow") -> Classes:
    """Those of a case."""
    return {"horizon": horizon, "scale": scale, "width": width}


def every_class() -> list[Classes]:
    """Twelve cases, one for every combination, the simplest first."""
    horizons, scales, widths = ("about 1", "short", "long"), ("strong", "weak"), ("narrow", "wide")
    return [classes(h, s, n) for n in widths for s in scales for h in horizons]


@pytest.mark.parametrize("cases", [3, 6, 12, 30])
def test_cases_fall_evenly_into_the_classes_of_every_dimension(cases: int) -> None:
    """Every class has half its share at least, however often the simplest case is drawn."""
    coverage, taken = Coverage(cases, ENUMERATED, 0), []
    for drawn in cycle([*[classes()] * 3, *every_class()]):
        if coverage.takes(drawn):
            taken.append(drawn)
        if len(taken) == cases:
            break
    for dimension, names in ENUMERATED.items():
        counts = Counter(found[dimension] for found in taken)
        assert min(counts[name] for name in names) >= cases / len(names) / 2


def test_short_searches_start_at_different_classes() -> None:
    """Twelve searches of one case each see every combination."""
    wanted = [
        tuple(name for left in Coverage(1, ENUMERATED, offset)._left.values() for name, count in left.items() if count)
        for offset in range(12)
    ]
    assert set(wanted) == {tuple(found.values()) for found in every_class()}


def test_a_dimension_without_a_choice_is_given_up() -> None:
    """Where every draw has width 8 the search waits once, not for every case."""
    coverage = Coverage(4, ENUMERATED, 2)
    taken = [coverage.takes(classes(horizon)) for horizon in ("about 1", "short", "long") * 10]
    first = taken.index(True)
    assert first <= PATIENCE + 3
    assert "width" not in coverage._left
    assert "horizon" in coverage._left
