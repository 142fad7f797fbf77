"""`theory-check publish`: an audit and the paper's figures as one folder, whole or not at all; rerun, it resumes."""

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.judge.figure import Figure
    from theory_check.reporting.records import Report
    from theory_check.search.request import Request

# Of an audit's folder; figures are there where cases have pictures.
REPORTS, PICTURES = ("report.md", "verdicts.json"), "figures"


@click.command()
@click.option("--profile", default="full", show_default=True, metavar="quick|gate|full", help="How hard to try.")
@click.option("--seed", default="0", show_default=True, metavar="N", help="Root seed of weights, searches and figures.")
@click.option("--out", required=True, metavar="DIR", help="The published folder; an earlier publication is replaced.")
@click.option("--work", required=True, metavar="DIR", help="Unfinished work, from which the same command resumes.")
@click.option("--workers", default=None, type=click.IntRange(min=1), help="Processes; one for each core by default.")
def publish(profile: str, seed: str, out: str, work: str, workers: int | None) -> None:
    """Audit the paper, remake its figures, and publish both as one folder.

    Exit status 0: published, whatever the verdicts are. 4: the audit is an error, nothing is published.
    """
    import filelock

    from theory_check.reporting.records import ReportError
    from theory_check.runs.properties import code_of
    from theory_check.runs.publication import publish_folder, require_replaceable
    from theory_check.runs.run import ERROR_STATUS
    from theory_check.runs.unfinished import code_fingerprint
    from theory_check.runs.writing import require_writable
    from theory_check.search.request import RequestError, make_request

    for option, value in (("--out", out), ("--work", work)):
        if value == "":
            raise click.ClickException(f"{option} must name a folder, got ''")
    try:
        request = make_request(profile=profile, seed=seed)
        require_replaceable(Path(out))
        require_writable(Path(work))
        Path(work).mkdir(parents=True, exist_ok=True)
        code = code_fingerprint(code_of(()))
        with filelock.FileLock(Path(work) / ".publish.lock", blocking=False):
            report, folder = _audited(request, out, Path(work), code, workers)
            if report.exit_status == ERROR_STATUS:
                click.echo(f"theory-check: the audit is an error, nothing is published: {folder}", err=True)
                click.get_current_context().exit(ERROR_STATUS)
            figures = _drawn(request, Path(work), code, workers)
            publish_folder(Path(out), lambda partial: _fill(partial, report, folder, figures))
    except filelock.Timeout:
        raise click.ClickException(f"another process publishes from --work {work!r}") from None
    except (RequestError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    except (click.Abort, KeyboardInterrupt):
        click.echo("theory-check: nothing is published; rerun the same command to resume", err=True)
        raise
    click.echo(f"published: {out}")


def _audited(request: "Request", out: str, work: Path, code: str, workers: int | None) -> "tuple[Report, Path]":
    """The audit of this request by this code: kept, gone on with, or begun."""
    import datetime as dt

    from theory_check.reporting.document import load_report
    from theory_check.reporting.headline import headline
    from theory_check.runs.run import run_properties
    from theory_check.runs.unfinished import STORE_FILE, SUFFIX, begin_run, request_fingerprint, resume_run
    from theory_check.runs.writing import new_run_name

    place = work / f"audit-{request_fingerprint(request, code=code)[:12]}"
    finished = [path.parent for path in place.glob("*/report.json") if not path.parent.name.endswith(SUFFIX)]
    if finished:
        click.echo(f"audit: kept, {finished[0]}")
        return load_report(finished[0]), finished[0]
    unfinished = [path.parent for path in place.glob(f"*{SUFFIX}/{STORE_FILE}")]
    if unfinished:
        click.echo(f"audit: resuming {unfinished[0]}")
        run = resume_run(unfinished[0], request, code=code)
    else:
        started = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        command = ["theory-check", "publish", "--profile", request.profile.name, "--seed", str(request.seed)]
        run = begin_run(
            place,
            new_run_name(started, request.seed),
            request=request,
            data="",
            command=shlex.join([*command, "--out", out]),
            started=started,
            code=code,
        )
    try:
        report, folder = run_properties(request, report_dir=str(place), workers=workers, run=run)
    finally:
        run.release()
    click.echo(f"audit: {report.seconds:.0f} s, {headline(report)}; exit status {report.exit_status}")
    return report, folder


def _drawn(request: "Request", work: Path, code: str, workers: int | None) -> "list[Figure]":
    """All figures in the order in which they are read; those that are kept are not made again."""
    from theory_check.commands.figure_processes import make_figures
    from theory_check.neural_ode.figures.catalogue import GROUPS, READ
    from theory_check.neural_ode.figures.kept import kept_figures
    from theory_check.runs.unfinished import request_fingerprint

    place, fingerprint = work / "figures", request_fingerprint(request, code=code)
    place.mkdir(exist_ok=True)
    missing = [name for name in GROUPS if kept_figures(name, place, fingerprint) is None]
    click.echo(f"figures: {len(GROUPS) - len(missing)} of {len(GROUPS)} groups kept")
    make_figures(missing, request.seed, request.profile.name, place, fingerprint, workers)
    return [figure for name in READ for figure in kept_figures(name, place, fingerprint) or ()]


def _fill(partial: Path, report: "Report", folder: Path, figures: "list[Figure]") -> None:
    """Write what is published into an empty folder."""
    from theory_check.pictures.drawing import draw_file
    from theory_check.reporting import html_writer
    from theory_check.reporting.figure_index import figure_index
    from theory_check.reporting.report_file import COMPRESSED_FILE, REPORT_FILE, compressed

    for name in REPORTS:
        shutil.copyfile(folder / name, partial / name)
    (partial / COMPRESSED_FILE).write_bytes(compressed((folder / REPORT_FILE).read_text(encoding="utf-8")))
    (partial / "report.html").write_text(html_writer.render(report, figures), encoding="utf-8", newline="\n")
    if (folder / PICTURES).is_dir():
        shutil.copytree(folder / PICTURES, partial / PICTURES)
    (partial / PICTURES).mkdir(exist_ok=True)
    for figure in figures:
        draw_file(figure.picture, partial / PICTURES / f"{figure.name}.svg")
    (partial / "figures.md").write_text(figure_index(figures, report), encoding="utf-8")
