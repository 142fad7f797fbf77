"""How verdicts of cases add up to that of a claim: docs/judgement.md#verdicts."""

import msgspec
import pytest

from theory_check.case.record import case_hook
from theory_check.claims.quantity import quantity_of
from theory_check.judge.verdict import Conclusion, Outcome, Verdict, ablation, combine
from theory_check.neural_ode.case import Case, Sphere

CASE = Case(activation="tanh(x)", data=Sphere(2, 3, 0), width=4)


def outcome(verdict: Verdict, conclusion: Conclusion = Conclusion.UNDECIDED) -> Outcome:
    """An outcome of which only verdict and conclusion matter."""
    return Outcome(
        claim="forward-unique",
        test="test_unique_solutions.py::test",
        case_id="0123456789ab",
        case=CASE,
        seed=0,
        verdict=verdict,
        conclusion=conclusion,
        quantity=quantity_of("none", "error"),
    )


def verdicts(**counts: int) -> list[Outcome]:
    """So many outcomes of each verdict, named by the enumeration's members in lower case."""
    return [outcome(Verdict[name.upper()]) for name, count in counts.items() for _ in range(count)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, Verdict.INCONCLUSIVE),
        ({"supported": 1}, Verdict.SUPPORTED),
        ({"inconclusive": 1}, Verdict.INCONCLUSIVE),
        ({"error": 1}, Verdict.ERROR),
        ({"refuted": 1}, Verdict.REFUTED),
        ({"supported": 99, "refuted": 1}, Verdict.REFUTED),
        ({"error": 50, "inconclusive": 50, "refuted": 1}, Verdict.REFUTED),
        ({"supported": 99, "error": 1}, Verdict.ERROR),
        ({"inconclusive": 99, "error": 1}, Verdict.ERROR),
        ({"supported": 9, "inconclusive": 1}, Verdict.SUPPORTED),
        ({"supported": 89, "inconclusive": 11}, Verdict.INCONCLUSIVE),
        ({"supported": 8, "inconclusive": 1}, Verdict.INCONCLUSIVE),
        ({"assumptions_not_met": 5}, Verdict.INCONCLUSIVE),
        ({"assumptions_not_met": 1000, "supported": 1}, Verdict.SUPPORTED),
        ({"assumptions_not_met": 1000, "supported": 8, "inconclusive": 1}, Verdict.INCONCLUSIVE),
        ({"assumptions_not_met": 1, "refuted": 1}, Verdict.REFUTED),
    ],
)
def test_cases_add_up_to_the_verdict_of_a_claim(counts: dict[str, int], expected: Verdict) -> None:
    """Refuted > error > inconclusive > supported; unmet assumptions never enter; a tenth may be inconclusive."""
    outcomes = verdicts(**counts)
    assert combine(outcomes) is expected
    assert combine(reversed(outcomes)) is expected


@pytest.mark.parametrize(
    ("conclusions", "expected"),
    [
        ([], None),
        (["holds"], Conclusion.HOLDS),
        (["holds", "holds"], Conclusion.HOLDS),
        (["holds", "undecided"], Conclusion.UNDECIDED),
        (["undecided"], Conclusion.UNDECIDED),
        (["holds", "undecided", "fails"], Conclusion.FAILS),
        (["fails"], Conclusion.FAILS),
    ],
)
def test_conclusions_without_their_assumptions(conclusions: list[str], expected: Conclusion | None) -> None:
    """One failure shows that the assumption is needed; only holding everywhere counts as holding."""
    outcomes = [outcome(Verdict.ASSUMPTIONS_NOT_MET, Conclusion(c)) for c in conclusions]
    assert ablation(outcomes) is expected


def test_cases_that_meet_the_assumptions_are_no_ablation() -> None:
    """A refuted case with failing conclusion says nothing about dropping an assumption."""
    assert ablation([outcome(Verdict.REFUTED, Conclusion.FAILS)]) is None
    held = outcome(Verdict.ASSUMPTIONS_NOT_MET, Conclusion.HOLDS)
    assert ablation([held, outcome(Verdict.REFUTED, Conclusion.FAILS)]) is Conclusion.HOLDS


def test_an_iterator_of_outcomes_is_read_once() -> None:
    """A generator gives the same verdict as the list it is made of."""
    assert combine(o for o in verdicts(supported=9, inconclusive=1)) is Verdict.SUPPORTED


def test_outcomes_survive_json() -> None:
    """An outcome is data: decoded from its own JSON it is equal, and an unknown field is refused."""
    original = outcome(Verdict.SUPPORTED, Conclusion.HOLDS)
    text = msgspec.json.encode(original)
    assert msgspec.json.decode(text, type=Outcome, dec_hook=case_hook(Case)) == original
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(text[:-1] + b',"extra":1}', type=Outcome, dec_hook=case_hook(Case))
