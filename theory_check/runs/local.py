"""Worker processes of this machine that outlive the death of one of them: joblib's loky."""

import signal
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager

from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from theory_check.runs.environment import worker_environment
from theory_check.runs.one_trial import CannotTakePart, Job, judge_trial
from theory_check.runs.workers import Answer, Lost

# A trial that was under way at so many deaths of a worker is the likeliest reason for them.
MOST_DEATHS = 3


class LocalWorkers:
    """Spawned processes, one compute thread each.

    A worker that dies, of a signal or for want of memory, takes the pool with it: what was under way is begun again in
    a new one, and goes on with the cases that are in the store.

    Args:
        count: of processes.
    """

    reaches_store = True

    def __init__(self, count: int) -> None:
        self._count = count
        self.where = ""

    def answers(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Answer]]:
        """What each job found, as they end.

        Raises:
            CannotTakePart: the files have changed since the run began.
        """
        waiting, deaths = list(reversed(jobs)), dict.fromkeys((job.name for job in jobs), 0)
        while waiting:
            with self._pool() as pool:
                under_way: dict[Future[str], Job] = {}
                broken = False
                while under_way or (waiting and not broken):
                    while waiting and not broken and len(under_way) < self._count:
                        job = waiting.pop()
                        under_way[pool.submit(judge_trial, job)] = job
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        job = under_way.pop(future)
                        problem = future.exception()
                        if isinstance(problem, BrokenProcessPool):
                            broken = True
                            deaths[job.name] += 1
                            if deaths[job.name] < MOST_DEATHS:
                                waiting.append(job)
                            else:
                                yield job, Lost(f"a worker died {MOST_DEATHS} times while it was under way")
                        elif isinstance(problem, CannotTakePart):
                            raise problem
                        elif problem is not None:
                            yield job, Lost(f"{type(problem).__name__}: {' '.join(str(problem).split())[-300:]}")
                        else:
                            yield job, future.result()

    @contextmanager
    def _pool(self) -> Iterator[ProcessPoolExecutor]:
        with worker_environment():
            pool = ProcessPoolExecutor(max_workers=self._count, initializer=_quiet)
            done = False
            try:
                with warnings.catch_warnings():
                    # A worker that has grown is replaced by a new one; nothing is lost, and nobody has to know.
                    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
                    yield pool
                done = True
            finally:
                pool.shutdown(wait=done, kill_workers=not done)


def _quiet() -> None:
    """In a worker: Ctrl-C is for the process that asks, and warnings of measurements are in what they find."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
