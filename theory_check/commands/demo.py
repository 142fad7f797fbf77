"""`theory-check demo`: a false claim is put on trial and caught, the true one beside it holds. Offline, in a minute."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theory_check.runs.run import ERROR_STATUS

if TYPE_CHECKING:
    from theory_check.judge.verdict import Outcome
    from theory_check.search.found import Found
    from theory_check.selftest.demo import Demonstration

# One of those in which the search meets a complicated failure first, so that there is something to shrink.
SEED = "2"


@click.command()
@click.option("--seed", default=SEED, show_default=True, metavar="N", help="Root seed of both searches.")
@click.option("--report-dir", default=None, metavar="DIR", help="Write the report of both trials below this folder.")
def demo(seed: str, report_dir: str | None) -> None:
    """Plant a false claim, catch it, show the smallest counterexample, and that the true claim holds.

    Exit status 0 when the false claim was refuted and the true one held, 4 otherwise.
    """
    import torch
    from threadpoolctl import threadpool_limits

    from theory_check.neural_ode.claims.vocabulary import EXPLAINED
    from theory_check.reporting.records import ReportError
    from theory_check.runs.writing import require_writable
    from theory_check.search.request import RequestError, make_request
    from theory_check.selftest import demo as trials

    try:
        root = make_request(seed=seed).seed
        if report_dir is not None:
            require_writable(Path(report_dir))
    except (RequestError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    torch.set_num_threads(1)
    with threadpool_limits(limits=1):
        _say("1. A claim that sounds true", trials.FALSE.statement)
        _assumes([EXPLAINED[name] for name in trials.FALSE.assumptions])
        click.echo("   The state's equation has one solution for Lipschitz phi, so why should its adjoint not?")
        _say("2. The search", f"Up to {trials.PROFILE.examples} random cases: phi, inputs, weights, width, horizon.")
        false = trials.search_false(root)
        for found in false:
            _searched(found)
        _say("3. The claim as the paper has it", trials.TRUE.statement)
        _assumes([EXPLAINED[name] for name in trials.TRUE.assumptions])
        true = trials.search_true(root)
        _searched(true)
        shown = trials.demonstration(false, true, root)
    _counterexample(shown)
    if report_dir is not None:
        _report(shown, root, Path(report_dir))
    _say("6. Go on")
    for command, what in (
        ("theory-check audit --claim backward-unique --activation relu", "the same through the whole harness"),
        ("theory-check replay REPORT CASE", "recompute a case of its report; audit prints the command"),
        ("theory-check audit", "all claims of the paper"),
        ("theory-check compare softplus relu gelu", "choose an activation"),
    ):
        click.echo(f"   {command:64} # {what}")
    click.echo("   README.md says what a verdict means.")
    caught = shown.succeeded
    click.echo(
        "demo: the false claim was caught and the true one held"
        if caught
        else f"demo: failed; false claim {false[-1].trial.verdict}, true claim {true.trial.verdict}"
    )
    click.get_current_context().exit(0 if caught else ERROR_STATUS)


def _say(title: str, text: str = "") -> None:
    click.secho(f"\n{title}", bold=True)
    if text:
        click.echo(click.wrap_text(text, width=110, initial_indent="   ", subsequent_indent="   "))


def _assumes(assumptions: list[str]) -> None:
    click.echo(f"   Assumes: {'; '.join(assumptions)}.")


def _searched(found: "Found") -> None:
    trial = found.trial
    judged = f"{trial.executed} cases judged, {trial.held} held, {trial.comparisons} comparisons"
    click.echo(f"   {trial.activation} phi: {judged}, {trial.seconds:.1f} s: {trial.verdict}")
    if trial.shrink_calls:
        click.echo(f"   {trial.shrink_calls} more were judged to make the failing case small")


def _counterexample(shown: "Demonstration") -> None:
    if shown.first is None or shown.minimal is None:
        return
    _say("4. The counterexample", "The first case that failed, and what was left of it after shrinking:")
    _case(shown.first)
    _case(shown.minimal)
    click.echo(
        click.wrap_text(
            "The state lies where phi' jumps, and the adjoint depends on which side's slope is taken there. "
            "No solver tolerance makes the difference smaller.",
            width=110,
            initial_indent="   ",
            subsequent_indent="   ",
        )
    )
    if shown.smooth is not None:
        _say("5. The same case with a smooth phi, which the true claim speaks of")
        _case(shown.smooth)


def _case(outcome: "Outcome") -> None:
    from theory_check.reporting.outcome_text import describe_case

    click.echo(f"   - phi(x) = {outcome.case.activation}: conclusion {outcome.conclusion}")
    click.echo(f"     {outcome.quantity}:")
    click.echo(f"     {outcome.measured:.6g} against a bound of {outcome.bound:.6g}")
    described = [f"{label} {value}" for label, value in describe_case(outcome.case) if label != "activation phi"]
    click.echo(click.wrap_text("; ".join(described), width=110, initial_indent="     ", subsequent_indent="     "))


def _report(shown: "Demonstration", seed: int, report_dir: Path) -> None:
    import datetime as dt

    from theory_check.reporting.records import ReportError
    from theory_check.reporting.replay_command import replay_command
    from theory_check.runs.assembly import assemble
    from theory_check.runs.run import typed_command
    from theory_check.runs.writing import new_run_name, write_reports
    from theory_check.selftest.demo import request_of

    now = dt.datetime.now(dt.UTC)
    report = assemble(
        [*shown.false, shown.true],
        request=request_of(seed),
        command=typed_command(),
        started=now,
        seconds=sum(found.trial.seconds for found in (*shown.false, shown.true)),
    )
    try:
        folder = write_reports(report, report_dir / f"{new_run_name(report.started, seed)}-demo")
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"\n   report: {shlex.quote(str(folder / 'report.html'))}")
    if shown.minimal is not None:
        click.echo(f"   replay: {replay_command(shown.minimal, folder / 'report.json')}")
