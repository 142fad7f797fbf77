"""The table of claims against activations."""

from typing import Any

import pytest

from theory_check.claims.claim import Unmet
from theory_check.claims.quantity import Quantity
from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.neural_ode.claims import quantities as q
from theory_check.reporting.survey import cell, sentence, survey_table


def _claim(
    build: Any, verdict: Verdict, conclusion: Conclusion | None, quantity: str | Quantity = q.OUTPUT_SPREAD
) -> Any:
    outcome = build.outcome(
        verdict=verdict,
        conclusion=Conclusion.FAILS,
        quantity=quantity,
        measured=0.0467,
        bound=2e-7,
        unmet=Unmet("phi is smooth", "it jumps") if verdict is Verdict.ASSUMPTIONS_NOT_MET else None,
        reason="more",
    )
    trial = build.trial(kind="named", verdict=verdict, conclusion=conclusion, minimal=outcome.case_id)
    return build.claim(trial, verdict=verdict, outcomes=(outcome,))


@pytest.mark.parametrize(
    ("verdict", "conclusion", "shown"),
    [
        (Verdict.SUPPORTED, None, "supported"),
        (Verdict.REFUTED, None, "refuted"),
        (Verdict.INCONCLUSIVE, None, "inconclusive"),
        (Verdict.ASSUMPTIONS_NOT_MET, Conclusion.FAILS, "not met: fails"),
        (Verdict.ASSUMPTIONS_NOT_MET, Conclusion.HOLDS, "not met: holds"),
    ],
)
def test_a_cell_is_a_word_or_two(build: Any, verdict: Verdict, conclusion: Conclusion | None, shown: str) -> None:
    """The worst verdict, or what became of the conclusion where the assumptions are not met."""
    assert cell(_claim(build, verdict, conclusion)) == shown


def test_a_refutation_is_one_sentence_with_its_number(build: Any) -> None:
    """A known quantity has words of its own, another one is quoted."""
    known = sentence(_claim(build, Verdict.REFUTED, None))
    assert known == "outputs of two inputs are less correlated than the inputs, by 0.0467"
    assert "0.0467" in sentence(_claim(build, Verdict.REFUTED, None, quantity="something else"))
    unmet = sentence(_claim(build, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.FAILS))
    assert unmet.startswith("outside the claim (phi is smooth: it jumps): outputs")


def test_a_cell_that_is_undecided_says_why(build: Any) -> None:
    """Outside the claim as well as inside: a word without a reason could not be told from a failure to look."""
    outcome = build.outcome(
        verdict=Verdict.ASSUMPTIONS_NOT_MET,
        conclusion=Conclusion.UNDECIDED,
        unmet=Unmet("phi is Lipschitz", "square is not"),
        reason="uninformative: eigenvalues are known to 1e+02",
    )
    trial = build.trial(kind="named", verdict=Verdict.ASSUMPTIONS_NOT_MET, conclusion=Conclusion.UNDECIDED)
    claim = build.claim(trial, verdict=Verdict.ASSUMPTIONS_NOT_MET, outcomes=(outcome,))
    assert cell(claim) == "not met: undecided"
    expected = "outside the claim (phi is Lipschitz: square is not): undecided, uninformative: eigenvalues are known"
    assert sentence(claim) == f"{expected} to 1e+02"


def test_every_claim_has_a_row_and_every_failure_a_line(build: Any) -> None:
    """In the order of the report."""
    reports = {
        "tanh": build.report(_claim(build, Verdict.REFUTED, None)),
        "softplus": build.report(build.claim(build.trial())),
    }
    table = survey_table(reports)
    assert "| `adjoint-gradient` | refuted | supported |" in table
    assert "- `adjoint-gradient`, tanh: outputs of two inputs" in table
    assert "softplus:" not in table
