"""`theory-check render`: the bytes that a run's folder has, from the report alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from theory_check.cli.render import WRITERS
from theory_check.reporting.document import load_report
from theory_check.runs.writing import write_reports

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence" / "quick"
FILES = {
    "sarif": "report.sarif",
    "junit": "junit.xml",
    "badge": "badge.json",
    "summary": "summary.md",
    "markdown": "report.md",
}
Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_it_prints_what_a_run_writes(run: Run, tmp_path: Path, form: str) -> None:
    """For every format, from a file and from a folder; nothing else is printed."""
    folder = write_reports(load_report(RECORDED), tmp_path / "run")
    written = (folder / FILES[form]).read_text(encoding="utf-8")
    for place in (folder, folder / "report.json"):
        assert run("render", str(place), "--format", form) == (0, written, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere", "--format", "badge"), "cannot read report 'nowhere'"),
        ((str(RECORDED), "--format", "pdf"), "'pdf' is not one of"),
        ((str(RECORDED),), "Missing option '--format'"),
        ((), "Missing argument 'REPORT'"),
    ],
)
def test_bad_usage_is_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """Status 2, nothing on standard output."""
    status, out, err = run("render", *arguments)
    assert (status, out) == (2, "")
    assert said in err.replace("\n", " ")
