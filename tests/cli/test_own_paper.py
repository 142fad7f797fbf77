"""A paper about something else, in ten lines and without torch, audited from search to replay."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from theory_check.reporting.document import load_report
from theory_check.runs.unfinished import STORE_FILE
from theory_check.search.store import Store, StoreError

# Euler noted that k^2 + k + 41 is prime for small k; that it is for any is refuted at 40, which shrinking must find.
PAPER = """
from pathlib import Path
import msgspec
import psutil
from theory_check import Claim, Paper

class Number(msgspec.Struct, frozen=True):
    n: int

STATEMENTS = {"euler": "k^2 + k + 41 is prime up to n.", "even": "n^2 + n is even."}
CLAIMS = {name: Claim(id=name, statement=words, source="Euler, 1772") for name, words in STATEMENTS.items()}
FOLDER = Path(__file__).parent / "claims"
PAPER = Paper(title="Primes (1772)", claims=CLAIMS, case=Number, properties=lambda: FOLDER)
"""
PROPERTIES = """
import time
from hypothesis import given
from hypothesis import strategies as st
from theory_check import Audit, Discrepancy, checks
from numbers_paper import Number

NUMBERS = st.builds(Number, n=st.integers(0, 300))

@checks("euler", share=5.0)
@given(case=NUMBERS)
def test_every_value_is_prime(case: Number, audit: Audit) -> None:
    values = [k**2 + k + 41 for k in range(case.n + 1)]
    composite = [value for value in values if any(value % d == 0 for d in range(2, int(value**0.5) + 1))]
    audit.at_most(case, Discrepancy("composite values", len(composite), 0.0))

@checks("even", share=5.0)
@given(case=NUMBERS)
def test_every_value_is_even(case: Number, audit: Audit) -> None:
    time.sleep(PAUSE)
    audit.at_most(case, Discrepancy("remainder", (case.n**2 + case.n) % 2, 0.0))
"""


def repository(folder: Path, pause: float = 0.0) -> Path:
    """One with a paper and its properties."""
    (folder / "claims").mkdir()
    (folder / "numbers_paper.py").write_text(PAPER)
    (folder / "claims" / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    (folder / "claims" / "test_primes.py").write_text(PROPERTIES.replace("PAUSE", repr(pause)))
    return folder


def command(*words: str) -> list[str]:
    """The command line of this environment."""
    return [str(Path(sys.executable).with_name("theory-check")), *words]


AUDIT = command("audit", "--paper", "numbers_paper:PAPER", "--trust-code", "--report-dir", "reports", "--seed", "3")


def ran(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command, from its folder."""
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def comparable(folder: Path) -> Any:
    """A report without times and the command."""
    plain = msgspec.json.decode((folder / "report.json").read_bytes())
    for name in ("command", "started", "seconds"):
        del plain[name]
    for claim in plain["claims"]:
        for trial in claim["trials"]:
            del trial["seconds"]
    return plain


def finished(folder: Path) -> Path:
    """The run below its reports."""
    (found,) = (path for path in (folder / "reports").iterdir() if (path / "report.json").is_file())
    return found


def judged(folder: Path) -> int:
    """Cases in the store of the run that is under way."""
    with suppress(StoreError):  # it is being made
        return max((Store(s).counts()["cases"] for s in folder.glob(f"reports/*.unfinished/{STORE_FILE}")), default=0)
    return 0


def test_another_paper_is_audited_shrunk_reported_and_replayed(tmp_path: Path) -> None:
    """The claim that fails does so at 40, the smallest."""
    folder = repository(tmp_path)
    audit = ran(folder, *AUDIT)
    assert audit.returncode == 1, audit.stderr
    assert 'minimal case: {"n":40}' in audit.stdout
    report = load_report(finished(folder))
    assert (report.paper, report.on_trial) == ("Primes (1772)", "numbers_paper:PAPER")
    assert {claim.id: claim.verdict for claim in report.claims} == {"euler": "refuted", "even": "supported"}
    (trial,) = report.claims[0].trials
    case = trial.minimal or ""
    assert next(o.case for o in report.claims[0].outcomes if o.case_id == case) == {"n": 40}

    run = str(finished(folder))
    replayed = ran(folder, *command("replay", run, case, "--paper", "numbers_paper:PAPER", "--trust-code"))
    assert (replayed.returncode, replayed.stdout.splitlines()[-1]) == (0, "reproduced"), replayed.stderr
    assert ran(folder, *command("render", run, "--format", "page")).returncode == 0


