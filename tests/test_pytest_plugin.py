"""The plugin in projects of a user's own: properties judged and reported, in one process and in several."""

from pathlib import Path

import msgspec
import pytest

from theory_check.reporting.document import load_report
from theory_check.reporting.records import ClaimReport, Report

pytest_plugins = ["pytester"]

OWN = """
import os

import torch
from hypothesis import given, strategies as st

from theory_check import Audit, Case, Claim, checks
from theory_check.case import Sphere
from theory_check.evidence.discrepancy import Discrepancy

OWN = Claim(
    id="numbers-are-small",
    statement="Every number is at most 20.",
    source="nowhere",
    quantifier="ALL",
    assumptions=(),
    strata=("sphere", "digits"),
    controls=(),
)
torch.set_num_threads(3)
CASES = st.integers(1, 1000).map(lambda n: Case(activation="tanh(x)", data=Sphere(1, 2, n), width=1))


@checks(OWN, share=0.5)
@given(case=CASES)
def test_numbers_are_numbers(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))


@checks(OWN)
@given(case=CASES)
def test_numbers_are_small(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("number", float(case.data.seed), 20.0))


def test_an_ordinary_one() -> None:
    assert torch.get_num_threads() == 3, "a trial takes one thread, and gives the others back"
"""
CRASHING = OWN.replace('    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))', "    os._exit(3)")
# None of these may reach a report.
PLAIN = ("-p", "no:cacheprovider", "-p", "no:randomly")


@pytest.fixture(autouse=True)
def _project(pytester: pytest.Pytester) -> None:
    """A root of its own: folders above it may have settings."""
    pytester.makeini("[pytest]")


def _report(folder: Path) -> Report:
    (run,) = folder.iterdir()
    return load_report(run)


def _claims(report: Report) -> list[ClaimReport]:
    """The claims without what may differ between two runs."""
    return [
        msgspec.structs.replace(
            claim, trials=tuple(msgspec.structs.replace(trial, seconds=0.0) for trial in claim.trials)
        )
        for claim in report.claims
    ]


def test_a_property_of_ones_own_is_judged_and_reported(pytester: pytest.Pytester) -> None:
    """By options in one process and by the ini file in two workers: the same report."""
    pytester.makepyfile(test_own=OWN)
    options = ("--theory-check-seed=5", "--theory-check-activation=relu", "--theory-check-report-dir=one")
    alone = pytester.runpytest_subprocess(*PLAIN, *options)
    alone.assert_outcomes(passed=3, failed=2)
    alone.stdout.fnmatch_lines(
        [
            "numbers-are-small [[]named relu, *: refuted",
            "number: 21.0 against 20.0",
            "minimal case *",
            "*= theory_check =*",
            "numbers-are-small: refuted",
            "reports: one/*",
        ]
    )
    report = _report(pytester.path / "one")
    assert (report.seed, report.exit_status, report.warnings) == (5, 1, ())
    (claim,) = report.claims
    assert [(trial.property, trial.kind, trial.activation, trial.stratum) for trial in claim.trials] == [
        (f"test_own.py::{name}", "named", "relu", stratum)
        for name in ("test_numbers_are_numbers", "test_numbers_are_small")
        for stratum in ("sphere", "digits")
    ]
    minimal = {trial.minimal for trial in claim.trials if trial.verdict == "refuted"}
    assert {outcome.measured for outcome in claim.outcomes if outcome.case_id in minimal} == {21.0}

    pytester.makeini(
        """
        [pytest]
        theory_check_seed = 5
        theory_check_report_dir = two
        theory_check_activation =
            relu
        """
    )
    several = pytester.runpytest_subprocess(*PLAIN, "-n", "2")
    several.assert_outcomes(passed=3, failed=2)
    assert _claims(_report(pytester.path / "two")) == _claims(report)


