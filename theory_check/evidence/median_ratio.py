"""A paired comparison of costs: is the median of log(subject / rival) over independent networks at most 0?

A median m <= 0 exists exactly when P(X > 0) <= 1/2, X the log ratio of one network. Then the number of positive X
among R is at most Binomial(R, 1/2) in law, and P(Binomial(R, 1/2) >= positives) is an exact p-value. A ratio of exactly
1 is "no more" and hence not positive: ties can never refute, and any number of them supports.

The interval [X_(k), X_(R + 1 - k)] of order statistics holds every median with probability at least
1 - 2 P(Binomial(R, 1/2) < k), of any law, with or without ties.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import special

from theory_check.evidence.error_budget import POWER, NonFiniteEvidence
from theory_check.evidence.plain_numbers import Detail
from theory_check.evidence.rates import SUPPORT_CONFIDENCE
from theory_check.evidence.sketch import Sketch
from theory_check.evidence.verdict import Verdict


@dataclass(frozen=True)
class PairedSample:
    """log(subject / rival), one for each independent network, and what else a report should say and show of them."""

    log_ratios: Float[NDArray[np.float64], " networks"]
    details: Mapping[str, Detail] = field(default_factory=dict)
    sketch: Sketch | None = None


@dataclass(frozen=True)
class MedianRatio:
    """What a sample says of the median.

    verdict: supported (the interval excludes a positive median), refuted or inconclusive.
    median: of the sample, a log ratio.
    interval: for the median, at the confidence that support takes.
    p_value: of "the median is at most 0", exact.
    networks, positives, ties: how many there are, and how many log ratios are above 0 and exactly 0.
    refuted_from: the least P(X > 0) that is refuted with probability `power`.
    supported_to: the largest P(X > 0) that is supported with that probability.
    """

    verdict: Verdict
    median: float
    interval: tuple[float, float]
    p_value: float
    networks: int
    positives: int
    ties: int
    refuted_from: float
    supported_to: float


def judge_median(
    log_ratios: Float[NDArray[np.float64], " networks"],
    *,
    refute_level: float,
    support_confidence: float = SUPPORT_CONFIDENCE,
    power: float = POWER,
) -> MedianRatio:
    """Judge whether the median is at most 0.

    Args:
        log_ratios: log(subject / rival), independent.
        refute_level: level^(1/3) where three samples confirm.
        support_confidence: of the interval.
        power: for the smallest detectable effects.

    Raises:
        NonFiniteEvidence: a NaN or an infinity.
        ValueError: a level, confidence or power outside (0, 1), or too few networks to reach either verdict.
    """
    values = np.sort(np.asarray(log_ratios, dtype=np.float64))
    for name, p in (("refute_level", refute_level), ("support_confidence", support_confidence), ("power", power)):
        if not 0 < p < 1:
            raise ValueError(f"{name} must be a probability in (0, 1), got {p!r}")
    if not np.isfinite(values).all():
        raise NonFiniteEvidence(f"{np.count_nonzero(~np.isfinite(values))} of {values.size} log ratios are not finite")
    needed = math.ceil(-math.log2(min(refute_level, (1 - support_confidence) / 2)))
    if values.ndim != 1 or values.size < needed:
        raise ValueError(f"at least {needed} networks in one dimension are needed, got shape {values.shape}")
    count = values.size
    tails = special.bdtr(np.arange(count), count, 0.5)  # P(Binomial <= j), j < count; P(Binomial >= c) by symmetry
    rank = int(np.count_nonzero(2 * tails <= 1 - support_confidence))  # P(Binomial < rank) is small enough
    least = count + 1 - int(np.count_nonzero(tails <= refute_level))  # as many positives refute
    positives = int(np.count_nonzero(values > 0))
    p_value = float(tails[count - positives]) if positives else 1.0
    low, high = float(values[rank - 1]), float(values[count - rank])
    otherwise = Verdict.REFUTED if p_value <= refute_level else Verdict.INCONCLUSIVE
    verdict = Verdict.SUPPORTED if high <= 0 else otherwise
    return MedianRatio(
        verdict=verdict,
        median=float(np.median(values)),
        interval=(low, high),
        p_value=p_value,
        networks=count,
        positives=positives,
        ties=int(np.count_nonzero(values == 0)),
        # P(Binomial(R, p) >= c) is the regularised incomplete beta function I_p(c, R - c + 1).
        refuted_from=float(special.betaincinv(least, count - least + 1, power)),
        supported_to=float(special.betaincinv(rank, count - rank + 1, 1 - power)),
    )
