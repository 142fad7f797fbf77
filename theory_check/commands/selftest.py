"""`theory-check selftest`: would the harness have caught a wrong paper?"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theory_check.runs.run import ERROR_STATUS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from theory_check.reporting.records import ClaimReport, Report, Trial


@click.command()
@click.option(
    "--claim", "claims", multiple=True, metavar="ID", help="Test the harness on this claim only (repeatable)."
)
@click.option("--seed", default="0", show_default=True, metavar="N", help="Root seed of all weights and searches.")
@click.option("--workers", default=None, type=click.IntRange(min=1), help="Processes; one for each core by default.")
@click.option("--report-dir", default="reports", show_default=True, metavar="DIR", help="Reports go below this folder.")
def selftest(claims: tuple[str, ...], seed: str, workers: int | None, report_dir: str) -> None:
    """Plant every known defect, run every control, mutate the judge, calibrate its tests. Any survivor fails."""
    from rich.console import Console

    from theory_check.reporting.records import ReportError
    from theory_check.runs.run import run_properties
    from theory_check.runs.writing import require_writable
    from theory_check.search.request import RequestError, make_request

    try:
        request = make_request(seed=seed, claims=claims, mode="selftest")
        require_writable(Path(report_dir))
    except (RequestError, ReportError) as error:
        raise click.ClickException(str(error)) from None

    report, folder = run_properties(request, report_dir=report_dir, workers=workers)
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    console.print(_controls_table(report))
    failures = [line for line in report.warnings if "control" in line or "lost" in line or "statistical" in line]
    if not claims:
        failures += [*_harness(), *_calibration(console)]
    for line in failures:
        click.echo(f"failed: {line}")
    status = ERROR_STATUS if failures else 0
    click.echo(f"reports: {folder}")
    click.echo(
        f"self-test: {'failed' if failures else 'passed'}, {report.seconds:.0f} s for the trials, exit status {status}"
    )
    click.get_current_context().exit(status)


def _controls_table(report: "Report") -> "Table":
    from rich.table import Table

    from theory_check.neural_ode.planted.defects import DEFECTS

    columns = ("planted defects killed", "of them subtle", "negative controls", "positive controls")
    functions = len({defect.target for defect in DEFECTS.values()})
    title = f"{len(DEFECTS)} defects in {functions} functions, and controls: as expected / all"
    table = Table(title=title, title_justify="left")
    for name in ("claim", *columns):
        table.add_column(name, no_wrap=name == "claim")
    total = dict.fromkeys(columns, (0, 0))
    for claim in report.claims:
        counts = {name: _count(trials) for name, trials in zip(columns, _sorted(claim), strict=True)}
        total = {name: (total[name][0] + good, total[name][1] + of) for name, (good, of) in counts.items()}
        table.add_row(claim.id, *(_share(*counts[name]) for name in columns))
    table.add_section()
    table.add_row("all", *(_share(*total[name]) for name in columns))
    return table


def _sorted(claim: "ClaimReport") -> tuple[list["Trial"], ...]:
    """Defects, subtle ones, other cases that must fail, cases that must hold."""
    planted = [trial for trial in claim.trials if trial.defect]
    others = [trial for trial in claim.trials if not trial.defect]
    return (
        planted,
        [trial for trial in planted if trial.subtle],
        [trial for trial in others if trial.expected_verdict != "supported"],
        [trial for trial in others if trial.expected_verdict == "supported"],
    )


def _count(trials: Iterable["Trial"]) -> tuple[int, int]:
    trials = list(trials)
    return sum(trial.as_expected is True for trial in trials), len(trials)


def _share(good: int, of: int) -> str:
    return f"{good} / {of}" if of else "-"


def _harness() -> list[str]:
    """Probes that are not content and mutants that survive."""
    from theory_check.selftest.mutants import MUTANTS, PROBES, failing_probes, surviving_mutants

    failing, surviving = failing_probes(), surviving_mutants()
    click.echo(
        f"harness: {len(PROBES) - len(failing)} of {len(PROBES)} probes content, "
        f"{len(MUTANTS) - len(surviving)} of {len(MUTANTS)} mutants of the judge noticed"
    )
    return [f"probe {name}" for name in failing] + [f"mutant {name} survives" for name in surviving]


def _calibration(console: "Console") -> list[str]:
    """Tests that reject true nulls too often, or an exact one too seldom."""
    from rich.table import Table

    from theory_check.judge.calibration import RUNS, calibrate, calibrations

    wanted = calibrations()
    title = f"false alarms of {len(wanted)} gates on data from the null, {RUNS} runs each"
    table = Table(title=title, title_justify="left")
    for name in ("test", "gate", "tail", "level", "alarms", "measured level, 99.9 % interval"):
        table.add_column(name)
    failed = []
    for calibration in wanted:
        result = calibrate(calibration)
        low, high = result.interval
        shown = f"{result.false_alarms / result.runs:.4f} [{low:.4f}, {high:.4f}]"
        style = "" if result.passed else "bold red"
        cells = (calibration.name, calibration.gate, calibration.tail, f"{calibration.level:g}")
        table.add_row(*cells, str(result.false_alarms), shown, style=style)
        if not result.passed:
            failed.append(
                f"calibration of {calibration.name}, {calibration.gate}, level {calibration.level:g}: {shown}"
            )
    console.print(table)
    return failed
