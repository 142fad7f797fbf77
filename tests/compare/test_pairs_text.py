"""The table of pairs: a row for each outcome, with the words that its verdict asks for."""

from typing import Any

import pytest

from theory_check.compare.pairs_text import HEAD, READINGS, pairs_table
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
    details = {
        "interval low": 0.98,
        "interval high": 1.02,
        "no difference": same,
        "smoothing, standard deviations of the state": 0.3,
        "ratio predicted by the limiting kernels": 1.4375,
        "steps with phi, mean": 150.25,
        "steps with the mollified phi, mean": 151.0,
    }
    outcome = build.outcome(
        quantity=q.COARSE_STEPS, verdict=verdict, conclusion=conclusion, measured=1.00125, details=details
    )
    head, rule, row = pairs_table([outcome]).splitlines()
    assert head == "| " + " | ".join(HEAD) + " |"
    assert rule.count("---") == len(HEAD)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:] == ["0.3", "steps", "1.001", "[0.98, 1.02]", seen, "1.438", "150.2", "151"]


def test_what_was_not_measured_leaves_cells_empty(build: Any) -> None:
    """No number is made up."""
    outcome = build.outcome(
        quantity=q.FINE_EVALUATIONS, verdict=Verdict.ASSUMPTIONS_NOT_MET, measured=None, bound=None, details={}
    )
    cells = [cell.strip() for cell in pairs_table([outcome]).splitlines()[2].strip("|").split("|")]
    assert cells[3:] == ["evaluations", "", "", "outside the claim", "", "", ""]


def test_every_reading_has_its_word() -> None:
    """Of the four quantities of the claim."""
    assert set(READINGS) == {q.FINE_EVALUATIONS, q.COARSE_EVALUATIONS, q.FINE_STEPS, q.COARSE_STEPS}
