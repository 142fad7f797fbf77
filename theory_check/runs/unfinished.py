"""A run that has not finished: its folder with the store of outcomes, what it was asked, and who works on it.

`reports/NAME.unfinished/` appears when an audit starts and becomes `reports/NAME/`, with the reports in it, at its end.
One that stays behind is gone on with by `theory-check audit --resume`, by the same code and the same versions only.
"""

import hashlib
import json
import platform
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import msgspec

from theory_check.reporting.records import ReportError
from theory_check.runs.assembly import environment_of
from theory_check.search.store import Store, StoreError

if TYPE_CHECKING:
    from theory_check.search.request import Request

SUFFIX = ".unfinished"
STORE_FILE = "outcomes.sqlite"
# Kept for the report; a process that goes on has no say in them.
MACHINE = "machine"
TOLD = ("command", "data", "options", "started")


@dataclass(frozen=True)
class UnfinishedRun:
    """A run and the lock on it.

    folder: where the store lies, and the reports will.
    lock: held by the process that works on it.
    """

    folder: Path
    lock: filelock.BaseFileLock

    @property
    def finished(self) -> Path:
        """The folder that the run will have."""
        return self.folder.with_name(self.folder.name.removesuffix(SUFFIX))

    @property
    def store(self) -> Store:
        """Of its outcomes."""
        return Store(self.folder / STORE_FILE)

    def release(self) -> None:
        """Let other processes have the run."""
        self.lock.release()
        with suppress(OSError):
            Path(self.lock.lock_file).unlink()


def code_fingerprint(roots: Iterable[Path]) -> str:
    """SHA-256 over the Python files of some folders, or over single files, wherever those lie."""
    digest = hashlib.sha256()
    for root in roots:
        files = sorted(root.rglob("*.py")) if root.is_dir() else [root]
        for path in files:
            content = path.read_bytes()
            name = path.relative_to(root).as_posix() if root.is_dir() else path.name
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def identity_of(request: "Request", *, code: str) -> dict[str, str]:
    """What two processes must have in common to work on one run, by name."""
    environment = environment_of(request.device)
    rows = hashlib.sha256(msgspec.json.encode(request.data)).hexdigest() if is_own_data(request.data) else ""
    return {
        "code of theory-check, its properties and what was named": code,
        "rows of the data": rows,
        "python": environment.python,
        MACHINE: f"{platform.machine()}, {environment.platform}",
        **{f"version of {name}": version for name, version in environment.versions.items()},
    }


def is_own_data(data: Any) -> bool:
    """Whether data are a record of the user's own, and no name of a stratum."""
    return data is not None and not isinstance(data, str)


def request_fingerprint(request: "Request", *, code: str) -> str:
    """SHA-256 of everything that an audit is a function of; `code` is from `code_fingerprint`."""
    identity = identity_of(request, code=code) | {"options": json.dumps(options_of(request), sort_keys=True)}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def begin_run(
    report_dir: Path, name: str, *, request: "Request", data: str, command: str, started: str, code: str
) -> UnfinishedRun:
    """Make the folder of a new run.

    Args:
        report_dir: where it goes; made where it is missing.
        name: wanted for the finished run; taken ones get a number.
        request: what is asked for.
        data: what the user wrote for it.
        command: as it was typed.
        started: UTC, ISO 8601.
        code: from `code_fingerprint`.

    Raises:
        ReportError: the folder cannot be made or written.
    """
    told = {
        "command": command,
        "started": started,
        "data": str(Path(data).absolute()) if is_own_data(request.data) else data,
        "options": json.dumps(options_of(request), sort_keys=True),
    }
    try:
        folder = _new_folder(report_dir, name)
        run = UnfinishedRun(folder, _locked(folder))
        try:
            Store.create(folder / STORE_FILE, identity_of(request, code=code) | told).begin_session()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            run.release()
            raise
    except (OSError, StoreError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ReportError(f"cannot begin a run below {str(report_dir)!r}: {reason}") from None
    return run


def options_of(request: "Request") -> dict[str, Any]:
    """What makes the request again, but for data and for the user's trust in code of their own."""
    return {
        "profile": request.profile.name,
        "seed": request.seed,
        "device": request.device,
        "claims": list(request.claims),
        "activations": list(request.activations),
        "mode": request.mode,
        "searches": request.searches,
        "shard": "{}/{}".format(*request.shard) if request.shard else "",
        "model": request.model.reference if request.model else "",
        "strict": request.strict,
        "on_trial": request.on_trial,
    }


def find_run(path: Path) -> Path:
    """The folder of a run to be resumed, given as `reports/NAME` or `reports/NAME.unfinished`.

    Raises:
        ReportError: it is finished, or is none.
    """
    path = Path(path)
    for folder in (path, path.with_name(path.name + SUFFIX)):
        if (folder / "report.json").is_file() and not folder.name.endswith(SUFFIX):
            raise ReportError(f"run {str(folder)!r} is finished: there is nothing to resume")
        if (folder / STORE_FILE).is_file():
            return folder
    raise ReportError(f"no unfinished run {str(path)!r}: it must be a folder with {STORE_FILE}")


def told_of(folder: Path) -> tuple[dict[str, Any], str]:
    """The options of the run in a folder, as `make_request` takes them, and the data as the user named it.

    Raises:
        ReportError: its store is damaged.
    """
    identity = _identity(folder)
    try:
        return dict(json.loads(identity["options"])), identity["data"]
    except (KeyError, ValueError):
        raise ReportError(f"run {str(folder)!r} cannot be resumed: its store is damaged") from None


def resume_run(folder: Path, request: "Request", *, code: str) -> UnfinishedRun:
    """Take over a run from a process that is gone.

    Raises:
        ReportError: another process works on it, its code, data or versions differ, or its store is damaged.
    """
    identity = _identity(folder)
    here = identity_of(request, code=code)
    differences = [
        f"{name}: {_short(identity.get(name))} then, {_short(here.get(name))} now"
        for name in sorted(({*identity} | {*here}) - {*TOLD})
        if identity.get(name) != here.get(name)
    ]
    if differences:
        raise ReportError(f"run {str(folder)!r} cannot be resumed, start it afresh; {'; '.join(differences)}")
    run = UnfinishedRun(folder, _locked(folder))
    try:
        run.store.begin_session()
    except StoreError as error:
        run.release()
        raise ReportError(f"run {str(folder)!r} cannot be resumed: {error}") from None
    return run


def _identity(folder: Path) -> Mapping[str, str]:
    try:
        return Store(folder / STORE_FILE).identity()
    except StoreError as error:
        raise ReportError(f"run {str(folder)!r} cannot be resumed: {error}") from None


def _new_folder(report_dir: Path, name: str) -> Path:
    """A folder that did not exist, made by this process alone."""
    report_dir.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        stem = name if number == 1 else f"{name}-{number}"
        if (report_dir / stem).exists():
            continue
        folder = report_dir / f"{stem}{SUFFIX}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError("unreachable")


def _locked(folder: Path) -> filelock.BaseFileLock:
    # Beside the folder, which is renamed at the end.
    lock = filelock.FileLock(folder.with_name(f".{folder.name}.lock"), blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise ReportError(f"run {str(folder)!r} is being worked on by another process") from None
    except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
        raise ReportError(f"run {str(folder)!r} cannot be locked: {error}") from None
    return lock


def _short(value: str | None) -> str:
    return "none" if value is None else repr(value[:60])
