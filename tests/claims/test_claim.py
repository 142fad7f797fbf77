"""The record of a claim: what a user's own needs, and the line for a field that means nothing."""

import pytest

from theory_check.claims.claim import Claim, planted_controls


def test_a_claim_of_ones_own_needs_three_fields() -> None:
    """The rest says: for all cases, of whatever the property draws, nothing assumed, no controls."""
    claim = Claim(id="own", statement="s", source="t")
    assert (claim.quantifier, claim.assumptions, claim.strata, claim.controls) == ("ALL", (), (), ())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "the id of a claim must be letters, digits, '-', '_' and '.', at most 80, got ''"),
        ({"id": "two words"}, "got 'two words'"),
        ({"id": "x" * 81}, "got 'xxx"),
        ({"quantifier": "SOME"}, "unknown quantifier 'SOME' of claim own; known: ALL, RATE, LAW"),
        ({"strata": "sphere"}, "strata of claim own must be a tuple, got 'sphere'"),
        ({"assumptions": ["smooth"]}, "assumptions of claim own must be a tuple, got ['smooth']"),
        ({"assumptions": (" ",)}, "an assumption of claim own must be words on one line, got ' '"),
        ({"assumptions": ("a\nb",)}, "an assumption of claim own must be words on one line, got 'a\\nb'"),
    ],
)
def test_a_field_that_means_nothing_is_refused(fields: dict[str, object], message: str) -> None:
    """When the record is made; words of a paper (strata, assumptions) are checked where a property is marked."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the message is compared whole
        Claim(**({"id": "own", "statement": "s", "source": "t"} | fields))  # type: ignore[arg-type]
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_control_of_no_property_is_refused() -> None:
    """It would never run."""
    with pytest.raises(ValueError, match="a control of claim own names no property: give it test=") as refusal:
        Claim(id="own", statement="s", source="s", controls=planted_controls("q", "adjoint-wrong-sign"))
    assert "\n" not in str(refusal.value)
