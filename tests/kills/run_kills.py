"""An audit killed with kill -9 at random moments and resumed each time: is the report that of one left alone?

    python tests/kills/run_kills.py /tmp/kills --profile quick --kills 10
    python tests/kills/run_kills.py /tmp/kills --profile gate --kills 1

Run by hand, not by CI. The audit left alone is kept in PROFILE-SEED-whole below the first argument and not run again.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from theory_check.reporting.document import Report, load_report
from theory_check.runs.unfinished import STORE_FILE
from theory_check.search.store import Store

COMMAND = shutil.which("theory-check") or "theory-check"
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}


def comparable(report: Report) -> Any:
    """A report without times and the command."""
    plain: Any = msgspec.to_builtins(report)
    for name in ("command", "started", "seconds"):
        del plain[name]
    for claim in plain["claims"]:
        for trial in claim["trials"]:
            del trial["seconds"]
    return plain


def whole_report(folder: Path, profile: str, seed: int) -> Report:
    """The report of an audit that was left alone."""
    place = folder / f"{profile}-{seed}-whole"
    if not place.is_dir():
        scratch = folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        command = [COMMAND, "audit", "--profile", profile, "--seed", str(seed), "--report-dir", str(scratch)]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (written,) = scratch.iterdir()
        written.rename(place)
    return load_report(place)


def killed_report(folder: Path, profile: str, seed: int, moments: list[float]) -> Path:
    """The folder of an audit that was killed after so many seconds, each time it was begun or resumed."""
    reports = folder / f"{profile}-{seed}-killed-{len(moments)}"
    shutil.rmtree(reports, ignore_errors=True)
    arguments = ["--profile", profile, "--seed", str(seed), "--report-dir", str(reports)]
    for moment in moments:
        process = subprocess.Popen([COMMAND, "audit", *arguments], **QUIET)
        time.sleep(moment)
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        (unfinished,) = reports.glob("*.unfinished")
        print(f"killed after {moment:.1f} s: {Store(unfinished / STORE_FILE).counts()}", flush=True)
        arguments = ["--resume", str(unfinished)]
    else:
        subprocess.run([COMMAND, "audit", *arguments], check=False, **QUIET)
    (finished,) = (path for path in reports.iterdir() if (path / "report.json").is_file())
    return finished


def main() -> int:
    """Exit 1 when the reports differ in anything but times, or a stored case was executed again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=10)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    whole = whole_report(asked.folder, asked.profile, asked.seed)
    # The first seconds of each process go into imports; one that is killed alone must not have ended by then.
    most = min(10.0 + 1.5 * whole.seconds / asked.kills, 0.8 * whole.seconds)
    moments = [random.uniform(4.0, most) for _ in range(asked.kills)]  # noqa: S311  no secret
    finished = killed_report(asked.folder, asked.profile, asked.seed, moments)
    report, counts = load_report(finished), Store(finished / STORE_FILE).counts()
    same = comparable(report) == comparable(whole)
    again = counts["cases again"] + counts["trials again"]
    print(f"{asked.profile}, seed {asked.seed}: {counts}; left alone: {Store(whole_store(asked)).counts()}")
    print(f"the report is {'the same' if same else 'ANOTHER'} but for times; {again} executed again")
    return int(not same or again > 0)


def whole_store(asked: argparse.Namespace) -> Path:
    """The store of the audit that was left alone."""
    return Path(asked.folder) / f"{asked.profile}-{asked.seed}-whole" / STORE_FILE


if __name__ == "__main__":
    sys.exit(main())
