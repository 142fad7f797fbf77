"""Audits end to end: the installed program, its reports, their replay, and comparison with a baseline."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from junitparser import JUnitXml

from theory_check.cli.main import main
from theory_check.judge.verdict import Verdict
from theory_check.reporting.document import SCHEMA_FILE, load_report
from theory_check.reporting.records import ClaimReport, Report

PROGRAM = Path(sys.executable).with_name("theory-check")
CLAIM = "ntk-positive-definite"


@dataclass(frozen=True)
class Audit:
    """A finished audit: how it ended, what it printed, the folder of its reports."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> Report:
        """Read from its JSON."""
        return load_report(self.folder)

    @property
    def claims(self) -> tuple[ClaimReport, ...]:
        """The claims without what may differ between two runs."""
        return tuple(
            msgspec.structs.replace(
                claim, trials=tuple(msgspec.structs.replace(trial, seconds=0.0) for trial in claim.trials)
            )
            for claim in self.report.claims
        )


def _run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # What a user has set for tests of their own must not reach an audit.
    mine = {"PYTEST_ADDOPTS": "--no-such-option", "PYTEST_PLUGINS": "no_such_plugin"}
    mine["GITHUB_STEP_SUMMARY"] = str(cwd / "step-summary.md")
    return subprocess.run(
        [PROGRAM, *arguments], cwd=cwd, env=os.environ | mine, capture_output=True, text=True, check=False
    )


def _audit(cwd: Path, *arguments: str) -> Audit:
    reports = cwd / "reports"
    before = set(reports.iterdir()) if reports.exists() else set()
    done = _run("audit", *arguments, cwd=cwd)
    made = set(reports.iterdir()) - before if reports.exists() else set()
    assert len(made) == 1, done.stderr
    return Audit(done.returncode, done.stdout, done.stderr, made.pop())


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A quick audit of one claim, in two workers."""
    return _audit(tmp_path_factory.mktemp("audit"), "--claim", CLAIM, "--workers", "2", "--seed", "7")


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """What fails for an activation the user named, a function of their own beside it, on rows of their own."""
    folder = tmp_path_factory.mktemp("named")
    (folder / "mine.py").write_text("import torch\n\ndef bend(x):\n    return torch.tanh(x) + 0.25 * torch.sin(x)\n")
    np.save(folder / "-rows.npy", np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]))
    arguments = ("--activation", "relu", "--activation", "mine:bend", "--trust-code", "--data=-rows.npy")
    return _audit(folder, "--claim", "backward-unique", *arguments, "--workers", "1")


def test_it_ends_as_its_report_says(audit: Audit) -> None:
    """The exit status is the report's; the table shows each claim's whole name and verdict; no test chatter."""
    assert (audit.status, audit.report.exit_status, audit.report.verdict) == (0, 0, "supported")
    assert f"{CLAIM} " in audit.out
    assert "supported" in audit.out
    assert "verdict: supported, exit status 0" in audit.out
    assert f"reports: reports/{audit.folder.name}" in audit.out
    assert "trials" in audit.err
    assert "pytest" not in audit.out + audit.err


def test_its_reports_can_be_read_by_others(audit: Audit) -> None:
    """JSON by the published schema, JUnit by a reader of JUnit; and nothing else lies in the folder."""
    names = {path.name for path in audit.folder.iterdir()} - {"figures"}
    assert names == {
        "report.json",
        "verdicts.json",
        "report.md",
        "report.html",
        "junit.xml",
        "report.sarif",
        "summary.md",
        "badge.json",
        "outcomes.sqlite",
    }
    document = json.loads((audit.folder / "report.json").read_text())
    jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text())).validate(document)
    suites = JUnitXml.fromfile(str(audit.folder / "junit.xml"))
    trials = audit.report.claims[0].trials
    assert (suites.tests, suites.failures, suites.errors) == (len(trials), 0, 0)
    assert CLAIM in (audit.folder / "report.md").read_text()


def test_its_summary_is_appended_where_github_asks_for_it(audit: Audit) -> None:
    """The file that GITHUB_STEP_SUMMARY names has what the run's folder has."""
    appended = (audit.folder.parent.parent / "step-summary.md").read_text(encoding="utf-8")
    assert appended == "\n" + (audit.folder / "summary.md").read_text(encoding="utf-8")


def test_it_records_how_it_can_be_repeated(audit: Audit) -> None:
    """Command, seed, profile, versions."""
    report = audit.report
    assert report.command == f"theory-check audit --claim {CLAIM} --workers 2 --seed 7"
    assert (report.seed, report.profile) == (7, "quick")
    assert all(outcome.seed == 7 for claim in report.claims for outcome in claim.outcomes)
    assert "not installed" not in report.environment.versions.values()


