"""Words and numbers of sentences."""

import numpy as np
import pytest

from theory_check.judge.figure import number, slope, supported
from theory_check.judge.rates import RateResult, fit_slope

SIZES = np.array([8.0, 16.0, 32.0, 64.0, 128.0])


def ladder(exponent: float, error: float) -> RateResult:
    """Judged against a slope of -1 and a margin of 0.1."""
    errors = np.full(len(SIZES), error)
    return fit_slope(SIZES, exponent * np.log(SIZES), errors, expected=-1.0, margin=0.1, refute_level=1e-3)


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([ladder(-1.0, 1e-3)] * 3, "in every case"),
        ([ladder(-1.0, 1e-3), ladder(-0.5, 1e-3)], "in 1 of 2 cases, not in 1"),
        ([ladder(-0.5, 1e-3), ladder(-1.0, 1.0)], "in 0 of 2 cases, not in 1, undecided in 1"),
    ],
)
def test_a_sentence_never_says_more_than_the_ladders(results: list[RateResult], said: str) -> None:
    """Refuted and undecided ones are counted apart."""
    assert supported(results) == said


def test_a_slope_stands_with_its_interval() -> None:
    """Three decimals, typographic minus."""
    assert slope(ladder(-1.0, 0.0)) == "−1.000 [−1.000, −1.000]"
    assert number(-0.00123456) == "−0.00123"
