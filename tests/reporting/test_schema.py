"""The published JSON Schema accepts reports and nothing else, and agrees with the reader."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.claims.claim import Unmet
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.claims.quantities import JOINT_RATE
from theory_check.reporting.document import SCHEMA_FILE, ReportError, decode_report
from theory_check.reporting.json_writer import render
from theory_check.reporting.schema import report_schema, schema_text

NULLABLE = {
    "conclusion",
    "minimal",
    "defect",
    "expected_verdict",
    "expected_conclusion",
    "worst_ratio",
    "measured",
    "bound",
    "ratio",
    "pinned",
    "labels",
    "axes",
    "low",
    "high",
    "constant",
    "replicates_needed",
    "detectable",
    "smallest_detectable",
    "scale",
    "p_value",
    "predicted",
    "refuted_from",
    "supported_to",
    "unmet",
    "evidence",
}
FREE = {"numbers", "versions"}  # dictionaries whose keys are names, not fields
COUNTS = {
    "requested",
    "executed",
    "comparisons",
    "shrink_calls",
    "processors",
    "torch_threads",
    "declared_calls",
    "calls",
    "width",
    "count",
    "dimension",
    "rows",  # of digits
    "exit_status",
    "format_version",
}
NOT_NEGATIVE = COUNTS | {"seconds", "sigma_u", "sigma_w", "sigma_v", "horizon", "total", "level"}
WORDS = {"verdict", "conclusion", "kind", "quantifier", "structure", "tool", "expected_verdict", "expected_conclusion"}
PATTERNS = {"case_id", "minimal", "started"}
VALUES: tuple[Any, ...] = ({}, [], "zz", -1, 0.5, True, None)

# What the records check and JSON Schema cannot say.
BEYOND_THE_SCHEMA = ("must be among the outcomes", "must occur once", "must be one for each row", "of one length")

Path = tuple[str | int, ...]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """The committed schema."""
    return jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


@pytest.fixture
def document(build) -> dict[str, Any]:
    """A valid report as JSON in which every record occurs."""
    (claim,) = build.full().claims
    unmet = {"verdict": Verdict.ASSUMPTIONS_NOT_MET, "unmet": Unmet("phi is smooth", "it jumps")}
    judged = [
        build.outcome(msgspec.structs.replace(build.smooth, width=3 + place), evidence=evidence, **unmet)
        for place, evidence in enumerate(build.evidence)
    ]
    slope = build.outcome(build.kink, quantity=JOINT_RATE, test="test_file.py::other")
    claim = msgspec.structs.replace(claim, outcomes=(*claim.outcomes, *judged, slope))
    return json.loads(render(msgspec.structs.replace(build.full(), claims=(claim,))))


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a document, the root excluded."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def at(document: Any, path: Path) -> Any:
    """What stands at a place."""
    for key in path:
        document = document[key]
    return document


def put(document: Any, path: Path, value: Any) -> Any:
    """A copy with another value at a place."""
    changed = copy.deepcopy(document)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def field_of(path: Path) -> str:
    """The name of the field a place belongs to."""
    return next(key for key in reversed(path) if isinstance(key, str))


def kind_of(value: Any) -> str:
    """The JSON type."""
    if isinstance(value, bool) or value is None:
        return str(type(value))
    return "number" if isinstance(value, int | float) else type(value).__name__


def test_the_committed_schema_is_the_generated_one():
    """After a change of a record: python -m theory_check.reporting.document."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(report_schema())


def test_the_schema_is_a_schema_and_closed():
    """Valid against its own metaschema; no record allows other fields or leaves one out; all are described."""
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"]
    assert schema["title"]
    for name, record in schema["$defs"].items():
        assert record["description"], name
        assert "\n    " not in record["description"], name
        if "properties" in record:
            assert record["additionalProperties"] is False, name
            # Alone left out where they are not set, as in every report from before there were any.
            unset = {"Case": {"model"}, "Trial": {"search"}, "ClaimReport": {"counts"}, "Report": {"on_trial"}}.get(
                name, set()
            )
            assert record["required"] == [field for field in record["properties"] if field not in unset], name
    for name in ("Report", "ClaimReport", "Source", "Trial", "Budget", "Environment"):
        for field, keywords in schema["$defs"][name]["properties"].items():
            assert keywords.get("description") or field == "outcomes", f"{name}.{field}"


@settings(max_examples=50)
@given(data=st.data())
def test_every_written_report_is_valid(reports, validator, data):
    """Whatever is written obeys the published schema."""
    validator.validate(json.loads(render(data.draw(reports))))


def test_a_report_without_any_field_or_with_one_more_is_invalid(validator, document):
    """Each field of each record is taken away once, and each record is given one more."""
    validator.validate(document)
    checked = 0
    for path in [(), *places(document)]:
        record = at(document, path)
        if not isinstance(record, dict) or (path and path[-1] in FREE):
            continue
        changed = copy.deepcopy(document)
        at(changed, path)["surplus"] = 1
        assert not validator.is_valid(changed), path
        for key in record:
            changed = copy.deepcopy(document)
            del at(changed, path)[key]
            assert not validator.is_valid(changed), (*path, key)
            checked += 1
    assert checked > 150


