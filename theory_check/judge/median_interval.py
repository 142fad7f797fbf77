"""The median of a sample with an interval that holds for every law: two of its order statistics."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.99


def least_sample(confidence: float = CONFIDENCE) -> int:
    """The fewest numbers whose smallest and largest hold the median with this confidence: 2 (1/2)^n <= 1 - it."""
    return math.ceil(1 - math.log2(1 - confidence))


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """(median, low, high): independent values, of any law, with or without ties.

    The interval is SciPy's for a quantile: order statistics whose ranks follow from the binomial law.

    Raises:
        ValueError: fewer values than `least_sample`, or one that is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < least_sample(confidence):
        raise ValueError(f"at least {least_sample(confidence)} values are needed, got {len(sample)}")
    if not np.isfinite(sample).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(sample))} of {len(sample)} values are not finite")
    median = float(np.median(sample))
    interval = stats.quantile_test(sample, q=median, p=0.5).confidence_interval(confidence_level=confidence)
    return median, float(interval.low), float(interval.high)
