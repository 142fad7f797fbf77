"""What an audit prints at its end: verdicts, findings with their replay commands, where the reports are."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from theory_check.case.record import canonical_json
from theory_check.reporting.coverage import ablation_table, needed_assumptions
from theory_check.reporting.document import ClaimReport, Report, Trial, claim_matrix, is_judged
from theory_check.reporting.headline import headline, status_words, verdict_words
from theory_check.reporting.readings import is_reading, readings, stated
from theory_check.reporting.replay_command import replay_command

LOG_WIDTH = 120
STYLES = {"supported": "green", "refuted": "bold red", "error": "bold magenta", "inconclusive": "yellow"}


def print_summary(report: Report, folder: Path) -> None:
    """Print the table of verdicts and what a reader must know about each failure."""
    # Lines of a log have no width of their own; eighty columns would cut the table's words.
    width = None if sys.stdout.isatty() else LOG_WIDTH
    console = Console(file=sys.stdout, highlight=False, width=width)
    for warning in report.warnings:
        console.print(Text(f"warning: {warning}", style="bold yellow"))
    console.print(_table(report))
    for claim in (*stated(report.claims), *readings(report.claims)):
        for trial in claim.trials:
            unmet = report.exit_status == 3 and trial.verdict == "assumptions-not-met"
            if is_judged(trial) and (unmet or _notable(trial)):
                _print_finding(console, claim, trial, folder)
    _print_ablations(console, report)
    budget = report.budget
    console.print(
        Text(
            f"{sum(trial.executed for claim in report.claims for trial in claim.trials)} cases, "
            f"{budget.calls} of {budget.declared_calls} statistical tests (false-alarm rate {budget.total:g}), "
            f"profile {report.profile}, seed {report.seed}, {report.seconds:.0f} s"
        )
    )
    console.print(Text(f"reports: {folder}"))
    console.print(Text(headline(report), style="bold"), soft_wrap=True)
    if readings(report.claims):
        console.print(Text(f"exit status {report.exit_status}: {status_words(report)}"), soft_wrap=True)
    console.print(Text(f"verdict: {verdict_words(report)}, exit status {report.exit_status}", style="bold"))


def _table(report: Report) -> Table:
    table = Table(title=Text(report.paper), title_justify="left")
    rows = claim_matrix(report)
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict")
    columns = list(rows[0].cells) if rows else []
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    group = ""
    for row in rows:
        if row.reading != group:
            group = row.reading
            table.add_section()
            table.add_row(Text(f"readings: {group}", style="bold"))
        cells = [_short(row.cells[name].text) for name in columns]
        table.add_row(Text(row.claim), Text(row.verdict, style=STYLES.get(row.verdict, "")), *cells)
    return table


def _print_ablations(console: Console, report: Report) -> None:
    """Claims against assumptions, where any were broken."""
    found = ablation_table(report)
    if not found:
        return
    needed, total = needed_assumptions(found)
    table = Table(title=f"each assumption broken, the others kept: {needed} of {total} needed", title_justify="left")
    for name in ("claim", "assumption", "broken by", "conclusion", "minimal case"):
        table.add_column(name, no_wrap=name == "claim")
    for claim, row in found.items():
        named = claim
        for name, ways in row.items():
            for place, ablation in enumerate(ways):
                shown = Text(ablation.text, style="bold" if ablation.needed else "")
                first = name if place == 0 else ""
                table.add_row(Text(named), Text(first), Text(ablation.departure), shown, Text(ablation.minimal or ""))
                named = ""
    console.print(table)


def _short(text: str) -> Text:
    return Text(text, style=STYLES.get(text, ""))


def _notable(trial: Trial) -> bool:
    return trial.verdict not in {"supported", "assumptions-not-met"} or trial.conclusion == "fails"


def _print_finding(console: Console, claim: ClaimReport, trial: Trial, folder: Path) -> None:
    conclusion = f", conclusion {trial.conclusion}" if trial.conclusion else ""
    subject = f"{claim.id}{', a reading' if is_reading(claim) else ''} [{trial.activation}, {trial.stratum}]"
    console.print(Text(f"\n{subject}: {trial.verdict}{conclusion}", style="bold"))
    if trial.reason:
        console.print(Text(f"  {trial.reason}"))
    shown = next((o for o in claim.outcomes if o.case_id == trial.minimal), None)
    if shown is not None:
        console.print(Text(f"  {shown.quantity}: {shown.measured:.6g} against {shown.bound:.6g}"))
        console.print(Text(f"  minimal case: {canonical_json(shown.case)}"), soft_wrap=True)
        console.print(Text(f"  replay: {replay_command(shown, folder / 'report.json')}"), soft_wrap=True)
