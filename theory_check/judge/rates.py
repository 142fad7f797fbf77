"""Rates of convergence: a ladder of sizes, a slope on log-log axes, an equivalence test (docs/judgement.md#rates).

Least squares here is unweighted on purpose. Weights 1 / s_i^2 taken from the ten replicates that also give the
interval make a 99.9 % interval miss 8 to 30 times too often (simulated); the unweighted slope sum c_i y_i has fixed
coefficients c_i, so its variance sum c_i^2 s_i^2 is estimated without bias, with the Welch-Satterthwaite degrees of
freedom (sum c_i^2 s_i^2)^2 / sum ((c_i^2 s_i^2)^2 / df_i). s_i is the jackknife's: the delta method understates the
spread of a logarithm of ten skewed numbers (simulated: 0.45 % missed against 0.25 %, nominal 0.1 %).

Even so the tail is approximate. A refutation inside the error budget therefore uses three fresh ladders, each judged
at level^(1/3): `confirmed_test(lambda k: fit_rate(...).p_value, level)`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import special

from theory_check.judge.error_budget import CONFIRMATIONS, POWER, NonFiniteEvidence
from theory_check.judge.verdict import Verdict

# With fewer a bend of the ladder cannot be told from noise; with fewer replicates its spread is hardly known.
MINIMUM_RUNGS = 5
MINIMUM_REPLICATES = 10
# Of hundreds of ladders in an audit none should be supported by chance.
SUPPORT_CONFIDENCE = 0.999
# With which a ladder is to be supported, or a departure from its rate refuted.
MAXIMUM_REPLICATES = 1_000_000
# Of a second ladder, see `replicates_afresh`.
LEAST_AFRESH, SPARE, MOST_AFRESH = 4, 1.5, 16
NORMAL_DEGREES = 1e10  # beyond, Student's t equals the normal law to every digit that matters

OneSided = Literal[False, "at-least", "at-most"]


@dataclass(frozen=True)
class RateResult:
    """A fitted rate and its verdict.

    verdict: supported, refuted or inconclusive.
    slope: of log error on log size.
    standard_error: of the slope.
    degrees_of_freedom: of the t distribution behind the intervals.
    interval: for the slope, at the confidence that support takes.
    refute_interval: for the slope, wider, at one minus the refutation level over `looks`.
    p_value: the smallest refutation level at which the rate would have been refuted; 1 when the slope lies within
        the margin. Approximate in the tail.
    limit: the end of the range of slopes that agree which is nearest to the slope.
    constant: C in error = C size^expected, the geometric mean over the rungs, to be compared with the limit's.
    looks: ladders that the verdict may have been taken from.
    rungs, replicates: what it rests on; replicates on the rung with most, 0 where standard errors are known and not
        estimated.
    sizes, values: the ladder: at each size the (root mean square) error that was fitted.
    intervals: for the value at each size, at the confidence that support takes; within 1e-300 and 1e300.
    agreeing: the range of slopes that agree, -inf or inf where it has no end.
    reason: the verdict in words and numbers.
    """

    verdict: Verdict
    slope: float
    standard_error: float
    degrees_of_freedom: float
    interval: tuple[float, float]
    refute_interval: tuple[float, float]
    p_value: float
    limit: float
    constant: float
    looks: int
    rungs: int
    replicates: int
    sizes: tuple[float, ...]
    values: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    agreeing: tuple[float, float]
    reason: str


def fit_rate(
    sizes: Float[NDArray[np.float64], " rungs"],
    errors: Float[NDArray[np.float64], "rungs replicates"],
    *,
    expected: float,
    margin: float,
    refute_level: float,
    support_confidence: float = SUPPORT_CONFIDENCE,
    one_sided: OneSided = False,
    paired: bool = False,
    looks: int = 1,
    minimum_rungs: int = MINIMUM_RUNGS,
    minimum_replicates: int = MINIMUM_REPLICATES,
) -> RateResult:
    """Judge whether the root mean square error behaves like size^expected.

    Args:
        sizes: width, depth, step or samples; positive and distinct.
        errors: one for each rung and replicate, of either sign; the root mean square over replicates is fitted.
        expected: the exponent, negative where errors fall with growing size.
        margin: the half-width of what counts as equal to `expected`. Positive.
        refute_level: see `RateResult.p_value`; level^(1/3) where three ladders confirm.
        support_confidence: of the interval that must lie within the margin.
        one_sided: "at-least" when a faster rate is as good; "at-most" when any lesser slope is, down to minus infinity
            (a constant that must not grow).
        paired: column j belongs to one random network on every rung (schemes of different step), so only columns are
            independent. Then each network has its slope, and their mean is judged: the common part cancels.
        looks: the most ladders that a verdict is taken from; 2 where one that cannot decide is measured afresh. The
            p-value is multiplied by it (Bonferroni).
        minimum_rungs: shorter ladders are refused.
        minimum_replicates: fewer are refused.

    Raises:
        NonFiniteEvidence: a NaN or an infinity among sizes or errors.
        ValueError: too small a ladder, shapes that do not fit, or fewer than two errors other than zero on a rung
            (paired: any zero).
    """
    sizes, errors = np.asarray(sizes, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if errors.ndim != 2 or errors.shape[0] != sizes.size:
        raise ValueError(f"errors must have one row for each of the {sizes.size} sizes, got shape {errors.shape}")
    replicates = errors.shape[1]
    if replicates < max(2, minimum_replicates):
        raise ValueError(f"at least {max(2, minimum_replicates)} replicates are needed on each rung, got {replicates}")
    _require_ladder(sizes, errors, minimum_rungs)
    coefficients = _slope_coefficients(sizes)
    scale = np.maximum(np.abs(errors).max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    squares = (errors / scale) ** 2  # scaled, or they could underflow
    few = np.count_nonzero(squares, axis=1) < (replicates if paired else 2)
    if few.any():
        raise ValueError(f"too many errors are zero at size {sizes[few][0]:g}: their logarithm has no spread")
    if paired:
        logs = np.log(np.abs(errors))
        log_errors, own = logs.mean(axis=1), logs.std(axis=1, ddof=1) / math.sqrt(replicates)
        slopes = coefficients @ logs
        standard_error, degrees = float(slopes.std(ddof=1)) / math.sqrt(replicates), replicates - 1.0
    else:
        log_errors = 0.5 * np.log(squares.mean(axis=1)) + np.log(scale[:, 0])
        own = _jackknife(0.5 * np.log(_means_without_one(squares)))
        standard_error, degrees = _welch(coefficients * own, np.full(sizes.size, replicates - 1.0))
    stated = _Statement(expected, margin, refute_level, support_confidence, one_sided, looks)
    rungs = _rung_intervals(log_errors, own, np.full(sizes.size, replicates - 1.0), support_confidence)
    return _judge(stated, sizes, log_errors, rungs, coefficients, standard_error, degrees, replicates=replicates)


def fit_slope(
    sizes: Float[NDArray[np.float64], " rungs"],
    log_values: Float[NDArray[np.float64], " rungs"],
    standard_errors: Float[NDArray[np.float64], " rungs"],
    *,
    expected: float,
    margin: float,
    refute_level: float,
    degrees_of_freedom: float | Float[NDArray[np.float64], " rungs"] = math.inf,
    weights: Float[NDArray[np.float64], " rungs"] | None = None,
    support_confidence: float = SUPPORT_CONFIDENCE,
    one_sided: OneSided = False,
    looks: int = 1,
    minimum_rungs: int = MINIMUM_RUNGS,
) -> RateResult:
    """The same judgement for values that are statistics themselves, independent from rung to rung.

    `log_values` are natural logarithms, such as those of `relative_variance_with_error` and
    `root_mean_square_with_error`, `standard_errors` theirs, each from that many `degrees_of_freedom` (replicates - 1;
    infinite when known; one for each rung where replicates are unequal). `weights` of the rungs must have been known
    before anything was measured, such as their numbers of replicates; by default all count alike. The rest is as in
    `fit_rate`.

    Raises:
        NonFiniteEvidence: a NaN or an infinity.
        ValueError: too small a ladder, shapes that do not fit, or a negative standard error.
    """
    sizes, log_values = np.asarray(sizes, dtype=np.float64), np.asarray(log_values, dtype=np.float64)
    standard_errors = np.asarray(standard_errors, dtype=np.float64)
    if log_values.shape != sizes.shape or standard_errors.shape != sizes.shape:
        shapes = f"{log_values.shape} and {standard_errors.shape}"
        raise ValueError(f"a value and a standard error are needed for each of {sizes.size} sizes, got shapes {shapes}")
    _require_ladder(sizes, np.stack([log_values, standard_errors]), minimum_rungs)
    if (standard_errors < 0).any():
        raise ValueError(f"standard errors must be at least 0, got {standard_errors.min()!r}")
    degrees_each = np.broadcast_to(np.asarray(degrees_of_freedom, dtype=np.float64), sizes.shape)
    if not (degrees_each >= 1).all():
        raise ValueError(f"degrees_of_freedom must be at least 1, got {float(degrees_each.min())!r}")
    if weights is not None and (np.shape(weights) != sizes.shape or not (np.asarray(weights) > 0).all()):
        raise ValueError(f"a positive weight is needed for each of {sizes.size} sizes, got {weights!r}")
    coefficients = _slope_coefficients(sizes, weights)
    standard_error, degrees = _welch(coefficients * standard_errors, degrees_each)
    stated = _Statement(expected, margin, refute_level, support_confidence, one_sided, looks)
    most = float(degrees_each.max())
    replicates = round(most) + 1 if math.isfinite(most) else 0
    rungs = _rung_intervals(log_values, standard_errors, degrees_each, support_confidence)
    return _judge(stated, sizes, log_values, rungs, coefficients, standard_error, degrees, replicates=replicates)


def relative_variance_with_error(samples: Float[NDArray[np.float64], " samples"]) -> tuple[float, float]:
    """Logarithm of rho = Var(S) / E[S]^2, and its jackknife standard error (samples - 1 degrees of freedom).

    Raises:
        NonFiniteEvidence: a NaN or an infinity.
        ValueError: fewer than ten samples, a negative sample, samples that are all 0, or fewer than three distinct
            values.
    """
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 1 or samples.size < MINIMUM_REPLICATES:
        raise ValueError(f"at least {MINIMUM_REPLICATES} samples in one dimension are needed, got {samples.shape}")
    if not np.isfinite(samples).all():
        raise NonFiniteEvidence(f"{np.count_nonzero(~np.isfinite(samples))} of {samples.size} samples are not finite")
    if not ((samples >= 0).all() and samples.mean() > 0):
        raise ValueError(f"a relative variance takes samples of at least 0, not all 0, got {float(samples.min())!r}")
    if np.unique(samples).size < 3:
        raise ValueError("a relative variance takes at least three distinct values, or leaving one out has no spread")
    count = samples.size
    unit = samples / samples.mean()  # rho does not change, and nothing overflows
    mean = unit.mean()
    squares = (unit - mean) ** 2
    total = squares.sum()
    # Leaving out one value: the mean moves by (mean - x) / (count - 1), the sum of squares loses d^2 count/(count - 1).
    left_means = mean + (mean - unit) / (count - 1)
    left_variances = (total - squares * count / (count - 1)) / (count - 2)
    if not (left_variances > 0).all():
        raise ValueError("the spread of the samples rests on one value alone, so its error cannot be estimated")
    log_rho = math.log(total / (count - 1)) - 2 * math.log(mean)
    return log_rho, float(_jackknife(np.log(left_variances) - 2 * np.log(left_means)))


def root_mean_square_with_error(errors: Float[NDArray[np.float64], " replicates"]) -> tuple[float, float]:
    """Logarithm of the root mean square, and its jackknife standard error (replicates - 1 degrees of freedom).

    Raises:
        NonFiniteEvidence: a NaN or an infinity.
        ValueError: fewer than two errors other than zero.
    """
    errors = np.asarray(errors, dtype=np.float64)
    if not np.isfinite(errors).all():
        raise NonFiniteEvidence(f"{np.count_nonzero(~np.isfinite(errors))} of {errors.size} errors are not finite")
    if np.count_nonzero(errors) < 2:
        raise ValueError(f"at least two errors other than zero are needed, got {np.count_nonzero(errors)}")
    scale = float(np.abs(errors).max())
    squares = (errors / scale) ** 2
    left_out = 0.5 * np.log(_means_without_one(squares[None])[0])
    return 0.5 * math.log(float(squares.mean())) + math.log(scale), float(_jackknife(left_out))


def replicates_needed(
    spread: float,
    sizes: Float[NDArray[np.float64], " rungs"],
    margin: float,
    confidence: float = SUPPORT_CONFIDENCE,
    power: float = POWER,
) -> int:
    """Replicates on each rung for which a rate that is exactly right is supported with probability `power`.

    With R replicates the slope has standard error s = spread / sqrt(R sum (x - mean x)^2), x = log size, and is
    supported when |slope - expected| + q s <= margin, q the t quantile: R is the least with (q + z) s <= margin.

    Args:
        spread: standard deviation of the log error divided by sqrt(replicates) gives its standard error; for a root
            mean square of e it is sd(e^2) / (2 mean(e^2)), 0.71 for normal e.
        sizes: the ladder.
        margin: as in `fit_rate`.
        confidence: of the interval that must lie within the margin.
        power: of being supported.

    Raises:
        ValueError: an argument out of range, or more than a million replicates would be needed.
    """
    sizes = np.asarray(sizes, dtype=np.float64)
    _require_ladder(sizes, np.array([spread]), 2)
    if not (spread >= 0 and margin > 0 and 0 < confidence < 1 and 0 < power < 1):
        given = f"{spread!r}, {margin!r}, {confidence!r}, {power!r}"
        raise ValueError(f"spread >= 0, margin > 0, confidence and power in (0, 1) are needed, got {given}")
    unit_error = spread * math.sqrt(float((_slope_coefficients(sizes) ** 2).sum()))
    deviation = float(special.ndtri((1 + power) / 2))

    def suffices(replicates: int) -> bool:
        quantile = _quantile(sizes.size * (replicates - 1.0), 1 - confidence)
        return (quantile + deviation) * unit_error <= margin * math.sqrt(replicates)

    try:
        return _least(suffices, MAXIMUM_REPLICATES)
    except ValueError as problem:
        raise ValueError(f"{problem} for margin {margin:g} and spread {spread:g}") from None


def replicates_needed_by(
    result: RateResult, margin: float, confidence: float = SUPPORT_CONFIDENCE, power: float = POWER
) -> int | None:
    """As `replicates_needed`, from the spread that a ladder itself has shown, paired or not; None without replicates.

    With R replicates in place of R_0 the standard error is that of the ladder times sqrt(R_0 / R), and its degrees of
    freedom are multiplied by (R - 1) / (R_0 - 1). Where rungs differ in their replicates, R counts those of the rung
    with most, and all grow alike.

    Raises:
        ValueError: `margin` not positive.
    """
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin!r}")
    if result.replicates < 2:
        return None
    deviation = float(special.ndtri((1 + power) / 2))

    def suffices(replicates: int) -> bool:
        degrees = result.degrees_of_freedom * (replicates - 1) / (result.replicates - 1)
        error = result.standard_error * math.sqrt(result.replicates / replicates)
        return (_quantile(degrees, 1 - confidence) + deviation) * error <= margin

    return _least(suffices, math.inf)


def replicates_afresh(first: RateResult, planned: int, margin: float) -> int:
    """Replicates on each rung of a second ladder, measured afresh where `first` could not decide.

    Four times those `planned` for the first, or half again as many as its spread asks for, since a spread read from few
    replicates is an estimate itself; at most 16 times as many, which is a quarter of the standard error.

    Raises:
        ValueError: `margin` not positive.
    """
    needed = math.ceil(SPARE * (replicates_needed_by(first, margin) or 0))
    return min(max(LEAST_AFRESH * planned, needed), MOST_AFRESH * planned)


def detectable_departure(result: RateResult, level: float, power: float = POWER) -> float:
    """How far beyond the margin a true slope must lie for a call at `level` to refute it with probability `power`.

    All of three ladders must refute at level^(1/3) / looks, each with probability power^(1/3). With the standard error
    s of this one that takes (q + z) s, q the t quantile and z the normal one.

    Raises:
        ValueError: `level` or `power` out of range.
    """
    if not (0 < level < 1 and 0 < power < 1):
        raise ValueError(f"level and power must be probabilities in (0, 1), got {level!r} and {power!r}")
    quantile = _quantile(result.degrees_of_freedom, level ** (1 / CONFIRMATIONS) / result.looks)
    return (quantile + float(special.ndtri(power ** (1 / CONFIRMATIONS)))) * result.standard_error


def _least(suffices: Callable[[int], bool], most: float) -> int:
    """The least number of replicates, not below ten, that suffices; found by doubling and bisection."""
    enough = MINIMUM_REPLICATES
    while not suffices(enough):
        enough *= 2
        if enough > most:
            raise ValueError(f"more than {most} replicates are needed")
    few = max(MINIMUM_REPLICATES - 1, enough // 2)
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if suffices(middle) else (middle, enough)
    return enough


@dataclass(frozen=True)
class _Statement:
    """What is claimed of a slope, and how sure a verdict must be."""

    expected: float
    margin: float
    refute_level: float
    support_confidence: float
    one_sided: OneSided
    looks: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.expected) and 0 < self.margin < math.inf):
            raise ValueError(f"expected must be finite, margin positive, got {self.expected!r} and {self.margin!r}")
        for name in ("refute_level", "support_confidence"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be a probability in (0, 1), got {getattr(self, name)!r}")
        if self.looks < 1:
            raise ValueError(f"looks must be at least 1, got {self.looks!r}")
        if self.one_sided not in (False, "at-least", "at-most"):
            raise ValueError(f'one_sided must be False, "at-least" or "at-most", got {self.one_sided!r}')
        if self.one_sided == "at-least" and self.expected == 0:
            raise ValueError('one_sided must be False or "at-most" where no change is expected, got "at-least"')

    def range(self) -> tuple[float, float]:
        """The slopes that agree; a faster rate is one further from zero."""
        low, high = self.expected - self.margin, self.expected + self.margin
        if not self.one_sided:
            return low, high
        if self.one_sided == "at-most":
            return -math.inf, high
        return (-math.inf, high) if self.expected < 0 else (low, math.inf)


def _judge(
    stated: _Statement,
    sizes: NDArray[np.float64],
    log_values: NDArray[np.float64],
    intervals: tuple[tuple[float, float], ...],
    coefficients: NDArray[np.float64],
    standard_error: float,
    degrees: float,
    *,
    replicates: int,
) -> RateResult:
    """Equivalence test: supported when an interval lies inside, refuted when it lies wholly outside."""
    slope = float(coefficients @ log_values)
    low, high = stated.range()
    support = _quantile(degrees, 1 - stated.support_confidence) * standard_error
    refute = _quantile(degrees, stated.refute_level / stated.looks) * standard_error
    if low <= slope - support and slope + support <= high:
        verdict, words = Verdict.SUPPORTED, "lies inside"
    elif slope + refute < low or high < slope - refute:
        verdict, words = Verdict.REFUTED, "lies outside"
    else:
        verdict, words = Verdict.INCONCLUSIVE, "does not settle"
    shown = refute if verdict is Verdict.REFUTED else support
    return RateResult(
        verdict=verdict,
        slope=slope,
        standard_error=standard_error,
        degrees_of_freedom=degrees,
        interval=(slope - support, slope + support),
        refute_interval=(slope - refute, slope + refute),
        p_value=min(1.0, stated.looks * _p_value(max(low - slope, slope - high), standard_error, degrees)),
        limit=low if abs(slope - low) < abs(slope - high) else high,
        constant=math.exp(float(np.mean(log_values - stated.expected * np.log(sizes)))),
        looks=stated.looks,
        rungs=sizes.size,
        replicates=replicates,
        sizes=tuple(sizes.tolist()),
        values=tuple(np.exp(log_values).tolist()),
        intervals=intervals,
        agreeing=(low, high),
        reason=f"slope {slope:.4f} +- {shown:.4f} {words} [{low:.4g}, {high:.4g}], {sizes.size} rungs",
    )


def _rung_intervals(
    log_values: NDArray[np.float64],
    standard_errors: NDArray[np.float64],
    degrees: NDArray[np.float64],
    confidence: float,
) -> tuple[tuple[float, float], ...]:
    """Of every value by itself."""
    half = [_quantile(float(d), 1 - confidence) * s for d, s in zip(degrees, standard_errors, strict=True)]
    ends = np.exp(np.clip([log_values - half, log_values + half], math.log(1e-300), math.log(1e300)))
    return tuple((float(low), float(high)) for low, high in ends.T)


def _require_ladder(sizes: NDArray[np.float64], values: NDArray[np.float64], minimum_rungs: int) -> None:
    """Finite first, then the shape of the ladder."""
    for name, array in (("sizes", sizes), ("values", values)):
        if not np.isfinite(array).all():
            raise NonFiniteEvidence(f"{np.count_nonzero(~np.isfinite(array))} of {array.size} {name} are not finite")
    if sizes.ndim != 1 or sizes.size < max(2, minimum_rungs):
        raise ValueError(f"a ladder has at least {max(2, minimum_rungs)} rungs, got {sizes.size}")
    if not (sizes > 0).all() or np.unique(sizes).size != sizes.size:
        raise ValueError(f"sizes must be positive and distinct, got {sizes.tolist()}")


def _slope_coefficients(sizes: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Coefficients c with slope = c . y for least squares on x = log size, unweighted by default."""
    w = np.ones_like(sizes) if weights is None else np.asarray(weights, dtype=np.float64)
    centred: NDArray[np.float64] = np.log(sizes) - np.average(np.log(sizes), weights=w)
    return w * centred / (w @ centred**2)


