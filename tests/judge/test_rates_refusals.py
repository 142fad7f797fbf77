"""Ladders that cannot show a rate are refused."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from theory_check.judge.error_budget import NonFiniteEvidence
from theory_check.judge.rates import RateResult, fit_rate, fit_slope, relative_variance_with_error, replicates_needed

WIDTHS = 2.0 ** np.arange(5, 10)
GOOD = WIDTHS[:, None] ** -0.5 * np.linspace(0.9, 1.1, 10)


def judged(sizes: NDArray[np.float64], errors: NDArray[np.float64], **changed: object) -> RateResult:
    """fit_rate with everything else in order."""
    settings: dict[str, object] = {"expected": -0.5, "margin": 0.15, "refute_level": 1e-9}
    return fit_rate(sizes, errors, **{**settings, **changed})  # type: ignore[arg-type]


def with_value(array: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """A copy whose first entry is `value`."""
    copy = array.copy()
    copy.flat[0] = value
    return copy


@pytest.mark.parametrize(
    "call",
    [
        lambda bad: judged(WIDTHS, with_value(GOOD, bad)),
        lambda bad: judged(with_value(WIDTHS, bad), GOOD),
        lambda bad: fit_slope(
            WIDTHS, with_value(GOOD[:, 0], bad), np.ones(5), expected=-0.5, margin=0.1, refute_level=1e-9
        ),
        lambda bad: fit_slope(
            WIDTHS, GOOD[:, 0], with_value(np.ones(5), bad), expected=-0.5, margin=0.1, refute_level=1e-9
        ),
        lambda bad: relative_variance_with_error(with_value(GOOD[0], bad)),
        lambda bad: replicates_needed(bad, WIDTHS, 0.1),
    ],
)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite_raise(call: Callable[[float], object], bad: float) -> None:
    """A NaN never becomes an inconclusive slope."""
    with pytest.raises(NonFiniteEvidence, match="not finite"):
        call(bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: judged(WIDTHS[:4], GOOD[:4]), "at least 5 rungs, got 4"),
        (lambda: judged(WIDTHS, GOOD[:, :9]), "at least 10 replicates .* got 9"),
        (lambda: judged(WIDTHS, GOOD.T), "one row for each of the 5 sizes"),
        (lambda: judged(WIDTHS, GOOD * [[1], [1], [0], [1], [1]]), "at size 128"),
        (lambda: judged(WIDTHS, GOOD * np.eye(10)[0]), "too many errors are zero"),
        (lambda: judged(WIDTHS, GOOD * (1 - np.eye(10)[0]), paired=True), "too many errors are zero"),
        (lambda: judged(np.full(5, 64.0), GOOD), "distinct"),
        (lambda: judged(-WIDTHS, GOOD), "positive"),
        (lambda: judged(WIDTHS, GOOD, margin=0.0), "margin"),
        (lambda: judged(WIDTHS, GOOD, margin=math.nan), "margin"),
        (lambda: judged(WIDTHS, GOOD, expected=math.nan), "expected"),
        (lambda: judged(WIDTHS, GOOD, refute_level=0.0), "refute_level"),
        (lambda: judged(WIDTHS, GOOD, support_confidence=math.nan), "support_confidence"),
        (lambda: judged(WIDTHS, GOOD, one_sided="at-best"), "one_sided"),
        (lambda: judged(WIDTHS, GOOD, expected=0.0, one_sided="at-least"), "one_sided"),
        (lambda: fit_slope(WIDTHS, WIDTHS, -WIDTHS, expected=-1, margin=0.1, refute_level=0.1), "at least 0"),
        (lambda: fit_slope(WIDTHS, WIDTHS[:4], WIDTHS, expected=-1, margin=0.1, refute_level=0.1), "shapes"),
        (lambda: relative_variance_with_error(np.arange(9.0) + 1), "at least 10"),
        (lambda: relative_variance_with_error(np.arange(10.0) - 1), r"at least 0, not all 0, got -1\.0"),
        (lambda: relative_variance_with_error(np.zeros(10)), r"at least 0, not all 0, got 0\.0"),
        (lambda: relative_variance_with_error(np.ones(20)), "three distinct"),
        (lambda: replicates_needed(-1.0, WIDTHS, 0.1), "spread"),
    ],
)
def test_ladders_that_cannot_show_a_rate_are_refused(call: Callable[[], object], message: str) -> None:
    """The message says what was given and what a ladder takes."""
    with pytest.raises(ValueError, match=message):
        call()


def test_the_least_ladder_can_be_asked_for() -> None:
    """Four rungs of three replicates, where the caller says that they are enough."""
    result = judged(WIDTHS[:4], GOOD[:4, :3], minimum_rungs=4, minimum_replicates=3)
    assert (result.rungs, result.replicates) == (4, 3)
