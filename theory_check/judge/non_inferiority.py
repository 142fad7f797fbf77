"""A paired comparison of costs: does the subject cost no more than the reference, up to a margin of 5 %?

Costs S_i and K_i of R independent networks are paired. What is asked about is rho = E[S] / E[K], the ratio of totals:
unlike a mean of ratios it is the same question whichever side is divided by the other, and no network that happens to
be cheap weighs more than another. The mean of S - m K is (rho - m) E[K], so that a one-sample t-test of S - m K is a
test of rho against m, and the m that it does not reject are an interval for rho (Fieller, 1954). With r the ratio of
the sums, D_i = S_i - r K_i, s_XY the sample covariance of X and Y over R, and q the quantile of t with R - 1 degrees of
freedom, m = r + delta is in the interval where

    (K^2 - q^2 s_KK) delta^2 + 2 q^2 s_DK delta - q^2 s_DD <= 0,           K the mean of the K_i,

which holds for all large delta, so that nothing is known, where the first factor is not positive.

Non-inferiority: supported when the whole interval lies below 1 + margin, refuted when rho <= 1 + margin is rejected;
where the interval lies within 1 - margin and 1 + margin there is no difference. The t-test is exact for normal costs
and approximate in the tail for others: three fresh samples have to agree on a refutation.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import special

from theory_check.judge.error_budget import POWER, NonFiniteEvidence
from theory_check.judge.plain_numbers import Detail
from theory_check.judge.rates import SUPPORT_CONFIDENCE
from theory_check.judge.verdict import Verdict
from theory_check.pictures.sketch import Sketch

MARGIN = 0.05
# With fewer a quantile of t says little but that they are few.
LEAST_NETWORKS = 5

Costs = Float[NDArray[np.float64], " networks"]


@dataclass(frozen=True)
class PairedCosts:
    """Costs of both sides, one of each for every network, and what else a report should say and show of them.

    unusable: why they cannot be compared, if so.
    predicted: the ratio of totals that a theory predicts, where there is one.
    """

    subject: Costs
    reference: Costs
    details: Mapping[str, Detail] = field(default_factory=dict)
    sketch: Sketch | None = None
    unusable: str = ""
    predicted: float | None = None


@dataclass(frozen=True)
class RatioOfTotals:
    """What a sample says of the ratio of totals.

    verdict: supported (the interval lies below 1 + margin), refuted or inconclusive.
    ratio: the sum of the subject's costs over that of the reference's.
    interval: for the ratio, at the confidence that support takes; its upper end may be infinite.
    p_value: of "the ratio is at most 1 + margin".
    networks: how many there are.
    no_difference: the interval lies within 1 - margin and 1 + margin.
    refuted_from: the least true ratio that is refuted with probability `power`, given this spread.
    supported_to: the greatest that is supported with that probability.
    """

    verdict: Verdict
    ratio: float
    interval: tuple[float, float]
    p_value: float
    networks: int
    no_difference: bool
    refuted_from: float
    supported_to: float


def judge_ratio(
    subject: Costs,
    reference: Costs,
    *,
    refute_level: float,
    support_confidence: float = SUPPORT_CONFIDENCE,
    margin: float = MARGIN,
    power: float = POWER,
) -> RatioOfTotals:
    """Judge whether the subject costs at most 1 + margin times what the reference does.

    Args:
        subject: costs, one for each network, positive.
        reference: of the same networks.
        refute_level: level^(1/3) where three samples confirm.
        support_confidence: of the interval.
        margin: how much more is no more.
        power: for the smallest detectable effects.

    Raises:
        NonFiniteEvidence: a NaN or an infinity.
        ValueError: a level, confidence, margin or power outside (0, 1), costs that are not positive, not paired or of
            fewer than five networks.
    """
    named = {"refute_level": refute_level, "support_confidence": support_confidence, "margin": margin, "power": power}
    for name, p in named.items():
        if not 0 < p < 1:
            raise ValueError(f"{name} must lie in (0, 1), got {p!r}")
    s, k = _checked(subject, reference)
    count, mean = s.size, float(k.mean())
    ratio, limit = float(s.sum() / k.sum()), 1 + margin
    quantile = _quantile(count, (1 - support_confidence) / 2)
    interval = _fieller(s, k, ratio, quantile)
    against = s - limit * k
    error = float(against.std(ddof=1)) / math.sqrt(count)
    p_value = _p_value(float(against.mean()), error, count)
    otherwise = Verdict.REFUTED if p_value <= refute_level else Verdict.INCONCLUSIVE
    deviation = float(special.ndtri(power)) * error
    return RatioOfTotals(
        verdict=Verdict.SUPPORTED if interval[1] < limit else otherwise,
        ratio=ratio,
        interval=interval,
        p_value=p_value,
        networks=count,
        no_difference=1 - margin <= interval[0] and interval[1] <= limit,
        refuted_from=limit + (_quantile(count, refute_level) * error + deviation) / mean,
        supported_to=max(0.0, limit - (quantile * error + deviation) / mean),
    )


def _checked(subject: Costs, reference: Costs) -> tuple[Costs, Costs]:
    sides = [np.asarray(side, dtype=np.float64) for side in (subject, reference)]
    for name, side in zip(("subject", "reference"), sides, strict=True):
        if not np.isfinite(side).all():
            raise NonFiniteEvidence(
                f"{np.count_nonzero(~np.isfinite(side))} of {side.size} {name} costs are not finite"
            )
        if side.ndim != 1 or side.size < LEAST_NETWORKS or not (side > 0).all():
            raise ValueError(
                f"{name} costs must be at least {LEAST_NETWORKS} positive numbers in one dimension, got {side!r:.100}"
            )
    if sides[0].shape != sides[1].shape:
        raise ValueError(f"costs must be paired, got {sides[0].size} of the subject and {sides[1].size} of the other")
    return sides[0], sides[1]


def _fieller(s: Costs, k: Costs, ratio: float, quantile: float) -> tuple[float, float]:
    """The ratios that a t-test at this quantile does not reject; costs are positive, so that none is below 0."""
    d, squared = s - ratio * k, quantile**2 / s.size
    (s_dd, s_dk), (_, s_kk) = np.cov(d, k)
    leading = float(k.mean() ** 2 - squared * s_kk)
    if leading <= 0:
        return 0.0, math.inf
    half = math.sqrt(max(0.0, squared**2 * s_dk**2 + leading * squared * s_dd))
    low, high = ((-squared * s_dk + side * half) / leading for side in (-1, 1))
    return max(0.0, ratio + float(low)), ratio + float(high)


def _quantile(count: int, level: float) -> float:
    """The t with P(T > t) = level, taken in the lower tail, where small levels keep their digits."""
    return -float(special.stdtrit(count - 1, level))


def _p_value(mean: float, error: float, count: int) -> float:
    """P(T >= mean / error)."""
    if error == 0:
        return float(mean <= 0)
    return float(special.stdtr(count - 1, -mean / error))
