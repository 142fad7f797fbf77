"""A paper of one's own, named on the command line: whose code that is, and where it is refused."""

from typing import TYPE_CHECKING

import click

from theory_check.claims.paper import PaperError, put_on_trial, reference_on_trial

if TYPE_CHECKING:
    from theory_check.reporting.records import Report


def put_named_on_trial(reference: str, *, trust_code: bool) -> None:
    """Put "module:NAME" on trial; empty leaves the paper that ships with theory_check.

    Raises:
        click.ClickException: it is none, or its code is not trusted; one line.
    """
    if not reference:
        return
    if not trust_code:
        raise click.ClickException(
            f"--paper {reference} runs the code of that module: add --trust-code if you trust it"
        )
    try:
        put_on_trial(reference)
    except PaperError as error:
        raise click.ClickException(str(error)) from None


def require_same_paper(report: "Report") -> None:
    """Refuse to judge cases of one paper by another.

    Raises:
        click.ClickException: the report is on another paper than the one on trial; one line.
    """
    theirs = report.on_trial or ""
    if theirs != reference_on_trial():
        named = f"--paper {theirs} --trust-code" if theirs else "no --paper"
        raise click.ClickException(
            f"the report is on another paper than {reference_on_trial() or 'ours'}: replay with {named}"
        )
