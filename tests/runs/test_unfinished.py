"""Runs that are cut off: who may go on with them, and who may not."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from theory_check.reporting.records import ReportError
from theory_check.runs.unfinished import (
    STORE_FILE,
    UnfinishedRun,
    begin_run,
    code_fingerprint,
    find_run,
    resume_run,
    told_of,
)
from theory_check.search.request import Request, make_request
from theory_check.search.store import Store

STARTED = "2026-05-04T03:15:00Z"


def begun(folder: Path, request: Request | None = None, data: str = "") -> UnfinishedRun:
    """A run with a code of its own."""
    return begin_run(
        folder,
        "run",
        request=request or Request(),
        data=data,
        command="theory-check audit",
        started=STARTED,
        code="abc",
    )


def test_options_of_a_run_make_its_request_again(tmp_path: Path) -> None:
    """Everything the user said is in the store, rows of data included."""
    np.save(tmp_path / "x.npy", np.eye(3))
    options = {"profile": "gate", "seed": 7, "activations": ["tanh"], "claims": ["ntk-limit"], "mode": "ablation"}
    options["strict"] = True
    request = make_request(**options, data=str(tmp_path / "x.npy"))  # type: ignore[arg-type]
    run = begun(tmp_path / "reports", request, str(tmp_path / "x.npy"))
    told, data = told_of(run.folder)
    assert make_request(**told, data=data) == request


def test_two_runs_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    """Two audits may start in the same second, and a finished one may have the name."""
    (tmp_path / "run").mkdir()
    assert [begun(tmp_path).folder.name for _ in range(2)] == ["run-2.unfinished", "run-3.unfinished"]


def test_a_run_is_found_by_either_name(tmp_path: Path) -> None:
    """With and without the suffix; a finished one has nothing to resume, another folder is no run."""
    run = begun(tmp_path)
    assert find_run(tmp_path / "run") == find_run(tmp_path / "run.unfinished") == run.folder
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "report.json").write_text("{}")
    with pytest.raises(ReportError, match="is finished"):
        find_run(tmp_path / "done")
    with pytest.raises(ReportError, match=r"no unfinished run .*absent"):
        find_run(tmp_path / "absent")


def test_one_process_works_on_a_run(tmp_path: Path) -> None:
    """The lock of the first holds until it is released, or its process dies."""
    run = begun(tmp_path)
    with pytest.raises(ReportError, match="worked on by another process"):
        resume_run(run.folder, Request(), code="abc")
    run.release()
    resume_run(run.folder, Request(), code="abc").release()
    assert {path.name for path in tmp_path.iterdir()} == {"run.unfinished"}


def test_other_code_other_rows_and_other_versions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says what differs; the run stays as it was."""
    np.save(tmp_path / "x.npy", np.eye(3))
    np.save(tmp_path / "y.npy", np.eye(3)[::-1])
    request, other = (make_request(data=str(tmp_path / f"{name}.npy")) for name in "xy")
    run = begun(tmp_path, request)
    run.release()
    with pytest.raises(ReportError, match=r"its properties and what was named: 'abc' then, 'abd' now$"):
        resume_run(run.folder, request, code="abd")
    with pytest.raises(ReportError, match="rows of the data"):
        resume_run(run.folder, other, code="abc")
    monkeypatch.setattr("theory_check.runs.assembly.version", lambda _: "99")
    with pytest.raises(ReportError, match=r"version of torch: '2.*' then, '99' now"):
        resume_run(run.folder, request, code="abc")


def test_a_damaged_store_is_one_line(tmp_path: Path) -> None:
    """A file that is no database, and one that lost a field."""
    run = begun(tmp_path)
    run.release()
    with closing(sqlite3.connect(run.folder / STORE_FILE)) as connection, connection:
        connection.execute("DROP TRIGGER no_DELETE_of_identity")
        connection.execute("DELETE FROM identity WHERE name = 'options'")
    with pytest.raises(ReportError, match=r"cannot be resumed: its store is damaged$"):
        told_of(run.folder)
    (run.folder / STORE_FILE).write_bytes(b"nothing of the kind" * 500)
    for action in (told_of, lambda folder: resume_run(folder, Request(), code="abc")):
        with pytest.raises(ReportError, match=r"cannot be resumed: .*not a database$"):
            action(run.folder)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A file is in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot begin a run below") as error:
        begun(tmp_path / "file")
    assert str(error.value).isprintable()


def test_the_fingerprint_is_of_names_and_contents(tmp_path: Path) -> None:
    """It changes with either, and not with the place."""
    for place in ("a", "b"):
        (tmp_path / place / "deep").mkdir(parents=True)
        (tmp_path / place / "deep" / "x.py").write_text("1")
    first = code_fingerprint([tmp_path / "a"])
    assert code_fingerprint([tmp_path / "b"]) == first
    (tmp_path / "b" / "deep" / "x.py").rename(tmp_path / "b" / "x.py")
    (tmp_path / "a" / "deep" / "x.py").write_text("2")
    assert len({first, code_fingerprint([tmp_path / "a"]), code_fingerprint([tmp_path / "b"])}) == 3
    assert code_fingerprint([tmp_path / "b" / "x.py"]) == code_fingerprint([tmp_path / "b"])


def test_the_store_of_a_run_says_what_was_asked(tmp_path: Path) -> None:
    """Whoever finds the folder can read the command and the versions with any SQLite."""
    identity = Store(begun(tmp_path).folder / STORE_FILE).identity()
    assert (identity["command"], identity["started"]) == ("theory-check audit", STARTED)
    assert identity["version of torch"].startswith("2.")
