"""The summary goes where GitHub Actions asks for it, after what is there, and never fails an audit."""

from pathlib import Path

import pytest

from theory_check.cli.step_summary import append_step_summary
from theory_check.reporting.document import load_report
from theory_check.reporting.records import Report
from theory_check.reporting.step_summary_writer import render

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence" / "full"


@pytest.fixture(scope="module")
def report() -> Report:
    """The published audit."""
    return load_report(RECORDED)


def test_it_is_appended(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an earlier step wrote stays; notes and odd characters arrive as UTF-8."""
    path = tmp_path / "summary"
    path.write_bytes("before é, no end of line".encode())
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    append_step_summary(report, ["Baseline ü: differs"])
    assert path.read_bytes().decode() == "before é, no end of line\n" + render(report, ["Baseline ü: differs"])
    assert capsys.readouterr() == ("", "")


def test_nothing_happens_elsewhere(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not set, or empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    append_step_summary(report)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    append_step_summary(report)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["folder", "absent/summary"])
def test_a_file_that_cannot_be_written_is_one_warning(
    report: Report,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """A folder in its place, and a place that is not there."""
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / name))
    append_step_summary(report)
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"theory-check: warning: no step summary: cannot append to '{tmp_path / name}'")
