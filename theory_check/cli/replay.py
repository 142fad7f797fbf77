"""`theory-check replay`: recompute one case of a report, from the report alone, in this process."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.judge.verdict import Outcome
    from theory_check.reporting.records import Report
    from theory_check.search.property import Property


@click.command()
@click.argument("report", metavar="REPORT")
@click.argument("case", metavar="CASE")
@click.option(
    "--properties",
    metavar="DIR",
    help="Where a property of your own lies: the root folder of pytest in the run that made REPORT.",
)
@click.option("--paper", default="", metavar="MODULE:NAME", help="The paper of REPORT, where it is one of your own.")
@click.option("--device", default=None, metavar="cpu|cuda", help="Recompute there, not on the device of REPORT.")
@click.option("--trust-code", is_flag=True, help="Allow your own property and MODULE:NAME, which run code.")
def replay(report: str, case: str, *, properties: str | None, paper: str, device: str | None, trust_code: bool) -> None:
    """Recompute CASE (its id, or the beginning of it) of REPORT and compare it with what is recorded.

    Exit status 0 when it comes out the same, 1 when not.
    """
    from theory_check.case.record import case_id
    from theory_check.cli.own_paper import put_named_on_trial, require_same_paper
    from theory_check.reporting.document import ReportError, find_outcome, load_report

    put_named_on_trial(paper, trust_code=trust_code)
    try:
        recorded = load_report(Path(report))
        require_same_paper(recorded)
        outcome = find_outcome(recorded, case)
    except ReportError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"case {outcome.case_id} of {outcome.claim}, {outcome.test}")
    own = case_id(outcome.claim, outcome.case, test=outcome.test, defect=outcome.defect, assumption=outcome.assumption)
    if own != outcome.case_id:
        # Not recomputed: what was put in its place may be another size of problem altogether.
        click.echo(f"differs: case_id: recorded {outcome.case_id}, that of the recorded case is {own}\nnot reproduced")
        click.get_current_context().exit(1)
    prop = _property(outcome, properties, trust_code=trust_code)
    where = recorded.environment.device if device is None else device
    again = _recompute(recorded, outcome, prop, where, trust_code=trust_code)
    click.echo(f"  {'':12} {'recorded':>24} {'recomputed':>24}")
    for name in ("verdict", "conclusion", "measured", "bound"):
        click.echo(f"  {name:12} {_text(getattr(outcome, name)):>24} {_text(getattr(again, name)):>24}")
    differences = _differences(recorded, outcome, again, where)
    for line in differences:
        click.echo(f"differs: {line}")
    click.echo("not reproduced" if differences else "reproduced")
    click.get_current_context().exit(1 if differences else 0)


def _property(outcome: "Outcome", folder: str | None, *, trust_code: bool) -> "Property":
    """One of ours, or where a folder is given, a user's own."""
    from theory_check.claims.paper import paper_on_trial
    from theory_check.cli.own_properties import load_own_property
    from theory_check.runs.properties import load_property
    from theory_check.search.property import property_of

    ours = _of_a_module(outcome.test)
    if folder is None and ours is not None:
        return ours
    if folder is not None:
        prop: Property | None = load_own_property(outcome.test, folder, trust_code=trust_code)
    elif outcome.claim not in paper_on_trial().claims:
        raise click.ClickException(
            f"{outcome.claim!r} is no claim of theory_check's own: add --properties DIR (the folder that "
            f"{outcome.test.partition('::')[0]!r} lies in) and --trust-code"
        )
    else:
        module, function = load_property(outcome.test)
        prop = property_of(getattr(module, function))
    if prop is None or prop.claim.id != outcome.claim:
        raise click.ClickException(f"{outcome.test} is no property of claim {outcome.claim!r} here")
    return prop


def _of_a_module(test: str) -> "Property | None":
    """The property of that name in a module of theory_check's own, such as that of `theory-check demo`; else None."""
    from importlib import import_module

    module, _, _ = test.partition("::")
    if not module.startswith("theory_check.") or not all(map(str.isidentifier, module.split("."))):
        return None
    try:
        found: Property | None = import_module(module).find_property(test)
    except (ImportError, AttributeError):
        return None
    return found


def _recompute(recorded: "Report", outcome: "Outcome", prop: "Property", device: str, *, trust_code: bool) -> "Outcome":
    import torch
    from threadpoolctl import threadpool_limits

    from theory_check.claims.paper import paper_on_trial, reference_on_trial
    from theory_check.search import trial
    from theory_check.search.request import RequestError, make_request

    try:
        request = make_request(
            # No audit can be asked for the profile of the demonstration, and a single case has no use for its counts.
            profile="quick" if _of_a_module(outcome.test) else recorded.profile,
            seed=outcome.seed,
            device=device,
            **paper_on_trial().asked_by(outcome.case),
            trust_code=trust_code,
            on_trial=reference_on_trial(),
        )
    except RequestError as error:
        raise click.ClickException(str(error)) from None

    torch.set_num_threads(1)
    with threadpool_limits(limits=1):
        return trial.judge_case(prop, outcome.case, request, outcome.defect, outcome.assumption)


def _differences(recorded: "Report", outcome: "Outcome", again: "Outcome", device: str) -> list[str]:
    """What does not match: everything must, to the last bit where versions and machine are those of the report."""
    from theory_check.reporting.records import same_environment
    from theory_check.runs.assembly import environment_of

    found = [
        f"{name}: recorded {_text(getattr(outcome, name))}, recomputed {_text(getattr(again, name))}"
        for name in ("verdict", "conclusion", "quantity", "unmet")
        if getattr(outcome, name) != getattr(again, name)
    ]
    here = environment_of(device)
    if not same_environment(here, recorded.environment):
        click.echo("the report is from another environment: verdicts are compared, measured values need not agree")
        return found
    return found + [
        f"{name}: recorded {_text(getattr(outcome, name))}, recomputed {_text(getattr(again, name))}"
        for name in ("measured", "bound", "ratio", "evidence", "comparisons", "reason")
        if getattr(outcome, name) != getattr(again, name)
    ]


def _text(value: object) -> str:
    return f"{value:.17g}" if isinstance(value, float) else str(value)
