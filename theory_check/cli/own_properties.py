"""A property of a user's own, for a replay: pytest imports its file as it did in the run that is replayed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pytest

    from theory_check.search.property import Property


def load_own_property(test: str, folder: str, *, trust_code: bool) -> "Property":
    """The property "path/to/file.py::function" below a folder, pytest's root in the run that is replayed.

    Its file is collected by pytest, with the settings, conftest files and import mode of that repository.

    Raises:
        click.ClickException: code is not trusted, the file is not there or cannot be imported, or it has no such
            property.
    """
    file_name, _, function = test.partition("::")
    root = Path(folder).resolve()
    path = (root / file_name).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise click.ClickException(f"no property file {file_name!r} in {folder!r}: --properties takes pytest's root")
    if not trust_code:
        raise click.ClickException(f"{path} would run code: pass --trust-code to allow it")
    seen = _collected(path, root)
    if test not in seen.properties:
        why = seen.problem or f"pytest finds {', '.join(seen.properties) or 'none'}"
        raise click.ClickException(f"no property {function!r} in {path}: {why}")
    return seen.properties[test]


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


def _collected(path: Path, root: Path) -> _Listener:
    import pytest

    listener = _Listener()
    # What the plugin may have been asked in the ini file is another audit; what else is said there stays in force.
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "theory_check"]
    whole = [f"--override-ini=theory_check_{name}=" for name in ("activation", "claim", "data")]
    pytest.main([str(path), "--rootdir", str(root), "--collect-only", *quiet, *whole], plugins=[listener])
    return listener
