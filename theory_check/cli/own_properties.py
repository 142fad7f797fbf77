"""A property of a user's own, for a replay: pytest imports its file as it did in the run that is replayed."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pytest

    from theory_check.search.property import Property

_NO_CODE_OF_ONES_OWN = frozenset({"site-packages", "node_modules", "__pycache__"})


def load_own_property(test: str, folder: str, *, trust_code: bool) -> "Property":
    """The property "path/to/file.py::function" below a folder, pytest's root in the run that is replayed.

    Its file is collected by pytest, with the settings, conftest files and import mode of that repository: the one that
    it is named after, or else those that have such a function and mention that file, as `known_as` does.

    Raises:
        click.ClickException: code is not trusted, the file is not there or cannot be imported, or it has no such
            property.
    """
    file_name, _, function = test.partition("::")
    root = Path(folder).resolve()
    path = (root / file_name).resolve()
    named = [path] if path.is_relative_to(root) and path.is_file() else []
    # A property may have left a file that is still there: what that file runs it would have run before.
    moved = [] if named and f"def {function}(" in _text(path) else _mentioning(file_name, function, root)
    paths = moved or named
    if not paths:
        raise click.ClickException(f"no property file {file_name!r} in {folder!r}: --properties takes pytest's root")
    if not trust_code:
        raise click.ClickException(f"{', '.join(map(str, paths))} would run code: pass --trust-code to allow it")
    seen = _collected(paths, root)
    if test not in seen.properties:
        why = seen.problem or f"pytest finds {', '.join(seen.properties) or 'none'}"
        raise click.ClickException(f"no property {function!r} in {', '.join(map(str, paths))}: {why}")
    return seen.properties[test]


def _mentioning(file_name: str, function: str, root: Path) -> list[Path]:
    """Files below a folder that may have a property which reports know by another file's name; none of them is run."""
    found = []
    for folder, folders, files in os.walk(root):
        # Not into what tools and environments keep in a repository.
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NO_CODE_OF_ONES_OWN)
        for name in sorted(files):
            if name.endswith(".py"):
                text = _text(Path(folder, name))
                if file_name in text and f"def {function}(" in text:
                    found.append(Path(folder, name))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # pytest will say what is wrong with it


class _Listener:
    """A pytest plugin that keeps the properties of a file."""

    def __init__(self) -> None:
        self.properties: dict[str, Property] = {}
        self.problem = ""

    def pytest_itemcollected(self, item: "pytest.Item") -> None:
        """Before anything is deselected."""
        from theory_check.plugin.selection import property_at

        prop = property_at(getattr(item, "function", None), item)
        if prop is not None:
            self.properties[prop.name] = prop

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        """Remember why a file could not be imported."""
        if report.failed:
            self.problem = str(report.longrepr).strip().splitlines()[-1].removeprefix("E").strip()


def _collected(paths: Iterable[Path], root: Path) -> _Listener:
    import pytest

    listener = _Listener()
    # What the plugin may have been asked in the ini file is another audit; what else is said there stays in force.
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "theory_check"]
    whole = [f"--override-ini=theory_check_{name}=" for name in ("activation", "claim", "data")]
    pytest.main([*map(str, paths), "--rootdir", str(root), "--collect-only", *quiet, *whole], plugins=[listener])
    return listener
