"""Calibration: how often each statistical test rejects a null that is true, counted on data drawn from it.

A calibration runs the whole gate, stages and confirmations included, at a level loose enough for false alarms to be
counted. What is approximate is also run one sample at a time, further out in the tail: a confirmed test at 0.01 looks
no further than 0.01^(1/3) = 0.22. Where a null is composite, the hardest member is drawn: a mean at the end of its
allowance, a slope at the end of its margin.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from theory_check.judge.error_budget import CONFIRMATIONS, StagedResult, confirmed_test, stage_samples, staged_test
from theory_check.judge.gaussianity import (
    NEYMAN_MINIMUM,
    Tail,
    correlation_test,
    dkw_band_test,
    mean_test,
    mean_within_test,
    mean_zero_test,
    neyman_smooth_test,
    variance_test,
)
from theory_check.judge.non_inferiority import MARGIN as COST_MARGIN
from theory_check.judge.non_inferiority import judge_ratio
from theory_check.judge.rates import (
    OneSided,
    RateResult,
    fit_rate,
    fit_slope,
    relative_variance_with_error,
    root_mean_square_with_error,
)
from theory_check.judge.verdict import Verdict

LEVELS = (0.05, 0.01)
# Of one sample of a confirmed test; an audit's own, 3e-4, would take a hundred thousand runs.
TAIL_LEVEL = 0.01
# Of the interval for the measured level: an exact test is called wrong in one of a thousand calibrations.
INTERVAL_CONFIDENCE = 0.999
RUNS = 3000

SAMPLES = 200
# Relative variance of the output variance S of a network, and allowances as an audit makes them.
SPREAD_OF_S = 0.1
MEAN_ALLOWANCE = 0.02
DISTANCE_ALLOWANCE = 0.005
MEAN_SAMPLES = 40
COST_NETWORKS = 24
MARGIN = 0.15
REPLICATES = 10
LADDER_SAMPLES = 200
SIZES = np.array([8.0, 16.0, 32.0, 64.0, 128.0])
# Replicates on each rung of a ladder whose wide networks are dear: three are the least that an audit takes.
FEWER_AND_FEWER = np.array([48, 48, 24, 6, 3])

Draw = Callable[[np.random.Generator, int], float]
Gate = Callable[[Callable[[int], float], float], StagedResult]


@dataclass(frozen=True)
class Calibration:
    """A test, a null under which to run it, and the level it claims.

    name: of the test and the null.
    gate: how p-values become a rejection: "staged" or "confirmed", as an audit does it, or "one sample" alone.
    tail: as in `TestResult`: "exact" where false alarms come exactly as often as the level says, "bound" where at most
        as often, "approximate" where at most as often by a limit law.
    level: nominal, of the whole gate.
    draw: from a generator and the stage to the p-value of fresh data from the null.
    decide: the gate itself.
    """

    name: str
    gate: str
    tail: Tail
    level: float
    draw: Draw = field(repr=False)
    decide: Gate = field(repr=False)


@dataclass(frozen=True)
class CalibrationResult:
    """What a calibration found.

    false_alarms: rejections of the null, which was true, in so many runs.
    interval: of Clopper and Pearson for the measured level, at 99.9 %.
    """

    calibration: Calibration
    runs: int
    false_alarms: int
    interval: tuple[float, float]

    @property
    def measured(self) -> float:
        """Share of the runs that rejected."""
        return self.false_alarms / self.runs

    @property
    def passed(self) -> bool:
        """The interval is not wholly above the nominal level; for an exact test it contains it."""
        low, high = self.interval
        level = self.calibration.level
        return low <= level and (self.calibration.tail != "exact" or level <= high)


def calibrate(calibration: Calibration, runs: int = RUNS, seed: int = 0) -> CalibrationResult:
    """Run the gate on so many data sets from the null.

    Args:
        calibration: one of `calibrations()`.
        runs: independent data sets, each with as many stages as the gate asks for. At least 1.
        seed: root seed, at least 0; every calibration has a stream of its own.

    Raises:
        ValueError: `runs` below 1.

    Source: C. Clopper and E. Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).
    """
    from statsmodels.stats.proportion import proportion_confint  # slow to import  # noqa: PLC0415

    if runs < 1:
        raise ValueError(f"runs must be at least 1, got {runs!r}")
    stream = f"{calibration.name}\0{calibration.gate}\0{calibration.level!r}".encode()
    generator = np.random.Generator(np.random.PCG64([seed, *stream]))

    def p_value(stage: int) -> float:
        return calibration.draw(generator, stage)

    alarms = sum(calibration.decide(p_value, calibration.level).rejected for _ in range(runs))
    low, high = proportion_confint(alarms, runs, alpha=1 - INTERVAL_CONFIDENCE, method="beta")
    return CalibrationResult(calibration, runs, alarms, (float(low), float(high)))


def calibrations() -> tuple[Calibration, ...]:
    """Every statistical test that can refute a claim: the whole gate at both levels, then one sample of some."""
    gates = [(level, level ** (1 / CONFIRMATIONS)) for level in LEVELS]
    whole = [_gate(level, *null) for level, of_sample in gates for null in _nulls(of_sample)]
    alone = [
        Calibration(name, "one sample", tail, TAIL_LEVEL, draw, _one_sample)
        for name, tail, draw in _nulls(TAIL_LEVEL)
        if tail == "approximate"
    ]
    return (*whole, *alone)


def _gate(level: float, name: str, tail: Tail, draw: Draw) -> Calibration:
    """The gate that `Audit.law` and `Audit.rate` choose for such a tail."""
    if tail == "approximate":
        return Calibration(name, "confirmed", tail, level, draw, confirmed_test)
    return Calibration(name, "staged", tail, level, draw, staged_test)


def _one_sample(p_value: Callable[[int], float], level: float) -> StagedResult:
    """The first sample of a test alone."""
    p = p_value(0)
    return StagedResult(rejected=p <= level, stages=1, p_values=(p,), level=level)


def _nulls(refute_level: float) -> tuple[tuple[str, Tail, Draw], ...]:
    """Each test, its tail and how its null is drawn; `refute_level` of one sample, which decides what is undecided."""
    half, edge = -0.5, -0.5 + MARGIN
    return (
        ("variance_test", "exact", lambda g, k: variance_test(_normal(g, k)).p_value),
        ("variance_test, inflated, of a scale mixture", "approximate", _mixture_variance),
        ("mean_test", "exact", lambda g, k: mean_test(_normal(g, k)).p_value),
        ("correlation_test", "exact", lambda g, k: correlation_test(_normal(g, k), _normal(g, k)).p_value),
        ("mean_zero_test of products of normals", "approximate", _products),
        ("mean_within_test of normals, no allowance", "approximate", _mean_of_normals),
        ("mean_within_test of skewed numbers at the allowance", "approximate", _mean_at_the_allowance),
        ("neyman_smooth_test", "approximate", _neyman),
        ("dkw_band_test", "bound", lambda g, k: dkw_band_test(_normal(g, k)).p_value),
        ("dkw_band_test of a shift at the allowance", "bound", _band_at_the_allowance),
        ("judge_ratio of skewed pairs at the margin", "approximate", _skewed_pairs),
        ("fit_rate, two-sided", "approximate", _rate(half, edge)),
        ("fit_rate, at least", "approximate", _rate(half, edge, one_sided="at-least")),
        ("fit_rate, at most", "approximate", _rate(0.0, MARGIN, one_sided="at-most")),
        ("fit_rate, measured afresh where undecided", "approximate", _rate(half, edge, afresh=refute_level)),
        ("fit_rate, paired", "approximate", _paired),
        ("fit_slope, weights and unequal replicates", "approximate", _unequal),
        ("fit_slope of relative variances, at least", "approximate", _relative_variances),
    )


def _normal(generator: np.random.Generator, stage: int, base: int = SAMPLES) -> NDArray[np.float64]:
    return generator.standard_normal(stage_samples(base, stage))


def _mixture(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Independent sqrt(S) Z with S of mean 1 and relative variance `SPREAD_OF_S`, gamma distributed."""
    variances = generator.gamma(1 / SPREAD_OF_S, SPREAD_OF_S, count)
    mixed: NDArray[np.float64] = np.sqrt(variances) * generator.standard_normal(count)
    return mixed


