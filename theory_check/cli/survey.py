"""`theory-check survey`: every claim against many activations, one audit each, resumable, as one table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.reporting.records import Report

ACTIVATIONS = (
    "softplus",
    "tanh",
    "erf",
    "gelu",
    "silu",
    "sigmoid",
    "sin",
    "elu",
    "relu",
    "leaky_relu",
    "identity",
    "square",
)


@click.command()
@click.option("--activation", "activations", multiple=True, default=ACTIVATIONS, help="Twelve common ones by default.")
@click.option("--profile", default="quick", show_default=True, metavar="quick|gate|full", help="How hard to try.")
@click.option("--seed", default="0", show_default=True, metavar="N", help="Root seed of all weights and searches.")
@click.option("--workers", default=None, type=click.IntRange(min=1), help="Processes; one for each core by default.")
@click.option("--runs", required=True, metavar="DIR", help="One report for each activation; this code's are kept.")
@click.option("--out", required=True, metavar="DIR", help="Where activations.md and activations.json go.")
def survey(activations: tuple[str, ...], profile: str, seed: str, workers: int | None, runs: str, out: str) -> None:
    """Audit activations one by one and write the table of claims against them. Rerun it to resume."""
    from theory_check.reporting.records import ReportError
    from theory_check.reporting.survey import survey_table
    from theory_check.runs.properties import code_of
    from theory_check.runs.run import run_properties
    from theory_check.runs.unfinished import code_fingerprint, request_fingerprint
    from theory_check.runs.writing import require_writable, write_text
    from theory_check.search.request import RequestError, make_request

    try:
        requests = {
            name: make_request(profile=profile, seed=seed, activations=[name], mode="survey") for name in activations
        }
        for folder in (runs, out):
            require_writable(Path(folder))
    except (RequestError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    reports: dict[str, Report] = {}
    code = code_fingerprint(code_of(()))
    for name, request in requests.items():
        # Runs of other code are not taken for runs of this one; an expression need not be a file name.
        place = Path(runs) / f"{profile}-{seed}-{request_fingerprint(request, code=code)[:12]}"
        recorded = _recorded(place)
        if recorded is None:
            recorded, written = run_properties(request, report_dir=str(Path(runs) / "partial"), workers=workers)
            # A rename in one folder tree: an interrupted audit leaves nothing under the final name.
            written.rename(place)
        reports[name] = recorded
        click.echo(f"{name}: {recorded.seconds:.0f} s, {sum(len(claim.trials) for claim in recorded.claims)} trials")
    seconds = sum(report.seconds for report in reports.values())
    text = (
        f"# Claims against activations\n\nProfile {profile}, root seed {seed}; "
        f"`theory-check survey --profile {profile} --seed {seed}`, {seconds:.0f} s for {len(reports)} activations.\n"
        '"Not met" says that phi breaks an assumption of the claim, and what became of the conclusion nevertheless.\n\n'
        + survey_table(reports)
    )
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
        write_text(text, Path(out) / "activations.md")
        write_text(_cells(reports), Path(out) / "activations.json")
    except (OSError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"table: {Path(out) / 'activations.md'}")


def _recorded(place: Path) -> "Report | None":
    from theory_check.reporting.document import load_report

    return load_report(place) if place.is_dir() else None


def _cells(reports: "dict[str, Report]") -> str:
    """Every cell with the case that decides it, for who wants to replay it."""
    import msgspec

    from theory_check.reporting.survey import cell, failing_outcome, sentence

    found = {
        name: {
            claim.id: {
                "verdict": cell(claim),
                "sentence": sentence(claim),
                "case": msgspec.to_builtins(failing_outcome(claim)),
            }
            for claim in report.claims
        }
        for name, report in reports.items()
    }
    return json.dumps(found, indent=1, sort_keys=True) + "\n"
