"""The suite and the quick audit on machines unlike this one: does every test and every verdict come out the same?

    tox run -e machines                                    # every setting: hours
    tox run -e machines -- --list                          # the settings, and which kernels each really takes here
    tox run -e machines -- --only Prescott --only two-threads
    tox run -e machines -- --tests --only oldest           # no audit
    tox run -e machines -- --audit --only oldest           # no tests; --claim NAME audits one claim
    tox run -e machines -- --only Nehalem -- tests/neural_ode/networks -k flow
    TOX_DISCOVER=/path/to/python3.12 tox run -e machines-py312

Run by hand, not by CI. A setting that this processor cannot run is listed with the reason, and so is one in which the
libraries take what they took in a setting before. Exit status 1 where a test failed, where its outcome or a verdict is
another than in the first setting or than recorded, or where nothing could be run; 2 for an unknown setting.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from junitparser import JUnitXml

from machine_settings import CannotRun, Kernels, Setting, how_it_ended, kernels_in_use, settings_named
from theory_check.reporting.exit_status import compare_with_baseline
from theory_check.reporting.recorded import load_recorded
from theory_check.reporting.report_file import VERDICTS_FILE

ROOT = Path(__file__).parents[2]
TESTS = ("tests/neural_ode/limits", "tests/judge", "tests/neural_ode/networks", "tests/neural_ode/measurements")
RECORDED = ROOT / "reports" / "neural-ode-global-convergence" / "quick"
PYTHONS = ("3.12", "3.13")  # beside the one that CI has
SHOWN = 20  # of tests that differ, for each setting


@dataclass(frozen=True)
class Run:
    """What became of one setting.

    outcomes: of every test by its name, "passed", "failed" or "skipped".
    differences: one line for everything that is not as it should be.
    audited: in words, what the audit's verdicts are.
    """

    outcomes: Mapping[str, str]
    differences: Sequence[str]
    audited: str

    @property
    def words(self) -> str:
        """For the table."""
        counts = [f"{list(self.outcomes.values()).count(kind)} {kind}" for kind in ("passed", "failed")]
        parts = [", ".join(counts)] if self.outcomes else ["no tests"]
        return "; ".join([*parts, self.audited, "DIFFERENT" if self.differences else "same"])


def command(name: str) -> str:
    """Of this Python's environment: another on the path would try other code."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise SystemExit(f"run_machines: there is no {name} beside {sys.executable}: run `tox run -e machines`")
    return found


def tested(setting: Setting, arguments: Sequence[str], scratch: Path) -> tuple[dict[str, str], list[str]]:
    """Outcomes of all tests, in one process, and what is wrong with the run itself."""
    results = scratch / "tests.xml"
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", f"--junitxml={results}"]
    ended = subprocess.run(
        [command("pytest"), *options, *arguments], cwd=ROOT, env=setting.environment(), check=False
    ).returncode
    # 0 and 1: all tests ran; anything else, and a kernel that the processor lacks, ends them early.
    wrong = [] if ended in {0, 1} else [f"the tests' process {how_it_ended(ended)}"]
    return outcomes_in(results) if results.is_file() else {}, wrong


def outcomes_in(results: Path) -> dict[str, str]:
    """By test, from pytest's JUnit file."""
    kinds = {"Failure": "failed", "Error": "failed", "Skipped": "skipped"}
    return {
        f"{case.classname}::{case.name}": kinds[type(case.result[0]).__name__] if case.result else "passed"
        for suite in JUnitXml.fromfile(str(results))
        for case in suite
    }


def audited(setting: Setting, claims: Sequence[str], scratch: Path) -> list[str]:
    """Differences between the verdicts of a quick audit and the recorded ones; of all claims where none is named."""
    reports = scratch / "reports"
    arguments = ["audit", "--profile", "quick", "--report-dir", str(reports)]
    arguments += [word for claim in claims for word in ("--claim", claim)]
    ended = subprocess.run(
        [command("theory-check"), *arguments], env=setting.environment(), stdout=subprocess.DEVNULL, check=False
    ).returncode
    written = list(reports.glob(f"*/{VERDICTS_FILE}"))
    if len(written) != 1:
        return [f"the audit {how_it_ended(ended)} and left {len(written)} reports"]
    return compare_with_baseline(load_recorded(written[0]), load_recorded(RECORDED), named_claims=bool(claims))


