"""What worker processes inherit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

# One compute thread a process: sums are taken in one order, and more processes use the cores better than threads.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def worker_environment() -> Iterator[None]:
    """What worker processes inherit; this process gets its own back."""
    before = dict(os.environ)
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
