"""report.json: the report itself, in its public and stable format (report.schema.json)."""

import math
from typing import Any

import msgspec
import numpy as np

from theory_check.reporting.document import decode_report
from theory_check.reporting.records import Report, ReportError

MAX_INTEGER = 2**63 - 1


def render(report: Report) -> str:
    """The report as JSON text: indented, dictionaries sorted by key, so that equal reports give equal text.

    NumPy scalars become plain numbers. What is returned has been read back: nothing is written that `load_report`
    would refuse.

    Raises:
        ReportError: a number is not finite (JSON has no NaN, and msgspec would write null), a value is of a type
            that JSON does not have, or a field breaks the schema; the message names the field.
    """
    encoded = msgspec.json.encode(plain(report, "$"))
    decode_report(encoded, "the report to be written")
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def plain(value: Any, path: str) -> Any:
    """A record or another value as JSON has it, NumPy scalars as numbers; `path` says in messages where it stands.

    Raises:
        ReportError: a number is not finite, or a value is of a type that JSON does not have.
    """
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case msgspec.Struct():
            config = value.__struct_config__
            tagged = {} if config.tag_field is None else {config.tag_field: config.tag}
            fields = {field: getattr(value, field) for field in value.__struct_fields__}
            return tagged | {
                field: plain(inner, f"{path}.{field}") for field, inner in fields.items() if inner is not msgspec.UNSET
            }
        case dict():
            return {_text(key, path): plain(value[key], f"{path}.{key}") for key in sorted(value, key=str)}
        case list() | tuple():
            return [plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
        case str():
            return _text(value, path)
        case float() if not math.isfinite(value):
            raise ReportError(f"a number in a report must be finite, got {value!r} at `{path}`")
        case int() if abs(value) > MAX_INTEGER:
            raise ReportError(f"an integer in a report must fit in 64 bits, got {value} at `{path}`")
        case None | bool() | int() | float():
            return value
    raise ReportError(f"a report holds numbers, text, booleans and null, got {type(value).__name__} at `{path}`")


def _text(value: object, path: str) -> str:
    """Text that UTF-8 can write: bytes of a command line that are no UTF-8 arrive as lone surrogates."""
    if not isinstance(value, str):
        raise ReportError(f"keys in a report must be text, got {value!r} at `{path}`")
    return str(value).encode("utf-8", "backslashreplace").decode()
