"""`theory-check page`: the page of a report that is there already."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence" / "quick" / "report.json"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run that holds a recorded report."""
    shutil.copy(RECORDED, tmp_path / "report.json")
    return tmp_path


def test_a_page_is_written_beside_its_report(run: Run, folder: Path) -> None:
    """By the name of the report or of its folder; the same text both times."""
    status, out, err = run("page", str(folder))
    assert (status, err) == (0, "")
    assert out == f"page: {folder / 'report.html'}\n"
    first = (folder / "report.html").read_text(encoding="utf-8")
    assert first.startswith("<!doctype html>")
    assert "spread-reduced" in first
    assert run("page", str(folder / "report.json"))[0] == 0
    assert (folder / "report.html").read_text(encoding="utf-8") == first
    assert {path.name for path in folder.iterdir()} == {"report.json", "report.html"}


def test_a_page_goes_where_it_is_told(run: Run, folder: Path) -> None:
    """--out names the file; nothing else is written."""
    assert run("page", str(folder), "--out", str(folder / "x.html"))[0] == 0
    assert {path.name for path in folder.iterdir()} == {"report.json", "x.html"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "cannot read report 'nowhere': No such file or directory"),
        (
            ("RUN", "--out", ""),
            "--out must name a file, got ''; leave the option out for report.html beside the report",
        ),
        (("RUN", "--out", "/nowhere/x.html"), "cannot write '/nowhere/x.html': No such file or directory"),
        (("RUN", "--out", "."), "cannot write '.': Is a directory"),
        (("RUN", "--out", "a\0b"), "cannot write 'a\\x00b': "),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """A report that is absent, a place that cannot be written: status 2, one line, nothing written."""
    status, out, err = run("page", *(str(folder) if argument == "RUN" else argument for argument in arguments))
    assert (status, out) == (2, "")
    assert err.startswith(f"theory-check: {message}")
    assert err.count("\n") == 1
    assert {path.name for path in folder.iterdir()} == {"report.json"}