def test_a_report_with_a_value_of_another_type_is_invalid(validator, document):
    """Each value is replaced by one of every other JSON type."""
    checked = 0
    for path in places(document):
        old, field = at(document, path), field_of(path)
        for new in VALUES:
            allowed = (
                kind_of(new) == kind_of(old)
                or old is None
                or (new is None and field in NULLABLE)
                or ("numbers" in path[:-1] and not isinstance(new, dict | list))
            )
            if not allowed:
                assert not validator.is_valid(put(document, path, new)), (path, new)
                checked += 1
    assert checked > 500


def test_a_report_with_a_value_out_of_range_is_invalid(validator, document):
    """Negative or fractional counts, misspelt words, and names that break their pattern."""
    checked = dict.fromkeys(("negative", "fractional", "word", "pattern"), 0)
    for path in places(document):
        old, field = at(document, path), field_of(path)
        if isinstance(old, bool) or old is None or "numbers" in path:
            continue
        if field in NOT_NEGATIVE and isinstance(old, int | float) and not (field == "rows" and isinstance(old, float)):
            assert not validator.is_valid(put(document, path, -1)), path
            checked["negative"] += 1
        if field in COUNTS and isinstance(old, int):
            assert not validator.is_valid(put(document, path, old + 0.5)), path
            checked["fractional"] += 1
        if field in WORDS:
            assert not validator.is_valid(put(document, path, f"{old}s")), path
            checked["word"] += 1
        if field in PATTERNS:
            for wrong in (f"{old}0", old[1:], old.upper().replace("0", "O") + "X"):
                assert not validator.is_valid(put(document, path, wrong)), (path, wrong)
            checked["pattern"] += 1
    assert min(checked.values()) >= 5, checked


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format_version",), 1),
        (("exit_status",), 2),
        (("budget", "total"), 0.0),
        (("budget", "total"), 1.5),
        (("started",), "2026-05-04T03:15:00+02:00"),
        (("claims", 0, "outcomes", 2, "case", "data", "rows"), [1797]),
        (("claims", 0, "outcomes", 1, "case", "data", "rows"), []),
        (("claims", 0, "outcomes", 1, "case", "data", "kind"), "sphere"),
        (("claims", 0, "trials", 0, "as_expected"), True),
        (("claims", 0, "trials", 2, "as_expected"), None),
        (("claims", 0, "trials", 2, "kind"), "random"),
    ],
)
def test_single_values_that_are_wrong_are_invalid(validator, document, path, value):
    """Limits that no general mutation reaches."""
    assert not validator.is_valid(put(document, path, value))


def test_a_source_is_a_sentence_or_a_whole_record(validator, build, claim):
    """Schema and reader agree on every part of it that is missing, surplus or of another kind."""
    document = json.loads(render(build.report(claim("one", "digest", counts=True))))
    validator.validate(document)
    source = document["claims"][0]["source"]
    good = ["a sentence", source, source | {"kinds": ["digest", "hedged"]}, source | {"paper_scale": "x"}]
    bad = [{name: value for name, value in source.items() if name != left_out} for left_out in source]
    bad += [
        source | {"surplus": 1},
        source | {"kinds": []},
        source | {"kinds": ["rumour"]},
        source | {"kinds": "digest"},
    ]
    bad += [source | {name: value} for name in ("where", "says", "reading") for value in ("", " ", None, 1)]
    bad += [source | {"other_readings": "x"}, source | {"other_readings": [1]}, None, 3, []]
    for value, valid in [(value, True) for value in good] + [(value, False) for value in bad]:
        changed = put(document, ("claims", 0, "source"), value)
        assert validator.is_valid(changed) is valid, value
        if valid:
            decode_report(json.dumps(changed).encode(), "it")
        else:
            with pytest.raises(ReportError):
                decode_report(json.dumps(changed).encode(), "it")
    for value in (None, 1, "yes"):
        assert not validator.is_valid(put(document, ("claims", 0, "counts"), value)), value


def test_the_schema_and_the_reader_agree_on_every_mutation(validator, document):
    """Two independent judges, jsonschema and msgspec, say the same about thousands of changed reports."""
    disagreements = []
    for path in places(document):
        for new in (*VALUES, "absent"):
            if new == "absent":
                changed = copy.deepcopy(document)
                del at(changed, path[:-1])[path[-1]]
            else:
                changed = put(document, path, new)
            try:
                decode_report(json.dumps(changed).encode(), "it")
                message = ""
            except ReportError as error:
                message = str(error)
            if any(words in message for words in BEYOND_THE_SCHEMA):
                continue
            if validator.is_valid(changed) is bool(message):
                disagreements.append((path, new, message))
    assert disagreements == []
