"""Groups of figures in processes side by side, each kept as soon as it is made."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import click

from theory_check.runs.run import ERROR_STATUS


def make_figures(
    names: Sequence[str], seed: int, profile: str, folder: Path, fingerprint: str, workers: int | None
) -> None:
    """Make the groups of these names, and say when each is there.

    Args:
        names: of the catalogue, the longest first.
        seed: root seed.
        profile: which sizes they have.
        folder: where they are kept.
        fingerprint: what they are kept under.
        workers: processes; one for each core by default. No figure depends on their number.

    Raises:
        click.exceptions.Exit: a process was killed; a line has been printed.
    """
    from theory_check.neural_ode.figures.kept import make_kept

    if not names:
        return
    begun = time.perf_counter()
    count = min(workers or os.cpu_count() or 1, len(names))
    # Fresh processes: a forked one would inherit the threads of torch in an unknown state.
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_live_and_die_with_parent)
    try:
        jobs = {pool.submit(make_kept, name, seed, profile, folder, fingerprint): name for name in names}
        for job in as_completed(jobs):
            job.result()
            click.echo(f"figures: {jobs[job]} after {time.perf_counter() - begun:.0f} s")
    except BrokenProcessPool:
        click.echo("theory-check: a process that makes figures was killed; rerun the same command to resume", err=True)
        click.get_current_context().exit(ERROR_STATUS)
    finally:
        pool.shutdown(cancel_futures=True)


def _live_and_die_with_parent() -> None:
    """An interrupt ends this process without a traceback, and so does the death of its parent, kill -9 included."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: "multiprocessing.process.BaseProcess") -> None:
    parent.join()
    os._exit(1)