def _means_without_one(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row, the means of all values but one."""
    # From running sums of both sides: a difference of sums cancels when one value dominates.
    before = np.pad(np.cumsum(values, axis=1)[:, :-1], ((0, 0), (1, 0)))
    after = np.pad(np.cumsum(values[:, ::-1], axis=1)[:, -2::-1], ((0, 0), (0, 1)))
    means: NDArray[np.float64] = (before + after) / (values.shape[1] - 1)
    return means


def _jackknife(left_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard error from the values with one replicate left out, along the last axis."""
    count = left_out.shape[-1]
    deviations = left_out - left_out.mean(axis=-1, keepdims=True)
    error: NDArray[np.float64] = np.sqrt((count - 1) / count * (deviations**2).sum(axis=-1))
    return error


def _welch(errors: NDArray[np.float64], degrees: NDArray[np.float64]) -> tuple[float, float]:
    """Standard error and degrees of freedom of a sum of independent parts with these errors, of these degrees each."""
    standard_error = float(np.linalg.norm(errors))
    if standard_error == 0:
        return 0.0, float(degrees.sum())
    shares = ((errors / standard_error) ** 4 / degrees).sum()
    return standard_error, 1.0 / float(shares) if shares > 0 else math.inf


def _quantile(degrees: float, two_sided_level: float) -> float:
    """The t with P(|T| > t) = level; taken in the lower tail, where small levels keep their digits."""
    half = two_sided_level / 2
    return -float(special.ndtri(half) if degrees > NORMAL_DEGREES else special.stdtrit(degrees, half))


def _p_value(outside: float, standard_error: float, degrees: float) -> float:
    """P(|T| > outside / standard_error), 1 when nothing is outside."""
    if outside <= 0 or standard_error == 0:
        return float(outside <= 0)
    ratio = -outside / standard_error
    tail = special.ndtr(ratio) if degrees > NORMAL_DEGREES else special.stdtr(degrees, ratio)
    return min(1.0, 2 * float(tail))
