"""A contest: contenders for one workload run in turn in one process, and the table of what came out.

Everyone's accuracy is judged by the same function against the same bound, in the very runs that are timed. Times are
medians over rounds in which every contender runs once, so that a busy machine is busy for all of them.
"""

import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

THREADS = 2
ROUNDS = 5
# A contender slower than this many seconds runs in two timed rounds only; one slower than the other, in the warm-up.
SLOW, VERY_SLOW = 5.0, 30.0
PACKAGES = ("theory-check", "torch", "numpy", "torchdiffeq", "torchode", "jax", "jaxlib", "diffrax")

Role = Literal["limit", "ours", "peer", "aside"]


@dataclass(frozen=True)
class Contender:
    """Somebody who does the work.

    Attributes:
        name: as the table shows it.
        role: "limit" for the bare matrix products, which compute nothing to be judged; "ours" has the target;
            "aside" is ours too, for information.
        run: does the work once and returns the result.
        note: what a reader must know, shown below the table.
        compiles: its warm-up is slow for that reason alone.
        once: too slow for rounds, the warm-up is its only run.
        seconds: where the run measures itself (in a process of its own): time from its result.
    """

    name: str
    role: Role
    run: Callable[[], Any]
    note: str = ""
    compiles: bool = False
    once: bool = False
    seconds: Callable[[Any], float] | None = None


@dataclass(frozen=True)
class Absent:
    """A peer that cannot take part, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Accuracy:
    """How results are judged: `error(result) <= bound`; `what` says what the error is."""

    what: str
    error: Callable[[Any], float]
    bound: float


@dataclass(frozen=True)
class Target:
    """What our time should be at most: `factor` times that of the limit, or of the fastest peer; or plain seconds."""

    factor: float
    of: Literal["limit", "fastest peer", "seconds"]

    def __str__(self) -> str:
        return f"{self.factor:g} s" if self.of == "seconds" else f"{self.factor:g} x {self.of}"

    def seconds(self, rows: "Sequence[Row]") -> float | None:
        """The time allowed, None where nobody took part to compare with."""
        if self.of == "seconds":
            return self.factor
        role = "limit" if self.of == "limit" else "peer"
        times = [row.seconds for row in rows if row.role == role and row.seconds is not None]
        return self.factor * min(times) if times else None


@dataclass
class Row:
    """One line of the table; `seconds` is a median, `rounds` how many runs it is taken over."""

    workload: str
    contender: str
    role: Role
    seconds: float | None = None
    rounds: int = 0
    ratio: float | None = None
    error: float | None = None
    bound: float | None = None
    target: str = ""
    verdict: str = ""
    note: str = ""

    @property
    def accurate(self) -> bool:
        """Within the bound, or nothing to judge. A NaN is not."""
        return self.error is None or (self.bound is not None and self.error <= self.bound)


@dataclass
class _Lap:
    contender: Contender
    cold: float = math.nan
    times: list[float] = field(default_factory=list)
    error: float | None = None

    def run(self, accuracy: Accuracy, *, warm_up: bool) -> None:
        start = time.perf_counter()
        result = self.contender.run()
        elapsed = time.perf_counter() - start
        if self.contender.seconds is not None:
            elapsed = self.contender.seconds(result)
        if warm_up:
            self.cold = elapsed
        else:
            self.times.append(elapsed)
        if self.contender.role != "limit":
            found = accuracy.error(result)
            # max() would drop a NaN.
            self.error = found if self.error is None or not found <= self.error else self.error

    @property
    def is_over(self) -> bool:
        if not self.times:
            return self.contender.once or (self.cold > VERY_SLOW and not self.contender.compiles)
        return len(self.times) >= (2 if self.times[0] > SLOW else ROUNDS)


def hold(
    workload: str, contenders: Sequence[Contender | Absent], accuracy: Accuracy, target: Target, *, rounds: int = ROUNDS
) -> list[Row]:
    """Let all run in turn, a warm-up first, and print the table.

    Returns:
        one row for each contender, in the order given. The caller asserts on `accurate`, after the table is out.
    """
    laps = [_Lap(one) for one in contenders if isinstance(one, Contender)]
    for k in range(rounds + 1 if rounds > 1 else 1):
        for lap in laps:
            if k == 0 or not lap.is_over:
                lap.run(accuracy, warm_up=k == 0)
    of_name = {lap.contender.name: lap for lap in laps}
    rows = [_row(workload, one, of_name, accuracy) for one in contenders]
    _judge(rows, target)
    print_table(rows, accuracy.what)
    return rows


def _row(workload: str, one: Contender | Absent, laps: dict[str, _Lap], accuracy: Accuracy) -> Row:
    if isinstance(one, Absent):
        return Row(workload, one.name, "peer", verdict="not installed", note=one.reason)
    lap = laps[one.name]
    once = "" if lap.times else "one run"
    return Row(
        workload,
        one.name,
        one.role,
        seconds=statistics.median(lap.times) if lap.times else lap.cold,
        rounds=max(1, len(lap.times)),
        error=lap.error,
        bound=None if lap.error is None else accuracy.bound,
        note="; ".join(part for part in (once, one.note) if part),
    )


def _judge(rows: list[Row], target: Target) -> None:
    limit = min((row.seconds for row in rows if row.role == "limit" and row.seconds), default=None)
    allowed = target.seconds(rows)
    for row in rows:
        if limit is not None and row.seconds is not None:
            row.ratio = row.seconds / limit
        if row.role == "ours":
            row.target = str(target) if allowed is None or target.of == "seconds" else f"{target} = {allowed:.4g} s"
            if allowed is not None and row.seconds is not None:
                row.verdict = "ok" if row.seconds <= allowed else "MISSED"
        if not row.accurate:
            row.verdict = "INACCURATE"


def print_table(rows: Sequence[Row], what: str) -> None:
    """The rows as aligned columns, notes below."""
    heads = ("contender", "seconds", "x limit", "error", "bound", "target", "")
    lines = [
        (
            row.contender,
            _number(row.seconds, ".4f"),
            _number(row.ratio, ".2f"),
            _number(row.error, ".1e"),
            _number(row.bound, ".0e"),
            row.target,
            row.verdict,
        )
        for row in rows
    ]
    widths = [max(len(line[k]) for line in [heads, *lines]) for k in range(len(heads))]
    print(f"\n\n{rows[0].workload}\nerror: {what}; {THREADS} threads, float64, medians of at most {ROUNDS} rounds")
    for line in [heads, *lines]:
        cells = (
            cell.ljust(w) if k in {0, 5, 6} else cell.rjust(w)
            for k, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        print("  " + "  ".join(cells).rstrip())
    for row in rows:
        if row.note:
            print(f"  {row.contender}: {row.note}")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """All rows of a session with the machine and versions they were measured on."""
    document = {
        "machine": platform.node(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg(),
        "threads": THREADS,
        "dtype": "float64",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "rows": [asdict(row) | {"accurate": row.accurate} for row in rows],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def measured(code: str) -> dict[str, Any]:
    """What a process of its own prints as JSON in its last line; it can ask for its peak memory in MiB."""
    preamble = """
import json, time
import torch
torch.set_num_threads(2)
def peak():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) / 1024
def forget_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
"""
    done = subprocess.run([sys.executable, "-P", "-c", preamble + code], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
