"""Outcomes on disk: whole rows or none, from many processes at once, never changed, damage told."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from theory_check.search.store import Store, StoredCase, StoreError

IDENTITY = {"code": "abc", "command": "theory-check audit"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A new store."""
    return Store.create(tmp_path / "outcomes.sqlite", IDENTITY)


def test_what_is_put_in_comes_out(store: Store) -> None:
    """Cases by trial, variant and name; trials; the identity."""
    store.add_case("t", "", "a", StoredCase('{"x":1.5}', 3))
    store.add_case("t", "without the defect", "a", StoredCase("{}", 0))
    store.add_case("u", "", "a", StoredCase("null", 1))
    store.add_trial("t", "found")
    again = Store(store.path)
    assert again.cases("t") == {
        ("", "a"): StoredCase('{"x":1.5}', 3),
        ("without the defect", "a"): StoredCase("{}", 0),
    }
    assert (again.trial("t"), again.trial("u")) == ("found", None)
    assert again.identity() == IDENTITY
    assert again.counts() == {"cases": 3, "cases again": 0, "trials": 1, "trials again": 0}


def test_cases_that_were_executed_again_are_counted(store: Store) -> None:
    """The same case twice in one trial is one too many; in another trial, or as a variant, it is not."""
    for trial, variant, name in (("t", "", "a"), ("t", "", "a"), ("t", "v", "a"), ("u", "", "a"), ("t", "", "a")):
        store.add_case(trial, variant, name, StoredCase("{}", 0))
    store.add_trial("t", "x")
    store.add_trial("t", "x")
    assert store.counts() == {"cases": 5, "cases again": 2, "trials": 2, "trials again": 1}


def test_rows_are_never_changed(store: Store) -> None:
    """Append-only is enforced by the file itself."""
    store.add_case("t", "", "a", StoredCase("{}", 0))
    store.add_trial("t", "x")
    store.begin_session()
    for statement in (
        "UPDATE cases SET outcome = 'y'",
        "DELETE FROM cases",
        "DELETE FROM trials",
        "DELETE FROM identity",
    ):
        with (
            closing(sqlite3.connect(store.path)) as connection,
            pytest.raises(sqlite3.IntegrityError, match="never changed"),
        ):
            connection.execute(statement)


def test_a_damaged_row_is_judged_again(store: Store) -> None:
    """A checksum that does not fit its row makes the row as good as absent; the others stay."""
    for name in ("a", "b"):
        store.add_case("t", "", name, StoredCase('{"measured":1.0}', 2))
    store.add_trial("t", "found")
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("DROP TRIGGER no_UPDATE_of_cases")
        connection.execute("DROP TRIGGER no_UPDATE_of_trials")
        connection.execute("UPDATE cases SET outcome = '{\"measured\":2.0}' WHERE name = 'a'")
        connection.execute("UPDATE trials SET found = 'other'")
    assert store.cases("t") == {("", "b"): StoredCase('{"measured":1.0}', 2)}
    assert store.trial("t") is None


@pytest.mark.parametrize("damage", ["no database", "cut short", "noise in the middle"])
def test_a_damaged_file_is_one_line(store: Store, damage: str) -> None:
    """Whatever happened to the file, its name and what is wrong stand on one line."""
    for number in range(300):
        store.add_case("t", "", str(number), StoredCase("x" * 500, 0))
    content = store.path.read_bytes()
    broken = {
        "no database": b"once upon a time " * 1000,
        "cut short": content[: len(content) // 2],
        "noise in the middle": content[:4096] + os.urandom(8192) + content[12288:],
    }[damage]
    store.path.write_bytes(broken)
    with pytest.raises(StoreError) as error:
        Store(store.path).identity()
    assert str(store.path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_store_that_exists_is_not_written_over(store: Store) -> None:
    """Creation takes a new file."""
    with pytest.raises(StoreError, match="exists already"):
        Store.create(store.path, {})
    assert store.identity() == IDENTITY


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """No folder, and a file that is absent."""
    with pytest.raises(StoreError, match="unable to open"):
        Store.create(tmp_path / "absent" / "outcomes.sqlite", {})
    with pytest.raises(StoreError, match="unable to open"):
        Store(tmp_path / "absent.sqlite").add_trial("t", "x")
    assert not (tmp_path / "absent.sqlite").exists()


def test_processes_write_at_the_same_time(store: Store) -> None:
    """Six writers, no row lost and none refused."""
    code = (
        "import sys; from pathlib import Path; from theory_check.search.store import Store, StoredCase\n"
        "for number in range(50):\n"
        "    Store(Path(sys.argv[1])).add_case('t', sys.argv[2], str(number), StoredCase('x' * 2000, 1))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(store.path), str(number)]) for number in range(6)]
    assert [writer.wait() for writer in writers] == [0] * 6
    assert store.counts()["cases"] == len(store.cases("t")) == 300


def test_a_writer_that_is_killed_leaves_whole_rows(store: Store) -> None:
    """Kill -9 at some moment, five times: every row that can be seen is whole, and the next writer goes on."""
    code = (
        "import sys; from pathlib import Path; from theory_check.search.store import Store, StoredCase\n"
        "number = 0\n"
        "while True:\n"
        "    Store(Path(sys.argv[1])).add_case(sys.argv[2], '', str(number), StoredCase('x' * 20000, 1))\n"
        "    print(number, flush=True); number += 1\n"
    )
    for session in range(5):
        command = [sys.executable, "-c", code, str(store.path), str(session)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(3 + session):
                told = writer.stdout.readline()
            time.sleep(0.003 * session)
            writer.send_signal(signal.SIGKILL)
        cases = store.cases(str(session))
        assert len(cases) > int(told)
        assert set(cases.values()) == {StoredCase("x" * 20_000, 1)}
    assert store.counts()["cases again"] == 0


def test_a_disk_that_takes_no_more_is_one_line(store: Store) -> None:
    """A real limit of the operating system; what was stored before can be read."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from theory_check.search.store import Store, StoredCase\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))\n"
        "for number in range(1000):\n"
        "    Store(Path(sys.argv[1])).add_case('t', '', str(number), StoredCase('x' * 10000, 1))\n"
    )
    process = subprocess.run([sys.executable, "-c", code, str(store.path)], capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "StoreError: store" in process.stderr.splitlines()[-1]
    assert 1 <= len(store.cases("t")) < 1000


def test_seconds_leave_out_what_lies_between_sessions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sessions of 5 and 7 seconds with a week between them took 12."""
    clock = iter((100.0, 105.0, 700_000.0, 700_004.0, 700_007.0))
    monkeypatch.setattr(time, "time", lambda: next(clock))
    store.begin_session()
    store.add_trial("t", "x")
    store.begin_session()
    store.add_case("u", "", "a", StoredCase("{}", 0))
    assert store.seconds() == 12.0
