"""`theory-check claims`: list the claims, or explain some of them."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.claims.claim import Claim, Control


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
def claims(ids: tuple[str, ...]) -> None:
    """List the claims on trial, or explain the given ones: where each comes from, and how it is read."""
    from theory_check.claims.paper import paper_on_trial
    from theory_check.search.request import RequestError, make_request

    try:
        wanted = make_request(claims=ids).claims
    except RequestError as error:
        raise click.ClickException(str(error)) from None
    if not wanted:
        _list()
        return
    for place, name in enumerate(wanted):
        if place:
            click.echo()
        _explain(paper_on_trial().claims[name])


def _list() -> None:
    """All of them: what the authors state, then the readings by the kind of text in which they stand."""
    from theory_check.claims.paper import paper_on_trial
    from theory_check.claims.source import PROVENANCES, READING

    paper = paper_on_trial()
    click.echo(paper.title)
    for claim in paper.claims.values():
        if claim.is_stated:
            click.echo(f"\n{claim.id} ({claim.quantifier})\n  {claim.statement}")
    click.echo(f"\nReadings. A reading is {READING}")
    for kind, explained in PROVENANCES.items():
        found = [claim for claim in paper.claims.values() if claim.reading == kind]
        if found:
            click.echo(f"\n{kind}: {explained}")
        for claim in found:
            click.echo(f"\n{claim.id} ({claim.quantifier})\n  {claim.statement}")


def _explain(claim: "Claim") -> None:
    """Source and readings, assumptions, what is searched, controls."""
    from theory_check.claims.paper import paper_on_trial
    from theory_check.claims.source import READING, source_lines

    click.echo(f"{claim.id} ({claim.quantifier})\n  {claim.statement}")
    if claim.reading:
        click.echo(f"  this is a reading: {READING}")
    for label, value in source_lines(claim.source):
        click.echo(f"  {label}: {value}")
    click.echo("  assumptions:")
    for assumption in claim.assumptions:
        click.echo(f"    - {paper_on_trial().assumptions[assumption]}")
    click.echo(f"  searched: {', '.join(claim.strata)}\n  controls, which must come out as said:")
    for control in _controls(claim):
        defect = f" with the planted defect {control.defect}" if control.defect else ""
        subject = f"{control.activation}, {control.stratum}{defect}"
        click.echo(f"    - {subject}: {control.verdict}, by: {control.quantity}")


def _controls(claim: "Claim") -> list["Control"]:
    """Those of the claim, and those that stand beside its properties."""
    from theory_check.runs.properties import load_properties, property_files
    from theory_check.search.property import property_of

    # A file that does not name the claim is not loaded.
    files = [path for path in property_files() if f'"{claim.id}"' in path.read_text(encoding="utf-8")]
    found = [property_of(value) for path in files for value in vars(load_properties(path)).values()]
    judges = [prop for prop in found if prop is not None and prop.claim.id == claim.id]
    return [*claim.controls, *(control for prop in judges for control in prop.controls)]
