"""What a comparison says in words: cells, uniqueness and notes, the same on the terminal and on the page."""

import math

from theory_check.case.record import canonical_json
from theory_check.compare.records import COLUMNS, Candidate, Cell, Comparison, Uniqueness
from theory_check.reporting.rounding import rounded_down

DIGITS = 4
# Of 1 - factor; the factors of slow directions all begin with 0.99.
FACTORS = ("predicted_factor", "observed_factor")
BASES = {
    "proved": "proved",
    "bounded": "certified, given estimated parts of the kernel's error",
    "measured": "measured on networks",
    "missing": "does not exist, or could not be computed",
}


def number(value: float, key: str = "") -> str:
    """Three significant digits; factors, which differ from 1 by little, have four decimals."""
    return f"{value:.{DIGITS}f}" if key in FACTORS else f"{value:.3g}"


def value_text(cell: Cell, key: str) -> str:
    """The number of a cell, or that there is none."""
    if cell.value is None:
        return "none"
    if key == "smallest_eigenvalue" and cell.low is None and cell.singular:
        return "not above 0"
    return number(cell.value, key)


def evidence_text(cell: Cell, key: str) -> str:
    """What the number rests on: its interval, or the side that is certified."""
    if cell.value is None:
        return cell.note
    if key == "smallest_eigenvalue":
        if cell.low is None:
            return "singular to accuracy" if cell.singular else "undecided: its error is too large"
        return f"certified > {rounded_down(cell.low, 3)}"
    if key == "predicted_factor":
        return "no rate certified" if cell.high is None or cell.high >= 1.0 else f"certified <= {_up(cell.high)}"
    if cell.low is None or cell.high is None:
        return ""
    return f"[{number(cell.low, key)}, {number(cell.high, key)}]"


def uniqueness_text(found: Uniqueness) -> str:
    """One word for each status."""
    return {"proved": "proved", "measured bounds": "by measured bounds", "open": "open", "fails": "fails"}[found.status]


def notes(comparison: Comparison) -> list[str]:
    """One line for each finding that the table has no room for: failures of uniqueness, missing numbers."""
    found: list[str] = []
    for candidate in comparison.candidates:
        for side, unique in (("forward", candidate.forward), ("backward", candidate.backward)):
            if unique.status == "fails":
                found.append(f"{candidate.name}: the {side} solution is not unique everywhere: {_failure(unique)}")
            elif unique.status == "open":
                found.append(f"{candidate.name}: uniqueness {side} is open: {unique.reason}")
        found += _missing(candidate)
    return found


def _failure(unique: Uniqueness) -> str:
    case = "" if unique.case is None else f"; case: {canonical_json(unique.case)}"
    return (
        f"{unique.quantity}: {unique.measured:.6g} against {unique.bound:.6g}, "
        f"{unique.failing} of {unique.probes} probes{case}"
    )


def _missing(candidate: Candidate) -> list[str]:
    """The same reason is said once, for all the columns it concerns."""
    columns: dict[str, list[str]] = {}
    for key, cell in candidate.cells.items():
        # Parts of a kernel's error are estimated for almost every phi: the page says so, in each cell.
        if cell.value is None or (cell.note and cell.basis == "measured"):
            columns.setdefault(cell.note, []).append(COLUMNS[key].title)
    return [f"{candidate.name}: {' and '.join(titles)}: {note}" for note, titles in columns.items()]


def measured_on(comparison: Comparison) -> str:
    """Data, sizes and scales in one line."""
    s = comparison.settings
    return (
        f"{s['networks']} networks of width {s['width']}, {s['inputs']} inputs ({s['data']}), "
        f"sigma_u = {s['sigma_u']:g}, sigma_w = {s['sigma_w']:g}, sigma_v = {s['sigma_v']:g}, "
        f"horizon {s['horizon']:g}, seed {s['seed']}; "
        f"intervals hold the median over networks with {s['confidence']:.0%} confidence (order statistics)"
    )


def _up(value: float) -> str:
    """Upwards to four decimals."""
    return f"{math.ceil(value * 10**DIGITS) / 10**DIGITS:.{DIGITS}f}"
