"""What was looked at, and which assumptions were needed, summed up from trials."""

from typing import Any

from theory_check.evidence.verdict import Conclusion, Verdict
from theory_check.reporting.coverage import ablation_table, coverage_of
from theory_check.reporting.markdown_writer import render


def _without(build: Any, assumption: str, conclusion: Conclusion, held: int, minimal: str | None = None) -> Any:
    return build.trial(
        kind="ablation",
        verdict=Verdict.ASSUMPTIONS_NOT_MET,
        conclusion=conclusion,
        assumption=assumption,
        departure=f"no {assumption}",
        requested=4,
        executed=4,
        held=held,
        minimal=minimal,
    )


def test_comparisons_are_added_up_by_class(build: Any) -> None:
    """Over the trials that decide; controls and ablations do not count."""
    counted = {"horizon": {"short": 3, "long": 2}, "scale": {"weak": 5}}
    claim = build.claim(
        build.trial(coverage=counted),
        build.trial(stratum="digits", coverage={"horizon": {"short": 1}}),
        build.trial(kind="control", coverage=counted),
        _without(build, "smooth", Conclusion.HOLDS, 4),
    )
    assert coverage_of(claim) == {
        "data": {"digits": 60, "sphere": 60},
        "horizon": {"long": 2, "short": 4},
        "scale": {"weak": 5},
    }


def test_an_assumption_is_needed_where_the_conclusion_fails_without_it(build: Any) -> None:
    """In any trial; where it fails in none the cases in which it held are counted."""
    outcome = build.outcome()
    claim = build.claim(
        build.trial(),
        _without(build, "smooth", Conclusion.HOLDS, 4),
        _without(build, "smooth", Conclusion.FAILS, 1, outcome.case_id),
        _without(build, "wide", Conclusion.HOLDS, 4),
        _without(build, "wide", Conclusion.UNDECIDED, 1),
    )
    report = build.report(claim)
    row = ablation_table(report)["adjoint-gradient"]
    assert (row["smooth"].needed, row["smooth"].minimal) == (True, outcome.case_id)
    assert row["smooth"].text == "needed: fails with no smooth"
    assert (row["wide"].needed, row["wide"].text) == (False, "held in 5 of 8 cases without it, undecided in the others")
    text = render(report)
    assert "Which assumptions are needed" in text
    assert "held in 5 of 8 cases without it" in text


def test_a_report_without_ablations_has_no_such_table(build: Any) -> None:
    """Nor does its text."""
    assert ablation_table(build.full()) == {}
    assert "Which assumptions are needed" not in render(build.full())
