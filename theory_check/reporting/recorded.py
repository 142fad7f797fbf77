"""What a new audit is compared with: a full report, or verdicts alone.

`python -m theory_check.reporting.recorded` writes the JSON Schema of verdicts.json again after a change of a record.
"""

from pathlib import Path
from typing import Any

import msgspec

from theory_check.reporting.document import decode_report, holds_verdicts
from theory_check.reporting.records import Report, ReportError
from theory_check.reporting.report_file import FULL_REPORTS, VERDICTS_FILE, content_of
from theory_check.reporting.schema import schema_of, schema_text
from theory_check.reporting.verdicts import VERDICTS_VERSION, Verdicts

SCHEMA_FILE = Path(__file__).with_name("verdicts.schema.json")


def load_recorded(path: Path) -> Report | Verdicts:
    """Read a recorded audit.

    Args:
        path: a report.json, a report.json.gz, a verdicts.json, or a folder that holds one; the first of a folder's in
            this order is taken.

    Raises:
        ReportError: the file is absent, unreadable, cut short, no JSON, of another format version, or breaks its
            schema; the message is one line.
    """
    content, name = content_of(path, (*FULL_REPORTS, VERDICTS_FILE))
    return decode_verdicts(content, name) if holds_verdicts(content) else decode_report(content, name)


def decode_verdicts(content: bytes, name: str) -> Verdicts:
    """Read verdicts from their JSON text; `name` says in messages which they are. Raises as `load_recorded`."""
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReportError(f"{name} is not JSON, or was cut short: {error}") from None
    if not isinstance(document, dict) or document.get("tool") != "theory-check verdicts":
        raise ReportError(f"{name} holds no verdicts: `tool` must be 'theory-check verdicts' at the top")
    version = document.get("format_version")
    if version != VERDICTS_VERSION or isinstance(version, bool):
        raise ReportError(
            f"{name} has verdicts of format version {repr(version)[:40]}, this theory-check reads {VERDICTS_VERSION}"
        )
    try:
        return msgspec.json.decode(content, type=Verdicts)
    except msgspec.ValidationError as error:
        raise ReportError(f"{name} breaks the schema of verdicts: {error}") from None


def verdicts_schema() -> dict[str, Any]:
    """The schema that `verdicts.schema.json` holds, as a JSON value."""
    identifier = f"https://theory-check.invalid/schema/verdicts-{VERDICTS_VERSION}.json"
    title = f"Verdicts of a theory-check audit, format {VERDICTS_VERSION}"
    schema = schema_of(Verdicts, identifier, title)
    schema["$defs"]["TrialVerdict"] |= {
        "if": {"properties": {"kind": {"const": "control"}}, "required": ["kind"]},
        "then": {"properties": {"as_expected": {"type": "boolean"}}, "required": ["as_expected"]},
        "else": {"properties": {"as_expected": {"type": "null"}}},
    }
    return schema


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(verdicts_schema()), encoding="utf-8")
