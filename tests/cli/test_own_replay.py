"""Replay of a property of a user's own: its file is run on demand only, as pytest imported it in the run."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from theory_check.reporting.document import load_report

Run = Callable[..., tuple[int, str, str]]

MAIN = "from theory_check.cli.main import main; main()"
SETTINGS = """
[pytest]
addopts = --import-mode=importlib -m theory_check
theory_check_seed = 3
theory_check_claim =
  narrow
"""
CONFTEST = "import sys, pathlib\nsys.path.append(str(pathlib.Path(__file__).parent / 'lib'))\n"
PROPERTY = """
from hypothesis import given
from limits import LIMIT, halved

from theory_check import Audit, Case, Claim, Discrepancy, cases, checks

OWN = Claim(id="narrow", statement="Networks are narrow.", source="nowhere")


@checks(OWN, activations=[halved])
@given(case=cases())
def test_networks_are_narrow(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("width", float(case.width), LIMIT))
"""

ANOTHER = (
    PROPERTY.replace("narrow", "wide")
    .replace("_wide", "_narrow")
    .replace("from limits", "LIMIT, halved = 7.0, 'sin'  #")
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a conftest that makes a module importable, a property in a folder, settings, and a report of it."""
    root = tmp_path_factory.mktemp("own")
    (root / "tests" / "lib").mkdir(parents=True)
    (root / "pytest.ini").write_text(SETTINGS)
    (root / "tests" / "conftest.py").write_text(CONFTEST)
    (root / "tests" / "lib" / "limits.py").write_text("LIMIT = 7.0\n\ndef halved(x): return x.sin() / 2\n")
    (root / "tests" / "test_widths.py").write_text(PROPERTY)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--theory-check-report-dir=reports"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return root


def _report(repository: Path) -> tuple[str, str]:
    """Its path, and the id of the minimal case."""
    (folder,) = (repository / "reports").iterdir()
    (trial,) = load_report(folder).claims[0].trials
    assert trial.property == "tests/test_widths.py::test_networks_are_narrow"
    assert trial.minimal is not None
    return str(folder / "report.json"), trial.minimal


def _replay(repository: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """In a process of its own: pytest imports what it likes."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, "replay", *_report(repository), *options],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_case_of_ones_own_property_reproduces(repository: Path) -> None:
    """From another folder, with a module that only the conftest can find."""
    done = _replay(repository, "--properties", str(repository), "--trust-code")
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "reproduced", "")


def test_a_property_that_was_changed_does_not(repository: Path, tmp_path: Path) -> None:
    """Another limit, another verdict."""
    changed = tmp_path / "changed"
    shutil.copytree(repository, changed)
    (changed / "tests" / "lib" / "limits.py").write_text("LIMIT = 70.0\n\ndef halved(x): return x.sin() / 2\n")
    done = _replay(repository, "--properties", str(changed), "--trust-code")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "not reproduced")
    assert "differs: verdict: recorded refuted, recomputed supported" in done.stdout


@pytest.mark.parametrize("old_file", [None, "raise RuntimeError('the property has left this file')\n"])
def test_a_property_that_moved_is_found_in_its_new_file(repository: Path, tmp_path: Path, old_file: str | None) -> None:
    """With `known_as` a report from before replays bit for bit; a file that does not mention the old one is not run."""
    moved = tmp_path / "moved"
    shutil.copytree(repository, moved)
    (moved / "tests" / "test_widths.py").unlink()
    if old_file is not None:
        (moved / "tests" / "test_widths.py").write_text(old_file)
    (moved / "tests" / "test_a.py").write_text("raise RuntimeError\ndef test_networks_are_narrow(): pass\n")
    source = PROPERTY.replace("@checks(OWN, ", '@checks(OWN, known_as="tests/test_widths.py", ')
    (moved / "tests" / "test_networks.py").write_text(source)
    done = _replay(repository, "--properties", str(moved), "--trust-code")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "reproduced"


def test_code_is_run_on_demand_only(run: Run, repository: Path, tmp_path: Path) -> None:
    """Without the folder, without trust or out of the wrong folder: one line, and nothing is imported."""
    report, case = _report(repository)
    marker = tmp_path / "ran"
    hostile = tmp_path / "hostile"
    (hostile / "tests").mkdir(parents=True)
    (hostile / "tests" / "test_widths.py").write_text(f"open({str(marker)!r}, 'w')\n")
    for options, said in (
        ([], "'narrow' is no claim of theory_check's own: add --properties DIR"),
        (["--trust-code"], "add --properties DIR"),
        (["--properties", str(hostile)], "test_widths.py would run code: pass --trust-code to allow it"),
        (["--properties", str(tmp_path), "--trust-code"], "no property file 'tests/test_widths.py' in "),
    ):
        status, _, err = run("replay", report, case, *options)
        assert (status, err.count("\n")) == (2, 1), err
        assert said in err
    assert not marker.exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def test_networks_are_narrow(): pass", "no property 'test_networks_are_narrow' in "),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        (ANOTHER, "is no property of claim 'narrow' here"),
    ],
)
def test_a_file_without_the_property_is_one_line(repository: Path, tmp_path: Path, source: str, said: str) -> None:
    """Absent, not importable, or of another claim."""
    other = tmp_path / "other"
    (other / "tests").mkdir(parents=True)
    (other / "pytest.ini").write_text("[pytest]")
    (other / "tests" / "test_widths.py").write_text(source)
    done = _replay(repository, "--properties", str(other), "--trust-code")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr
