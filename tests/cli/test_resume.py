"""Audits that are killed: real processes, kill -9, and `--resume`."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from theory_check.reporting.document import load_report
from theory_check.runs.unfinished import STORE_FILE
from theory_check.search.store import Store, StoreError

# Short, with controls and failures that are made small.
AUDIT = ("audit", "--claim", "nngp-nondegenerate", "--seed", "3")
Comparable = Callable[[Path], Any]


def theory_check(*arguments: str, cwd: Path, most_bytes: int = resource.RLIM_INFINITY) -> "subprocess.Popen[str]":
    """The command line in a process group of its own, so that its workers can be killed with it."""
    # A shell's background job ignores interrupts, and so would what it starts.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}));"
        "from theory_check.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def _stored(reports: Path) -> int:
    """Cases of the one run in a folder, 0 before there is any."""
    for store in reports.glob(f"*.unfinished/{STORE_FILE}"):
        with suppress(StoreError):
            return Store(store).counts()["cases"]
    return 0


def test_a_killed_audit_goes_on_where_it_was(tmp_path: Path, comparable: Comparable) -> None:
    """Killed twice with kill -9: the report is that of an uninterrupted audit, and no stored case was run again."""
    (tmp_path / ".hypothesis").write_text("a database that is none")
    whole = theory_check(*AUDIT, "--report-dir", "whole", cwd=tmp_path)
    arguments = [*AUDIT, "--report-dir", "reports"]
    for cases in (2, 12):
        process = theory_check(*arguments, cwd=tmp_path)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if _stored(tmp_path / "reports") >= cases:
                break
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        (folder,) = (tmp_path / "reports").glob("*.unfinished")
        arguments = ["audit", "--resume", str(folder)]
    process = theory_check(*arguments, cwd=tmp_path)
    _, said = process.communicate()
    whole.communicate()
    assert process.returncode == whole.returncode == 0, said
    (resumed,), (uninterrupted,) = (tmp_path / "reports").iterdir(), (tmp_path / "whole").iterdir()
    assert comparable(resumed) == comparable(uninterrupted)
    counts = Store(resumed / STORE_FILE).counts()
    assert counts == Store(uninterrupted / STORE_FILE).counts()
    assert (counts["cases again"], counts["trials again"]) == (0, 0)
    assert not list(tmp_path.glob("reports/.*"))


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    """The last line of an interrupted audit is the command that continues it."""
    process = theory_check(*AUDIT, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not _stored(tmp_path / "reports"):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    (folder,) = (tmp_path / "reports").iterdir()
    assert f"theory-check: to resume: theory-check audit --resume reports/{folder.name}" in said.splitlines()


def test_a_store_that_is_lost_on_the_way_costs_no_verdict(tmp_path: Path) -> None:
    """Overwritten while the audit runs: the report is whole, and warns that it could not have been resumed."""
    process = theory_check(*AUDIT, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not _stored(tmp_path / "reports"):
        time.sleep(0.05)
    for file in tmp_path.glob(f"reports/*.unfinished/{STORE_FILE}*"):
        file.unlink()
    _, said = process.communicate()
    assert process.returncode == 0, said
    (folder,) = (tmp_path / "reports").iterdir()
    assert any("could not be kept for --resume" in warning for warning in load_report(folder).warnings)


def test_a_full_disk_is_told_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    """A real limit of the operating system on every file: no report, no traceback, and the way to go on."""
    audit = ("audit", "--claim", "nngp-nondegenerate", "--claim", "ntk-positive-definite")
    process = theory_check(*audit, cwd=tmp_path, most_bytes=100_000)
    out, said = process.communicate()
    assert (process.returncode, out) == (4, ""), said
    told = [line for line in said.splitlines() if line.startswith("theory-check: ")]
    (folder,) = (tmp_path / "reports").iterdir()
    assert len(told) == 2
    assert told[0].startswith("theory-check: no report: cannot write reports to 'reports/")
    assert told[0].endswith(": File too large")
    assert "Traceback" not in said
    resumed = theory_check("audit", "--resume", str(folder), cwd=tmp_path)
    _, said = resumed.communicate()
    assert resumed.returncode == 0, said


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--resume", "absent"], "no unfinished run 'absent': it must be a folder with outcomes.sqlite"),
        (["--resume", ""], "--resume must name something, got ''; leave the option out for its default"),
        (["--resume", "x", "--seed", "1"], "--resume takes its options from the run, got --seed as well; leave it out"),
        (["--resume", "x", "--claim", "ntk-limit"], "got --claim as well"),
    ],
)
def test_what_cannot_be_resumed_is_one_line(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], line: str
) -> None:
    """Status 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    status, out, err = run("audit", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert line in err
    assert not list(tmp_path.iterdir())
