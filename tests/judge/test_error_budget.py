"""The error budget counts, and the staged tests keep to their level."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import special

from theory_check.judge.error_budget import (
    BudgetExceeded,
    ErrorBudget,
    NonFiniteEvidence,
    StagedResult,
    confirmed_test,
    stage_samples,
    staged_test,
)

BOTH = pytest.mark.parametrize("judge", [staged_test, confirmed_test])


def scripted(*p_values: float) -> Callable[[int], float]:
    """The given p-values, one for each stage; asking for more is an error."""
    return lambda stage: p_values[stage]


def clopper_pearson(hits: int, runs: int, miss: float = 1e-6) -> tuple[float, float]:
    """Exact two-sided interval of a probability from a count."""
    low = float(special.betaincinv(hits, runs - hits + 1, miss / 2)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, runs - hits, 1 - miss / 2)) if hits < runs else 1.0
    return low, high


def test_the_level_is_the_total_over_the_declared_calls() -> None:
    """1e-6 over 20,000 calls leaves 5e-11 for each, and every call gets the same."""
    budget = ErrorBudget()
    assert budget.level == pytest.approx(5e-11, rel=1e-15)
    assert {budget.spend() for _ in range(7)} == {budget.level}
    assert budget.calls == 7


def test_more_calls_than_declared_are_an_error_with_both_numbers() -> None:
    """The fourth of three declared calls raises and is not counted."""
    budget = ErrorBudget(1e-3, 3)
    for _ in range(3):
        budget.spend()
    with pytest.raises(BudgetExceeded, match=r"^4 .* declared 3;"):
        budget.spend()
    assert budget.calls == 3


@pytest.mark.parametrize(("total", "calls"), [(0, 1), (1, 1), (-1e-6, 1), (math.nan, 1), (1e-6, 0)])
def test_a_budget_out_of_range_is_refused(total: float, calls: int) -> None:
    """A total that is no probability in (0, 1), or no calls at all."""
    with pytest.raises(ValueError, match="got"):
        ErrorBudget(total, calls)


def test_later_stages_take_four_times_as_many_samples() -> None:
    """Four times the base from the second stage on, and no more at the third."""
    assert [stage_samples(100, stage) for stage in range(3)] == [100, 400, 400]
    with pytest.raises(ValueError, match="base 0"):
        stage_samples(0, 1)


@pytest.mark.parametrize(
    ("p_values", "rejected", "stages"),
    [
        # Level 0.003 in three stages: beta 0.001, 0.01, 0.1 and gamma 0.1.
        ((0.0009,), True, 1),
        ((0.0011, 0.5), False, 2),
        ((0.1005, 0.5), False, 2),
        ((0.102,), False, 1),
        ((0.0011, 0.009), True, 2),
        ((0.1009, 0.112), False, 2),
        ((0.05, 0.011, 0.099), True, 3),
        ((0.05, 0.109, 0.101), False, 3),
    ],
)
def test_stages_follow_gandy_and_scott(p_values: tuple[float, ...], rejected: bool, stages: int) -> None:  # noqa: FBT001
    """Thresholds worked out by hand decide every stage."""
    result = staged_test(scripted(*p_values), 0.003)
    assert result == StagedResult(rejected=rejected, stages=stages, p_values=p_values, level=0.003)


def test_the_staged_test_has_its_level() -> None:
    """200,000 runs on uniform p-values reject as often as the level says, neither more nor less."""
    generator = np.random.Generator(np.random.PCG64(1))
    uniform = iter(generator.random(400_000).tolist())
    runs = 200_000
    hits = sum(staged_test(lambda _: next(uniform), 0.01).rejected for _ in range(runs))
    low, high = clopper_pearson(hits, runs)
    assert low <= 0.01 <= high


def test_the_confirmed_test_has_its_level() -> None:
    """Three confirmations at level^(1/3) reject uniform p-values as often as the level says."""
    generator = np.random.Generator(np.random.PCG64(2))
    uniform = iter(generator.random(400_000).tolist())
    runs = 200_000
    hits = sum(confirmed_test(lambda _: next(uniform), 0.01).rejected for _ in range(runs))
    low, high = clopper_pearson(hits, runs)
    assert low <= 0.01 <= high


def test_confirmation_stops_at_the_first_that_does_not_reject() -> None:
    """At level 0.001 each sample must have p at most 0.1."""
    assert confirmed_test(scripted(0.09, 0.09, 0.09), 1e-3).rejected
    result = confirmed_test(scripted(0.09, 0.11), 1e-3)
    assert (result.rejected, result.stages) == (False, 2)


@BOTH
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1e-9, 1 + 1e-9])
def test_a_p_value_that_is_none_raises_before_it_is_compared(
    judge: Callable[[Callable[[int], float], float], StagedResult], bad: float
) -> None:
    """`nan < level` is False, which would be a silent pass; the second stage is checked like the first."""
    with pytest.raises(NonFiniteEvidence, match="p-value"):
        judge(scripted(bad), 0.01)
    with pytest.raises(NonFiniteEvidence, match="p-value"):
        judge(scripted(0.05, bad), 0.01)


@BOTH
@pytest.mark.parametrize("level", [0, 1, math.nan])
def test_a_level_that_is_no_probability_is_refused(
    judge: Callable[[Callable[[int], float], float], StagedResult], level: float
) -> None:
    """Levels lie strictly between 0 and 1."""
    with pytest.raises(ValueError, match="level must be"):
        judge(scripted(0.5, 0.5, 0.5), level)


def test_no_stages_are_refused() -> None:
    """A test without a stage would accept everything."""
    with pytest.raises(ValueError, match="stages"):
        staged_test(scripted(0.5), 0.01, stages=0)
