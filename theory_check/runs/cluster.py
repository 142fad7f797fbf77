"""An audit on the workers of a Dask cluster: trials go out, what they found comes into the run's one store.

Dask gives a trial whose worker died to another one, and a trial is written down once, when its answer arrives. What a
scheduler that vanishes has not answered is not there: the run is resumed like any other.
"""

import logging
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from theory_check.runs.one_trial import CannotTakePart, Job, identity_here, judge_trial, what_differs
from theory_check.runs.workers import Answer, Lost, WorkersGone

if TYPE_CHECKING:
    from distributed import Client

    from theory_check.search.request import Request

HAS_DASK = find_spec("distributed") is not None
CONNECT_SECONDS = 10
LOOK_EVERY = 5.0  # seconds
# Those that Dask gives a level and a handler of their own.
LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application")


def require_cluster(address: str, request: "Request") -> None:
    """Check before a run begins that a scheduler is there and that its workers may take part.

    Raises:
        click.ClickException: Dask or the scheduler is missing, or a worker has other code, data or versions; one line.
    """
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


@contextmanager
def cluster_workers(address: str) -> "Iterator[DaskWorkers]":
    """The workers of the scheduler at `address` while the context lasts.

    Raises:
        click.ClickException: Dask or the scheduler is missing; one line.
    """
    with _client(address) as client:
        yield DaskWorkers(client, address)


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


class DaskWorkers:
    """Those of a cluster: what they find comes back, and the process that asks writes it down once.

    Args:
        client: connected.
        address: of the scheduler.
    """

    reaches_store = False

    def __init__(self, client: "Client", address: str) -> None:
        self._client, self._address = client, address
        self.where = _where(client)

    def answers(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Answer]]:
        """What each job found, as they end.

        Raises:
            CannotTakePart: a worker has other code, data or versions.
            WorkersGone: the connection was lost; the message says that what was found is kept.
        """
        # A scheduler may still know keys of a run that was cut off.
        series = secrets.token_hex(4)
        futures = {
            self._client.submit(judge_trial, job, key=f"theory-check-{series}-{place}", pure=False): job
            for place, job in enumerate(jobs)
        }
        with _watched(self._client):
            try:
                for future in self._ended(futures):
                    yield futures[future], _answer(future)
                    future.release()
            except BaseException:
                with suppress(Exception):
                    self._client.cancel(list(futures), force=True)
                raise

    def _ended(self, futures: "Mapping[Any, Job]") -> "Iterator[Any]":
        from distributed import as_completed

        for future in as_completed(futures, loop=self._client.loop):
            if future.status not in {"finished", "error"}:  # cancelled or lost: nobody here asked for that
                raise WorkersGone(f"the scheduler at {self._address} is gone; what had been found is kept")
            yield future


@contextmanager
def _watched(client: "Client") -> Iterator[None]:
    """Say so when no worker is left: the run waits for one, and nothing else would tell why it stands still."""
    over = threading.Event()

    def watch() -> None:
        some = True
        while not over.wait(LOOK_EVERY):
            with suppress(Exception):  # where the scheduler does not answer, the run itself says so
                before, some = some, bool(client.nthreads())
                if before and not some:
                    click.echo("no worker is left: waiting for one; Ctrl-C keeps what was found", err=True)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _answer(future: Any) -> Answer:
    problem = future.exception() if future.status == "error" else None
    if isinstance(problem, CannotTakePart):
        raise CannotTakePart(f"a worker cannot take part: {problem}")
    if problem is not None:
        return Lost(f"{type(problem).__name__}: {' '.join(str(problem).split())[-300:]}")
    return str(future.result())


def _where(client: "Client") -> str:
    count = len(client.nthreads())
    return f"on {count} worker{'' if count == 1 else 's'}" if count else "and no worker yet"
