"""The order of compared activations: a stated rule, no weights.

First uniqueness, then points. In every scored column each pair of activations is compared: the one whose interval lies
wholly on the better side gets a point, both get half a point where the intervals overlap, and a number that exists
beats one that does not. That is Borda's count with ties; it is made pair by pair because overlap is not transitive.
"""

from collections.abc import Sequence

import msgspec

from theory_check.compare.records import COLUMNS, Candidate, Cell, Column

RULE = (
    "Unique solutions come first: both directions proved, then one open, then a failure backward, then one forward. "
    "Within each group the order is by points: for {columns}, every pair of activations shares one point; it goes to "
    "the one whose interval lies wholly on the better side, and is halved where intervals overlap. "
    "The eigenvalue and the predicted factor explain the observed one and do not count again."
)


def ranking_rule() -> str:
    """The rule in words, as reports print it."""
    names = [column.title for column in COLUMNS.values() if column.scored]
    return RULE.format(columns=f"{', '.join(names[:-1])} and {names[-1]}")


def uniqueness_level(candidate: Candidate) -> int:
    """0: unique in both directions; 1: open in one; 2: the adjoint is seen not to be unique; 3: the solution is."""
    if candidate.forward.status == "fails":
        return 3
    if candidate.backward.status == "fails":
        return 2
    return int("open" in {candidate.forward.status, candidate.backward.status})


def ranked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Candidates with rank and points, best first; equal ones share a rank and keep their order."""
    scored = [msgspec.structs.replace(c, points=_points(c, candidates)) for c in candidates]
    keys = [(uniqueness_level(c), -c.points) for c in scored]
    ordered = sorted(zip(keys, scored, strict=True), key=lambda pair: pair[0])
    places = sorted(keys)
    return tuple(msgspec.structs.replace(c, rank=1 + places.index(key)) for key, c in ordered)


def _points(candidate: Candidate, candidates: Sequence[Candidate]) -> float:
    others = [c for c in candidates if c is not candidate]
    columns = [(name, column) for name, column in COLUMNS.items() if column.scored]
    return sum(_share(candidate.cells[name], other.cells[name], column) for name, column in columns for other in others)


def _share(own: Cell, other: Cell, column: Column) -> float:
    """Of the point that two cells compete for."""
    if own.value is None or other.value is None:
        return 0.5 + 0.5 * ((own.value is not None) - (other.value is not None))
    (low, high), (other_low, other_high) = _interval(own), _interval(other)
    below, above = high < other_low, low > other_high
    wins, loses = (below, above) if column.better == "lower" else (above, below)
    return 0.5 + 0.5 * (wins - loses)


def _interval(cell: Cell) -> tuple[float, float]:
    """Of a cell that has a value."""
    if cell.low is None or cell.high is None:
        raise ValueError(f"a scored cell needs an interval, got low {cell.low!r}, high {cell.high!r}")
    return cell.low, cell.high
