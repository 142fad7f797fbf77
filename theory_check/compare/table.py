"""The table that `theory-check compare` prints."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from theory_check.compare.comparison_text import (
    evidence_text,
    measured_on,
    notes,
    uniqueness_text,
    value_text,
)
from theory_check.compare.records import COLUMNS, Candidate, Cell, Comparison, Uniqueness

LOG_WIDTH = 120
STYLES = {"proved": "green", "measured bounds": "green", "open": "yellow", "fails": "bold red"}


def print_comparison(comparison: Comparison) -> None:
    """Print the table, the findings it has no room for, and the rule behind its order."""
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)
    table = Table()
    table.add_column("rank", justify="right")
    table.add_column("activation", overflow="fold")
    table.add_column("unique\nforward, backward")
    for column in COLUMNS.values():
        table.add_column(Text(column.title), justify="right")
    table.add_column("points", justify="right")
    for candidate in comparison.candidates:
        table.add_row(*_row(candidate))
        table.add_section()
    console.print(table)
    console.print(Text(measured_on(comparison)))
    for note in notes(comparison):
        console.print(Text(f"- {note}"), soft_wrap=True)
    console.print(Text(f"order: {comparison.rule}"))


def _row(candidate: Candidate) -> list[Text]:
    name = Text(f"{candidate.name}\n").append(candidate.classification, style="dim")
    unique = _unique(candidate.forward).append("\n").append_text(_unique(candidate.backward))
    cells = [_cell(candidate.cells[key], key) for key in COLUMNS]
    return [Text(str(candidate.rank)), name, unique, *cells, Text(f"{candidate.points:g}")]


def _unique(found: Uniqueness) -> Text:
    return Text(uniqueness_text(found), style=STYLES[found.status])


def _cell(cell: Cell, key: str) -> Text:
    if cell.value is None:
        return Text("none", style="bold red")
    return Text(f"{value_text(cell, key)}\n").append(evidence_text(cell, key), style="dim")