def _mixture_variance(generator: np.random.Generator, _stage: int) -> float:
    return variance_test(_mixture(generator, SAMPLES), inflation=1 + 1.5 * SPREAD_OF_S).p_value


def _products(generator: np.random.Generator, _stage: int) -> float:
    # v . W_j for two entries: variance 2, and heavy tails for the central limit theorem to deal with.
    v, w = generator.standard_normal((2, 2, SAMPLES))
    return mean_zero_test((v * w).sum(axis=0), 2.0).p_value


def _mean_within(x: NDArray[np.float64], expected: float, allowance: float) -> float:
    error = float(x.std(ddof=1)) / x.size**0.5
    return mean_within_test(float(x.mean()) - expected, error, allowance=allowance, samples=x.size).p_value


def _mean_of_normals(generator: np.random.Generator, _stage: int) -> float:
    return _mean_within(generator.standard_normal(MEAN_SAMPLES), 0.0, 0.0)


def _mean_at_the_allowance(generator: np.random.Generator, _stage: int) -> float:
    # Skewed to the right, so the standard error is too small where the mean is: below is the harder side.
    sizes = (1 - MEAN_ALLOWANCE) * generator.gamma(1 / SPREAD_OF_S, SPREAD_OF_S, MEAN_SAMPLES)
    return _mean_within(sizes, 1.0, MEAN_ALLOWANCE)


