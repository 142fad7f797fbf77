"""What a pytest run says at its end: verdict, worst case, where the report is, what to type next."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from theory_check.case.record import case_id
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.neural_ode.case import Case, Explicit, Sphere
from theory_check.reporting.records import ClaimReport, Trial
from theory_check.reporting.replay_command import replay_command
from theory_check.reporting.terminal_lines import terminal_lines

SMALL = Case(activation="tanh(x)", data=Sphere(1, 2, 0), width=1)


def outcome(measured: float, case: Case = SMALL, claim: str = "mine") -> Outcome:
    """Judged against 1."""
    fails = measured > 1.0
    return Outcome(
        claim=claim,
        test="t.py::t",
        case_id=case_id(claim, case, test="t.py::t"),
        case=case,
        seed=0,
        verdict=Verdict.REFUTED if fails else Verdict.SUPPORTED,
        conclusion=Conclusion.FAILS if fails else Conclusion.HOLDS,
        quantity="size",
        measured=measured,
        bound=1.0,
        ratio=measured,
    )


def claim_of(*outcomes: Outcome, minimal: Outcome | None = None) -> ClaimReport:
    """One trial that found these."""
    verdict = Verdict.REFUTED if minimal else Verdict.SUPPORTED
    trial = Trial(
        property="t.py::t",
        kind="random",
        activation="random",
        stratum="undivided",
        verdict=verdict,
        requested=2,
        executed=2,
        comparisons=2,
        minimal=minimal.case_id if minimal else None,
        worst_ratio=max(o.ratio or 0.0 for o in outcomes),
        seconds=0.0,
    )
    return ClaimReport(
        id="mine",
        statement="s",
        source="s",
        quantifier="ALL",
        assumptions=(),
        verdict=verdict,
        trials=(trial,),
        outcomes=outcomes,
    )


@pytest.fixture
def lines(build: Any) -> Callable[..., list[str]]:
    """The lines for one claim."""

    def lines(claim: ClaimReport, folder: Path | None = None, problem: str = "") -> list[str]:
        report = build.report(claim, warnings=("mind this",))
        return terminal_lines(report, folder, Path.cwd(), problem)

    return lines


def test_a_supported_claim_shows_what_came_closest(lines: Callable[..., list[str]]) -> None:
    """And how to keep a report."""
    near = outcome(0.9, msgspec.structs.replace(SMALL, width=3))
    said = lines(claim_of(outcome(0.5), near))
    assert said[:3] == [
        "warning: mind this",
        "mine: supported (1 trial, 2 cases)",
        "  size = 0.9, bound 1 (ratio 0.9)",
    ]
    assert said[3].startswith(f"  closest case {near.case_id}: {{")
    assert said[4:] == ["next: --theory-check-report-dir=reports to keep a report"]


def test_a_refuted_claim_shows_its_minimal_case_and_how_to_replay_it(lines: Callable[..., list[str]]) -> None:
    """Not the case that broke its bound most; without a report the next step is to write one."""
    minimal, worse = outcome(1.5), outcome(9.0, msgspec.structs.replace(SMALL, width=30))
    claim = claim_of(worse, minimal, minimal=minimal)
    said = lines(claim, Path("reports/run 1"))
    assert said[2] == "  size = 1.5, bound 1 (ratio 1.5)"
    assert said[3].startswith(f"  minimal case {minimal.case_id}: ")
    assert said[4] == (
        f"  replay: theory-check replay 'reports/run 1/report.json' {minimal.case_id} --properties . --trust-code"
    )
    assert said[5] == "reports: reports/run 1"
    assert lines(claim)[-1] == "next: --theory-check-report-dir=reports to replay a case"
    assert lines(claim, None, "disk full")[-1] == "no report: disk full"


def test_a_long_case_is_left_to_the_report(lines: Callable[..., list[str]]) -> None:
    """Data of a user's own may have thousands of numbers."""
    long = outcome(0.5, msgspec.structs.replace(SMALL, data=Explicit(((0.5,) * 500,))))
    assert lines(claim_of(long))[3] == f"  closest case {long.case_id}: see the report"


def test_the_command_asks_for_trust_where_code_is_run() -> None:
    """The paper's claims lie in the package; an activation may be code all the same."""
    paper = outcome(1.5, claim="forward-unique")
    assert replay_command(paper) == f"theory-check replay report.json {paper.case_id}"
    code = outcome(1.5, msgspec.structs.replace(SMALL, activation="mine:phi"), "forward-unique")
    assert replay_command(code) == f"theory-check replay report.json {code.case_id} --trust-code"
