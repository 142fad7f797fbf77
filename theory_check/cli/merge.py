"""`theory-check merge`: the shards of an audit become its report."""

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.runs.shard import Shard
    from theory_check.search.request import Request


@click.command()
@click.argument("shards", nargs=-1, required=True, metavar="DIR...")
@click.option("--report-dir", default="reports", show_default=True, metavar="DIR", help="Reports go below this folder.")
@click.option("--baseline", default=None, metavar="REPORT", help="As of audit: exit 0 when verdicts are this report's.")
@click.option("--strict", is_flag=True, help="As of audit: readings count, also where the shards were run without it.")
def merge(shards: tuple[str, ...], report_dir: str, baseline: str | None, *, strict: bool) -> None:
    """Judge the claims over all shards of an audit, and write the report of an audit that ran every trial itself.

    DIR is the folder of a run with `audit --shard i/n`, or one above such folders. All n must be there, once each.
    """
    from theory_check.cli.gate import end_with
    from theory_check.reporting.recorded import load_recorded
    from theory_check.reporting.records import ReportError
    from theory_check.runs.run import typed_command
    from theory_check.runs.shard import merged, require_whole
    from theory_check.runs.writing import new_run_name, require_writable, write_reports

    try:
        recorded = load_recorded(Path(baseline)) if baseline is not None else None
        require_writable(Path(report_dir))
        found = _shards(shards)
        require_whole(found)
        request = _request(next(iter(found.values())))
        request = replace(request, strict=request.strict or strict)
        report = merged(list(found.values()), request, typed_command())
        folder = write_reports(report, Path(report_dir) / new_run_name(report.started, report.seed))
    except ReportError as error:
        raise click.ClickException(f"{error}{_unfinished(shards)}") from None
    end_with(report, folder, request, baseline=baseline, recorded=recorded)


def _shards(places: tuple[str, ...]) -> "dict[str, Shard]":
    """The shards in some folders, or in the folders below them, by where they lie; each folder once."""
    from theory_check.reporting.records import ReportError
    from theory_check.runs.shard import SHARD_FILE, load_shard

    files: dict[str, Path] = {}
    for place in map(Path, places):
        # What CI downloads as one artifact a job has a folder more above it.
        below = [place] if place.is_file() else sorted(place.rglob(SHARD_FILE))
        if not below:
            raise ReportError(
                f"no shard at {str(place)!r}: it must be the folder of a run with --shard i/n, or above one"
            )
        files |= {os.path.realpath(file): file for file in below}
    return {str(file.parent): load_shard(file) for file in files.values()}


def _unfinished(places: tuple[str, ...]) -> str:
    """What a reader of an error should know: an interrupted run below these folders; else empty."""
    from theory_check.runs.unfinished import SUFFIX

    found = sorted(str(folder) for place in places for folder in Path(place).rglob(f"*{SUFFIX}"))
    return f"; {found[0]!r} was interrupted: theory-check audit --resume {shlex.quote(found[0])}" if found else ""


def _request(shard: "Shard") -> "Request":
    import msgspec

    from theory_check.reporting.records import ReportError
    from theory_check.search.request import RequestError, read_request

    try:
        return read_request(shard.request)
    except (msgspec.DecodeError, RequestError) as error:
        raise ReportError(f"shard {shard.number}/{shard.of} holds no request of this version: {error}") from None
