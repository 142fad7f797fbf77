"""Audits on a Dask cluster: a real scheduler, real worker processes, kill -9."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from distributed import Client

from theory_check.reporting.document import load_report
from theory_check.runs.unfinished import STORE_FILE
from theory_check.search.store import Store, StoreError

PROGRAM = Path(sys.executable).with_name("theory-check")
# Cheap, with refutations that are made small, and controls.
CLAIMS = ("spread-reduced", "structure-kept")
ASKED = ["--seed", "5", *(word for claim in CLAIMS for word in ("--claim", claim))]
PATIENCE = 120.0
Comparable = Callable[[Path], Any]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


@contextmanager
def started(*arguments: str, cwd: Path) -> "Iterator[subprocess.Popen[str]]":
    """A command, gone at the end of the block; what it says goes to files beside `cwd`."""
    with (
        cwd.with_suffix(".out").open("w") as out,
        cwd.with_suffix(".err").open("w") as err,
        subprocess.Popen([PROGRAM, *arguments], cwd=cwd, stdout=out, stderr=err, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]", cwd: Path) -> Ended:
    """Its end."""
    status = process.wait(timeout=PATIENCE)
    return Ended(status, cwd.with_suffix(".out").read_text(), cwd.with_suffix(".err").read_text())


def run(*arguments: str, cwd: Path) -> Ended:
    """A command from its start to its end."""
    with started(*arguments, cwd=cwd) as process:
        return ended(process, cwd)


def until(holds: Callable[[], bool], process: "subprocess.Popen[str] | None" = None) -> None:
    """Wait for something to hold, and not for ever."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        assert process is None or process.poll() is None, f"ended with status {process.returncode if process else 0}"
        time.sleep(0.02)


@dataclass(frozen=True)
class Cluster:
    """A scheduler, where it answers, and its workers by name."""

    address: str
    scheduler: "subprocess.Popen[bytes]"
    workers: "dict[str, subprocess.Popen[bytes]]"


@contextmanager
def cluster(folder: Path, names: tuple[str, ...]) -> Iterator[Cluster]:
    """Dask's own programs, without nannies: a worker that is killed stays dead."""
    folder.mkdir()
    file = folder / "scheduler.json"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    with ExitStack() as stack:

        def dask(program: str, *arguments: str) -> "subprocess.Popen[bytes]":
            command = [sys.executable, "-m", f"distributed.cli.{program}", *local, *arguments]
            process = subprocess.Popen(command, **quiet)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        scheduler = dask("dask_scheduler", "--port", "0", "--scheduler-file", str(file))
        until(lambda: file.is_file() and file.stat().st_size > 0)
        address = msgspec.json.decode(file.read_bytes())["address"]
        workers = {
            name: dask("dask_worker", address, "--name", name, "--nthreads", "1", "--no-nanny") for name in names
        }
        with Client(address, set_as_default=False) as client:
            until(lambda: len(client.nthreads()) == len(names))
        yield Cluster(address, scheduler, workers)


def stored(reports: Path) -> int:
    """Trials in the one unfinished run of a folder."""
    for store in reports.glob(f"*.unfinished/{STORE_FILE}"):
        with suppress(StoreError):  # it is being made
            return Store(store).counts()["trials"]
    return 0


