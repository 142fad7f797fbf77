"""The report as one document: its records, how it is read, and how a case is found in it.

`python -m theory_check.reporting.document` writes the JSON Schema again after a change of a record.
"""

import difflib
from pathlib import Path
from typing import Any

import msgspec

from theory_check.case.record import case_hook
from theory_check.claims.paper import paper_on_trial, reference_on_trial
from theory_check.judge.verdict import Outcome
from theory_check.reporting.matrix import Cell, Row, claim_matrix
from theory_check.reporting.records import (
    FORMAT_VERSION,
    Budget,
    ClaimReport,
    Environment,
    Report,
    ReportError,
    Subject,
    Trial,
    is_judged,
    subject_of,
)
from theory_check.reporting.report_file import content_of
from theory_check.reporting.schema import report_schema, schema_text

__all__ = [
    "FORMAT_VERSION",
    "Budget",
    "Cell",
    "ClaimReport",
    "Environment",
    "Report",
    "ReportError",
    "Row",
    "Subject",
    "Trial",
    "claim_matrix",
    "decode_report",
    "find_outcome",
    "is_judged",
    "load_report",
    "subject_of",
]

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")


class _Head(msgspec.Struct):
    """What every file of ours says first."""

    tool: Any = None


def load_report(path: Path) -> Report:
    """Read a report.

    Args:
        path: a report.json or report.json.gz, or a folder that holds one; where report.json is not there,
            report.json.gz is read in its place.

    Raises:
        ReportError: the file is absent, holds verdicts alone, is unreadable, cut short, no JSON, of another format
            version, or breaks the schema; the message is one line and shows the place inside the document.
    """
    return decode_report(*content_of(path))


def decode_report(content: bytes, name: str) -> Report:
    """Read a report from its JSON text; `name` says in messages which one it is. Raises as `load_report`."""
    try:
        document = msgspec.json.decode(content)
    except msgspec.ValidationError as error:
        raise ReportError(f"{name} is no report: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReportError(f"{name} is not JSON, or was cut short: {error}") from None
    if holds_verdicts(content):
        raise ReportError(f"{name} holds verdicts alone, no cases or values: a report.json or report.json.gz is needed")
    if not isinstance(document, dict) or document.get("tool") != "theory-check":
        raise ReportError(f"{name} is no report of theory-check: `tool` must be 'theory-check' at the top")
    if document.get("format_version") != FORMAT_VERSION:
        version = repr(document.get("format_version"))[:40]
        raise ReportError(
            f"{name} has format version {version}, this theory-check reads {FORMAT_VERSION}: audit again to get one"
        )
    # Cases of a paper that is not on trial here stay as they are written: its code is not run to read a report.
    known = document.get("on_trial", "") == reference_on_trial()
    try:
        report = msgspec.json.decode(content, type=Report, dec_hook=case_hook(paper_on_trial().case if known else None))
    except msgspec.ValidationError as error:
        raise ReportError(f"{name} breaks the schema of a report: {error}") from None
    _require_every_field(document, msgspec.to_builtins(report), "$", name)
    return report


def holds_verdicts(content: bytes) -> bool:
    """Whether a JSON text says that it holds the verdicts of an audit alone; False where it is no JSON."""
    try:
        return bool(msgspec.json.decode(content, type=_Head).tool == "theory-check verdicts")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def find_outcome(report: Report, case_id_or_prefix: str) -> Outcome:
    """The outcome of a judged case, by its id or any unambiguous beginning of it.

    Raises:
        ReportError: no case, or more than one, has such an id.
    """
    wanted = case_id_or_prefix.strip().lower()
    outcomes = [outcome for claim in report.claims for outcome in claim.outcomes]
    identifiers = sorted({outcome.case_id for outcome in outcomes})
    matching = [identifier for identifier in identifiers if wanted and identifier.startswith(wanted)]
    if not matching:
        near = difflib.get_close_matches(wanted, identifiers, n=3, cutoff=0.0)
        hint = f"nearest: {', '.join(near)}" if near else "it has no cases"
        raise ReportError(f"no case {case_id_or_prefix!r} in this report; {hint}")
    if len(matching) > 1:
        shown = ", ".join(matching[:5]) + (", ..." if len(matching) > 5 else "")
        raise ReportError(f"case {case_id_or_prefix!r} is ambiguous: {len(matching)} cases begin so: {shown}")
    # One id, one verdict: where two trials met the same case their outcomes are equal.
    return next(outcome for outcome in outcomes if outcome.case_id == matching[0])


def _require_every_field(document: Any, complete: Any, path: str, name: str) -> None:
    """Reading fills absent fields with defaults; a report that lost a field must be refused, as by the schema."""
    if isinstance(complete, dict):
        for key, value in complete.items():
            if key not in document:
                raise ReportError(f"{name} breaks the schema of a report: missing field `{key}` - at `{path}`")
            _require_every_field(document[key], value, f"{path}.{key}", name)
    elif isinstance(complete, list | tuple):
        for index, value in enumerate(complete):
            _require_every_field(document[index], value, f"{path}[{index}]", name)


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(report_schema()), encoding="utf-8")
