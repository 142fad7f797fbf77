"""A published folder that is replaced as a whole: readers find the old one or the new one, never a mixture."""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from theory_check.reporting.records import ReportError
from theory_check.reporting.report_file import FULL_REPORTS
from theory_check.runs.writing import require_writable


def require_replaceable(folder: Path) -> None:
    """Check before long work that a folder can be published; nothing stays behind.

    Raises:
        ReportError: it is no folder, holds something that was not published here, or cannot be written.
    """
    folder = Path(folder)
    _recover(folder)
    if folder.exists() and not folder.is_dir():
        raise ReportError(f"{str(folder)!r} must be a folder, or not exist")
    if folder.is_dir() and any(folder.iterdir()) and not any((folder / name).is_file() for name in FULL_REPORTS):
        found = min(path.name for path in folder.iterdir())
        raise ReportError(
            f"{str(folder)!r} must be new, empty or an earlier publication with {FULL_REPORTS[-1]}, got {found!r}"
        )
    require_writable(folder.parent)


def publish_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a hidden folder beside `folder` and put it into its place; what was there is gone afterwards.

    Args:
        folder: the wanted folder; missing parents are made.
        fill: writes everything into the empty folder that it is given.

    Raises:
        ReportError: something cannot be written; then `folder` is what it was.
    """
    folder = Path(folder)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.partial")
    try:
        partial.mkdir(parents=True)
        try:
            fill(partial)
            for path in (partial, *partial.rglob("*")):
                _sync(path)
            _exchange(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise ReportError(f"cannot publish {str(folder)!r}: {error.strerror or error}") from None


def _exchange(partial: Path, folder: Path) -> None:
    """Two renames, since none replaces a folder that has files; a process killed between them is made good later."""
    previous = _previous(folder)
    if folder.exists():
        folder.rename(previous)
    try:
        partial.rename(folder)
    except OSError:
        _recover(folder)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _recover(folder: Path) -> None:
    """Bring back what a process that was killed had moved away, or remove what it had not yet removed."""
    previous = _previous(folder)
    if previous.is_dir() and not folder.exists():
        previous.rename(folder)
    elif previous.is_dir():
        shutil.rmtree(previous, ignore_errors=True)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable; Windows syncs no folders."""
    if path.is_file() or os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