def only_run(reports: Path) -> Path:
    """The one folder in it."""
    (found,) = (path for path in reports.iterdir() if not path.name.startswith("."))
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of an audit that had no cluster."""
    folder = tmp_path_factory.mktemp("alone")
    done = run("audit", *ASKED, cwd=folder)
    assert done.status == 1, done.err  # spread-reduced is refuted
    return only_run(folder / "reports")


def test_a_worker_that_is_killed_costs_nothing(alone: Path, tmp_path: Path, comparable: Comparable) -> None:
    """Two workers, one killed in the middle of a trial: the report of one process, nothing lost, nothing twice."""
    reports = tmp_path / "reports"
    with (
        cluster(tmp_path / "dask", ("first", "second")) as dask,
        started("audit", *ASKED, "--dask", dask.address, cwd=tmp_path) as audit,
    ):
        with Client(dask.address, set_as_default=False) as client:
            until(lambda: stored(reports) >= 2, audit)
            names = {address: worker["name"] for address, worker in client.scheduler_info()["workers"].items()}
            until(lambda: any(client.processing().values()), audit)
            busy = next((address for address, keys in client.processing().items() if keys), next(iter(names)))
            victim = dask.workers[names[busy]]
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        done = ended(audit, tmp_path)
    assert done.status == 1, done.err
    assert "on 2 workers" in done.err
    folder = only_run(reports)
    assert comparable(folder) == comparable(alone)
    counts = Store(folder / STORE_FILE).counts()
    assert counts["trials again"] == 0
    assert counts["trials"] == sum(len(claim.trials) for claim in load_report(folder).claims)


def test_a_scheduler_that_vanishes_leaves_a_run_to_resume(alone: Path, tmp_path: Path, comparable: Comparable) -> None:
    """A worker that is missed is said; then one line and exit status 4. What had been found is not judged again."""
    reports = tmp_path / "reports"
    with (
        cluster(tmp_path / "dask", ("only",)) as dask,
        started("audit", *ASKED, "--dask", dask.address, cwd=tmp_path) as audit,
    ):
        until(lambda: stored(reports) >= 3, audit)
        dask.workers["only"].send_signal(signal.SIGKILL)
        until(lambda: "no worker is left: waiting for one" in tmp_path.with_suffix(".err").read_text(), audit)
        dask.scheduler.send_signal(signal.SIGKILL)
        done = ended(audit, tmp_path)
    assert done.status == 4
    assert "Traceback" not in done.err
    gone, go_on = done.err.strip().splitlines()[-2:]
    assert gone == f"theory-check: the scheduler at {dask.address} is gone; what had been found is kept"
    folder = only_run(reports)
    assert go_on == f"theory-check: to resume: theory-check audit --resume {folder.relative_to(tmp_path)}"
    before = stored(reports)
    assert before >= 3
    resumed = run("audit", "--resume", str(folder), cwd=tmp_path)
    assert resumed.status == 1, resumed.err
    folder = only_run(reports)
    assert comparable(folder) == comparable(alone)
    assert Store(folder / STORE_FILE).counts()["trials again"] == 0


def test_three_shards_merge_into_the_report_of_one_process(alone: Path, tmp_path: Path, comparable: Comparable) -> None:
    """Shards one after the other, two of them on a local cluster; merged in any order; a part is no whole."""
    for shard, more in (("1/3", ("--workers", "1")), ("2/3", ()), ("3/3", ("--workers", "1"))):
        done = run("audit", *ASKED, "--shard", shard, "--report-dir", "parts", *more, cwd=tmp_path)
        assert done.status == 0, done.err
        assert f"shard {shard}: " in done.out
    parts = sorted(path for path in (tmp_path / "parts").iterdir() if path.is_dir())
    assert [sorted(file.name for file in part.iterdir()) for part in parts] == [[STORE_FILE, "shard.json"]] * 3
    merged = run("merge", *map(str, reversed(parts)), "--baseline", str(alone), cwd=tmp_path)
    assert merged.status == 0, merged.err
    assert "the same verdicts" in merged.out
    assert comparable(only_run(tmp_path / "reports")) == comparable(alone)
    parts[1].rename(parts[1].with_name("x.unfinished"))
    (tmp_path / "parts" / "x.unfinished" / "shard.json").unlink()
    part = run("merge", "parts", "--report-dir", "none", cwd=tmp_path)
    assert part.status == 2
    (line,) = part.err.splitlines()
    assert line.startswith("theory-check: 1 of 3 shards are missing: 2; a part has no verdict; 'parts/x.unfinished'")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dask", "127.0.0.1"], "no Dask scheduler answers at '127.0.0.1': missing port number"),
        (["--dask", "carrier://pigeon:1"], "unknown address scheme 'carrier'"),
        (["--dask", "tcp://a:1", "--workers", "2"], "--dask has workers of its own, got --workers 2; leave one out"),
        (["--shard", "4/3"], "shard i/n must have 1 <= i <= n <= 10000, got '4/3'"),
        (["--shard", "1"], "a shard is i/n with whole numbers, such as 1/3, got '1'"),
        (["--shard", "1/2", "--baseline", "x"], "a part has no verdicts to compare"),
        (["--claim", "structure-kept", "--shard", "1/99"], "trials to share out: n must be at most that, got 99"),
    ],
)
def test_what_cannot_be_asked_is_one_line(options: list[str], said: str, tmp_path: Path) -> None:
    """Exit status 2, and nothing is left behind."""
    done = run("audit", *options, cwd=tmp_path)
    assert done.status == 2
    (line,) = done.err.splitlines()
    assert said in line
    assert list(tmp_path.iterdir()) == []
