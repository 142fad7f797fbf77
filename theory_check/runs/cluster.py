"""An audit on the workers of a Dask cluster: trials go out, what they found comes into the run's one store.

Dask gives a trial whose worker died to another one, and a trial is written down once, when its answer arrives. What a
scheduler that vanishes has not answered is not there: the run is resumed like any other.
"""

import datetime as dt
import logging
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theory_check.runs.progress import Progress
from theory_check.runs.run import ERROR_STATUS, worker_environment

if TYPE_CHECKING:
    from distributed import Client

    from theory_check.reporting.records import Report
    from theory_check.runs.unfinished import UnfinishedRun
    from theory_check.search.found import Found
    from theory_check.search.request import Request
    from theory_check.search.store import Store

HAS_DASK = find_spec("distributed") is not None
CONNECT_SECONDS = 10
LOOK_EVERY = 5.0  # seconds
# Those that Dask gives a level and a handler of their own.
LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application")


class SchedulerGone(Exception):
    """A scheduler does not answer any more."""


def require_cluster(address: str, request: "Request") -> None:
    """Check before a run begins that a scheduler is there and that its workers may take part.

    Raises:
        click.ClickException: Dask or the scheduler is missing, or a worker has other code, data or versions; one line.
    """
    from theory_check.runs.cluster_trial import identity_here, what_differs
    from theory_check.runs.shard import asked

    with _client(address) as client:
        here = identity_here(asked(request))
        for worker, answer in client.run(identity_here, asked(request), on_error="return").items():
            # Where theory-check is not installed the function itself cannot be loaded.
            problem = (
                what_differs(here, answer) if isinstance(answer, Mapping) else f"{type(answer).__name__}: {answer}"
            )
            if problem:
                said = " ".join(problem.split())[:300]
                raise click.ClickException(f"worker {worker} of {address} cannot take part: {said}")


def run_on_cluster(
    request: "Request", run: "UnfinishedRun", *, address: str | None, workers: int | None
) -> "tuple[Report, Path]":
    """Run every trial of a request on a cluster, and write what an audit ends with.

    Args:
        request: what is asked for.
        run: whose store gets what is found.
        address: of a scheduler; None for a cluster of this machine.
        workers: processes of that cluster.

    Raises:
        click.exceptions.Exit: the scheduler is gone, or a worker has other code; the reason has been printed.
    """
    from theory_check.reporting.records import ReportError
    from theory_check.runs.cluster_trial import CannotTakePart
    from theory_check.search.store import StoreError

    try:
        with _local(workers or 1) if address is None else _client(address) as client:
            found, lost = _gathered(client, request, run.store)
        return _written(request, run, found, lost)
    except SchedulerGone:
        problem = f"the scheduler at {address or 'this machine'} is gone; what had been found is kept"
    except (CannotTakePart, StoreError, ReportError, click.ClickException) as error:
        problem = str(error)
    click.echo(f"theory-check: {problem}", err=True)
    raise click.exceptions.Exit(ERROR_STATUS)


@contextmanager
def _client(address: str) -> "Iterator[Client]":
    if not HAS_DASK:
        raise click.ClickException("--dask needs Dask: pip install 'theory-check[distributed]'")
    from distributed import Client
    from distributed.comm.addressing import get_address_host_port
    from distributed.comm.registry import get_backend

    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what it means is said in a line of ours
    try:
        # Before there is a client: one that was given no address leaves a thread and a traceback behind.
        full = address if "://" in address else f"tcp://{address}"
        get_backend(full.partition("://")[0])
        get_address_host_port(full, strict=True)
        client = Client(full, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())[:200]
        raise click.ClickException(f"no Dask scheduler answers at {address!r}: {said}") from None
    try:
        yield client
    finally:
        with suppress(Exception):  # of a scheduler that is gone there is nothing to take leave of
            client.close(timeout=CONNECT_SECONDS)


