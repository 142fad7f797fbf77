"""The JSON Schema of a report (2020-12): what msgspec derives from the records, and what it cannot say.

msgspec treats a field with a default as optional; a written report has every field, so the schema requires them all but
those that are left out where they are not set.
"""

import inspect
import json
import re
from typing import Any

import msgspec

from theory_check.case.record import AnyCase
from theory_check.claims.paper import paper_on_trial
from theory_check.reporting.records import FORMAT_VERSION, Report

SCHEMA_ID = f"https://theory-check.invalid/schema/report-{FORMAT_VERSION}.json"

# Checks of __post_init__ that JSON Schema can express; {record: {field: keywords}}.
_RANGES: dict[str, dict[str, dict[str, Any]]] = {
    "NeuralODE": {
        "sigma_u": {"exclusiveMinimum": 0},
        "sigma_w": {"minimum": 0},
        "sigma_v": {"exclusiveMinimum": 0},
        "horizon": {"exclusiveMinimum": 0},
    },
    "Source": {"kinds": {"minItems": 1}, **{name: {"pattern": "\\S"} for name in ("where", "says", "reading")}},
    "Explicit": {"rows": {"minItems": 1, "items": {"type": "array", "items": {"type": "number"}, "minItems": 1}}},
}
_CONTROLS_SAY_WHETHER_EXPECTED = {
    "if": {"properties": {"kind": {"const": "control"}}, "required": ["kind"]},
    "then": {"properties": {"as_expected": {"type": "boolean"}}},
    "else": {"properties": {"as_expected": {"type": "null"}}},
}
# Fields of later additions, left out of records that do not have them; {record: fields}.
_LEFT_OUT = {
    "Case": {"model"},
    "Trial": {"search"},
    "ClaimReport": {"counts"},
    "Report": {"on_trial"},
    "ClaimVerdict": {"reading", "counts"},
    "TrialVerdict": {
        *("search", "defect", "assumption", "departure", "conclusion", "worst_ratio"),
        *("expected_verdict", "expected_conclusion", "as_expected"),
    },
}
_ENTRY = re.compile(r"^(\w+(?:, \w+)*): (.+(?:\n +.+)*)", re.MULTILINE)


def report_schema() -> dict[str, Any]:
    """The schema that `report.schema.json` holds, as a JSON value."""
    schema = schema_of(Report, SCHEMA_ID, f"Report of a theory-check audit, format {FORMAT_VERSION}")
    schema["$defs"]["Trial"] |= _CONTROLS_SAY_WHETHER_EXPECTED
    return schema


def schema_of(record: type[msgspec.Struct], identifier: str, title: str) -> dict[str, Any]:
    """The schema of a written record, as a JSON value."""
    case = paper_on_trial().case

    def definition_of_case(kind: type) -> dict[str, Any]:
        if kind is not AnyCase:
            raise NotImplementedError(f"no schema of {kind.__name__}")
        return {"$ref": f"#/$defs/{case.__name__}"}

    derived = msgspec.json.schema(record, schema_hook=definition_of_case)
    if f"#/$defs/{case.__name__}" in json.dumps(derived):
        derived["$defs"] |= msgspec.json.schema(case)["$defs"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        "title": title,
        "$ref": derived["$ref"],
        "$defs": {name: _strict(name, derived["$defs"][name]) for name in sorted(derived["$defs"])},
    }


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as text, the exact content of a committed file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _strict(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """One record: its fields required, no others, descriptions taken from its docstring."""
    definition = dict(definition)
    # Python 3.13 strips the indentation of docstrings, earlier ones keep it: one spelling for all.
    documentation = inspect.cleandoc(definition.get("description", ""))
    definition["description"] = documentation.split("\n\n", 1)[0]
    if "properties" not in definition:
        return definition
    described = {
        field: " ".join(text.split())
        for fields, text in _ENTRY.findall(documentation)
        for field in fields.split(", ")
        if field in definition["properties"]
    }
    definition["properties"] = {
        field: _without_defaults(keywords)
        | _RANGES.get(name, {}).get(field, {})
        | ({"description": described[field]} if field in described else {})
        for field, keywords in definition["properties"].items()
    }
    definition["required"] = [f for f in definition["properties"] if f not in _LEFT_OUT.get(name, set())]
    return definition


def _without_defaults(keywords: dict[str, Any]) -> dict[str, Any]:
    # A default means "may be absent" to a reader; `discriminator` is OpenAPI's, unknown to JSON Schema.
    return {key: value for key, value in keywords.items() if key not in {"default", "discriminator"}}
