"""`theory-check publish`: one folder, whole or as it was; what was done is not done again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from theory_check.neural_ode.figures import catalogue
from theory_check.reporting.document import load_report
from theory_check.runs import properties

Run = Callable[..., tuple[int, str, str]]

PROBE = """
from hypothesis import given
from theory_check import Audit, Case, checks
from theory_check.neural_ode.claims.quantities import JUMP
from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.strategies import cases, smooth_activations


@checks("backward-unique")
@given(case=cases(smooth_activations(), any_weights=True))
def test_probe(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy(JUMP, float(bool(audit.load(case.activation).kinks)), 0.5))
"""
# Figures in seconds; the others are as long, and no other.
SHORT = ("spectrum", "horizon")


@pytest.fixture
def publish(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run it on one property and two groups of figures in place of the paper's."""
    folder = tmp_path / "properties"
    folder.mkdir()
    (folder / "pytest.ini").write_text((properties.properties_folder() / "pytest.ini").read_text())
    (folder / "test_probe.py").write_text(PROBE)
    monkeypatch.setattr(properties, "properties_folder", lambda: folder)
    monkeypatch.setattr(catalogue, "GROUPS", {name: catalogue.GROUPS[name] for name in SHORT})
    monkeypatch.setattr(catalogue, "READ", SHORT)

    def publish(*more: str) -> tuple[int, str, str]:
        places = ("--out", str(tmp_path / "out" / "full"), "--work", str(tmp_path / "work"))
        return run("publish", "--profile", "quick", "--workers", "1", *places, *more)

    return publish


def test_a_publication_is_whole_and_made_once(publish: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """Reports, figures and their index; a second run goes on with everything, a damaged figure is made again."""
    status, out, err = publish()
    assert status == 0, err
    folder = tmp_path / "out" / "full"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    figures = {"figures/paper-ntk-spectrum.svg", "figures/paper-variance-horizon.svg"}
    assert names >= {"report.json.gz", "verdicts.json", "report.md", "report.html", "figures.md", *figures}
    page = (folder / "report.html").read_text()
    assert page.index('id="figure-paper-ntk-spectrum"') < page.index('id="figure-paper-variance-horizon"')
    assert "report.json" not in names
    assert not any("sqlite" in name or "junit" in name for name in names)
    assert [path.name for path in folder.parent.iterdir()] == ["full"]
    assert load_report(folder).command.startswith("theory-check publish --profile quick --seed 0 --out ")
    index = (folder / "figures.md").read_text()
    assert index.index("](figures/paper-ntk-spectrum.svg)") < index.index("](figures/paper-variance-horizon.svg)")
    assert "Here: Smallest eigenvalues" in index
    before = {name: (folder / name).read_bytes() for name in names}
    (tmp_path / "work" / "figures" / "horizon.json").write_text("{")
    status, out, err = publish()
    assert status == 0, err
    assert "audit: kept" in out
    assert "figures: 1 of 2 groups kept" in out
    assert "figures: horizon after" in out
    assert "figures: spectrum after" not in out
    assert {name: (folder / name).read_bytes() for name in names} == before


def test_other_people_s_folders_are_refused(publish: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """One line, exit status 2, nothing begun."""
    (tmp_path / "out" / "full").mkdir(parents=True)
    (tmp_path / "out" / "full" / "thesis.tex").write_text("years of work")
    status, out, err = publish()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "got 'thesis.tex'" in err
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--profile", "fulll", "unknown profile 'fulll'"), ("--seed", "x", "'x'"), ("--work", "", "--work must name")],
)
def test_bad_options_are_refused_before_anything_runs(
    publish: Callable[..., tuple[int, str, str]], tmp_path: Path, option: str, value: str, said: str
) -> None:
    """One line that shows the value, exit status 2."""
    status, out, err = publish(option, value)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "out").exists()


def test_a_killed_publication_leaves_nothing_and_goes_on(tmp_path: Path) -> None:
    """Killed by kill -9 in the midst of the audit: no folder; the same command goes on with the run."""
    code = (
        "from theory_check.cli import main; from theory_check.search.request import make_request; import functools;"
        "import theory_check.search.request as r;"
        "r.make_request = functools.partial(make_request, claims=['nngp-nondegenerate', 'backward-unique']);"
        "main.main()"
    )
    arguments = ["publish", "--profile", "quick", "--out", "out", "--work", "work", "--workers", "1"]
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list(tmp_path.glob("work/audit-*/*.unfinished/outcomes.sqlite")):
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out").exists()
    again = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stdout=subprocess.PIPE, text=True)
    assert again.stdout is not None
    line = next(line for line in again.stdout if line.startswith("audit"))
    os.killpg(again.pid, signal.SIGKILL)
    again.communicate()
    assert line.startswith("audit: resuming work/audit-")
