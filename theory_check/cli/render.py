"""`theory-check render`: an existing report in another format, on standard output."""

from pathlib import Path
from typing import Any

import click

# Modules of reporting/, by what the user asks for; each has `render(report)`.
WRITERS = {
    "sarif": "sarif_writer",
    "junit": "junit_writer",
    "badge": "badge_writer",
    "summary": "step_summary_writer",
    "markdown": "markdown_writer",
}


@click.command()
@click.argument("report", metavar="REPORT")
@click.option("--format", "form", required=True, type=click.Choice(list(WRITERS)), help="What to make of it.")
def render(report: str, form: str) -> None:
    """Write REPORT (a report.json, or the folder of a run) in another format to standard output."""
    from importlib import import_module

    from theory_check.reporting.document import ReportError, load_report

    try:
        recorded = load_report(Path(report))
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    writer: Any = import_module(f"theory_check.reporting.{WRITERS[form]}")
    # Bytes: a terminal's or pipe's own encoding must not change a file format.
    click.echo(writer.render(recorded).encode(), nl=False)
