"""`theory-check render`: the bytes that a run's folder has, from the report alone, compressed or not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from theory_check.cli.render import WRITERS
from theory_check.reporting.document import load_report
from theory_check.runs.writing import write_reports

PUBLISHED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence" / "full"
FILES = {
    "page": "report.html",
    "markdown": "report.md",
    "verdicts": "verdicts.json",
    "junit": "junit.xml",
    "sarif": "report.sarif",
    "badge": "badge.json",
    "summary": "summary.md",
}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with the published report."""
    return write_reports(load_report(PUBLISHED), tmp_path_factory.mktemp("reports") / "run")


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_it_prints_what_a_run_writes(run: Run, written: Path, form: str) -> None:
    """For every format, from a file, a folder and a compressed report; nothing else is printed."""
    text = (written / FILES[form]).read_text(encoding="utf-8")
    for place in (written, written / "report.json", PUBLISHED, PUBLISHED / "report.json.gz", PUBLISHED / "report.json"):
        assert run("render", str(place), "--format", form) == (0, text, "")


def test_it_goes_where_it_is_told(run: Run, written: Path, tmp_path: Path) -> None:
    """--out names the file; nothing else is written, and what was there is replaced."""
    target = tmp_path / "x.html"
    for _ in range(2):
        assert run("render", str(PUBLISHED), "--format", "page", "--out", str(target)) == (0, f"page: {target}\n", "")
    assert target.read_bytes() == (written / "report.html").read_bytes()
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere", "--format", "badge"), "cannot read report 'nowhere': No such file or directory"),
        (("FOLDER", "--format", "pdf"), "'pdf' is not one of"),
        (("FOLDER",), "Missing option '--format'"),
        ((), "Missing argument 'REPORT'"),
        (("FOLDER/verdicts.json", "--format", "page"), "holds verdicts alone, no cases or values"),
        (("FOLDER", "--format", "page", "--out", ""), "--out must name a file, got ''"),
        (("FOLDER", "--format", "page", "--out", "/nowhere/x.html"), "cannot write '/nowhere/x.html': No such file"),
        (("FOLDER", "--format", "page", "--out", "."), "cannot write '.': Is a directory"),
        (("FOLDER", "--format", "page", "--out", "a\0b"), "cannot write 'a\\x00b': "),
    ],
)
def test_bad_usage_is_one_line(run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Status 2, nothing on standard output, nothing written."""
    shutil.copy(PUBLISHED / "report.json.gz", tmp_path)
    (tmp_path / "verdicts.json").write_text('{"tool": "theory-check verdicts"}')
    status, out, err = run("render", *(word.replace("FOLDER", str(tmp_path)) for word in arguments))
    assert (status, out) == (2, "")
    assert said in err.replace("\n", " ")
    assert {path.name for path in tmp_path.iterdir()} == {"report.json.gz", "verdicts.json"}
