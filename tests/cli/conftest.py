"""The command line in this process: what `theory-check ...` prints and how it ends."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from theory_check.cli.main import main
from theory_check.reporting.document import load_report


class Ran(NamedTuple):
    """Exit status, standard output and standard error."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `theory-check` with arguments, through its entry point."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["theory-check", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as done:
            main()
        return Ran(int(done.value.code or 0), *capfd.readouterr())

    return run


@pytest.fixture
def refused(run: Callable[..., Ran], tmp_path: Path) -> Callable[..., str]:
    """Run an audit that must be refused: status 2, one line, nothing written. Returns the line."""

    def refused(*arguments: str) -> str:
        reports = tmp_path / "reports"
        ran = run("audit", "--report-dir", str(reports), *arguments)
        assert ran.status == 2, ran
        assert ran.out == ""
        assert ran.err.startswith("theory-check: ")
        assert ran.err.count("\n") == 1
        assert len(ran.err) < 500  # the longest lists all claims
        assert not reports.exists()
        return ran.err

    return refused


@pytest.fixture(scope="session")
def comparable() -> Callable[[Path], Any]:
    """A report without times and the command: what two audits of one request have in common."""

    def comparable(folder: Path) -> Any:
        report: Any = msgspec.to_builtins(load_report(folder))
        for name in ("command", "started", "seconds"):
            del report[name]
        for claim in report["claims"]:
            for trial in claim["trials"]:
                del trial["seconds"]
        return report

    return comparable
