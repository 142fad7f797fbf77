"""What is tested is what users install: the wheel, with the properties inside."""

import json
import os
from importlib.metadata import distribution
from pathlib import Path

import theory_check

PACKAGE = Path(theory_check.__file__).parent


def _is_editable() -> bool:
    direct = distribution("theory-check").read_text("direct_url.json")
    return direct is not None and bool(json.loads(direct).get("dir_info", {}).get("editable"))


def test_the_installed_package_is_imported() -> None:
    """Not the source beside the tests; an editable install is for development and tox does not accept it."""
    editable = _is_editable() and "THEORY_CHECK_TEST_WHEEL" not in os.environ
    assert editable or "site-packages" in PACKAGE.parts


def test_the_package_brings_its_properties_and_schema() -> None:
    """Everything that an audit needs lies in the package, or beside it in a checkout."""
    properties = PACKAGE.parent / "properties" if _is_editable() else PACKAGE / "_properties"
    assert (properties / "pytest.ini").is_file()
    assert len(list(properties.glob("test_*.py"))) >= 5
    assert all((PACKAGE / room / "report.schema.json").is_file() for room in ("reporting", "conformance"))
    assert (PACKAGE / "py.typed").is_file()
