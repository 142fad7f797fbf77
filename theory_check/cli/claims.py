"""`theory-check claims`: list the claims, or explain some of them."""

import click


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
def claims(ids: tuple[str, ...]) -> None:
    """List the claims on trial, or explain the given ones."""
    from theory_check.claims.claim import EXPLAINED
    from theory_check.claims.paper import CLAIMS, PAPER
    from theory_check.request import RequestError, make_request

    try:
        wanted = make_request(claims=ids).claims
    except RequestError as error:
        raise click.ClickException(str(error)) from None
    if not wanted:
        click.echo(PAPER)
        for claim in CLAIMS.values():
            click.echo(f"\n{claim.id} ({claim.quantifier})\n  {claim.statement}")
        return
    for place, name in enumerate(wanted):
        claim = CLAIMS[name]
        click.echo(("\n" if place else "") + f"{claim.id} ({claim.quantifier})\n  {claim.statement}")
        click.echo(f"  source: {claim.source}\n  assumptions:")
        for assumption in claim.assumptions:
            click.echo(f"    - {EXPLAINED[assumption]}")
        click.echo(f"  searched: {', '.join(claim.strata)}\n  controls, which must come out as said:")
        for control in claim.controls:
            defect = f" with the planted defect {control.defect}" if control.defect else ""
            subject = f"{control.activation}, {control.stratum}{defect}"
            click.echo(f"    - {subject}: {control.verdict}, by: {control.quantity}")