@contextmanager
def _local(workers: int) -> "Iterator[Client]":
    """A cluster of this machine: spawned processes, one compute thread each."""
    import dask
    from distributed import Client, LocalCluster

    settings = {
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.worker.daemon": True,
    }
    with ExitStack() as stack:
        stack.enter_context(worker_environment())
        stack.enter_context(dask.config.set(settings))
        with _interrupts_ignored():  # by the processes that are started: Ctrl-C is for this one
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # none is shown; a fixed port may be taken
                    memory_limit=0,  # what a trial allocates is checked before it does, by its own rule
                    silence_logs=logging.CRITICAL,
                )
            )
        yield stack.enter_context(Client(cluster, set_as_default=False))


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # whose handlers are not ours to set
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _gathered(client: "Client", request: "Request", store: "Store") -> "tuple[list[Found], list[str]]":
    """What every trial found, from the store or from a worker that is given it now, and the names of those lost."""
    from theory_check.runs.cluster_trial import identity_here, judge_trial, trials_of
    from theory_check.runs.shard import asked
    from theory_check.search.found import decode
    from theory_check.search.plan import record_name

    text = asked(request)
    identity = identity_here(text)
    trials = {record_name(prop, plan): (prop, plan) for prop, plan in trials_of(request)}
    kept = {name: store.trial(name) for name in trials}
    found = [decode(answer) for answer in kept.values() if answer is not None]
    missing = [name for name, answer in kept.items() if answer is None]
    # A scheduler may still know keys of a run that was cut off.
    series = secrets.token_hex(4)
    futures = {
        client.submit(
            judge_trial,
            text,
            trials[name][0].name,
            trials[name][1].position,
            identity,
            store.cases(name),
            key=f"theory-check-{series}-{place}",
            pure=False,
        ): name
        for place, name in enumerate(missing)
    }
    lost: list[str] = []
    with Progress() as progress, _watched(client, progress):
        progress.begin(len(trials), len(found), _where(client))
        try:
            for future in _ended(client, futures):
                name = futures[future]
                answer = _answer(future, name, lost)
                if answer is not None:
                    store.add_trial(name, answer)
                    found.append(decode(answer))
                progress.advance(name)
                future.release()
        except BaseException:
            with suppress(Exception):
                client.cancel(list(futures), force=True)
            raise
    return found, lost


@contextmanager
def _watched(client: "Client", progress: Progress) -> Iterator[None]:
    """Say so when no worker is left: the run waits for one, and nothing else would tell why it stands still."""
    over = threading.Event()

    def watch() -> None:
        some = True
        while not over.wait(LOOK_EVERY):
            with suppress(Exception):  # where the scheduler does not answer, the run itself says so
                before, some = some, bool(client.nthreads())
                if before and not some:
                    progress.say("no worker is left: waiting for one; Ctrl-C keeps what was found")

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _ended(client: "Client", futures: "Mapping[Any, str]") -> "Iterator[Any]":
    """Futures as they end.

    Raises:
        SchedulerGone: the connection was lost.
    """
    from distributed import as_completed

    for future in as_completed(futures, loop=client.loop):
        if future.status not in {"finished", "error"}:  # cancelled or lost: nobody here asked for that
            raise SchedulerGone
        yield future


def _answer(future: Any, name: str, lost: list[str]) -> str | None:
    """What a trial found, or None where it gave nothing, which is noted."""
    from theory_check.runs.cluster_trial import CannotTakePart

    problem = future.exception() if future.status == "error" else None
    if isinstance(problem, CannotTakePart):
        raise CannotTakePart(f"a worker cannot take part: {problem}")
    if problem is not None:
        lost.append(f"{name}: {type(problem).__name__}: {' '.join(str(problem).split())[-300:]}")
        return None
    return str(future.result())


def _where(client: "Client") -> str:
    count = len(client.nthreads())
    return f"on {count} worker{'' if count == 1 else 's'}" if count else "and no worker yet"


def _written(request: "Request", run: "UnfinishedRun", found: "list[Found]", lost: list[str]) -> "tuple[Report, Path]":
    from theory_check.runs.assembly import assemble
    from theory_check.runs.cluster_trial import trials_of
    from theory_check.runs.shard import shard_of
    from theory_check.runs.writing import write_run

    told = run.store.identity()
    report = assemble(
        found,
        request=request,
        command=told["command"],
        started=dt.datetime.fromisoformat(told["started"]),
        seconds=run.store.seconds(),
        lost=lost,
    )
    trials = len(trials_of(request))
    shard = shard_of(report, request, identity=told, trials=trials, found=found, lost=lost)
    return report, write_run(report, run.folder, shard)
