"""Two threads for every contender, and one file for all rows of a session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import contest

RESULTS = Path(__file__).parents[2] / ".benchmarks" / "engine.json"


@pytest.fixture(scope="session")
def engine_rows() -> Iterator[list[contest.Row]]:
    """Rows collected over the session, written to `.benchmarks/engine.json` at its end."""
    rows: list[contest.Row] = []
    yield rows
    if rows:
        contest.write_json(RESULTS, rows)
        print(f"\n{len(rows)} rows in {RESULTS}")


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch by its setting; JAX, which has none, by the cores that its pool sees when it starts."""
    before = torch.get_num_threads()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    torch.set_num_threads(contest.THREADS)
    if cores is not None:
        os.sched_setaffinity(0, sorted(cores)[: contest.THREADS])
    yield
    torch.set_num_threads(before)
    if cores is not None:
        os.sched_setaffinity(0, cores)