def tried(setting: Setting, arguments: Sequence[str], claims: Sequence[str], *, tests: bool, audit: bool) -> Run:
    """One setting, from start to end."""
    with tempfile.TemporaryDirectory() as scratch:
        outcomes, wrong = tested(setting, arguments, Path(scratch)) if tests else ({}, [])
        verdicts = audited(setting, claims, Path(scratch)) if audit else []
    wrong += [f"{test} failed" for test, outcome in outcomes.items() if outcome == "failed"]
    if tests and not outcomes:
        wrong.append("no test was run")
    said = f"{len(verdicts)} verdicts are not the recorded ones" if verdicts else "the recorded verdicts"
    return Run(outcomes, [*wrong, *verdicts], said if audit else "no audit")


def other_outcomes(run: Run, first: Run) -> list[str]:
    """Tests that came out otherwise than in the first setting, failures apart: a skip can hide what it skips."""
    return [
        f"{test}: {first.outcomes.get(test, 'absent')} in the first setting, {run.outcomes.get(test, 'absent')} here"
        for test in sorted({*run.outcomes} | {*first.outcomes})
        if run.outcomes.get(test) != first.outcomes.get(test) and run.outcomes.get(test) != "failed"
    ]


def of_other_pythons() -> list[str]:
    """What this run says nothing about: where each other Python is, and how to ask for it."""
    lines = []
    for version in PYTHONS:
        if version == ".".join(map(str, sys.version_info[:2])):
            continue
        name = f"python{version}"
        named = [path for path in os.environ.get("TOX_DISCOVER", "").split(os.pathsep) if Path(path).name == name]
        found = next((path for path in [*named, shutil.which(name)] if path and _starts(path)), None)
        said = f"found at {found}, not asked for" if found else "not found, neither on the path nor in TOX_DISCOVER"
        environment = f"machines-py{version.replace('.', '')}"
        how = f"`TOX_DISCOVER={found or f'/path/to/{name}'} tox run -e {environment}` tries it"
        lines.append(f"Python {version}: {said}; {how}")
    return lines


def _starts(python: str) -> bool:
    """Whether it is one: what version managers leave on the path may stand for none."""
    try:
        return subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main(words: Sequence[str]) -> int:
    """Print what each setting takes and came to; see the module's text for the exit status."""
    parser = argparse.ArgumentParser(prog="run_machines", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this setting (repeatable)")
    parser.add_argument("--list", action="store_true", help="say what each setting takes here, and run nothing")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--tests", action="store_true", help="only the tests")
    part.add_argument("--audit", action="store_true", help="only the quick audit")
    parser.add_argument("--claim", action="append", default=[], help="audit this claim only (repeatable)")
    parser.add_argument(
        "given", nargs="*", metavar="-- ARGUMENT", help="of pytest, in place of the four rooms of tests"
    )
    asked = parser.parse_args(words)
    try:
        settings = settings_named(asked.only)
    except ValueError as problem:
        parser.error(str(problem))
    seen: dict[Kernels, str] = {}
    rows: list[tuple[str, str, str]] = []
    runs: list[tuple[str, Run]] = []
    for setting in settings:
        try:
            kernels = kernels_in_use(setting)
        except CannotRun as reason:
            rows.append((setting.name, "cannot run here", str(reason)))
            continue
        before = seen.setdefault(kernels, setting.name)
        if before != setting.name:
            rows.append((setting.name, kernels.words, f"the same as {before}"))
        elif asked.list:
            rows.append((setting.name, kernels.words, "not run: --list"))
        else:
            print(f"== {setting.name}: {kernels.words}", flush=True)
            run = tried(setting, asked.given or TESTS, asked.claim, tests=not asked.audit, audit=not asked.tests)
            if runs:
                run = Run(run.outcomes, [*run.differences, *other_outcomes(run, runs[0][1])], run.audited)
            runs.append((setting.name, run))
            rows.append((setting.name, kernels.words, run.words))
    _report(rows, runs)
    return int(any(run.differences for _, run in runs) or not (runs or asked.list))


def _report(rows: Sequence[tuple[str, str, str]], runs: Sequence[tuple[str, Run]]) -> None:
    for name, run in runs:
        for line in run.differences[:SHOWN]:
            print(f"{name}: {line}")
        if len(run.differences) > SHOWN:
            print(f"{name}: and {len(run.differences) - SHOWN} more")
    print()
    widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
    for name, kernels, said in rows:
        print(f"{name:{widths[0]}}  {kernels:{widths[1]}}  {said}")
    for line in of_other_pythons():
        print(line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
