"""Expected failures: they excuse what fails, must fail, and speak of what exists."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from theory_check.conformance.expected_failures import Entry, ExpectedFailuresError, load_expected_failures
from theory_check.conformance.libraries.loading import solvers_of
from theory_check.conformance.profiles import PROFILES
from theory_check.conformance.records import CheckResult, ConformanceReport
from theory_check.conformance.run import Plan, checks_of, report_of
from theory_check.conformance.writing import load, render_badge, render_markdown, write
from theory_check.judge.verdict import Verdict

CHECK, GOOD, BAD = "gradient-under-contraction", "dopri5/adaptive/odeint", "dopri5/adaptive/odeint_adjoint"
ENTRY = Entry(check=CHECK, solver="*/odeint_adjoint", reason="states are rebuilt")


def _result(solver: str, verdict: Verdict) -> CheckResult:
    return CheckResult(check=CHECK, solver=solver, verdict=verdict, requested=1, executed=1)


def _report(results: Sequence[CheckResult], *expected: Entry) -> ConformanceReport:
    solvers = solvers_of("torchdiffeq")
    plan = Plan("torchdiffeq", PROFILES["quick"])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return report_of(plan, solvers, results, expected, command="theory-check", started=now, seconds=1.0)


@pytest.mark.parametrize(
    ("verdicts", "expected", "status"),
    [
        ((Verdict.SUPPORTED, Verdict.SUPPORTED), (), 0),
        ((Verdict.SUPPORTED, Verdict.REFUTED), (), 1),
        ((Verdict.SUPPORTED, Verdict.REFUTED), (ENTRY,), 0),
        ((Verdict.SUPPORTED, Verdict.ERROR), (ENTRY,), 0),
        ((Verdict.REFUTED, Verdict.REFUTED), (ENTRY,), 1),
        ((Verdict.SUPPORTED, Verdict.SUPPORTED), (ENTRY,), 1),
        ((Verdict.SUPPORTED, Verdict.INCONCLUSIVE), (), 3),
        ((Verdict.SUPPORTED, Verdict.INCONCLUSIVE), (ENTRY,), 0),
        ((Verdict.ERROR, Verdict.INCONCLUSIVE), (), 4),
        ((Verdict.ERROR, Verdict.REFUTED), (), 1),
    ],
)
def test_exit_status(verdicts: tuple[Verdict, Verdict], expected: tuple[Entry, ...], status: int) -> None:
    """0 conforms, 1 refuted or passing against expectation, 3 inconclusive, 4 error."""
    report = _report([_result(GOOD, verdicts[0]), _result(BAD, verdicts[1])], *expected)
    assert report.exit_status == status


def test_an_entry_whose_solver_was_not_tried_says_nothing() -> None:
    """With --method most entries are about others."""
    assert _report([_result(GOOD, Verdict.SUPPORTED)], ENTRY).exit_status == 0


def test_a_report_names_expected_failures_and_is_read_back(tmp_path: Path) -> None:
    """JSON, Markdown and badge; a file beside them stays where a report is written again."""
    report = _report([_result(GOOD, Verdict.SUPPORTED), _result(BAD, Verdict.REFUTED)], ENTRY)
    folder = write(report, tmp_path)
    (folder / "expected-failures.toml").write_text("")
    assert write(report, tmp_path) == folder
    assert load(folder / "report.json") == report
    assert sorted(path.name for path in folder.iterdir()) == [
        "badge.json",
        "expected-failures.toml",
        "report.json",
        "report.md",
    ]
    assert "refuted (expected)" in render_markdown(report)
    again = msgspec.structs.replace(report.results[0], executed=3, drawn_again=2)
    assert "| 3, 2 drawn again |" in render_markdown(msgspec.structs.replace(report, results=(again,)))
    assert '"message": "1 supported, 1 expected failures"' in render_badge(report)
    assert '"color": "brightgreen"' in render_badge(report)


def test_an_unexpected_pass_is_no_green_badge() -> None:
    """It fails the command."""
    report = _report([_result(BAD, Verdict.SUPPORTED)], ENTRY)
    assert report.unexpected_passes == (f"{CHECK} */odeint_adjoint",)
    assert '"color": "red"' in render_badge(report)
    assert "no longer fail" in render_markdown(report)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[expected]", "is no TOML"),
        ('[[expected]]\ncheck = "x"\nsolver = "*"\n', "is no list of expected failures"),
        ('[[expected]]\ncheck = "adjoint-gradeint"\nsolver = "*"\nreason = "r"\n', "did you mean 'adjoint-gradient'?"),
        ('[[expected]]\ncheck = "adjoint-gradient"\nsolver = "dopri6/*"\nreason = "r"\n', "about no solver 'dopri6/*'"),
        ('[[expected]]\ncheck = "adjoint-gradient"\nsolver = "*"\nreason = " "\n', "a reason must be given"),
    ],
)
def test_a_file_that_means_nothing_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """One line that says what and where."""
    path = tmp_path / "expected.toml"
    path.write_text(text)
    with pytest.raises(ExpectedFailuresError, match=r"^[^\n]+$") as raised:
        load_expected_failures(path, checks_of(solvers_of("torchdiffeq")))
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Likewise."""
    with pytest.raises(ExpectedFailuresError, match="cannot read"):
        load_expected_failures(tmp_path / "none.toml", {})
