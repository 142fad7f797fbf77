"""verdicts.json: the verdicts of an audit, one trial a line, in their public format (verdicts.schema.json)."""

import json
from typing import Any

import msgspec

from theory_check.reporting.json_writer import plain
from theory_check.reporting.recorded import decode_verdicts
from theory_check.reporting.records import Report
from theory_check.reporting.verdicts import verdicts_of


def render(report: Report) -> str:
    """The verdicts of a report as JSON text; equal verdicts, counts and environments give equal text.

    What is returned has been read back.

    Raises:
        ReportError: as `json_writer.render`.
    """
    document = _without_nulls(plain(verdicts_of(report), "$"))
    text = _text(document, depth=0) + "\n"
    decode_verdicts(text.encode(), "the verdicts to be written")
    return text


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _text(value: Any, depth: int) -> str:
    """Indented by one blank a level down to the trials, which are a line each: a change of one is a line in a diff."""
    one_line = not isinstance(value, dict | list) or not value or (isinstance(value, dict) and "stratum" in value)
    if one_line:
        return msgspec.json.encode(value).decode()
    inner, outer = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_text(item, depth + 1)}" for key, item in value.items()]
        return "{" + inner + f",{inner}".join(parts) + outer + "}"
    return "[" + inner + f",{inner}".join(_text(item, depth + 1) for item in value) + outer + "]"
