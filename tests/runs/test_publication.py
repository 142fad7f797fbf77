"""A folder that is replaced as a whole."""

from pathlib import Path

import pytest

from theory_check.reporting.records import ReportError
from theory_check.runs.publication import _exchange, publish_folder, require_replaceable


def test_the_new_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    """Nothing of the old one is left, in it or beside it."""
    folder = tmp_path / "deep" / "full"
    for text in ("old", "new"):
        publish_folder(folder, lambda place, text=text: (place / f"{text}.txt").write_text(text) and None)
    assert [path.name for path in folder.iterdir()] == ["new.txt"]
    assert [path.name for path in folder.parent.iterdir()] == ["full"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """An error of the disk is one line, any other goes through; the old folder stays in both cases."""
    folder = tmp_path / "full"
    publish_folder(folder, lambda place: (place / "old.txt").write_text("old") and None)

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    def broken(_: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ReportError, match="No space left"):
        publish_folder(folder, full)
    with pytest.raises(ZeroDivisionError):
        publish_folder(folder, broken)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert [path.name for path in folder.iterdir()] == ["old.txt"]


def test_the_old_folder_comes_back_where_the_new_one_cannot_be_moved(tmp_path: Path) -> None:
    """The second of the two renames fails: the first is undone."""
    folder = tmp_path / "full"
    publish_folder(folder, lambda place: (place / "old.txt").write_text("old") and None)
    with pytest.raises(FileNotFoundError):
        _exchange(tmp_path / "missing", folder)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert [path.name for path in folder.iterdir()] == ["old.txt"]


def test_what_a_killed_process_moved_away_comes_back(tmp_path: Path) -> None:
    """Killed between its two renames: the old folder is found again; killed after them: it is cleared away."""
    previous, folder = tmp_path / ".full.previous", tmp_path / "full"
    previous.mkdir()
    (previous / "report.json").write_text("{}")
    require_replaceable(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    previous.mkdir()
    require_replaceable(folder)
    assert (folder / "report.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """One line that names it."""
    (tmp_path / "full").write_text("")
    with pytest.raises(ReportError, match="must be a folder"):
        require_replaceable(tmp_path / "full")
