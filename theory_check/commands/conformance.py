"""`theory-check conformance`: the solvers and gradients of an ODE library on trial."""

import datetime as dt
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.conformance.records import CheckResult, ConformanceReport


@click.command()
@click.argument("library", metavar="torchdiffeq|torchode|diffrax|scipy|MODULE:NAME")
@click.option("--profile", default="quick", show_default=True, metavar="quick|gate", help="How many cases.")
@click.option("--seed", default="0", show_default=True, metavar="N", help="Root seed of cases and weights.")
@click.option("--method", "methods", multiple=True, metavar="NAME", help="Only this method; may be repeated.")
@click.option("--expected-failures", default=None, metavar="FILE.toml", help="Failures that are known and expected.")
@click.option("--report-dir", default=None, metavar="DIR", help="Write DIR/LIBRARY/report.json, report.md, badge.json.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(0, 64), help="Processes; 0: this one.")
@click.option("--trust-code", is_flag=True, help="Allow MODULE:NAME, which runs that module's code.")
def conformance(
    library: str,
    profile: str,
    seed: str,
    methods: tuple[str, ...],
    expected_failures: str | None,
    report_dir: str | None,
    workers: int,
    *,
    trust_code: bool,
) -> None:
    """Put the solvers and gradients of an ODE library on trial against references with error bounds.

    Exit status: 0 conforms, but for expected failures; 1 a check is refuted, or an expected failure no longer fails;
    2 bad usage; 3 inconclusive; 4 error.
    """
    from theory_check.conformance import run
    from theory_check.conformance.expected_failures import ExpectedFailuresError, load_expected_failures
    from theory_check.conformance.libraries.loading import LibraryError
    from theory_check.conformance.profiles import profile_named
    from theory_check.conformance.writing import write
    from theory_check.reporting.records import ReportError
    from theory_check.runs.run import typed_command
    from theory_check.runs.writing import require_writable
    from theory_check.search.request import RequestError, make_request

    try:
        sizes = profile_named(profile)
        root = make_request(seed=seed).seed
        plan = run.Plan(library, sizes, root, methods, trust_code, workers)
        every = run.solvers_for(run.Plan(library, sizes, trust_code=trust_code))
        solvers = run.solvers_for(plan)
        known = run.checks_of(every)
        expected = load_expected_failures(Path(expected_failures), known) if expected_failures is not None else ()
        if report_dir is not None:
            require_writable(Path(report_dir))
    except (RequestError, LibraryError, ExpectedFailuresError, ReportError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    started, clock = dt.datetime.now(dt.UTC), time.perf_counter()
    found = run.results(plan, run.tried(plan, solvers), _said)
    report = run.report_of(
        plan,
        solvers,
        found,
        expected,
        command=typed_command(),
        started=started,
        seconds=time.perf_counter() - clock,
    )
    _summary(report)
    if report_dir is not None:
        try:
            click.echo(f"report: {write(report, Path(report_dir))}")
        except ReportError as error:
            raise click.ClickException(str(error)) from None
    click.get_current_context().exit(report.exit_status)


def _said(result: "CheckResult") -> None:
    reason = f": {result.reason}" if result.reason and result.verdict != "supported" else ""
    click.echo(f"{result.solver:44} {result.check:27} {result.verdict}{reason}"[:220])


def _summary(report: "ConformanceReport") -> None:
    from theory_check.conformance.writing import failure_lines, tally

    for result in report.results:
        if result.fails:
            click.secho(f"\n{result.check}: {result.solver}", bold=True)
            for line in failure_lines(result):
                click.echo(f"  {line}")
    for name in report.unexpected_passes:
        click.echo(f"expected to fail, and passes: {name}; remove its entry")
    if report.left_out:
        click.echo(f"left out by profile {report.profile}: {len(report.left_out)} solvers (see --profile gate)")
    counts = ", ".join(f"{count} {word}" for word, count in tally(report).items())
    click.echo(f"conformance: {report.library} {report.version}: {counts}; {report.seconds:.0f} s")
