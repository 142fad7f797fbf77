"""A comparison says whether it could have failed, and how much of its bound it used."""

import math

import pytest

from theory_check.judge.discrepancy import USABLE_SHARE, Discrepancy


def test_a_bound_above_one_per_cent_of_the_scale_has_no_power() -> None:
    """At 1 % it still counts; above it the reason shows both numbers."""
    assert Discrepancy("x", 0.5, USABLE_SHARE * 7.0, 7.0).powerless == ""
    reason = Discrepancy("x", 0.5, 0.071, 7.0).powerless
    assert "0.071" in reason
    assert "1 % of 7" in reason
    assert Discrepancy("x", 0.0, 1e-300, 0.0).powerless


def test_a_bound_that_the_claim_states_always_counts() -> None:
    """Without a scale no bound is too large."""
    assert Discrepancy("x", 0.5, 1e9).powerless == ""


def test_what_cannot_be_compared_says_why() -> None:
    """A reason given comes before the one found, and without a scale too."""
    assert Discrepancy("x", 0.0, 0.0, unusable="no data").powerless == "no data"
    assert Discrepancy("x", 0.0, 1.0, 1.0, unusable="no data").powerless == "no data"


@pytest.mark.parametrize(
    ("error", "bound", "share"), [(1.0, 2.0, 0.5), (3.0, 2.0, 1.5), (0.0, 0.0, 0.0), (1e-300, 0.0, math.inf)]
)
def test_the_share_is_at_most_one_where_the_comparison_holds(error: float, bound: float, share: float) -> None:
    """Error over bound; a bound of zero is used up by any error and by none."""
    found = Discrepancy("x", error, bound)
    assert found.share == share
    assert (found.share <= 1) == (error <= bound)
