"""`theory-check render`: an existing report in another format."""

from pathlib import Path
from typing import Any

import click

# Modules of reporting/, by what the user asks for; each has `render(report)`.
WRITERS = {
    "page": "html_writer",
    "markdown": "markdown_writer",
    "verdicts": "verdicts_writer",
    "junit": "junit_writer",
    "sarif": "sarif_writer",
    "badge": "badge_writer",
    "summary": "step_summary_writer",
}


@click.command()
@click.argument("report", metavar="REPORT")
@click.option("--format", "form", required=True, type=click.Choice(list(WRITERS)), help="What to make of it.")
@click.option("--out", default=None, metavar="FILE", help="Where it goes; standard output by default.")
def render(report: str, form: str, out: str | None) -> None:
    """Write REPORT (a report.json or report.json.gz, or a folder with one) in another format.

    A page is one HTML file that needs nothing else.
    """
    from importlib import import_module

    from theory_check.reporting.document import ReportError, load_report
    from theory_check.runs.writing import write_text

    if out == "":
        raise click.ClickException("--out must name a file, got ''; leave the option out for standard output")
    writer: Any = import_module(f"theory_check.reporting.{WRITERS[form]}")
    try:
        text = writer.render(load_report(Path(report)))
        if out is not None:
            write_text(text, Path(out))
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    if out is None:
        # Bytes: a terminal's or pipe's own encoding must not change a file format.
        click.echo(text.encode(), nl=False)
    else:
        click.echo(f"{form}: {out}")
