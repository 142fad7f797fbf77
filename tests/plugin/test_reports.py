"""Properties of a user's own are judged and reported, in one process and in several."""

from collections.abc import Callable

import pytest

from theory_check.reporting.records import ClaimReport, Report

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
ReportIn = Callable[[str], Report]


def test_a_property_of_ones_own_is_judged_and_reported(
    project: pytest.Pytester, run: Run, report_in: ReportIn, comparable: Callable[[Report], list[ClaimReport]]
) -> None:
    """By options in one process and by the ini file in two workers: the same report."""
    options = ("--theory-check-seed=5", "--theory-check-paper=Small numbers", "--theory-check-report-dir=one")
    alone = run(*options)
    alone.assert_outcomes(passed=3, failed=2)
    assert alone.ret == pytest.ExitCode.TESTS_FAILED
    alone.stdout.fnmatch_lines(
        [
            "numbers-are-small [[]named relu, *: refuted",
            "number: 21.0 against 20.0",
            "minimal case *",
            "*= theory_check =*",
            "numbers-are-small: refuted (4 trials, * cases)",
            "  number = 21, bound 20 (ratio 1.05)",
            '  minimal case *"seed":21*',
            "  replay: theory-check replay one/*/report.json * --properties . --trust-code",
            "reports: one/*",
        ]
    )
    report = report_in("one")
    assert (report.paper, report.seed, report.exit_status, report.warnings) == ("Small numbers", 5, 1, ())
    (claim,) = report.claims
    assert [(trial.property, trial.kind, trial.activation, trial.stratum) for trial in claim.trials] == [
        (f"test_own.py::{name}", "named", "relu", stratum)
        for name in ("test_numbers_are_numbers", "test_numbers_are_small")
        for stratum in ("sphere", "digits")
    ]
    minimal = {trial.minimal for trial in claim.trials if trial.verdict == "refuted"}
    assert {outcome.measured for outcome in claim.outcomes if outcome.case_id in minimal} == {21.0}
    (folder,) = (project.path / "one").iterdir()
    assert {path.name for path in folder.iterdir()} >= {"report.json", "report.md", "junit.xml"}

    project.makeini(
        """
        [pytest]
        theory_check_seed = 5
        theory_check_paper = Small numbers
        theory_check_report_dir = two
        theory_check_activation =
            relu
        """
    )
    several = run("-n", "2", activation="")
    several.assert_outcomes(passed=3, failed=2)
    again = report_in("two")
    assert comparable(again) == comparable(report)
    assert (again.paper, again.seed, again.warnings) == (report.paper, report.seed, report.warnings)


def test_a_trial_that_is_lost_makes_the_audit_an_error(
    project: pytest.Pytester, own: str, run: Run, report_in: ReportIn
) -> None:
    """A worker that dies takes its trial with it: it is named in the report, and the rest does not pass for all."""
    crashing = own.replace('    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))', "    os._exit(3)")
    project.makepyfile(test_own=crashing)
    run("--theory-check-report-dir=reports", "-n", "1", "-k", "sphere").assert_outcomes(failed=2)
    report = report_in("reports")
    assert (report.verdict, report.exit_status) == ("error", 4)
    left_out, lost = report.warnings
    assert left_out.startswith("2 trials were left out")
    assert lost.startswith("a trial was lost: test_own.py::test_numbers_are_numbers[trial-named-relu-sphere]: worker")
    assert [trial.property for trial in report.claims[0].trials] == ["test_own.py::test_numbers_are_small"]


def test_trials_that_were_not_run_are_lost(project: pytest.Pytester, own: str, run: Run, report_in: ReportIn) -> None:
    """A property that is skipped is no quiet pass, and after -x the rest has no verdict, so the report has none."""
    # The skip belongs to the project under test: what is checked is that it is reported as lost, also below @checks.
    skipping = own.replace("0.5)\n", "0.5)\n@pytest.mark.skip\n").replace("os\n", "pytest\n")
    project.makepyfile(test_own=skipping)
    result = run("--theory-check-report-dir=reports", "-x")
    result.assert_outcomes(failed=1, skipped=2)
    report = report_in("reports")
    assert report.exit_status == 4
    lost = [warning.removeprefix("a trial was lost: test_own.py::") for warning in report.warnings]
    assert [text.partition("[")[0] for text in lost] == [
        "test_numbers_are_numbers",
        "test_numbers_are_numbers",
        "test_numbers_are_small",
    ]
    assert ["Skipped" in text for text in lost] == [True, True, False]
    assert lost[2].endswith("digits]: never run")
    result.stdout.fnmatch_lines(["warning: a trial was lost: *", "numbers-are-small: refuted*"])


def test_a_report_that_cannot_be_written_is_said(project: pytest.Pytester, run: Run) -> None:
    """The tests have run by then; the run does not end as if nothing had happened."""
    (project.path / "file").touch()
    result = run("--theory-check-report-dir=file/reports", "-k", "numbers_are_numbers")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["no report: cannot write reports to *"])


def test_a_trial_that_decides_nothing_fails(project: pytest.Pytester, own: str, run: Run) -> None:
    """A comparison without power is no pass; where assumptions are not met a trial is skipped, in so many words."""
    project.makepyfile(
        test_own=own.replace('"nothing", 0.0, 1.0', '"nothing", 0.0, 1.0, scale=1.0').replace(
            'source="nowhere"', 'source="nowhere", assumptions=("smooth",)'
        )
    )
    smooth = run("-k", "numbers_are_numbers and sphere", activation="tanh")
    smooth.assert_outcomes(failed=1, deselected=4)
    smooth.stdout.fnmatch_lines(["numbers-are-small [[]named tanh, sphere[]]: inconclusive*underpowered*"])
    kinked = run("-k", "numbers_are_numbers and sphere", "-rs")
    kinked.assert_outcomes(skipped=1, deselected=4)
    kinked.stdout.fnmatch_lines(["*assumptions-not-met, conclusion undecided: phi and its derivative are Lipschitz*"])
