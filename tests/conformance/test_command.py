"""The command: own solvers, exit statuses, messages, and what it imports."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from theory_check.cli.main import cli
from theory_check.conformance.profiles import PROFILES, ConformanceProfile

SMALL = ConformanceProfile(name="quick", activations=2, cases=1, ladders=1, shrink_calls=0, thorough=False)
README = Path(__file__).parents[2] / "README.md"


def _said(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(cli, ["conformance", *arguments], standalone_mode=False)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        return 2, found.exception.format_message()  # type: ignore[attr-defined]
    return int(found.return_value or found.exit_code), found.output


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One case of each check, for what is about the command and not about a library."""
    monkeypatch.setitem(PROFILES, "quick", SMALL)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The solver of the README as a module of its own in the current folder."""
    block = next(b for b in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "class Midpoint" in b)
    assert sum(bool(line.strip()) for line in block.splitlines()) <= 20
    (tmp_path / "readme_solver.py").write_text(block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "readme_solver", raising=False)
    return tmp_path


@pytest.mark.usefixtures("small")
def test_the_solver_of_the_readme_conforms_and_gets_a_report(mine: Path) -> None:
    """At most 20 lines; named by module:name."""
    status, output = _said("readme_solver:solvers", "--trust-code", "--workers", "0", "--report-dir", "out")
    assert status == 0, output
    assert "conformance: mine 1.0" in output
    badge = json.loads((mine / "out" / "mine" / "badge.json").read_text())
    assert badge["color"] == "brightgreen"


@pytest.mark.usefixtures("mine")
def test_code_is_not_run_without_trust() -> None:
    """One line, status 2."""
    assert _said("readme_solver:solvers") == (2, "readme_solver:solvers would run code: pass --trust-code to allow it")
    assert "readme_solver" not in sys.modules


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("torchdifeq",), "unknown library 'torchdifeq'; did you mean 'torchdiffeq'?"),
        (("scipy", "--method", "RK46"), "unknown method 'RK46'; did you mean 'RK45'?"),
        (("scipy", "--profile", "quik"), "unknown profile 'quik'; did you mean 'quick'?"),
        (("scipy", "--seed", "x"), "the seed must be a whole number"),
        (("scipy", "--expected-failures", "none.toml"), "cannot read 'none.toml'"),
        (("math:pi", "--trust-code"), "math:pi gives no solvers under test: float lacks library"),
        (("nowhere:solvers", "--trust-code"), "cannot import 'nowhere'"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    """With what would be right."""
    status, message = _said(*arguments)
    assert status == 2
    assert said in message
    assert "\n" not in message


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers are an extra."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert _said("torchode") == (2, "torchode is not installed: pip install 'theory-check[peers]'")


@pytest.mark.usefixtures("small")
def test_an_expected_failure_that_passes_fails_the_command(tmp_path: Path) -> None:
    """Strict: its entry is to be removed."""
    path = tmp_path / "expected.toml"
    path.write_text('[[expected]]\ncheck = "time-rescaling"\nsolver = "RK23/adaptive"\nreason = "none"\n')
    status, output = _said("scipy", "--method", "RK23", "--workers", "0", "--expected-failures", str(path))
    assert status == 1, output
    assert "expected to fail, and passes: time-rescaling RK23/adaptive" in output


def test_other_libraries_are_not_imported() -> None:
    """The command for one library needs no other."""
    code = (
        "import sys; from theory_check.conformance import run; "
        "from theory_check.conformance.libraries.loading import solvers_of; solvers_of('scipy'); "
        "print([m for m in ('jax', 'torchode', 'diffrax') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
