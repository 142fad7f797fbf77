"""`theory-check survey`: one audit for each activation, kept, and one table of all."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from theory_check.runs import properties

Run = Callable[..., tuple[int, str, str]]

KINKS = """
from hypothesis import given
from theory_check import Audit, Case, checks
from theory_check.neural_ode.claims.quantities import JUMP
from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.strategies import cases, smooth_activations


@checks("backward-unique")
@given(case=cases(smooth_activations(), any_weights=True))
def test_probe(case: Case, audit: Audit) -> None:
    kinked = bool(audit.load(case.activation).kinks)
    audit.at_most(case, Discrepancy(JUMP, float(kinked), 0.5))
"""


@pytest.fixture
def survey(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run it on one property in place of the paper's."""
    folder = tmp_path / "properties"
    folder.mkdir()
    (folder / "pytest.ini").write_text((properties.properties_folder() / "pytest.ini").read_text())
    (folder / "test_probe.py").write_text(KINKS)
    monkeypatch.setattr(properties, "properties_folder", lambda: folder)

    def survey(*activations: str) -> tuple[int, str, str]:
        named = [part for name in activations for part in ("--activation", name)]
        places = ("--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out"))
        return run("survey", *places, "--workers", "1", *named)

    return survey


def test_a_survey_goes_on_where_it_was_and_tables_every_activation(
    survey: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """The audit of the first run is read again, not made again; failures have a sentence and a case."""
    assert survey("tanh")[0] == 0
    (kept,) = (tmp_path / "runs").glob("quick-0-*/report.json")
    before = kept.stat().st_mtime_ns
    status, out, _ = survey("tanh", "relu")
    assert (status, kept.stat().st_mtime_ns) == (0, before)
    assert "relu: " in out
    text = (tmp_path / "out" / "activations.md").read_text()
    assert "| claim | tanh | relu |" in text
    assert "| `backward-unique` | supported | not met: fails |" in text
    assert "- `backward-unique`, relu: outside the claim (phi and its derivative are Lipschitz:" in text
    cells = json.loads((tmp_path / "out" / "activations.json").read_text())
    assert cells["relu"]["backward-unique"]["case"]["conclusion"] == "fails"
    assert cells["tanh"]["backward-unique"]["case"] is None
    assert not any((tmp_path / "runs" / "partial").iterdir())


def test_runs_of_other_code_are_made_again_and_any_expression_has_a_place(
    survey: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """A table never mixes what two versions found; a slash in an expression makes no folders."""
    assert survey("tanh(x)/2")[0] == 0
    assert len(list((tmp_path / "runs").glob("quick-0-*/report.json"))) == 1
    probe = tmp_path / "properties" / "test_probe.py"
    probe.write_text(KINKS.replace("float(kinked)", "1.0"))
    assert survey("tanh(x)/2")[0] == 0
    assert len(list((tmp_path / "runs").glob("quick-0-*/report.json"))) == 2
    assert "| `backward-unique` | refuted |" in (tmp_path / "out" / "activations.md").read_text()


def test_the_environment_of_the_caller_comes_back(
    survey: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What workers are given (threads, no plugins of the user's) stays with them; several audits run in one process."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:randomly")
    before = dict(os.environ)
    assert survey("tanh")[0] == 0
    assert dict(os.environ) == before


def test_an_unknown_activation_is_refused_before_anything_runs(
    survey: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """One line, exit status 2, nothing written."""
    status, _, err = survey("tanh", "no_such")
    assert (status, err.count("\n")) == (2, 1)
    assert not (tmp_path / "runs").exists()
