"""`theory-check page`: the page of a report that was written before."""

from pathlib import Path

import click


@click.command()
@click.argument("report", metavar="REPORT")
@click.option("--out", default=None, metavar="FILE", help="Where the page goes; report.html beside the report.")
def page(report: str, out: str | None) -> None:
    """Write the page of REPORT (a report.json, or the folder of a run) as one HTML file that needs nothing else."""
    from theory_check.reporting.document import ReportError, load_report
    from theory_check.runs.writing import write_page

    if out == "":
        raise click.ClickException(
            "--out must name a file, got ''; leave the option out for report.html beside the report"
        )
    source = Path(report)
    try:
        recorded = load_report(source)
        target = Path(out) if out is not None else (source if source.is_dir() else source.parent) / "report.html"
        write_page(recorded, target)
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"page: {target}")
