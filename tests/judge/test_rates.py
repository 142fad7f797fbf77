"""Slopes, their intervals and the equivalence test, on ladders whose law is known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from theory_check.judge.error_budget import NonFiniteEvidence, confirmed_test
from theory_check.judge.rates import (
    RateResult,
    detectable_departure,
    fit_rate,
    fit_slope,
    relative_variance_with_error,
    replicates_afresh,
    replicates_needed,
    replicates_needed_by,
    root_mean_square_with_error,
)
from theory_check.judge.verdict import Verdict

WIDTHS = 2.0 ** np.arange(5, 10)


def generator(seed: int) -> np.random.Generator:
    """An explicit generator."""
    return np.random.Generator(np.random.PCG64(seed))


def ladder(slope: float, replicates: int, seed: int, noise: float = 0.1) -> NDArray[np.float64]:
    """Errors 3 n^slope times independent log-normal factors, shape (5, replicates)."""
    return 3 * WIDTHS[:, None] ** slope * np.exp(noise * generator(seed).standard_normal((5, replicates)))


def test_a_noiseless_ladder_gives_slope_and_constant() -> None:
    """3 n^(-1/2) exactly: slope -1/2, constant 3, an interval of no width, supported."""
    result = fit_rate(WIDTHS, ladder(-0.5, 10, 0, noise=0.0), expected=-0.5, margin=0.15, refute_level=1e-9)
    assert result.slope == pytest.approx(-0.5, abs=1e-12)
    assert result.constant == pytest.approx(3, rel=1e-12)
    assert result.standard_error == pytest.approx(0, abs=1e-12)
    assert (result.verdict, result.p_value, result.rungs, result.replicates) == (Verdict.SUPPORTED, 1.0, 5, 10)


def test_the_slope_is_that_of_least_squares_on_root_mean_squares() -> None:
    """The polynomial fit of numpy to the log root mean square agrees, for errors of either sign."""
    errors = generator(1).standard_normal((5, 30)) * WIDTHS[:, None] ** -0.5
    reference = np.polyfit(np.log(WIDTHS), 0.5 * np.log((errors**2).mean(axis=1)), 1)[0]
    result = fit_rate(WIDTHS, errors, expected=-0.5, margin=0.15, refute_level=1e-9)
    assert result.slope == pytest.approx(reference, rel=1e-10)
    assert result.p_value == 1.0


def test_the_jackknife_is_the_textbook_one() -> None:
    """Leaving out one replicate at a time, in a loop, gives the standard error and its degrees of freedom."""
    errors = ladder(-0.5, 12, 2, noise=0.7)
    x = np.log(WIDTHS) - np.log(WIDTHS).mean()
    parts = []
    for rung, row in enumerate(errors):
        left = np.array([0.5 * math.log(np.mean(np.delete(row, j) ** 2)) for j in range(12)])
        parts.append((x[rung] / (x @ x)) ** 2 * 11 / 12 * np.sum((left - left.mean()) ** 2))
    result = fit_rate(WIDTHS, errors, expected=-0.5, margin=0.15, refute_level=1e-9)
    assert result.standard_error == pytest.approx(math.sqrt(sum(parts)), rel=1e-9)
    assert result.degrees_of_freedom == pytest.approx(sum(parts) ** 2 / sum(p**2 / 11 for p in parts), rel=1e-9)


def test_one_dominating_error_does_not_cancel() -> None:
    """An error 1e12 times the others, or errors of 1e-200, leave every sum positive and every number finite."""
    errors = ladder(-0.5, 10, 3)
    errors[:, 0] *= 1e12
    result = fit_rate(WIDTHS, errors, expected=-0.5, margin=0.15, refute_level=1e-9)
    assert (result.verdict, math.isfinite(result.standard_error)) == (Verdict.INCONCLUSIVE, True)
    assert result.standard_error > 1
    tiny = fit_rate(WIDTHS, 1e-200 * ladder(-0.5, 10, 3), expected=-0.5, margin=0.15, refute_level=1e-9)
    plain = fit_rate(WIDTHS, ladder(-0.5, 10, 3), expected=-0.5, margin=0.15, refute_level=1e-9)
    assert tiny.slope == pytest.approx(plain.slope, rel=1e-9)
    assert tiny.standard_error == pytest.approx(plain.standard_error, rel=1e-9)


@pytest.mark.parametrize(("draw", "bound"), [("normal", 0.004), ("log-normal", 0.002)])
def test_the_interval_covers_at_ten_replicates(draw: str, bound: float) -> None:
    """A 99.9 % interval misses at most twice (norms) or four times (single normal errors) as often as it says.

    With the delta method, or weights from the same replicates, the first misses 4.5 and 10 times as often.
    """
    runs = 20_000
    noise = generator(4).standard_normal((runs, 5, 10))
    errors = (noise if draw == "normal" else np.exp(0.3 * noise)) * WIDTHS[:, None] ** -0.5
    misses = 0
    for row in errors:
        low, high = fit_rate(WIDTHS, row, expected=-0.5, margin=0.15, refute_level=1e-9).interval
        misses += not low <= -0.5 <= high
    assert 5 < misses <= bound * runs


def test_given_standard_errors_have_welch_coverage() -> None:
    """Means of ten normal logarithms with unequal spreads: the 99 % interval covers within a fifth of its 1 %."""
    runs = 20_000
    spreads = np.array([0.1, 0.3, 0.1, 0.2, 0.4])
    values = -0.5 * np.log(WIDTHS)[:, None] + spreads[:, None] * generator(5).standard_normal((runs, 5, 10))
    means, errors = values.mean(axis=2), values.std(axis=2, ddof=1) / math.sqrt(10)
    misses = 0
    for mean, error in zip(means, errors, strict=True):
        result = fit_slope(
            WIDTHS,
            mean,
            error,
            expected=-0.5,
            margin=0.15,
            refute_level=1e-9,
            degrees_of_freedom=9,
            support_confidence=0.99,
        )
        misses += not result.interval[0] <= -0.5 <= result.interval[1]
    assert misses == pytest.approx(0.01 * runs, rel=0.25)


def test_known_standard_errors_use_the_normal_law() -> None:
    """Without estimated errors the interval is the normal one, and far out the p-value is as well."""
    x = np.log(WIDTHS) - np.log(WIDTHS).mean()
    error = 0.05 / math.sqrt(x @ x)
    result = fit_slope(
        WIDTHS,
        -np.log(WIDTHS),
        np.full(5, 0.05),
        expected=-0.5,
        margin=0.15,
        refute_level=1e-9,
        support_confidence=0.95,
    )
    assert result.interval == pytest.approx((-1 - 1.959964 * error, -1 + 1.959964 * error), rel=1e-6)
    assert result.p_value == pytest.approx(2 * stats.norm.sf(0.35 / error), rel=1e-9)
    assert result.verdict is Verdict.REFUTED


def test_the_refute_interval_is_that_of_student() -> None:
    """Equal errors of nine degrees of freedom each: 45 in all, at a level of 1e-9."""
    result = fit_slope(
        WIDTHS,
        -np.log(WIDTHS),
        np.full(5, 0.05),
        expected=-1,
        margin=0.1,
        refute_level=1e-9,
        degrees_of_freedom=9,
    )
    spread = (
        1 / sum((np.log(WIDTHS) - np.log(WIDTHS).mean()) ** 4) * sum((np.log(WIDTHS) - np.log(WIDTHS).mean()) ** 2) ** 2
    )  # Welch weighs rungs by their leverage, so fewer than 45
    assert result.degrees_of_freedom == pytest.approx(9 * spread, rel=1e-9)
    half = stats.t.isf(5e-10, result.degrees_of_freedom) * result.standard_error
    assert result.refute_interval == pytest.approx((-1 - half, -1 + half), rel=1e-6)


@pytest.mark.parametrize(
    ("slope", "replicates", "noise", "verdict"),
    [
        (-0.5, 20, 0.1, Verdict.SUPPORTED),
        (-0.57, 20, 0.1, Verdict.SUPPORTED),
        (-0.5, 10, 1.0, Verdict.INCONCLUSIVE),
        (-0.65, 20, 0.1, Verdict.INCONCLUSIVE),
        (-0.68, 20, 0.1, Verdict.INCONCLUSIVE),
        (-1.0, 20, 0.1, Verdict.REFUTED),
        (-0.25, 20, 0.1, Verdict.REFUTED),
        (0.5, 20, 0.1, Verdict.REFUTED),
    ],
)
def test_the_verdict_is_an_equivalence_test(slope: float, replicates: int, noise: float, verdict: Verdict) -> None:
    """Inside the margin supports, wholly outside refutes, noise or an edge leaves it open."""
    result = fit_rate(WIDTHS, ladder(slope, replicates, 6, noise), expected=-0.5, margin=0.15, refute_level=1e-9)
    assert result.verdict is verdict
    assert result.limit == (-0.65 if result.slope < -0.5 else -0.35)
    assert (result.p_value < 1e-9) == (verdict is Verdict.REFUTED)
    assert f"{result.slope:.4f}" in result.reason


def test_a_pre_asymptotic_term_does_not_refute() -> None:
    """n^(-1/2) (1 + n^(-1/2)): many replicates exclude -1/2 from the interval, yet the rate is supported."""
    errors = ladder(-0.5, 400, 7) * (1 + WIDTHS[:, None] ** -0.5)
    result = fit_rate(WIDTHS, errors, expected=-0.5, margin=0.15, refute_level=1e-9)
    assert result.interval[1] < -0.5
    assert result.verdict is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("sign", "slope", "verdict"),
    [
        (1, -1.0, Verdict.SUPPORTED),
        (1, -0.55, Verdict.SUPPORTED),
        (1, -0.2, Verdict.REFUTED),
        (1, 0.9, Verdict.REFUTED),
        (-1, 1.0, Verdict.SUPPORTED),
        (-1, 0.2, Verdict.REFUTED),
    ],
)
def test_at_least_a_rate_lets_faster_ones_pass(sign: int, slope: float, verdict: Verdict) -> None:
    """Faster is further from zero: more negative in the width, more positive in the step."""
    result = fit_rate(
        WIDTHS, ladder(slope, 20, 8), expected=-0.5 * sign, margin=0.15, refute_level=1e-9, one_sided="at-least"
    )
    assert result.verdict is verdict
    assert result.limit == -0.35 * sign


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [(-3.0, Verdict.SUPPORTED), (-0.2, Verdict.SUPPORTED), (0.05, Verdict.SUPPORTED), (0.5, Verdict.REFUTED)],
)
def test_at_most_lets_every_lesser_slope_pass(slope: float, verdict: Verdict) -> None:
    """A constant that must not grow may fall; the ladder itself is part of the result."""
    result = fit_rate(WIDTHS, ladder(slope, 20, 8), expected=0.0, margin=0.15, refute_level=1e-9, one_sided="at-most")
    assert result.verdict is verdict
    assert result.limit == 0.15
    assert result.sizes == tuple(WIDTHS)
    assert np.polyfit(np.log(result.sizes), np.log(result.values), 1)[0] == pytest.approx(result.slope, abs=1e-9)


def test_refutation_at_the_edge_of_the_margin_keeps_its_level() -> None:
    """A true slope on the edge, the worst case of the null, has p <= 0.01 in at most about 0.5 % of runs."""
    runs = 5000
    errors = np.exp(0.3 * generator(9).standard_normal((runs, 5, 10))) * WIDTHS[:, None] ** -0.35
    hits = sum(fit_rate(WIDTHS, row, expected=-0.5, margin=0.15, refute_level=1e-9).p_value <= 0.01 for row in errors)
    assert 5 <= hits <= 0.008 * runs


def test_paired_replicates_cancel_what_they_share() -> None:
    """One network on all rungs: its factor of spread 1 does not widen a paired interval, which still covers."""
    runs, misses = 10_000, 0
    shared = generator(10).standard_normal((runs, 1, 10))
    own = generator(11).standard_normal((runs, 5, 10))
    errors = np.exp(0.5 * shared + 0.05 * own) * WIDTHS[:, None] ** -0.5
    for row in errors:
        low, high = fit_rate(
            WIDTHS, row, expected=-0.5, margin=0.1, refute_level=1e-9, paired=True, support_confidence=0.99
        ).interval
        misses += not low <= -0.5 <= high
    assert misses == pytest.approx(0.01 * runs, rel=0.5)
    both = [
        fit_rate(WIDTHS, errors[0], expected=-0.5, margin=0.1, refute_level=1e-9, paired=paired)
        for paired in (True, False)
    ]
    assert both[0].standard_error < 0.3 * both[1].standard_error
    assert both[0].degrees_of_freedom == 9
    each = np.polyfit(np.log(WIDTHS), np.log(errors[0]), 1)[0]
    assert both[0].slope == pytest.approx(each.mean(), rel=1e-9)
    assert both[0].standard_error == pytest.approx(stats.sem(each), rel=1e-9)
    assert [r.verdict for r in both] == [Verdict.SUPPORTED, Verdict.INCONCLUSIVE]


def test_the_design_function_gives_the_power_it_says() -> None:
    """Ladders of that many replicates are supported in 90 % of runs, ladders of a fifth of them are not."""
    spread = 0.3  # of log-normal factors exp(0.3 Z): sd(e^2) / (2 mean e^2) = sqrt(exp(0.36) - 1) / 2
    exact = math.sqrt(math.exp(4 * spread**2) - 1) / 2
    needed = replicates_needed(exact, WIDTHS, 0.15, power=0.9)
    shares = []
    for replicates in (needed, max(10, needed // 2)):
        errors = np.exp(spread * generator(12).standard_normal((1500, 5, replicates))) * WIDTHS[:, None] ** -0.5
        supported = [
            fit_rate(WIDTHS, row, expected=-0.5, margin=0.15, refute_level=1e-9).verdict is Verdict.SUPPORTED
            for row in errors
        ]
        shares.append(np.mean(supported))
    assert shares[0] == pytest.approx(0.9, abs=0.05)
    assert shares[1] < 0.6


def test_the_design_function_returns_the_least_number() -> None:
    """One replicate fewer does not meet its own inequality; ten are the least that a ladder takes."""
    x = np.log(WIDTHS) - np.log(WIDTHS).mean()

    def meets(replicates: int) -> bool:
        quantile = stats.t.isf(0.0005, 5 * (replicates - 1)) + stats.norm.isf(0.05)
        return bool(quantile * 0.7 / math.sqrt(replicates * (x @ x)) <= 0.15)

    needed = replicates_needed(0.7, WIDTHS, 0.15)
    assert meets(needed)
    assert not meets(needed - 1)
    assert replicates_needed(0.001, WIDTHS, 0.15) == 10
    assert replicates_needed(0.0, WIDTHS, 0.15) == 10
    with pytest.raises(ValueError, match="more than"):
        replicates_needed(1e6, WIDTHS, 0.15)


def test_a_ladder_says_how_many_replicates_its_own_spread_asks_for() -> None:
    """As many as the design function for that spread; paired columns have another spread, and fewer degrees."""
    spread, x = 0.3, np.log(WIDTHS) - np.log(WIDTHS).mean()
    of_squares = replicates_needed(math.sqrt(math.exp(4 * spread**2) - 1) / 2, WIDTHS, 0.15)
    of_columns = next(
        r
        for r in range(10, 10_000)
        if (stats.t.isf(0.0005, r - 1) + stats.norm.isf(0.05)) * spread / math.sqrt(r * (x @ x)) <= 0.15
    )
    errors = np.exp(spread * generator(30).standard_normal((5, 20_000))) * WIDTHS[:, None] ** -0.5
    for paired, least in ((False, of_squares), (True, of_columns)):
        result = fit_rate(WIDTHS, errors, expected=-0.5, margin=0.15, refute_level=1e-9, paired=paired)
        assert replicates_needed_by(result, 0.15) == pytest.approx(least, rel=0.05)
    known = fit_slope(WIDTHS, -0.5 * np.log(WIDTHS), np.full(5, 0.1), expected=-0.5, margin=0.15, refute_level=1e-9)
    assert replicates_needed_by(known, 0.15) is None
    with pytest.raises(ValueError, match="margin"):
        replicates_needed_by(known, 0.0)


def test_replicates_of_unequal_rungs_are_those_of_the_rung_with_most() -> None:
    """Where degrees of freedom are given; the rungs are taken to grow alike."""
    degrees = np.array([199.0, 99.0, 49.0, 24.0, 9.0])
    stated = {"expected": -0.5, "margin": 0.15, "refute_level": 1e-9}
    result = fit_slope(
        WIDTHS,
        -0.5 * np.log(WIDTHS),
        1 / np.sqrt(degrees + 1),
        degrees_of_freedom=degrees,
        weights=degrees + 1,
        **stated,
    )
    assert result.replicates == 200
    needed = replicates_needed_by(result, 0.15)
    quantile = stats.t.isf(0.0005, result.degrees_of_freedom * (needed - 1) / 199) + stats.norm.isf(0.05)
    assert quantile * result.standard_error * math.sqrt(200 / needed) == pytest.approx(0.15, rel=0.01)


def test_the_departure_that_is_said_to_be_refuted_is() -> None:
    """Nine in ten calls of three ladders whose slope lies that far beyond the margin reject it."""
    level, replicates, runs = 0.001, 40, 600
    draws = generator(31).standard_normal((runs, 3, 5, replicates)) * WIDTHS[:, None] ** -0.5

    def fitted(errors: NDArray[np.float64]) -> RateResult:
        return fit_rate(WIDTHS, errors, expected=-0.5, margin=0.15, refute_level=level ** (1 / 3))

    beyond = 0.15 + np.mean([detectable_departure(fitted(run[0]), level) for run in draws])
    moved = draws * WIDTHS[:, None] ** beyond
    hits = sum(confirmed_test(lambda k, run=run: fitted(run[k]).p_value, level).rejected for run in moved)
    assert hits / runs == pytest.approx(0.9, abs=0.08)  # that of one ladder varies by 9 %
    with pytest.raises(ValueError, match="level"):
        detectable_departure(fitted(draws[0, 0]), 1.0)


def test_a_second_look_costs_half_the_level() -> None:
    """Bonferroni: twice the p-value, and the interval that refutes is that of half the level."""
    flat = ladder(-0.1, 20, 32, noise=0.5)
    stated = {"expected": -0.5, "margin": 0.15}
    one, two = (fit_rate(WIDTHS, flat, **stated, refute_level=0.02 * n, looks=n) for n in (1, 2))
    assert 0 < one.p_value < 0.5
    assert two.p_value == pytest.approx(2 * one.p_value, rel=1e-12)
    assert two.refute_interval == pytest.approx(one.refute_interval, rel=1e-12)
    assert two.interval == one.interval
    assert detectable_departure(two, 8e-6) == pytest.approx(detectable_departure(one, 1e-6))
    assert fit_rate(WIDTHS, ladder(-0.5, 20, 32), **stated, refute_level=0.02, looks=2).p_value == 1
    with pytest.raises(ValueError, match="looks"):
        fit_rate(WIDTHS, flat, **stated, refute_level=0.02, looks=0)


def test_the_relative_variance_and_its_error_are_right() -> None:
    """For gamma samples of shape 20, rho = 1/20; the standard error is the spread over 2,000 repetitions."""
    repeats = generator(13).gamma(20, 1e-200, (2000, 400))
    results = np.array([relative_variance_with_error(row) for row in repeats])
    assert results[:, 0].mean() == pytest.approx(math.log(1 / 20), abs=0.01)
    assert results[:, 1].mean() == pytest.approx(results[:, 0].std(), rel=0.06)


def test_the_relative_variance_jackknife_is_the_textbook_one() -> None:
    """Leaving out one sample at a time, in a loop, gives the same standard error."""
    x = generator(14).gamma(5, 1, 30)
    left = np.array(
        [math.log(np.var(np.delete(x, j), ddof=1)) - 2 * math.log(np.mean(np.delete(x, j))) for j in range(30)]
    )
    log_rho, error = relative_variance_with_error(x)
    assert log_rho == pytest.approx(math.log(np.var(x, ddof=1) / np.mean(x) ** 2), rel=1e-10)
    assert error == pytest.approx(math.sqrt(29 / 30 * np.sum((left - left.mean()) ** 2)), rel=1e-9)


@pytest.mark.parametrize(("power", "verdict"), [(1.0, Verdict.SUPPORTED), (0.5, Verdict.REFUTED)])
def test_a_ladder_of_relative_variances_shows_its_rate(power: float, verdict: Verdict) -> None:
    """Gamma samples of shape n^power have rho = n^-power: supported as 1/n, refuted when it is n^(-1/2)."""
    rungs = [relative_variance_with_error(generator(15).gamma(n**power, 1, 2000)) for n in WIDTHS]
    result = fit_slope(
        WIDTHS,
        np.array([rho for rho, _ in rungs]),
        np.array([error for _, error in rungs]),
        expected=-1,
        margin=0.15,
        refute_level=1e-9,
        degrees_of_freedom=1999,
    )
    assert result.verdict is verdict


def test_unequal_replicates_weigh_each_rung_by_its_own() -> None:
    """Three replicates at the top: intervals of 95 % miss one time in twenty; weights make them much narrower."""
    rng, sizes = generator(11), np.array([100.0, 1e3, 1e4, 1e5, 1e6])
    counts = np.array([40, 40, 40, 10, 3])
    misses, widths = {True: [], False: []}, {True: [], False: []}
    for _ in range(400):
        found = [root_mean_square_with_error(1 + 0.2 * rng.normal(size=n)) for n in counts]
        logs, errors = np.array(found).T
        for weighted in (True, False):
            result = fit_slope(
                sizes,
                logs - 0.5 * np.log(sizes),
                errors,
                degrees_of_freedom=counts - 1.0,
                weights=counts.astype(float) if weighted else None,
                expected=-0.5,
                margin=0.5,
                refute_level=1e-3,
            )
            assert 2 <= result.degrees_of_freedom <= (counts - 1).sum()
            half = stats.t.ppf(0.975, result.degrees_of_freedom) * result.standard_error
            misses[weighted].append(abs(result.slope + 0.5) > half)
            widths[weighted].append(half)
    for weighted in (True, False):
        assert 0.01 <= np.mean(misses[weighted]) <= 0.09
    assert np.median(widths[True]) < 0.6 * np.median(widths[False])


def test_weights_are_those_of_weighted_least_squares() -> None:
    """The polynomial fit of numpy takes their roots; a weight that is not positive is refused."""
    sizes, weights = np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([40.0, 40.0, 30.0, 9.0, 3.0])
    logs = generator(5).normal(size=5)
    settings = {"expected": -0.5, "margin": 0.1, "refute_level": 1e-3}
    result = fit_slope(sizes, logs, np.full(5, 0.1), weights=weights, **settings)
    assert result.slope == pytest.approx(np.polyfit(np.log(sizes), logs, 1, w=np.sqrt(weights))[0], rel=1e-10)
    with pytest.raises(ValueError, match="a positive weight is needed for each of 5 sizes"):
        fit_slope(sizes, logs, np.full(5, 0.1), weights=0 * weights, **settings)


def test_a_root_mean_square_has_the_error_of_its_logarithm() -> None:
    """That of n normal numbers is 1 / sqrt(2 n) to first order; a scale moves the logarithm alone."""
    errors = generator(12).normal(size=4000)
    log, error = root_mean_square_with_error(errors)
    assert log == pytest.approx(0.5 * math.log(float((errors**2).mean())), abs=1e-12)
    assert error == pytest.approx(1 / math.sqrt(8000), rel=0.1)
    scaled = root_mean_square_with_error(1e-200 * errors)
    assert scaled == pytest.approx((log - 200 * math.log(10), error), rel=1e-12)


@pytest.mark.parametrize(
    ("errors", "kind", "message"),
    [
        ([1.0, math.nan], NonFiniteEvidence, "1 of 2 errors are not finite"),
        ([0.0, 1.0, 0.0], ValueError, "at least two errors other than zero are needed, got 1"),
    ],
)
def test_a_root_mean_square_of_nothing_is_refused(errors: list[float], kind: type, message: str) -> None:
    """One line."""
    with pytest.raises(kind, match=message):
        root_mean_square_with_error(np.array(errors))


def test_degrees_below_one_are_refused() -> None:
    """For each rung."""
    sizes = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    with pytest.raises(ValueError, match=r"degrees_of_freedom must be at least 1, got 0\.0"):
        fit_slope(
            sizes,
            -0.5 * np.log(sizes),
            np.full(5, 0.1),
            degrees_of_freedom=np.array([9.0, 9, 9, 9, 0]),
            expected=-0.5,
            margin=0.1,
            refute_level=1e-3,
        )


@pytest.mark.parametrize(("noise", "least", "most"), [(0.02, 4, 4), (1.0, 5, 15), (30.0, 16, 16)])
def test_a_second_ladder_takes_what_the_first_asks_for(noise: float, least: int, most: int) -> None:
    """At least four times as many, at most 16 times; half again what is needed between these."""
    first = fit_slope(
        WIDTHS,
        -0.5 * np.log(WIDTHS),
        np.full(5, noise / math.sqrt(40)),
        expected=-0.5,
        margin=0.15,
        refute_level=1e-9,
        degrees_of_freedom=39,
    )
    taken = replicates_afresh(first, 40, 0.15)
    assert least * 40 <= taken <= most * 40
    if least < taken / 40 < most:
        assert taken == math.ceil(1.5 * replicates_needed_by(first, 0.15))


def test_a_second_ladder_of_what_has_no_replicates_takes_four_times_what_was_planned() -> None:
    """Its only uncertainty is known, and says nothing of replicates."""
    known = fit_slope(WIDTHS, -0.5 * np.log(WIDTHS), np.full(5, 0.1), expected=-0.5, margin=0.15, refute_level=1e-9)
    assert replicates_afresh(known, 40, 0.15) == 160