def test_a_trial_that_is_lost_makes_the_audit_an_error(pytester: pytest.Pytester) -> None:
    """A worker that dies takes its trial with it: it is named in the report, and the rest does not pass for all."""
    pytester.makepyfile(test_own=CRASHING)
    options = ("--theory-check-activation=relu", "--theory-check-report-dir=reports")
    pytester.runpytest_subprocess(*PLAIN, *options, "-n", "1", "-k", "sphere").assert_outcomes(failed=2)
    report = _report(pytester.path / "reports")
    assert (report.verdict, report.exit_status) == ("error", 4)
    (lost,) = report.warnings
    assert lost.startswith("a trial was lost: test_own.py::test_numbers_are_numbers[trial-named-relu-sphere]: worker")
    assert [trial.property for trial in report.claims[0].trials] == ["test_own.py::test_numbers_are_small"]


def test_trials_that_were_not_run_are_lost(pytester: pytest.Pytester) -> None:
    """A property that is skipped is no quiet pass, and after -x the rest has no verdict, so the report has none."""
    # The skip belongs to the project under test: what is checked is that it is reported as lost.
    skipping = OWN.replace("@checks(OWN, share", "@pytest.mark.skip\n@checks(OWN, share").replace("os\n", "pytest\n")
    pytester.makepyfile(test_own=skipping)
    options = ("--theory-check-activation=relu", "--theory-check-report-dir=reports")
    result = pytester.runpytest_subprocess(*PLAIN, *options, "-x")
    result.assert_outcomes(failed=1, skipped=2)
    report = _report(pytester.path / "reports")
    assert report.exit_status == 4
    lost = [warning.removeprefix("a trial was lost: test_own.py::") for warning in report.warnings]
    assert [text.partition("[")[0] for text in lost] == [
        "test_numbers_are_numbers",
        "test_numbers_are_numbers",
        "test_numbers_are_small",
    ]
    assert ["Skipped" in text for text in lost] == [True, True, False]
    assert lost[2].endswith("digits]: never run")
    result.stdout.fnmatch_lines(["warning: a trial was lost: *", "numbers-are-small: refuted"])


def test_an_ordinary_project_notices_nothing(pytester: pytest.Pytester) -> None:
    """No report, no section, no torch."""
    pytester.makepyfile("import sys\n\ndef test_it():\n    assert 'torch' not in sys.modules")
    result = pytester.runpytest_subprocess(*PLAIN, "--theory-check-report-dir=reports")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*= theory_check =*")
    assert not (pytester.path / "reports").exists()


def test_the_plugin_can_be_switched_off(pytester: pytest.Pytester) -> None:
    """Its options are gone with it."""
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess(*PLAIN, "-p", "no:theory_check", "--theory-check-seed=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --theory-check-seed=1*"])
    pytester.runpytest_subprocess(*PLAIN, "-p", "no:theory_check").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--theory-check-seed=x", "the seed must be a whole number, got 'x'"),
        ("--theory-check-claim=backward", "unknown claim 'backward'; did you mean 'backward-unique'?*"),
        ("--theory-check-data=none.npy", "cannot read 'none.npy': No such file or directory"),
    ],
)
def test_an_option_that_means_nothing_is_refused(pytester: pytest.Pytester, option: str, said: str) -> None:
    """One line, before any trial."""
    pytester.makepyfile(test_own=OWN)
    result = pytester.runpytest_subprocess(*PLAIN, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_report_that_cannot_be_written_is_said(pytester: pytest.Pytester) -> None:
    """The tests have run by then; the run does not end as if nothing had happened."""
    pytester.makepyfile(test_own=OWN)
    (pytester.path / "file").touch()
    options = ("--theory-check-activation=relu", "--theory-check-report-dir=file/reports", "-k", "numbers_are_numbers")
    result = pytester.runpytest_subprocess(*PLAIN, *options)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["no report: cannot write reports to *"])


def test_collecting_only_writes_nothing(pytester: pytest.Pytester) -> None:
    """One test for each trial is listed; none was lost."""
    pytester.makepyfile(test_own=OWN)
    options = ("--theory-check-activation=relu", "--theory-check-report-dir=reports", "--collect-only", "-q")
    result = pytester.runpytest_subprocess(*PLAIN, *options)
    result.stdout.fnmatch_lines(
        ["test_own.py::test_numbers_are_small[[]trial-named-relu-sphere[]]", "5 tests collected*"]
    )
    assert not (pytester.path / "reports").exists()
