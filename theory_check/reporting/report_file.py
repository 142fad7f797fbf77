"""Where the report of a run lies, and what stands in it, gzip-compressed or not."""

import gzip
import io
import zlib
from pathlib import Path

from theory_check.reporting.records import ReportError

REPORT_FILE, COMPRESSED_FILE, VERDICTS_FILE = "report.json", "report.json.gz", "verdicts.json"
# In the order in which a folder is looked through.
FULL_REPORTS = (REPORT_FILE, COMPRESSED_FILE)
_GZIP = b"\x1f\x8b"


def content_of(path: Path, names: tuple[str, ...] = FULL_REPORTS) -> tuple[bytes, str]:
    """The JSON text of a report, and the name of its file as messages show it.

    Args:
        path: the file; or a folder, of which the first file of `names` is taken. A file that is not there is looked for
            with ".gz" at its end, so that commands which name report.json work where the report was compressed.
        names: files that a folder may hold.

    Raises:
        ReportError: there is no such file, or it cannot be read or decompressed; the message is one line.
    """
    path = Path(path)
    try:
        if path.is_dir():
            path = next((path / name for name in names if (path / name).is_file()), path / names[0])
        elif not path.exists() and (compressed := path.with_name(f"{path.name}.gz")).is_file():
            path = compressed
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ReportError(f"cannot read report {str(path)!r}: {error.strerror}{_what_is_there(path)}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise ReportError(f"cannot read report {str(path)!r}: {reason}") from None
    name = repr(str(path))
    if not content.startswith(_GZIP):
        return content, name
    try:
        return gzip.decompress(content), name
    except (OSError, EOFError, zlib.error) as error:
        raise ReportError(f"{name} cannot be decompressed, it is damaged or was cut short: {error}") from None


def compressed(text: str) -> bytes:
    """A text for a file that ends in .gz: without a name or a time, so that equal texts give equal bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(text.encode())
    return buffer.getvalue()


def _what_is_there(path: Path) -> str:
    """What helps where only the verdicts of an audit were kept."""
    if path.name not in FULL_REPORTS or not path.with_name(VERDICTS_FILE).is_file():
        return ""
    return f"; {VERDICTS_FILE} beside it holds verdicts alone: audit with its profile and seed to get the report"
