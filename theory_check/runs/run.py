"""One runner: every trial that a request asks for, on some workers, and one report of what they found."""

import datetime as dt
import os
import shlex
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theory_check.runs.progress import Progress

if TYPE_CHECKING:
    from theory_check.reporting.records import Report
    from theory_check.runs.unfinished import UnfinishedRun
    from theory_check.runs.workers import Workers
    from theory_check.search.found import Found
    from theory_check.search.request import Request
    from theory_check.search.store import Store

ERROR_STATUS = 4


def run_properties(
    request: "Request",
    *,
    report_dir: str,
    workers: int | None = None,
    run: "UnfinishedRun | None" = None,
    elsewhere: "Workers | None" = None,
) -> tuple["Report", Path]:
    """Run every trial that a request asks for and write the reports.

    Args:
        request: what is asked for.
        report_dir: the folder below which they go.
        workers: processes of this machine; one for each core by default.
        run: keeps outcomes as they are reached; without it an interrupted command leaves nothing.
        elsewhere: workers to use in place of this machine's.

    Returns:
        the report, and the folder it was written to.

    Raises:
        click.Abort: interrupted; no report was written.
        click.exceptions.Exit: no report could be made; the reason has been printed.
    """
    from theory_check.reporting.records import ReportError
    from theory_check.runs.one_trial import CannotTakePart
    from theory_check.runs.workers import WorkersGone
    from theory_check.search.hypothesis_internals import InternalsGoneError, check_internals
    from theory_check.search.store import StoreError

    started, clock = dt.datetime.now(dt.UTC), time.perf_counter()
    store = None if run is None else run.store
    try:
        check_internals()
        if elsewhere is None:
            from theory_check.runs.local import LocalWorkers

            elsewhere = LocalWorkers(workers or os.cpu_count() or 1)
        trials, found, lost = _gathered(elsewhere, request, store)
        return _written(request, run, trials, found, lost, report_dir=report_dir, started=started, clock=clock)
    except KeyboardInterrupt:
        raise click.Abort from None
    except (CannotTakePart, InternalsGoneError, WorkersGone) as error:
        click.echo(f"theory-check: {error}", err=True)
        raise click.exceptions.Exit(ERROR_STATUS) from None
    except (StoreError, ReportError, click.ClickException) as error:
        click.echo(
            f"theory-check: no report: {error.message if isinstance(error, click.ClickException) else error}", err=True
        )
        raise click.exceptions.Exit(ERROR_STATUS) from None


def _gathered(workers: "Workers", request: "Request", store: "Store | None") -> "tuple[int, list[Found], list[str]]":
    """How many trials there are, what they found, from the store or from a worker now, and the names of those lost."""
    from theory_check.runs.one_trial import Job, identity_here, trials_of
    from theory_check.runs.properties import properties_folder
    from theory_check.runs.shard import asked
    from theory_check.runs.workers import Lost
    from theory_check.search.found import decode
    from theory_check.search.plan import record_name

    text = asked(request)
    folder = str(properties_folder()) if workers.reaches_store else None
    identity = identity_here(text, folder)
    trials = {record_name(prop, plan): (prop, plan) for prop, plan in trials_of(request)}
    if not trials:
        raise click.ClickException(f"there is no property of what was asked for in {properties_folder()}")
    kept = {name: None if store is None else store.trial(name) for name in trials}
    found = [decode(answer) for answer in kept.values() if answer is not None]
    jobs = [
        Job(
            name=name,
            request=text,
            test=trials[name][0].name,
            position=trials[name][1].position,
            identity=identity,
            cases={} if store is None or workers.reaches_store else store.cases(name),
            folder=str(store.path.parent) if store is not None and workers.reaches_store else None,
            properties=folder,
        )
        for name, answer in kept.items()
        if answer is None
    ]
    lost: list[str] = []
    with Progress() as progress:
        progress.begin(len(trials), len(found), workers.where)
        for job, answer in workers.answers(jobs):
            if isinstance(answer, Lost):
                lost.append(f"{job.name}: {answer.reason}")
            else:
                if store is not None and not workers.reaches_store:
                    store.add_trial(job.name, answer)
                found.append(decode(answer))
            progress.advance(job.name)
    return len(trials), found, lost


def _written(
    request: "Request",
    run: "UnfinishedRun | None",
    trials: int,
    found: "list[Found]",
    lost: list[str],
    *,
    report_dir: str,
    started: dt.datetime,
    clock: float,
) -> "tuple[Report, Path]":
    from theory_check.runs.assembly import assemble
    from theory_check.runs.shard import shard_of
    from theory_check.runs.writing import new_run_name, write_reports, write_run
    from theory_check.search.store import StoreError

    told: dict[str, str] = {}
    seconds = time.perf_counter() - clock
    if run is not None:
        # One that was damaged meanwhile costs no verdict; its trials say so in the report's warnings.
        with suppress(StoreError):
            told, seconds = dict(run.store.identity()), run.store.seconds()
    report = assemble(
        found,
        request=request,
        command=told.get("command", typed_command()),
        started=dt.datetime.fromisoformat(told["started"]) if told else started,
        seconds=seconds,
        lost=lost,
    )
    if run is None:
        return report, write_reports(report, Path(report_dir) / new_run_name(report.started, report.seed))
    shard = shard_of(report, request, identity=told, trials=trials, found=found, lost=lost)
    return report, write_run(report, run.folder, shard)


def typed_command() -> str:
    """The command line of this process, shell-quoted."""
    return shlex.join(["theory-check", *sys.argv[1:]])
