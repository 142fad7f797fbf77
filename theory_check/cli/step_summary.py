"""The summary of an audit, appended where GitHub Actions asks for it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.reporting.records import Report

VARIABLE = "GITHUB_STEP_SUMMARY"


def append_step_summary(report: "Report", notes: Sequence[str] = ()) -> None:
    """Append the summary to the file that GITHUB_STEP_SUMMARY names, UTF-8; nothing where it is not set.

    The audit is done and written by then: a file that cannot be written is one line on standard error, no failure.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    from theory_check.reporting.step_summary_writer import render

    try:
        # The line before may have no end; a blank one first keeps the heading a heading.
        with Path(path).open("a", encoding="utf-8", newline="\n") as file:
            file.write("\n" + render(report, notes))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        click.echo(
            f"theory-check: warning: no step summary: cannot append to {path!r} ({VARIABLE}): {reason}", err=True
        )
