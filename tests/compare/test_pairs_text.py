"""The table of pairs: a row for each outcome, with the words that its verdict asks for."""

from typing import Any

import pytest

from theory_check.compare.pairs_text import HEAD, READINGS, pairs_table
from theory_check.judge.evidence import Ratio
from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.neural_ode.claims import quantities as q


@pytest.mark.parametrize(
    ("verdict", "conclusion", "same", "seen"),
    [
        (Verdict.SUPPORTED, Conclusion.HOLDS, False, "no more"),
        (Verdict.SUPPORTED, Conclusion.HOLDS, True, "no difference"),
        (Verdict.REFUTED, Conclusion.FAILS, False, "more"),
        (Verdict.INCONCLUSIVE, Conclusion.UNDECIDED, False, "undecided"),
    ],
)
def test_a_row_says_what_was_seen(
    build: Any,
    verdict: Verdict,
    conclusion: Conclusion,
    same: bool,  # noqa: FBT001
    seen: str,
) -> None:
    """Ratio, interval, prediction and means."""
    evidence = Ratio(
        low=0.98,
        high=1.02,
        confidence=0.999,
        no_difference=same,
        networks=10,
        p_value=0.5,
        level=1e-9,
        subject_mean=151.0,
        reference_mean=150.25,
        predicted=1.4375,
        power=0.9,
        refuted_from=1.1,
        supported_to=1.0,
    )
    outcome = build.outcome(
        quantity=q.COARSE_STEPS, verdict=verdict, conclusion=conclusion, measured=1.00125, evidence=evidence
    )
    head, rule, row = pairs_table([outcome]).splitlines()
    assert head == "| " + " | ".join(HEAD) + " |"
    assert rule.count("---") == len(HEAD)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:] == ["0.3", "steps", "1.001", "[0.98, 1.02]", seen, "1.438", "150.2", "151"]


def test_what_was_not_measured_leaves_cells_empty(build: Any) -> None:
    """No number is made up."""
    outcome = build.outcome(quantity=q.FINE_EVALUATIONS, verdict=Verdict.ASSUMPTIONS_NOT_MET, measured=None, bound=None)
    cells = [cell.strip() for cell in pairs_table([outcome]).splitlines()[2].strip("|").split("|")]
    assert cells[2:] == ["0.03", "evaluations", "", "", "outside the claim", "", "", ""]


def test_every_reading_has_its_word() -> None:
    """Of the four quantities of the claim."""
    assert set(READINGS) == {one.id for one in (q.FINE_EVALUATIONS, q.COARSE_EVALUATIONS, q.FINE_STEPS, q.COARSE_STEPS)}
