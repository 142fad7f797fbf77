"""The command line finds what is not its own by entry points, so that it imports no subject."""

from collections.abc import Callable
from importlib.metadata import EntryPoint

import click
import pytest

from theory_check.cli import main
from theory_check.cli.main import cli

Run = Callable[..., tuple[int, str, str]]
CONTEXT = click.Context(cli)
OURS = {"activations", "compare", "conformance", "demo", "limit", "pairs", "publish", "selftest"}


def test_every_command_is_there_under_its_name() -> None:
    """Those of the court, and those of the paper that ships."""
    names = cli.list_commands(CONTEXT)
    assert names == sorted(names)
    assert set(names) >= OURS
    assert not OURS & set(cli.commands)
    for name in names:
        command = cli.get_command(CONTEXT, name)
        assert command is not None
        assert command.name == name


def test_a_package_may_bring_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed and runs; one of the court's own names stays the court's."""
    found = [
        EntryPoint("primes", "test_main:primes", main.COMMANDS),
        EntryPoint("audit", "test_main:primes", main.COMMANDS),
    ]
    monkeypatch.setattr(
        main,
        "entry_points",
        lambda group, name=None: [one for one in found if one.group == group and name in {None, one.name}],
    )
    monkeypatch.setattr(EntryPoint, "load", lambda _self: primes)
    assert "  primes " in run("--help")[1]
    assert run("primes") == (0, "2 3 5\n", "")
    assert "Search for counterexamples" in run("audit", "--help")[1]


def test_what_nobody_brings_is_unknown(run: Run) -> None:
    """One line, exit status 2."""
    status, out, err = run("limmit")
    assert (status, out) == (2, "")
    assert "No such command 'limmit'" in err


@click.command()
def primes() -> None:
    """The first primes."""
    click.echo("2 3 5")
