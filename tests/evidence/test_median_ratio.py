"""The median of a paired ratio: coverage, ties, power, refusals."""

import numpy as np
import pytest
from scipy import stats

from theory_check.evidence.error_budget import NonFiniteEvidence
from theory_check.evidence.median_ratio import judge_median
from theory_check.evidence.verdict import Verdict

LEVEL = 2.7e-4
CONFIDENCE = 0.9
REPEATS = 2_000


@pytest.mark.parametrize("law", ["skewed", "tied"])
def test_the_interval_covers_the_median(law: str) -> None:
    """At a confidence that a simulation can see; the coverage is not below it by a Clopper-Pearson bound at 1e-6."""
    generator = np.random.default_rng(1)
    if law == "skewed":
        samples, median = generator.standard_exponential((REPEATS, 25)), np.log(2.0)
    else:  # most of the mass at the median
        samples, median = generator.choice([-1.0, 0.0, 2.0], (REPEATS, 25), p=[0.3, 0.4, 0.3]), 0.0
    intervals = [judge_median(x, refute_level=0.05, support_confidence=CONFIDENCE).interval for x in samples]
    covered = sum(low <= median <= high for low, high in intervals)
    upper = stats.beta.ppf(1 - 1e-6, covered + 1, REPEATS - covered) if covered < REPEATS else 1.0
    assert upper >= CONFIDENCE
    if law == "skewed":
        # Exact: no wider than the ranks 8 and 18 of 25 make it.
        exact = 1 - 2 * stats.binom.cdf(7, 25, 0.5)
        assert stats.beta.ppf(1e-6, covered, REPEATS - covered + 1) <= exact <= upper


@pytest.mark.parametrize("positives", [0, 1, 15, 17, 18, 20])
def test_the_p_value_is_that_of_the_sign_test(positives: int) -> None:
    """Against scipy; refuted from 18 of 20 on, never before."""
    x = np.where(np.arange(20) < positives, 1.0, -1.0)
    found = judge_median(x, refute_level=LEVEL)
    assert found.p_value == pytest.approx(stats.binomtest(positives, 20, alternative="greater").pvalue, rel=1e-12)
    assert (found.verdict is Verdict.REFUTED) == (positives >= 18)
    assert (found.positives, found.networks, found.ties) == (positives, 20, 0)


def test_ties_support_and_never_refute() -> None:
    """No more means at most as many."""
    tied = judge_median(np.zeros(20), refute_level=LEVEL)
    assert (tied.verdict, tied.p_value, tied.interval, tied.ties) == (Verdict.SUPPORTED, 1.0, (0.0, 0.0), 20)
    mostly = judge_median(np.array([0.0] * 10 + [1.0] * 10), refute_level=LEVEL)
    assert mostly.verdict is Verdict.INCONCLUSIVE
    assert judge_median(np.array([0.0] * 18 + [1.0] * 2), refute_level=LEVEL).verdict is Verdict.SUPPORTED


def test_power_is_that_of_the_verdicts() -> None:
    """At the stated share of positives each verdict comes with probability 0.9: 18 of 20 refute, 2 of 20 support."""
    found = judge_median(np.zeros(20), refute_level=LEVEL)
    assert stats.binom.sf(17, 20, found.refuted_from) == pytest.approx(0.9, abs=1e-9)
    assert stats.binom.cdf(2, 20, found.supported_to) == pytest.approx(0.9, abs=1e-9)
    for positives, verdict in ((2, Verdict.SUPPORTED), (3, Verdict.INCONCLUSIVE)):
        x = np.where(np.arange(20) < positives, 1.0, -1.0)
        assert judge_median(x, refute_level=LEVEL).verdict is verdict


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_evidence(bad: float) -> None:
    """Before anything is compared."""
    with pytest.raises(NonFiniteEvidence, match="1 of 20"):
        judge_median(np.array([bad] + [0.0] * 19), refute_level=LEVEL)


def test_too_few_networks_are_refused() -> None:
    """With eleven not even all of them could refute; a level that is none is refused too."""
    judge_median(np.zeros(12), refute_level=LEVEL)
    with pytest.raises(ValueError, match="at least 12 networks"):
        judge_median(np.zeros(11), refute_level=LEVEL)
    with pytest.raises(ValueError, match="refute_level must be a probability"):
        judge_median(np.zeros(20), refute_level=0.0)
