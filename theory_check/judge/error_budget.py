"""One error budget for all statistical tests of an audit, and the tests that keep to it (docs/judgement.md#laws).

The chance that an audit of true claims refutes one of them is at most `total` (1e-6). It is divided evenly over a
declared number of test calls (Bonferroni), shrinking included. Each call meets fresh randomness, so the union bound
holds however Hypothesis chose the cases.

A p-value is exact when P(p <= a) <= a for every a in (0, 1) under the null; then `staged_test` is right. Where it is
only approximate far out in the tail, `confirmed_test` never looks further out than level^(1/3).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

# Gandy and Scott's sequential test: three stages, each later one of four times the samples (GROWTH).
STAGES = 3
# Samples that must agree: each may then be judged at the cube root of the level, where an approximate tail still holds.
CONFIRMATIONS = 3
# With which the smallest detectable effects are stated.
POWER = 0.9
GROWTH = 4


class BudgetExceeded(RuntimeError):
    """More statistical tests were made than the audit declared, so its error rate is no longer guaranteed."""


class NonFiniteEvidence(ValueError):
    """A sample, statistic or p-value is NaN, infinite or out of range; raised before anything is compared with it."""


class ErrorBudget:
    """The false-alarm rate of an audit, divided over a declared number of test calls, which are counted.

    Args:
        total: bound on the probability that any call rejects although its null is true. In (0, 1).
        declared_calls: the most calls that will be made. At least 1.

    Raises:
        ValueError: `total` or `declared_calls` out of range.
    """

    def __init__(self, total: float = 1e-6, declared_calls: int = 20_000) -> None:
        if not 0 < total < 1:
            raise ValueError(f"total must be a probability in (0, 1), got {total!r}")
        if declared_calls < 1:
            raise ValueError(f"declared_calls must be at least 1, got {declared_calls!r}")
        self.total = total
        self.declared_calls = declared_calls
        self._calls = 0

    @property
    def level(self) -> float:
        """Significance level of one call: total / declared_calls."""
        return self.total / self.declared_calls

    @property
    def calls(self) -> int:
        """Calls counted so far."""
        return self._calls

    def spend(self) -> float:
        """Count one test call and return its level.

        Raises:
            BudgetExceeded: the declared number of calls has been made.
        """
        self._reserve(1)
        self._calls += 1
        return self.level

    def restore(self, calls: int) -> None:
        """Count test calls that were made earlier, by a process whose outcomes are taken over.

        Raises:
            BudgetExceeded: as `spend`.
        """
        self._reserve(calls)
        self._calls += calls

    def _reserve(self, calls: int) -> None:
        asked = self._calls + calls
        if asked > self.declared_calls:
            raise BudgetExceeded(
                f"{asked} statistical tests asked for, but the error budget declared {self.declared_calls}; "
                "declare more calls or check fewer cases"
            )


@dataclass(frozen=True)
class StagedResult:
    """What a staged or confirmed test found.

    rejected: the null is rejected at `level`.
    stages: stages (samples) that were drawn.
    p_values: one for each of them.
    level: bound on the probability of a rejection under the null.
    """

    rejected: bool
    stages: int
    p_values: tuple[float, ...]
    level: float


def stage_samples(base: int, stage: int) -> int:
    """Sample size of a stage, counted from 0: `base` at first, four times as much at every later stage."""
    if base < 1 or stage < 0:
        raise ValueError(f"base must be at least 1 and stage at least 0, got base {base!r} and stage {stage!r}")
    return base if stage == 0 else GROWTH * base


def staged_test(p_value: Callable[[int], float], level: float, stages: int = STAGES) -> StagedResult:
    """Gandy and Scott's sequential test: clear cases end at stage 0, doubtful ones get fresh and more data.

    With beta = level / stages and gamma = beta^(1/stages): reject if p <= beta, accept if p > beta + gamma, otherwise
    go on with beta / gamma. A stage is passed on with probability at most gamma, so stage i rejects with probability
    at most gamma^i beta / gamma^i = beta, and all of them together at most stages * beta = level. At the last stage
    beta has grown to gamma, and what is not rejected is accepted.

    Args:
        p_value: from the stage (0, 1, ...) to an exact p-value of data that are independent of earlier stages;
            `stage_samples` says how many to draw.
        level: the level of the whole call, as `ErrorBudget.spend` returns it.
        stages: the most stages; 3 in an audit.

    Raises:
        NonFiniteEvidence: a p-value is NaN or outside [0, 1].
        ValueError: `level` outside (0, 1) or `stages` below 1.

    Source: A. Gandy and J. Scott, "Unit testing for MCMC and other Monte Carlo methods", arXiv 2001.06465, algorithm 1.
    """
    _require_level(level)
    if stages < 1:
        raise ValueError(f"stages must be at least 1, got {stages!r}")
    beta = level / stages
    gamma = beta ** (1 / stages)
    seen: list[float] = []
    for stage in range(stages):
        seen.append(checked_p_value(p_value(stage)))
        if seen[-1] <= beta:
            return StagedResult(rejected=True, stages=len(seen), p_values=tuple(seen), level=level)
        if seen[-1] > beta + gamma:
            break
        beta /= gamma
    return StagedResult(rejected=False, stages=len(seen), p_values=tuple(seen), level=level)


def confirmed_test(p_value: Callable[[int], float], level: float) -> StagedResult:
    """Rejects only when three independent samples each have p <= level^(1/3); stops at the first that has not.

    For p-values that are approximate in the tail: if P(p <= a) <= (1 + e) a at a = level^(1/3), the whole call
    rejects with probability at most (1 + e)^3 level.

    Args:
        p_value: from the sample (0, 1, 2) to a p-value of data that are independent of the other samples.
        level: the level of the whole call.

    Raises:
        NonFiniteEvidence: a p-value is NaN or outside [0, 1].
        ValueError: `level` outside (0, 1).
    """
    _require_level(level)
    threshold = level ** (1 / CONFIRMATIONS)
    seen: list[float] = []
    for sample in range(CONFIRMATIONS):
        seen.append(checked_p_value(p_value(sample)))
        if seen[-1] > threshold:
            return StagedResult(rejected=False, stages=len(seen), p_values=tuple(seen), level=level)
    return StagedResult(rejected=True, stages=len(seen), p_values=tuple(seen), level=level)


def checked_p_value(p: float) -> float:
    """The p-value as a float; NonFiniteEvidence when it is none (`nan < level` is False: a silent pass)."""
    value = float(p)
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise NonFiniteEvidence(f"a p-value must be a number in [0, 1], got {value!r}")
    return value


def _require_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must be a probability in (0, 1), got {level!r}")
