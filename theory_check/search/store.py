"""Outcomes on disk as they are reached: append-only, many processes at once, whole rows or none.

SQLite in WAL mode: a process that is killed leaves every row that it has committed and nothing of the others. Each row
carries a checksum, so that damage costs the damaged rows alone: they are judged again.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

WAIT_SECONDS = 60.0
TABLES = """
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sessions (number INTEGER PRIMARY KEY AUTOINCREMENT, started REAL NOT NULL);
CREATE TABLE cases (
    number INTEGER PRIMARY KEY AUTOINCREMENT, trial TEXT NOT NULL, variant TEXT NOT NULL, name TEXT NOT NULL,
    outcome TEXT NOT NULL, calls INTEGER NOT NULL, at REAL NOT NULL, checksum TEXT NOT NULL);
CREATE TABLE trials (
    number INTEGER PRIMARY KEY AUTOINCREMENT, trial TEXT NOT NULL, found TEXT NOT NULL, at REAL NOT NULL,
    checksum TEXT NOT NULL);
CREATE INDEX cases_of_a_trial ON cases (trial);
"""
# What has been found is never changed.
GUARDS = "".join(
    f"CREATE TRIGGER no_{verb}_of_{table} BEFORE {verb} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'rows of a store are never changed'); END;\n"
    for table in ("identity", "sessions", "cases", "trials")
    for verb in ("UPDATE", "DELETE")
)


class StoreError(RuntimeError):
    """A store cannot be read or written; the message is one line."""


@dataclass(frozen=True)
class StoredCase:
    """A judged case: its outcome as JSON text, and the statistical tests that it took."""

    outcome: str
    calls: int


class Store:
    """The outcomes of one run.

    Each method opens the file for itself, so that an object may travel to other processes.

    Args:
        path: of the file; `create` makes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: Path, identity: Mapping[str, str]) -> "Store":
        """A new store.

        Args:
            path: a file that does not exist.
            identity: what a process must agree with to go on with the run, by name.

        Raises:
            StoreError: the file exists or cannot be written.
        """
        store = cls(path)
        if path.exists():
            raise StoreError(f"store {str(path)!r} exists already")
        with store._open("rwc") as connection:
            # Refused on file systems without shared memory, which keep their own journal: as safe, and slower.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(TABLES + GUARDS)
            connection.executemany("INSERT INTO identity VALUES (?, ?)", sorted(identity.items()))
        return store

    def identity(self) -> dict[str, str]:
        """What the run was asked and made with. Raises StoreError when it cannot be read."""
        with self._open("ro") as connection:
            damage = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
            if damage != ["ok"]:
                raise StoreError(f"store {str(self.path)!r} is damaged: {' '.join(damage[0].split())}")
            return dict(connection.execute("SELECT name, value FROM identity ORDER BY name"))

    def begin_session(self) -> None:
        """Note that a process goes to work on the run."""
        with self._open("rw") as connection:
            connection.execute("INSERT INTO sessions (started) VALUES (?)", (time.time(),))

    def seconds(self) -> float:
        """How long the run has taken: the last session to this moment, earlier ones to the last row that they wrote."""
        rows = "SELECT at FROM cases UNION ALL SELECT at FROM trials"
        last = f"SELECT max(at) FROM ({rows}) WHERE at >= ? AND at < ?"  # noqa: S608  no input in the text
        with self._open("ro") as connection:
            starts = [row[0] for row in connection.execute("SELECT started FROM sessions ORDER BY number")]
            spent = sum(
                max(0.0, (connection.execute(last, (start, end)).fetchone()[0] or start) - start)
                for start, end in pairwise(starts)
            )
        return float(spent + max(0.0, time.time() - starts[-1]))

    def add_case(self, trial: str, variant: str, name: str, case: StoredCase) -> None:
        """Append a judged case. Raises StoreError when it cannot be written."""
        row = (trial, variant, name, case.outcome, case.calls)
        with self._open("rw") as connection:
            connection.execute(
                "INSERT INTO cases (trial, variant, name, outcome, calls, at, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, time.time(), _checksum(*row)),
            )

    def add_trial(self, trial: str, found: str) -> None:
        """Append what a finished trial found. Raises StoreError when it cannot be written."""
        with self._open("rw") as connection:
            connection.execute(
                "INSERT INTO trials (trial, found, at, checksum) VALUES (?, ?, ?, ?)",
                (trial, found, time.time(), _checksum(trial, found)),
            )

    def cases(self, trial: str) -> dict[tuple[str, str], StoredCase]:
        """The judged cases of a trial by variant and name, without rows that are damaged."""
        with self._open("ro") as connection:
            rows = connection.execute(
                "SELECT trial, variant, name, outcome, calls, checksum FROM cases WHERE trial = ? ORDER BY number",
                (trial,),
            ).fetchall()
        return {
            (variant, name): StoredCase(outcome, calls)
            for of, variant, name, outcome, calls, checksum in rows
            if checksum == _checksum(of, variant, name, outcome, calls)
        }

    def trial(self, trial: str) -> str | None:
        """What a finished trial found, or None when it has not finished, or its row is damaged."""
        with self._open("ro") as connection:
            rows = connection.execute(
                "SELECT trial, found, checksum FROM trials WHERE trial = ? ORDER BY number", (trial,)
            ).fetchall()
        return next((str(found) for of, found, checksum in rows if checksum == _checksum(of, found)), None)

    def counts(self) -> dict[str, int]:
        """Rows in all, and rows beyond the first of a case or trial: what was executed again although it was stored."""
        with self._open("ro") as connection:
            cases, distinct = connection.execute(
                "SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT trial, variant, name FROM cases)) FROM cases"
            ).fetchone()
            trials, finished = connection.execute("SELECT count(*), count(DISTINCT trial) FROM trials").fetchone()
        return {"cases": cases, "cases again": cases - distinct, "trials": trials, "trials again": trials - finished}

    @contextmanager
    def _open(self, mode: str) -> Iterator[sqlite3.Connection]:
        """A connection whose statements are one transaction; SQLite's errors become one line."""
        try:
            # A reader of a WAL file writes its index, so that even reading takes a file that may be written.
            uri = f"{self.path.absolute().as_uri()}?mode={'rw' if mode == 'ro' else mode}"
            with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_SECONDS)) as connection:
                connection.execute("PRAGMA synchronous=NORMAL")
                with connection:
                    yield connection
        except (sqlite3.Error, OSError, ValueError) as error:
            raise StoreError(f"store {str(self.path)!r}: {' '.join(str(error).split())}") from None


def _checksum(*fields: str | int) -> str:
    return hashlib.sha256("\0".join(map(str, fields)).encode()).hexdigest()