def _neyman(generator: np.random.Generator, _stage: int) -> float:
    return neyman_smooth_test(generator.standard_normal(NEYMAN_MINIMUM)).p_value


def _band_at_the_allowance(generator: np.random.Generator, stage: int) -> float:
    # Phi(s / 2) - Phi(-s / 2) is the distance of a shift by s.
    shift = 2 * float(special.ndtri((1 + DISTANCE_ALLOWANCE) / 2))
    return dkw_band_test(_normal(generator, stage) + shift, allowance=DISTANCE_ALLOWANCE).p_value


def _skewed_pairs(generator: np.random.Generator, _stage: int) -> float:
    # Costs of a network have a large part in common, and neither side is symmetric.
    shared = generator.gamma(5.0, 1 / 5.0, COST_NETWORKS)
    subject, reference = shared * generator.gamma(50.0, 1 / 50.0, (2, COST_NETWORKS))
    return judge_ratio((1 + COST_MARGIN) * subject, reference, refute_level=TAIL_LEVEL).p_value


def _rate(expected: float, slope: float, *, one_sided: OneSided = False, afresh: float | None = None) -> Draw:
    """Ladders of normal errors with that slope; undecided at the level `afresh`, four times the replicates."""

    def fitted(generator: np.random.Generator, replicates: int) -> RateResult:
        return fit_rate(
            SIZES,
            generator.standard_normal((SIZES.size, replicates)) * SIZES[:, None] ** slope,
            expected=expected,
            margin=MARGIN,
            refute_level=afresh or TAIL_LEVEL,
            one_sided=one_sided,
            looks=2 if afresh else 1,
        )

    def draw(generator: np.random.Generator, _stage: int) -> float:
        result = fitted(generator, REPLICATES)
        if afresh and result.verdict is Verdict.INCONCLUSIVE:
            result = fitted(generator, 4 * REPLICATES)
        return result.p_value

    return draw


def _paired(generator: np.random.Generator, _stage: int) -> float:
    # A factor common to all rungs, as of one random network, and errors of its own on each.
    common = generator.standard_normal(REPLICATES)
    own = generator.standard_normal((SIZES.size, REPLICATES))
    errors = np.exp(common + 0.3 * own) * SIZES[:, None] ** (-0.5 + MARGIN)
    return fit_rate(SIZES, errors, expected=-0.5, margin=MARGIN, refute_level=TAIL_LEVEL, paired=True).p_value


def _unequal(generator: np.random.Generator, _stage: int) -> float:
    slope = -0.5 + MARGIN
    errors = [generator.standard_normal(n) * size**slope for n, size in zip(FEWER_AND_FEWER, SIZES, strict=True)]
    logs, deviations = zip(*map(root_mean_square_with_error, errors), strict=True)
    weights = FEWER_AND_FEWER.astype(np.float64)
    return fit_slope(
        SIZES,
        np.array(logs),
        np.array(deviations),
        expected=-0.5,
        margin=MARGIN,
        refute_level=TAIL_LEVEL,
        degrees_of_freedom=weights - 1,
        weights=weights,
    ).p_value


def _relative_variances(generator: np.random.Generator, _stage: int) -> float:
    spreads = SIZES[0] * SPREAD_OF_S * SIZES ** (-1 + MARGIN)
    samples = [generator.gamma(1 / rho, rho, LADDER_SAMPLES) for rho in spreads]
    logs, errors = zip(*map(relative_variance_with_error, samples), strict=True)
    return fit_slope(
        SIZES,
        np.array(logs),
        np.array(errors),
        expected=-1.0,
        margin=MARGIN,
        refute_level=TAIL_LEVEL,
        degrees_of_freedom=LADDER_SAMPLES - 1,
        one_sided="at-least",
    ).p_value
