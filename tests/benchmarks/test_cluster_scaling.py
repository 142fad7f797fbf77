"""What a Dask cluster gives: two workers beside one, the overhead of a trial, and where more workers stop helping.

Nothing is asserted about time. `tox run -e benchmarks -- tests/benchmarks/test_cluster_scaling.py`.
"""

import heapq
import math
import operator
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from distributed import Client, LocalCluster, as_completed

from theory_check.reporting.document import load_report
from theory_check.search.store import Store

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"
CLAIMS = ("structure-kept", "spread-reduced", "nngp-nondegenerate", "ntk-positive-definite", "horizon-training")
TRIALS = 1_000
WORKERS = (1, 2, 8, 32, 100, 1_000)


def trial_seconds(profile: str, searches: int = 1) -> list[float]:
    """Of the recorded audit, in the order in which trials go out.

    Divided into several searches a trial is taken to cost what its share of the cases did.
    """
    found = []
    for claim in load_report(RECORDED / profile).claims:
        for trial in claim.trials:
            cases = max(trial.executed, 1)
            parts = max(1, min(searches, cases // 2)) if trial.kind in {"random", "named"} else 1
            found += [trial.seconds * math.ceil(cases / parts) / cases] * parts
    return found


def makespan(seconds: list[float], workers: int, overhead: float) -> float:
    """When the last trial ends: each goes to the worker free first, and the scheduler takes `overhead` of each."""
    free = [0.0] * workers
    for place, cost in enumerate(seconds):
        heapq.heappush(free, max(heapq.heappop(free), (place + 1) * overhead) + cost)
    return max(*free, len(seconds) * overhead)


def test_a_makespan_is_that_of_the_longest_trial_at_least() -> None:
    """The model on cases that can be done by hand."""
    assert makespan([1.0, 2.0, 3.0], 1, 0.0) == 6.0
    assert makespan([1.0, 2.0, 3.0], 2, 0.0) == 4.0
    assert makespan([1.0, 2.0, 3.0], 9, 0.0) == 3.0
    assert makespan([0.0] * 10, 9, 0.5) == 5.0


def test_one_worker_and_two(tmp_path: Path) -> None:
    """The same audit with one worker and with two; the trials' own seconds tell what the machine gave."""
    program = shutil.which("theory-check")
    assert program is not None
    walls, sums = {}, {}
    for workers in (1, 2):
        place = tmp_path / str(workers)
        asked = [word for claim in CLAIMS for word in ("--claim", claim)]
        start = time.perf_counter()
        subprocess.run(
            [program, "audit", *asked, "--workers", str(workers), "--report-dir", str(place)],
            check=False,
            capture_output=True,
        )
        walls[workers] = time.perf_counter() - start
        (folder,) = (path for path in place.iterdir() if path.is_dir())
        sums[workers] = sum(trial.seconds for claim in load_report(folder).claims for trial in claim.trials)
        print(f"\n{workers} workers: {walls[workers]:.1f} s, of which trials {sums[workers] / workers:.1f} s each")
    print(f"speed-up {walls[1] / walls[2]:.2f}; of the trials alone {2 * sums[1] / sums[2]:.2f}")


def test_overhead_and_where_it_stops(tmp_path: Path) -> None:
    """Seconds of scheduler, network and store for an answer of the usual size; what that makes of recorded audits."""
    sizes = [
        len(path.read_bytes()) / sum(len(claim.trials) for claim in load_report(path).claims)
        for path in RECORDED.glob("*/report.json.gz")
    ]
    size = round(statistics.mean(sizes))
    store = Store.create(tmp_path / "outcomes.sqlite", {})
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        # A function that workers find wherever they were started; its answer is as long as what a trial finds.
        client.submit(operator.mul, "x", size).result()
        start = time.perf_counter()
        futures = [client.submit(operator.mul, "x", size, pure=False) for _ in range(TRIALS)]
        for number, future in enumerate(as_completed(futures, loop=client.loop)):
            store.add_trial(f"trial {number}", future.result())
        overhead = (time.perf_counter() - start) / TRIALS
    print(f"\noverhead of a trial: {1000 * overhead:.1f} ms, answers of {size / 1024:.0f} KiB")
    for profile, searches in (("full", 1), ("full", 8)):
        seconds = trial_seconds(profile, searches)
        alone = makespan(trial_seconds(profile), 1, overhead)
        divided = f" in {searches} searches each" if searches > 1 else ""
        print(f"{profile}: {len(seconds)} trials{divided}, {sum(seconds):.0f} s in all, longest {max(seconds):.0f} s")
        for workers in WORKERS:
            wall = makespan(seconds, workers, overhead)
            print(f"  {workers:5} workers: {wall:7.1f} s, {alone / wall:6.1f} times")
