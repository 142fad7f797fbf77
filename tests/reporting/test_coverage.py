"""What was looked at, and which assumptions were needed, summed up from trials."""

from typing import Any

import msgspec

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.coverage import ablation_table, coverage_of, needed_assumptions
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
    (smooth,), (wide,) = row["smooth"], row["wide"]
    assert (smooth.needed, smooth.minimal, smooth.departure) == (True, outcome.case_id, "no smooth")
    assert smooth.text == "fails: needed there"
    assert (wide.needed, wide.conclusion) == (False, Conclusion.UNDECIDED)
    assert wide.text == "undecided: held in 5 of 8 cases, could not be judged in the others"
    assert needed_assumptions(ablation_table(report)) == (1, 2)
    text = render(report)
    assert "Which assumptions are needed" in text
    assert "no wide" in text
    assert "| undecided: held in 5 of 8 cases" in text


def test_every_way_to_break_an_assumption_has_a_row(build: Any) -> None:
    """One that fails does not hide one that holds, or the other way round; both strata of a way are one row."""
    outcome = build.outcome()
    ways = [
        ("affine, dependent", Conclusion.FAILS, 0, outcome.case_id),
        ("affine, independent", Conclusion.HOLDS, 4, None),
        ("polynomial, dependent", Conclusion.HOLDS, 4, None),
        ("polynomial, dependent", Conclusion.HOLDS, 4, None),
    ]
    trials = [
        msgspec.structs.replace(_without(build, "nonlinear", conclusion, held, minimal), departure=words)
        for words, conclusion, held, minimal in ways
    ]
    found = ablation_table(build.report(build.claim(build.trial(), *trials)))
    affine, independent, polynomial = found["adjoint-gradient"]["nonlinear"]
    assert (affine.needed, independent.needed, polynomial.needed) == (True, False, False)
    assert independent.text == "held in 4 of 4 cases: not seen to be needed there"
    assert polynomial.text == "held in 8 of 8 cases: not seen to be needed there"
    assert needed_assumptions(found) == (1, 1)


def test_an_assumption_that_was_not_tried_is_not_unneeded(build: Any) -> None:
    """No case, no word about it."""
    nothing = msgspec.structs.replace(_without(build, "wide", Conclusion.HOLDS, 0), executed=0, conclusion=None)
    ((found,),) = ablation_table(build.report(build.claim(build.trial(), nothing)))["adjoint-gradient"].values()
    assert (found.conclusion, found.text) == (Conclusion.UNDECIDED, "not tried")


def test_a_report_without_ablations_has_no_such_table(build: Any) -> None:
    """Nor does its text."""
    assert ablation_table(build.full()) == {}
    assert "Which assumptions are needed" not in render(build.full())
