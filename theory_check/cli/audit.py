"""`theory-check audit`: run the properties in worker processes, show progress, write reports, print the verdicts."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theory_check.cli.step_summary import append_step_summary

if TYPE_CHECKING:
    from theory_check.reporting.records import Report


@click.command()
@click.option("--claim", "claims", multiple=True, metavar="ID", help="Audit this claim only (repeatable).")
@click.option(
    "--activation",
    "activations",
    multiple=True,
    metavar="NAME|EXPRESSION|MODULE:NAME",
    help='Audit this activation, e.g. softplus, "tanh(2*x) + 0.1*x" (repeatable).',
)
@click.option("--data", default=None, metavar="digits|sphere|FILE.npy|FILE.csv", help="Audit on these inputs.")
@click.option("--profile", default="quick", show_default=True, metavar="quick|gate|full", help="How hard to try.")
@click.option("--seed", default="0", show_default=True, metavar="N", help="Root seed of all weights and searches.")
@click.option("--device", default="cpu", show_default=True, metavar="cpu|cuda", help="Where networks run.")
@click.option("--report-dir", default="reports", show_default=True, metavar="DIR", help="Reports go below this folder.")
@click.option(
    "--baseline",
    default=None,
    metavar="REPORT",
    help="Exit 0 when verdicts are this report's, as far as both were asked for them; else 1.",
)
@click.option("--workers", default=None, type=click.IntRange(min=1), help="Processes; one for each core by default.")
@click.option("--ablate", is_flag=True, help="Break each assumption as well and report which were needed.")
@click.option("--trust-code", is_flag=True, help="Allow MODULE:NAME, which runs that module's code.")
def audit(
    claims: tuple[str, ...],
    activations: tuple[str, ...],
    data: str | None,
    profile: str,
    seed: str,
    device: str,
    report_dir: str,
    baseline: str | None,
    workers: int | None,
    *,
    ablate: bool,
    trust_code: bool,
) -> None:
    """Search for counterexamples to each claim and write the verdicts to a new folder below reports/."""
    from theory_check.cli.run import run_properties
    from theory_check.reporting.document import ReportError, load_report
    from theory_check.reporting.exit_status import compare_with_baseline
    from theory_check.reporting.writing import require_writable
    from theory_check.request import RequestError, make_request

    if "" in activations:
        raise click.ClickException("an activation must be a name or an expression, got an empty one")
    for option, value in (("--report-dir", report_dir), ("--baseline", baseline), ("--data", data)):
        if value == "":
            raise click.ClickException(f"{option} must name something, got ''; leave the option out for its default")
    try:
        request = make_request(
            profile=profile,
            seed=seed,
            data=data or "",
            device=device,
            claims=claims,
            activations=activations,
            trust_code=trust_code,
            mode="ablation" if ablate else "audit",
        )
        require_writable(Path(report_dir))
        recorded = load_report(Path(baseline)) if baseline is not None else None
    except (RequestError, ReportError) as error:
        raise click.ClickException(str(error)) from None

    report, folder = run_properties(request, report_dir=report_dir, workers=workers, data=data or "")
    _show(report, folder)
    status: int = report.exit_status
    notes = []
    if recorded is not None:
        differences = compare_with_baseline(
            report, recorded, named_claims=bool(claims), named_subjects=bool(activations or data)
        )
        for line in differences:
            click.echo(f"differs from the baseline: {line}")
        status = 1 if differences else 0
        same = "differs" if differences else "the same verdicts"
        notes = [f"Baseline {baseline}: {same}, exit status {status}.", *differences]
        click.echo(f"baseline {baseline}: {same}, exit status {status}")
    append_step_summary(report, notes)
    click.get_current_context().exit(status)


def _show(report: "Report", folder: Path) -> None:
    from theory_check.cli.summary import print_summary

    print_summary(report, folder)
