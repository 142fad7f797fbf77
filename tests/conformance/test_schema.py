"""The JSON Schema of a conformance report: committed, valid, met by the committed reports, and able to refuse."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from theory_check.conformance.writing import SCHEMA_FILE, conformance_schema
from theory_check.reporting.schema import schema_text

REPORTS = sorted((Path(__file__).parents[2] / "reports" / "conformance").glob("*/report.json"))


@pytest.fixture
def validator() -> jsonschema.Draft202012Validator:
    """Of the committed file."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_the_generated_one() -> None:
    """After a change of a record: python -m theory_check.conformance.writing."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(conformance_schema())


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.parent.name)
def test_committed_reports_meet_it(validator: jsonschema.Draft202012Validator, path: Path) -> None:
    """And do not when a field is missing, of another type, or unknown."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    validator.validate(report)
    for spoil in (
        lambda r: r.pop("library"),
        lambda r: r["results"][0].pop("drawn_again"),
        lambda r: r["results"][0].update(executed=-1),
        lambda r: r.update(exit_status=2),
        lambda r: r.update(more=1),
    ):
        spoilt = copy.deepcopy(report)
        spoil(spoilt)
        assert not validator.is_valid(spoilt)


def test_there_are_reports_to_check() -> None:
    """Of four libraries."""
    assert len(REPORTS) == 4
