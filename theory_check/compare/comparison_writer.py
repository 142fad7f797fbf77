"""A comparison of activations as JSON and as a page that needs nothing else."""

from pathlib import Path

import msgspec

from theory_check.compare.comparison_text import (
    BASES,
    evidence_text,
    measured_on,
    notes,
    uniqueness_text,
    value_text,
)
from theory_check.compare.records import COLUMNS, Comparison
from theory_check.reporting.html_writer import page_of
from theory_check.runs.writing import write_text

# By status the verdict whose colour and sign say the same.
SIGNS = {"proved": "supported", "measured bounds": "supported", "open": "inconclusive", "fails": "refuted"}


def render_json(comparison: Comparison) -> str:
    """Every number, in one order, so that equal comparisons are equal texts."""
    return msgspec.json.format(msgspec.json.encode(comparison, order="deterministic"), indent=1).decode() + "\n"


def render_page(comparison: Comparison) -> str:
    """The table as one HTML page; names are escaped, no script, no request."""
    return page_of(
        "comparison.html.j2",
        comparison=comparison,
        columns=COLUMNS,
        bases=BASES,
        signs=SIGNS,
        value_text=value_text,
        evidence_text=evidence_text,
        uniqueness_text=uniqueness_text,
        measured_on=measured_on(comparison),
        notes=notes(comparison),
    )


def write_comparison_page(comparison: Comparison, path: Path) -> None:
    """Write the page in one rename; a file of that name is replaced.

    Raises:
        ReportError: the file cannot be written; nothing stays behind.
    """
    write_text(render_page(comparison), path)
