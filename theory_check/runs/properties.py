"""Where the properties of the paper on trial lie, and how one of them is loaded."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import click

import theory_check
from theory_check.claims.paper import PaperError, paper_on_trial


def properties_folder() -> Path:
    """The folder of the properties of the paper on trial.

    Raises:
        click.ClickException: there is none.
    """
    try:
        return paper_on_trial().properties()
    except PaperError as error:
        raise click.ClickException(str(error)) from None


def code_of(subjects: Iterable[str]) -> list[Path]:
    """Whose change makes another audit: this package, the properties, and modules that a user's own are taken from."""
    package = Path(theory_check.__file__).parent
    modules = sorted({name.partition(":")[0] for name in subjects if ":" in name})
    specs = [importlib.util.find_spec(module) for module in modules]
    return [package, properties_folder(), *(Path(spec.origin) for spec in specs if spec is not None and spec.origin)]


def load_property(test: str) -> tuple[ModuleType, str]:
    """The module and function name behind "file.py::function".

    Raises:
        click.ClickException: there is no such file or function.
    """
    file_name, _, function = test.partition("::")
    module = load_properties(file_name)
    if not hasattr(module, function):
        raise click.ClickException(f"no property {function!r} in {module.__file__}")
    return module, function


def load_properties(file_name: str) -> ModuleType:
    """The module of a file in the folder of properties, new at each call.

    Raises:
        click.ClickException: there is no such file.
    """
    path = properties_folder() / file_name
    if Path(file_name).name != file_name or not path.is_file():
        raise click.ClickException(
            f"no property file {file_name!r} in {properties_folder()} (for one of your own: --properties DIR)"
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
