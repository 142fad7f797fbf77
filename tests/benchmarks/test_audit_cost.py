"""What an audit costs: time of a profile, memory of all its processes together, time to answer --help.

Figures are printed beside their targets and missed ones marked; machines are shared and noisy, so nothing is asserted
about time. `tox run -e benchmarks`.
"""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

MIB = 2**20
RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"


def _peak_memory(process: subprocess.Popen[bytes]) -> int:
    """Largest sum of resident memory over a process and its children, sampled until it ends; bytes."""
    peak = 0
    root = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        for member in [root, *_children(root)]:
            try:
                total += member.memory_info().rss
            except psutil.Error:
                continue
        peak = max(peak, total)
        time.sleep(0.05)
    return peak


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []


def _report(what: str, measured: float, target: float, unit: str) -> None:
    print(f"\n{what}: {measured:.2f} {unit} (target {target:g} {unit}) {'ok' if measured < target else 'MISSED'}")


@pytest.mark.parametrize(("profile", "seconds"), [("quick", 120.0), ("gate", 480.0)])
def test_audit(benchmark: Callable[..., object], tmp_path: Path, profile: str, seconds: float) -> None:
    """A whole audit from the command line; its verdicts are the recorded ones, its cost is printed."""
    program = shutil.which("theory-check")
    assert program is not None
    recorded = RECORDED / profile / "verdicts.json"

    def run() -> tuple[int, int]:
        process = subprocess.Popen(
            [program, "audit", "--profile", profile, "--report-dir", str(tmp_path), "--baseline", str(recorded)],
            stdout=subprocess.DEVNULL,
        )
        peak = _peak_memory(process)
        return process.wait(), peak

    start = time.perf_counter()
    status, peak = benchmark.pedantic(run, rounds=1)  # type: ignore[attr-defined]
    elapsed = time.perf_counter() - start
    _report(f"audit --profile {profile}", elapsed, seconds, "s")
    _report(f"peak memory of --profile {profile}, all processes", peak / MIB, 3 * 1024, "MiB")
    assert status == 0


def test_help(benchmark: Callable[..., object]) -> None:
    """`theory-check --help` from a cold process."""
    program = shutil.which("theory-check")
    assert program is not None
    benchmark(lambda: subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL))
    _report("theory-check --help", benchmark.stats["median"], 0.5, "s")  # type: ignore[attr-defined]
