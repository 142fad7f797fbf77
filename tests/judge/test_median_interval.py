"""The interval of a median: its ranks are those of the binomial law, and too small a sample is refused."""

import numpy as np
import pytest
from scipy import special

from theory_check.judge.median_interval import least_sample, median_interval


def test_ranks_are_the_tightest_that_the_binomial_law_allows() -> None:
    """Ranks (k, n + 1 - k) miss with 2 P(Bin(n, 1/2) < k): at most 1 %, and more than that one rank further in."""
    for count in (8, 16, 33, 100):
        median, low, high = median_interval(list(range(count)))
        k = int(low) + 1
        assert (median, high) == ((count - 1) / 2, count - k)
        assert 2 * special.bdtr(k - 1, count, 0.5) <= 0.01 < 2 * special.bdtr(k, count, 0.5)


def test_ties_and_order_do_not_matter() -> None:
    """A sample of whole numbers, shuffled."""
    values = [26.0] * 12 + [32.0] * 8
    assert median_interval(values) == median_interval(values[::-1]) == (26.0, 26.0, 32.0)


def test_the_fewest_values_are_just_enough() -> None:
    """Eight at 99 %; seven are refused, and so is a NaN."""
    assert least_sample() == 8
    assert median_interval([3.0, 1, 2, 5, 4, 8, 7, 6])[1:] == (1.0, 8.0)
    with pytest.raises(ValueError, match="at least 8 values are needed, got 7"):
        median_interval(list(range(7)))
    with pytest.raises(ValueError, match="1 of 9 values are not finite"):
        median_interval([*np.arange(8.0), np.nan])