def test_another_paper_is_resumed_after_kill_9(tmp_path: Path) -> None:
    """The report is that of a run left alone, and nothing is judged twice."""
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    for folder in (alone, killed):
        folder.mkdir()
        repository(folder, pause=0.2)
    assert ran(alone, *AUDIT).returncode == 1
    process = subprocess.Popen(
        AUDIT, cwd=killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while judged(killed) < 5:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (unfinished,) = (killed / "reports").glob("*.unfinished")
    refused = ran(killed, *command("audit", "--resume", str(unfinished)))
    assert (refused.returncode, "add --trust-code" in refused.stderr) == (2, True)
    assert ran(killed, *command("audit", "--resume", str(unfinished), "--trust-code")).returncode == 1
    assert comparable(finished(killed)) == comparable(finished(alone))
    counts = Store(finished(killed) / STORE_FILE).counts()
    assert (counts["cases again"], counts["trials again"]) == (0, 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--paper", "numbers_paper:PAPER"), "runs the code of that module: add --trust-code"),
        (("--paper", "numbers_paper", "--trust-code"), "a paper is named module:NAME, such as my_paper:PAPER, got"),
        (("--paper", "numbers_paper:CLAIMS", "--trust-code"), "is no theory_check Paper, it is dict"),
        (("--paper", "no_such_module:PAPER", "--trust-code"), "cannot import the paper 'no_such_module:PAPER'"),
        (("--paper", "numbers_paper:PAPER", "--trust-code", "--claim", "fermat"), "unknown claim 'fermat'"),
        (("--paper", "numbers_paper:PAPER", "--trust-code", "--activation", "tanh"), "this paper has no subjects"),
        (("--paper", "numbers_paper:PAPER", "--trust-code", "--data", "digits"), "this paper has no data"),
        (("--paper", "numbers_paper:PAPER", "--trust-code", "--model", "m:build"), "this paper has no model"),
    ],
)
def test_what_is_no_paper_is_refused(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """One line, exit status 2, nothing written."""
    folder = repository(tmp_path)
    refused = ran(folder, *command("audit", "--report-dir", "reports", *words))
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (folder / "reports").exists()


def test_a_case_of_one_paper_is_not_judged_by_another(tmp_path: Path) -> None:
    """The report says which paper it is on."""
    folder = repository(tmp_path)
    ran(folder, *AUDIT)
    refused = ran(folder, *command("replay", str(finished(folder)), "0", "--trust-code"))
    assert refused.returncode == 2
    assert "replay with --paper numbers_paper:PAPER --trust-code" in refused.stderr


def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    """Of a machine of its own: the trial is begun again, goes on with its judged cases, and the report is the same."""
    alone, hurt = tmp_path / "alone", tmp_path / "hurt"
    for folder in (alone, hurt):
        folder.mkdir()
        repository(folder, pause=0.2)
    assert ran(alone, *AUDIT).returncode == 1
    process = subprocess.Popen(AUDIT, cwd=hurt, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    killed: list[int] = []
    while not killed:
        assert process.poll() is None, "it ended before a worker was killed"
        time.sleep(0.05)
        if judged(hurt) >= 5:
            workers = [p for p in psutil.Process(process.pid).children() if "LokyProcess" in " ".join(p.cmdline())]
            killed = [worker.pid for worker in workers]
            for worker in workers:
                worker.kill()
    assert process.wait(timeout=120) == 1
    assert comparable(finished(hurt)) == comparable(finished(alone))
    counts = Store(finished(hurt) / STORE_FILE).counts()
    assert (counts["cases again"], counts["trials again"]) == (0, 0)
