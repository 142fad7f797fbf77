"""Readings in a session of pytest: red only where they count, and the harness's own failures always."""

from collections.abc import Callable

import pytest

from theory_check.reporting.records import Report

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
ReportIn = Callable[[str], Report]

STATED = """
STATED = Claim(id="stated", statement="Nothing fails.", source="ours", strata=("sphere",))

@checks(STATED)
@given(case=numbered())
def test_nothing_fails(case, audit):
    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))
"""
HEDGED = 'source=Source(kinds=("hedged",), where="abstract", says="Numbers may be small.", reading="at most 20")'


@pytest.fixture
def hedged(pytester: pytest.Pytester, own: str) -> str:
    """The claim of that repository is one that nobody states, beside one that is stated and holds."""
    text = own.replace('source="nowhere"', HEDGED).replace("Claim, Discrepancy", "Claim, Discrepancy, Source")
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_own=text + STATED)
    return text


@pytest.mark.usefixtures("hedged")
def test_a_refuted_reading_fails_no_session(run: Run, report_in: ReportIn) -> None:
    """It is an expected failure with its reason, and the report ends with 0."""
    result = run("-rx", "--theory-check-report-dir=reports")
    result.assert_outcomes(passed=4, xfailed=2)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "stated: supported (1 trial, * cases)",
            "numbers-are-small, a reading (hedged, does not count): refuted (4 trials, * cases)",
            "1 of 1 claim supported; readings: 0 of 1 supported, numbers-are-small refuted",
        ]
    )
    report = report_in("reports")
    assert (report.verdict, report.exit_status) == ("supported", 0)
    assert {claim.id: claim.verdict for claim in report.claims} == {
        "numbers-are-small": "refuted",
        "stated": "supported",
    }


@pytest.mark.parametrize(
    ("option", "passed"), [("--theory-check-strict", 4), ("--theory-check-claim=numbers-are-small", 3)]
)
@pytest.mark.usefixtures("hedged")
def test_it_fails_a_session_on_request(run: Run, report_in: ReportIn, option: str, passed: int) -> None:
    """With the option, or where the reading is named."""
    result = run(option, "--theory-check-report-dir=reports")
    assert result.parseoutcomes()["failed"] == 2
    assert result.parseoutcomes()["passed"] == passed
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["numbers-are-small, a reading (hedged, counts): refuted*"])
    assert report_in("reports").exit_status == 1


@pytest.mark.usefixtures("hedged")
def test_the_ini_file_may_ask_for_it(pytester: pytest.Pytester, run: Run) -> None:
    """As for every option."""
    pytester.makeini("[pytest]\ntheory_check_strict = true")
    assert run().ret == pytest.ExitCode.TESTS_FAILED


def test_an_error_in_a_reading_fails(pytester: pytest.Pytester, run: Run, report_in: ReportIn, hedged: str) -> None:
    """A number that is none says that the harness is broken, whatever is on trial."""
    pytester.makepyfile(test_own=hedged.replace("float(case.data.seed)", 'float("nan")') + STATED)
    result = run("--theory-check-report-dir=reports")
    assert result.parseoutcomes()["failed"] == 2
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    report = report_in("reports")
    assert (report.verdict, report.exit_status) == ("error", 4)
