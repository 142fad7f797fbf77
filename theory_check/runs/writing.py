"""Writing the reports of a run: a whole folder appears at once, or nothing does."""

import errno
import os
import secrets
import shutil
from itertools import count
from pathlib import Path

from theory_check.reporting import (
    badge_writer,
    html_writer,
    json_writer,
    junit_writer,
    markdown_writer,
    sarif_writer,
    step_summary_writer,
    verdicts_writer,
)
from theory_check.reporting.figures import FOLDER, write_figures
from theory_check.reporting.records import Report, ReportError
from theory_check.reporting.report_file import REPORT_FILE, VERDICTS_FILE
from theory_check.runs.shard import SHARD_FILE, Shard, render_shard
from theory_check.runs.unfinished import SUFFIX

MAX_NAMESAKES = 1000


def new_run_name(started: str, seed: int) -> str:
    """The name of a run's folder, e.g. "2026-05-04T031500Z-seed-7": sorts by time, legal on every file system.

    Two audits of one second and one seed get the same name; `write_reports` tells them apart.

    Args:
        started: UTC, ISO 8601, as in the report.
        seed: root seed.
    """
    return f"{started[:19].replace(':', '')}Z-seed-{seed}"


def write_reports(report: Report, folder: Path, *, unfinished: Path | None = None) -> Path:
    """Write the report in every format, and the pictures as files, into a new folder.

    Everything is written and synced in a hidden sibling folder that is then renamed into place: a folder of that
    name is never half-written. An existing folder is never touched: the next free of "NAME-2", "NAME-3", ... is
    taken instead, also when another process takes the name at the same moment.

    Args:
        report: what to write.
        folder: the wanted folder, usually `report_dir / new_run_name(report.started, report.seed)`;
            missing parents are made.
        unfinished: the folder of the run, which is written to in place of a hidden one, and stays behind on failure.

    Returns:
        The folder that was made.

    Raises:
        ReportError: the report cannot be rendered, or the folder cannot be written; nothing new stays behind.
    """
    texts = {
        REPORT_FILE: json_writer.render(report),
        VERDICTS_FILE: verdicts_writer.render(report),
        "report.md": markdown_writer.render(report),
        "report.html": html_writer.render(report),
        "junit.xml": junit_writer.render(report),
        "report.sarif": sarif_writer.render(report),
        "summary.md": step_summary_writer.render(report),
        "badge.json": badge_writer.render(report),
    }
    return _write_folder(texts, report, Path(folder), unfinished)


def write_run(report: Report, unfinished: Path, shard: Shard | None = None) -> Path:
    """Write what an audit ends with into the folder of its run, which gets its final name: reports, or its shard alone.

    Raises:
        ReportError: as `write_reports`.
    """
    folder = unfinished.with_name(unfinished.name.removesuffix(SUFFIX))
    if shard is None:
        return write_reports(report, folder, unfinished=unfinished)
    # A report of a part would pass for one of all.
    return _write_folder({SHARD_FILE: render_shard(shard)}, None, folder, unfinished)


def _write_folder(texts: dict[str, str], report: Report | None, folder: Path, unfinished: Path | None) -> Path:
    """Write some files, and the pictures of a report, and give their folder its name; see `write_reports`."""
    partial = unfinished or folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if unfinished is None:
            partial.mkdir()
        try:
            for name, text in texts.items():
                (partial / name).unlink(missing_ok=True)  # of a process that was killed as it wrote
                _write_synced(partial / name, text)
            if report is not None:
                shutil.rmtree(partial / FOLDER, ignore_errors=True)
                _sync_files(write_figures(report, partial))
            _sync_folder(partial)
            written = _rename_to_free_name(partial, folder)
        except BaseException:
            if unfinished is None:
                shutil.rmtree(partial, ignore_errors=True)
            raise
        _sync_folder(written.parent)
    except OSError as error:
        raise ReportError(f"cannot write reports to {str(folder)!r}: {error.strerror or error}") from None
    return written


def write_text(text: str, path: Path) -> None:
    """Write a text to a file of any name, in one rename; a file of that name is replaced.

    Raises:
        ReportError: the file cannot be written; nothing stays behind.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial = path.with_name(f".theory-check.{secrets.token_hex(8)}.partial")
        try:
            _write_synced(partial, text)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name, or no name at all
        reason = getattr(error, "strerror", None) or error
        raise ReportError(f"cannot write {str(path)!r}: {reason}") from None


def require_writable(report_dir: Path) -> None:
    """Check before a long audit that reports can be written below this folder; nothing stays behind.

    Raises:
        ReportError: it, or the nearest parent that exists, is no folder or cannot be written to.
    """
    report_dir = Path(report_dir)
    try:
        probe = _nearest_existing(report_dir.absolute()) / f".theory-check.{secrets.token_hex(8)}.partial"
        probe.mkdir()
        probe.rmdir()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise ReportError(f"report folder {str(report_dir)!r} must be writable: {reason}") from None


def _nearest_existing(folder: Path) -> Path:
    """The folder, or the nearest of its parents that exists; a name that cannot exist is an OSError or ValueError."""
    for parent in (folder, *folder.parents):
        try:
            parent.lstat()
        except FileNotFoundError:
            continue
        return parent
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _rename_to_free_name(partial: Path, folder: Path) -> Path:
    for number in count(1):
        target = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        # On POSIX a rename may replace an empty folder, so a taken name is looked for first.
        if not os.path.lexists(target):
            try:
                os.replace(partial, target)  # noqa: PTH105  the one call whose atomicity matters, by its own name
            except OSError:
                # Taken by another process between look and rename: try the next. Otherwise the disk failed.
                if not os.path.lexists(target):
                    raise
            else:
                return target
        if number == MAX_NAMESAKES:
            break
    raise FileExistsError(errno.EEXIST, f"{MAX_NAMESAKES} runs of this name exist")


def _write_synced(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_files(paths: list[Path]) -> None:
    """Make the content of some files durable, and the names in their folders."""
    for path in paths:
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    for folder in {path.parent for path in paths}:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make names durable; Windows has no such call."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
