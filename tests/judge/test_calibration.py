"""Calibration on trial: what rejects too often is caught, what an audit uses is not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from theory_check.judge.calibration import Calibration, CalibrationResult, Draw, calibrate, calibrations
from theory_check.judge.error_budget import StagedResult, confirmed_test, staged_test
from theory_check.judge.gaussianity import (
    TESTS,
    dkw_band_test,
    mean_test,
    mean_within_test,
    neyman_smooth_test,
    variance_test,
)

RUNS = 1000
# A self-test makes several times as many.
FEW_RUNS = 400
ALL = calibrations()


def named(calibration: Calibration) -> str:
    """What pytest shows."""
    return f"{calibration.name} {calibration.gate} {calibration.level}"


@pytest.mark.parametrize("calibration", ALL, ids=named)
def test_no_test_of_an_audit_rejects_too_often(calibration: Calibration) -> None:
    """False alarms of the whole gate, and of one sample where the tail is approximate."""
    result = calibrate(calibration, FEW_RUNS, seed=1)
    assert result.passed, result


def test_every_test_is_calibrated_by_the_gate_an_audit_gives_it() -> None:
    """All tests of laws and both of rates, at two levels; what is approximate is confirmed, and looked at alone."""
    assert {c.name.split()[0].rstrip(",") for c in ALL} == {*TESTS, "fit_rate", "fit_slope", "judge_ratio"}
    for name in {c.name for c in ALL}:
        own = [c for c in ALL if c.name == name]
        whole = "confirmed" if own[0].tail == "approximate" else "staged"
        assert [c.gate for c in own] == [whole, whole, *(["one sample"] if whole == "confirmed" else [])]
        assert own[0].level > own[1].level
    x = np.random.Generator(np.random.PCG64(0)).standard_normal(1000)
    results = (variance_test(x), variance_test(x, inflation=2.0), mean_test(x), neyman_smooth_test(x), dkw_band_test(x))
    for result in results:
        assert result.tail in {c.tail for c in ALL if c.name.startswith(result.name)}


# --- what is wrong is caught -------------------------------------------------------------------------------------


def forgets_to_divide(p_value: Callable[[int], float], level: float) -> StagedResult:
    """Three stages, each of which rejects at the level of all three."""
    gamma = (level / 3) ** (1 / 3)
    for stage in range(3):
        p = p_value(stage)
        if p <= level / gamma**stage:
            return StagedResult(rejected=True, stages=stage + 1, p_values=(p,), level=level)
        if p > level + gamma:
            break
    return StagedResult(rejected=False, stages=stage + 1, p_values=(p,), level=level)


def confirms_the_same_data(p_value: Callable[[int], float], level: float) -> StagedResult:
    """One sample, looked at three times."""
    p = p_value(0)
    return confirmed_test(lambda _k: p, level)


def mixture_without_inflation(generator: np.random.Generator, _stage: int) -> float:
    """Squares of a scale mixture vary more than those of normals."""
    return variance_test(np.sqrt(generator.exponential(size=200)) * generator.standard_normal(200)).p_value


def wrong_standard_error(generator: np.random.Generator, _stage: int) -> float:
    """Four fifths of the true one."""
    return mean_test(generator.standard_normal(100), scale=0.8).p_value


def normal_law_of_a_ratio(generator: np.random.Generator, _stage: int) -> float:
    """The standard error of ten numbers taken for the true one."""
    x = generator.standard_normal(10)
    result = mean_within_test(float(x.mean()), float(x.std(ddof=1)) / 10**0.5, allowance=0.0, samples=10)
    return 2 * float(special.ndtr(-abs(result.statistic) / result.standard_error))


def normal_mean(generator: np.random.Generator, _stage: int) -> float:
    """Nothing is wrong with this one."""
    return mean_test(generator.standard_normal(100)).p_value


@pytest.mark.parametrize(
    ("tail", "draw", "decide"),
    [
        ("exact", mixture_without_inflation, staged_test),
        ("bound", mixture_without_inflation, staged_test),
        ("exact", wrong_standard_error, staged_test),
        ("approximate", normal_law_of_a_ratio, lambda p, level: StagedResult(p(0) <= level, 1, (), level)),
        ("exact", normal_mean, forgets_to_divide),
        ("approximate", normal_mean, confirms_the_same_data),
    ],
)
def test_what_rejects_too_often_is_caught(
    tail: str, draw: Draw, decide: Callable[[Callable[[int], float], float], StagedResult]
) -> None:
    """The interval is wholly above the level, whatever the tail is said to be."""
    result = calibrate(Calibration("wrong", "staged", tail, 0.05, draw, decide), 2 * RUNS)
    assert result.interval[0] > 0.05
    assert not result.passed


def test_what_is_no_more_than_a_bound_is_not_exact() -> None:
    """Too few false alarms pass as a bound, and miss where the law is said to be known."""
    (band,) = (c for c in ALL if c.name == "dkw_band_test of a shift at the allowance" and c.level == 0.05)
    assert calibrate(band, 2 * RUNS).passed
    result = calibrate(replace(band, tail="exact"), 2 * RUNS)
    assert result.interval[1] < 0.05
    assert not result.passed


# --- the count itself --------------------------------------------------------------------------------------------


def test_a_calibration_depends_on_nothing_but_its_seed() -> None:
    """The same again, whatever ran before; another seed counts otherwise."""
    calibration = Calibration("mean", "staged", "exact", 0.05, normal_mean, staged_test)
    first = calibrate(calibration, RUNS, seed=3)
    calibrate(ALL[0], 10, seed=3)
    assert calibrate(calibration, RUNS, seed=3) == first
    assert len({calibrate(calibration, RUNS, seed=seed).false_alarms for seed in range(5)}) > 1


@pytest.mark.parametrize("alarms", [0, 1, 13, 100])
def test_the_interval_is_that_of_clopper_and_pearson(alarms: int) -> None:
    """Counts of a test that rejects so many of a hundred, against scipy's exact interval."""
    p_values = iter([0.0] * alarms + [1.0] * (100 - alarms))
    fixed = Calibration("fixed", "staged", "exact", 0.05, lambda _g, _k: next(p_values), staged_test)
    result = calibrate(fixed, 100)
    exact = stats.binomtest(alarms, 100).proportion_ci(0.999, method="exact")
    assert (result.false_alarms, result.measured) == (alarms, alarms / 100)
    assert result.interval == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_the_level_lies_in_the_interval_or_not() -> None:
    """Both ends count: an interval below the level fails an exact test alone."""
    for tail, interval, passed in (
        ("exact", (0.04, 0.06), True),
        ("exact", (0.051, 0.06), False),
        ("exact", (0.03, 0.049), False),
        ("bound", (0.03, 0.049), True),
        ("approximate", (0.03, 0.049), True),
        ("approximate", (0.051, 0.06), False),
    ):
        calibration = Calibration("x", "staged", tail, 0.05, normal_mean, staged_test)
        assert CalibrationResult(calibration, 100, 5, interval).passed is passed


def test_no_run_says_nothing() -> None:
    """At least one."""
    with pytest.raises(ValueError, match="got 0"):
        calibrate(ALL[0], 0)