def test_it_ran_what_the_claim_asks_for(audit: Audit) -> None:
    """Random and core activations in every stratum, and the controls, which came out as expected."""
    (claim,) = audit.report.claims
    assert claim.id == CLAIM
    subjects = {(trial.kind, trial.activation, trial.stratum) for trial in claim.trials if trial.kind != "control"}
    assert subjects == {
        (kind, activation, stratum)
        for kind, activation in (("random", "random"), ("named", "softplus"), ("named", "tanh"))
        for stratum in ("sphere", "crowded", "digits")
    }
    controls = [trial for trial in claim.trials if trial.kind == "control"]
    assert len(controls) == 3
    assert all(trial.as_expected and trial.minimal for trial in controls)


def _baseline(audit: Audit, folder: Path, **changes: Any) -> str:
    """The report as a baseline, the first claim changed."""
    report = audit.report
    changed = msgspec.structs.replace(report.claims[0], **changes)
    path = folder / "baseline.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(report, claims=(changed,))))
    return str(path)


def test_the_same_seed_gives_the_same_claims_and_passes_its_baseline(audit: Audit, tmp_path: Path) -> None:
    """Verdicts and measured values to the last bit, whatever the number of workers."""
    again = _audit(
        tmp_path, "--claim", CLAIM, "--workers", "1", "--seed", "7", "--baseline", _baseline(audit, tmp_path)
    )
    assert again.claims == audit.claims
    assert again.status == 0
    assert "the same verdicts" in again.out
    assert ": the same verdicts, exit status 0." in (tmp_path / "step-summary.md").read_text(encoding="utf-8")


def test_a_verdict_that_changed_fails_its_baseline(named: Audit) -> None:
    """The audit says what differs, and nothing else; the status of its own verdict does not matter then."""
    folder = named.folder.parent.parent
    trials = tuple(
        msgspec.structs.replace(trial, verdict=Verdict.SUPPORTED, conclusion=None)
        if (trial.kind, trial.activation, trial.stratum) == ("named", "relu", "pinned")
        else trial
        for trial in named.report.claims[0].trials
    )
    arguments = ("--claim", "backward-unique", "--activation", "relu", "--data=-rows.npy", "--workers", "1")
    differing = _audit(folder, *arguments, "--baseline", _baseline(named, folder, trials=trials))
    assert differing.status == 1
    lines = [line for line in differing.out.splitlines() if line.startswith("differs from the baseline: ")]
    texts = [line.removeprefix("differs from the baseline: backward-unique") for line in lines]
    assert texts == [
        ", named, relu, pinned: supported in the baseline, assumptions-not-met: conclusion fails now",
    ]


def test_what_fails_for_a_named_activation_is_shown(named: Audit) -> None:
    """ReLU: assumptions not met, conclusion fails, state at the kink, a command to replay it. The user's own holds."""
    assert named.status == 1
    (claim,) = named.report.claims
    trials = {(trial.activation, trial.stratum): trial for trial in claim.trials if trial.kind == "named"}
    kinked, smooth = trials["relu", "pinned"], trials["mine:bend", "pinned"]
    assert (kinked.verdict, kinked.conclusion) == ("assumptions-not-met", "fails")
    assert (smooth.verdict, smooth.conclusion) == ("supported", None)
    minimal = next(outcome for outcome in claim.outcomes if outcome.case_id == kinked.minimal)
    assert (minimal.case.width, minimal.case.weights.pinned) == (1, 0.0)
    assert f"replay: theory-check replay reports/{named.folder.name}/report.json {kinked.minimal}" in named.out


@pytest.mark.parametrize("which", ["control", "random"])
def test_a_case_is_recomputed_from_the_report_alone(audit: Audit, tmp_path: Path, which: str) -> None:
    """In a new process and another folder, to the last bit; the beginning of an id is enough."""
    (claim,) = audit.report.claims
    if which == "control":
        case = next(trial.minimal for trial in claim.trials if trial.kind == "control")
    else:
        random = {trial.stratum for trial in claim.trials if trial.kind == "random"}
        case = next(o.case_id for o in claim.outcomes if o.case.activation.count("(") > 2 and o.case.stratum in random)
    assert case is not None
    (tmp_path / "report.json").write_bytes((audit.folder / "report.json").read_bytes())
    done = _run("replay", "report.json", case[:8], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "reproduced"
    assert case in done.stdout


@pytest.mark.parametrize(("trust", "status"), [((), 2), (("--trust-code",), 0)])
def test_code_of_a_report_runs_only_if_trusted(
    named: Audit,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    trust: tuple[str, ...],
    status: int,
) -> None:
    """A report may come from anywhere."""
    (claim,) = named.report.claims
    case = next(outcome.case_id for outcome in claim.outcomes if outcome.case.activation == "mine:bend")
    monkeypatch.chdir(named.folder.parent.parent)
    monkeypatch.setattr(sys, "argv", ["theory-check", "replay", *trust, str(named.folder), case])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == status
    out, err = capfd.readouterr()
    if trust:
        assert out.splitlines()[-1] == "reproduced"
    else:
        assert err == "theory-check: mine:bend would run code: pass --trust-code (trust_code=True) to allow it\n"
