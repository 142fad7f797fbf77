"""Where an audit finds its properties: beside the package in a checkout, inside it in an installed wheel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import theory_check
from theory_check.runs.properties import load_property, properties_folder
from theory_check.search.property import property_of

PACKAGE = Path(theory_check.__file__).parent


def _found_from(folder: Path) -> str:
    """What the package below this folder takes for its properties, in a process of its own."""
    code = (
        "import theory_check, theory_check.runs.properties as p; "
        "print(theory_check.__file__); print(p.properties_folder())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr
    imported, found = done.stdout.splitlines()
    assert Path(imported).is_relative_to(folder)
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that holds the package as a wheel lays it out, properties inside."""
    shutil.copytree(PACKAGE, tmp_path / "theory_check", ignore=shutil.ignore_patterns("__pycache__", "_properties"))
    shutil.copytree(properties_folder(), tmp_path / "theory_check" / "_properties")
    return tmp_path


def test_an_installed_package_uses_the_properties_inside_it(installed: Path) -> None:
    """Even where a folder of that name happens to lie beside it."""
    (installed / "properties").mkdir()
    (installed / "properties" / "pytest.ini").touch()
    assert _found_from(installed) == str(installed / "theory_check" / "_properties")


def test_a_checkout_uses_its_own_properties(installed: Path) -> None:
    """An editable install may have left a stale copy inside the package."""
    (installed / "pyproject.toml").touch()
    shutil.copytree(installed / "theory_check" / "_properties", installed / "properties")
    assert _found_from(installed) == str(installed / "properties")


def test_a_package_without_properties_says_so(installed: Path) -> None:
    """One line that says what to do."""
    shutil.rmtree(installed / "theory_check" / "_properties")
    assert "reinstall theory-check" in _found_from(installed).splitlines()[-1]


def test_a_property_is_loaded_by_its_name() -> None:
    """As a report writes it, whichever file of the folder the property lies in by now."""
    name = "test_tangent_kernel.py::test_tangent_kernel_is_positive_definite"
    module, function = load_property(name)
    prop = property_of(getattr(module, function))
    assert prop is not None
    assert (prop.name, prop.claim.id) == (name, "ntk-positive-definite")
    assert module.__file__ == str(properties_folder() / "test_ntk_positive_definite.py")


@pytest.mark.parametrize(
    "name",
    [
        "test_tangent_kernel.py::test_nothing",
        "test_tangent_kernel.py",
        "test_ntk_positive_definite.py::test_tangent_kernel_is_positive_definite",
        "test_nothing.py::test_nothing",
        "../tests/conftest.py::x",
        "/etc/passwd::x",
        "::x",
        "",
    ],
)
def test_a_name_of_no_property_is_refused(name: str) -> None:
    """No file outside the folder is ever run."""
    with pytest.raises(click.ClickException, match="no property"):
        load_property(name)
