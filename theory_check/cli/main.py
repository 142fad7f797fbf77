"""Entry point of `theory-check`. Imports nothing heavy: `--help` answers at once."""

import sys
import traceback
from importlib.metadata import entry_points

import click

from theory_check.cli.audit import audit
from theory_check.cli.claims import claims
from theory_check.cli.diff import diff
from theory_check.cli.merge import merge
from theory_check.cli.render import render
from theory_check.cli.replay import replay
from theory_check.cli.survey import survey
from theory_check.runs.run import ERROR_STATUS

USAGE_STATUS = 2
# A subject, and tools on it, are found by name: nothing here imports them.
COMMANDS = "theory_check.commands"


class _Commands(click.Group):
    """The court's own commands, and those that installed packages bring by the entry point "theory_check.commands"."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *(found.name for found in entry_points(group=COMMANDS))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for found in entry_points(group=COMMANDS, name=cmd_name):
            command: click.Command = found.load()
            return command
        return None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="theory-check")
def cli() -> None:
    """Put the claims of a theory paper on trial.

    Exit status: 0 all supported; 1 a claim refuted, or a conclusion fails for what you named; 2 bad usage;
    3 inconclusive or assumptions not met; 4 error. Readings, which nobody states as a claim, count on request only.
    """


for command in (
    audit,
    claims,
    diff,
    merge,
    render,
    replay,
    survey,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; bad input is one line on standard error and exit status 2."""
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        status = done.exit_code
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
        status = USAGE_STATUS
    except click.ClickException as problem:
        click.echo(f"theory-check: {problem.format_message()}", err=True)
        status = USAGE_STATUS
    except (click.Abort, KeyboardInterrupt):
        click.echo("theory-check: interrupted; no report was written", err=True)
        status = 130
    except SystemExit as ended:
        # Code of a user's own that ends the program has judged nothing, whatever status it asks for.
        click.echo(f"theory-check: the program was ended by code that it ran (SystemExit: {ended.code!r})", err=True)
        status = ERROR_STATUS
    except Exception:  # noqa: BLE001 - Python's own status of a crash is 1, which would read as a refutation
        traceback.print_exc()
        status = ERROR_STATUS
    sys.exit(status or 0)
