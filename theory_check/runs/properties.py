"""Where the properties of the paper on trial lie, and how one of them is loaded."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import click

import theory_check
from theory_check.claims.paper import PaperError, paper_on_trial, reference_on_trial


def properties_folder() -> Path:
    """The folder of the properties of the paper on trial.

    Raises:
        click.ClickException: there is none.
    """
    try:
        return paper_on_trial().properties()
    except PaperError as error:
        raise click.ClickException(str(error)) from None


def code_of(subjects: Iterable[str], folder: str | None = None) -> list[Path]:
    """Whose change makes another audit: this package, the properties, and modules that a user's own are taken from."""
    package = Path(theory_check.__file__).parent
    modules = sorted({name.partition(":")[0] for name in (*subjects, reference_on_trial()) if ":" in name})
    specs = [importlib.util.find_spec(module) for module in modules]
    properties = Path(folder) if folder else properties_folder()
    return [package, properties, *(Path(spec.origin) for spec in specs if spec is not None and spec.origin)]


def load_property(test: str) -> tuple[ModuleType, str]:
    """The module and function name behind "file.py::function", whichever file the property lies in by now.

    Raises:
        click.ClickException: there is no such property.
    """
    from theory_check.search.property import property_of

    function = test.partition("::")[2]
    for path in property_files():
        # No file is run that cannot have it.
        if f"def {function}(" in path.read_text(encoding="utf-8"):
            module = load_properties(path)
            prop = property_of(getattr(module, function, None))
            if prop is not None and prop.name == test:
                return module, function
    raise click.ClickException(f"no property {test!r} in {properties_folder()} (for one of your own: --properties DIR)")


def property_files(folder: str | None = None) -> list[Path]:
    """The files of a folder of properties, by default of those on trial, in the order in which pytest collects them."""
    return sorted((Path(folder) if folder else properties_folder()).glob("test_*.py"))


def load_properties(path: Path) -> ModuleType:
    """The module of a file of properties, new at each call.

    Raises:
        click.ClickException: it cannot be loaded.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
