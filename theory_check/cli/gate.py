"""How a command that judges claims ends: its table, the comparison with recorded verdicts, the exit status."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theory_check.cli.step_summary import append_step_summary

if TYPE_CHECKING:
    from theory_check.reporting.records import Report
    from theory_check.reporting.verdicts import Verdicts
    from theory_check.search.request import Request


def end_with(
    report: "Report", folder: Path, request: "Request", *, baseline: str | None, recorded: "Report | Verdicts | None"
) -> None:
    """Print the verdicts and exit with their status, or with that of the comparison with recorded ones.

    Args:
        report: of the audit.
        folder: where it was written.
        request: what was asked for.
        baseline: what the user called the recorded report.
        recorded: that report, or its verdicts.

    Raises:
        click.exceptions.Exit: always.
    """
    from theory_check.cli.summary import print_summary
    from theory_check.reporting.exit_status import compare_with_baseline

    print_summary(report, folder)
    status: int = report.exit_status
    notes = []
    if recorded is not None:
        differences = compare_with_baseline(
            report,
            recorded,
            named_claims=bool(request.claims),
            named_subjects=request.names_something,
        )
        for line in differences:
            click.echo(f"differs from the baseline: {line}")
        status = 1 if differences else 0
        same = "differs" if differences else "the same verdicts"
        notes = [f"Baseline {baseline}: {same}, exit status {status}.", *differences]
        click.echo(f"baseline {baseline}: {same}, exit status {status}")
    append_step_summary(report, notes)
    click.get_current_context().exit(status)
