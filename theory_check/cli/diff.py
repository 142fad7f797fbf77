"""`theory-check diff`: what changed between two reports, with an exit status for gates."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.reporting.difference import Difference
    from theory_check.reporting.value_change import ValueChange

MOST_LINES = 20  # of each kind on a terminal, but for verdicts that got worse; --json has all


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def diff(old: str, new: str, *, as_json: bool) -> None:
    """Say what changed from OLD to NEW, each a report.json, report.json.gz or verdicts.json, or a folder with one.

    Verdicts are always compared, measured values where both are full reports.

    Exit status: 0 nothing broken; 1 a verdict got worse; 2 bad usage; 3 nothing broken, but something became
    inconclusive or cannot be compared.
    """
    import msgspec

    from theory_check.reporting.difference import difference
    from theory_check.reporting.recorded import load_recorded
    from theory_check.reporting.records import ReportError

    try:
        found = difference(load_recorded(Path(old)), load_recorded(Path(new)))
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _print(found)
    click.get_current_context().exit(found.exit_status)


def _print(found: "Difference") -> None:
    from theory_check.reporting.difference import ORDER

    for note in found.notes:
        click.echo(f"note: {note}")
    for name in ORDER:
        changes = [c for c in found.verdicts if c.change == name]
        lines = [f"{name}: {c.place}: {c.before or 'absent'} -> {c.after or 'absent'}" for c in changes]
        _print_some(lines, f"verdicts ({name})", len(lines) if name in {"broken", "newly-inconclusive"} else MOST_LINES)
    for kind in ("verdict", "beyond uncertainty", "last bits"):
        _print_some([_line(v) for v in found.values if v.change == kind], f"values ({kind})", MOST_LINES)
    counts = [(sum(change.change == name for change in found.verdicts), name) for name in ORDER]
    said = ", ".join(f"{count} {name}" for count, name in counts if count) or "the same"
    click.echo(f"verdicts: {said}")
    click.echo(
        "values: not compared, that takes two full reports"
        if not found.values_compared
        else f"values: {len(found.values)} of {found.cases_compared} cases changed; "
        f"{found.of_them_by_verdict_only} state no uncertainty, so their verdicts alone are compared"
    )
    click.echo(f"exit status {found.exit_status}")


def _print_some(lines: list[str], name: str, most: int) -> None:
    for line in lines[:most]:
        click.echo(line)
    if len(lines) > most:
        click.echo(f"... {len(lines) - most} more {name}; --json lists all")


def _line(value: "ValueChange") -> str:
    numbers = f"{_number(value.before)} -> {_number(value.after)}"
    why = f"{value.verdict_before} -> {value.verdict_after}" if value.change == "verdict" else value.uncertainty
    return f"value ({value.change}): {value.claim}, case {value.case_id}, {value.quantity}: {numbers}" + (
        f" ({why})" if why else ""
    )


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.17g}"
