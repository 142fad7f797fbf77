"""The order of compared activations follows from the stated rule and from nothing else."""

import pytest

from theory_check.compare.ranking import ranked, ranking_rule, uniqueness_level
from theory_check.compare.records import COLUMNS, Candidate, Cell, Status, Uniqueness

SCORED = [name for name, column in COLUMNS.items() if column.scored]


def candidate(
    name: str, intervals: dict[str, tuple[float, float] | None], forward: Status = "proved", backward: Status = "proved"
) -> Candidate:
    """An activation with these intervals in scored columns, [1, 2] where none is named and no number for None."""
    cells = {}
    for key in COLUMNS:
        ends = intervals.get(key, (1.0, 2.0))
        if ends is None:
            cells[key] = Cell(basis="missing", note="blows up")
        else:
            cells[key] = Cell(basis="measured", value=sum(ends) / 2, low=ends[0], high=ends[1], networks=8)
    return Candidate(
        name=name,
        expression=name,
        classification="smooth",
        lipschitz=1.0,
        derivative_lipschitz=1.0,
        bounds="proved",
        forward=Uniqueness(status=forward, reason="", probes=1),
        backward=Uniqueness(status=backward, reason="", probes=1),
        cells=cells,
    )


def order(*candidates: Candidate) -> list[tuple[str, int, float]]:
    """Names, ranks and points, best first."""
    return [(c.name, c.rank, c.points) for c in ranked(candidates)]


def test_overlap_is_a_tie() -> None:
    """Intervals that touch share every point and the rank; the order of the arguments is kept."""
    a, b = candidate("a", {}), candidate("b", {"evaluations": (2.0, 3.0)})
    assert order(a, b) == [("a", 1, 1.5), ("b", 1, 1.5)]
    assert [name for name, _, _ in order(b, a)] == ["b", "a"]


@pytest.mark.parametrize("column", SCORED)
def test_each_scored_column_counts_the_same(column: str) -> None:
    """The lower interval wins a point, whichever column it stands in and however far away the other lies."""
    better, worse = candidate("better", {column: (0.1, 0.9)}), candidate("worse", {column: (50.0, 60.0)})
    assert order(worse, better) == [("better", 1, 2.0), ("worse", 2, 1.0)]


def test_what_explains_does_not_count() -> None:
    """Eigenvalue and predicted factor change no points."""
    explaining = {"smallest_eigenvalue": (7.0, 9.0), "predicted_factor": (0.1, 0.2)}
    assert order(candidate("a", {}), candidate("b", explaining)) == [("a", 1, 1.5), ("b", 1, 1.5)]
    assert {name for name, column in COLUMNS.items() if not column.scored} == set(explaining)


def test_uniqueness_comes_before_all_points() -> None:
    """Proved before open before a failure backward before one forward, whatever the numbers are."""
    best = dict.fromkeys(SCORED, (0.0, 0.1))
    found = order(
        candidate("no solution", best, forward="fails"),
        candidate("no adjoint", best, backward="fails"),
        candidate("open", best, backward="open"),
        candidate("unique", {}),
    )
    assert [(name, rank) for name, rank, _ in found] == [
        ("unique", 1),
        ("open", 2),
        ("no adjoint", 3),
        ("no solution", 4),
    ]
    assert uniqueness_level(candidate("own", {}, "measured bounds", "measured bounds")) == 0


def test_a_number_beats_none_and_none_ties_with_none() -> None:
    """What does not exist for a phi is worse than any number."""
    missing = candidate("missing", {"evaluations": None})
    assert order(missing, candidate("huge", {"evaluations": (1e9, 1e9)})) == [("huge", 1, 2.0), ("missing", 2, 1.0)]
    other = candidate("other", {"evaluations": None})
    assert order(missing, other) == [("missing", 1, 1.5), ("other", 1, 1.5)]


def test_points_add_up_although_overlap_is_not_transitive() -> None:
    """A < B overlap, B < C overlap, A < C apart: one point for each pair and column, all of them given away."""
    a, b, c = (candidate(name, {"evaluations": ends}) for name, ends in (("a", (1, 3)), ("b", (2, 5)), ("c", (4, 6))))
    assert order(c, b, a) == [("a", 1, 3.5), ("b", 2, 3.0), ("c", 3, 2.5)]


def test_the_rule_names_what_is_scored() -> None:
    """The printed rule cannot drift away from the columns."""
    assert all(COLUMNS[name].title in ranking_rule() for name in SCORED)
