"""Adapters with a bug planted in them, around solvers of torchdiffeq that have none."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from theory_check.conformance import Accuracy, Gradient, Problem, Solution
from theory_check.conformance.bench import Bench
from theory_check.conformance.checks import CHECKS
from theory_check.conformance.libraries.loading import solvers_of
from theory_check.conformance.profiles import ConformanceProfile
from theory_check.conformance.records import CheckResult
from theory_check.conformance.search import run_check
from theory_check.conformance.solver import SolverUnderTest, name_of

SMALL = ConformanceProfile(name="test", activations=2, cases=2, ladders=1, shrink_calls=0, thorough=False)


def _same(x: Any) -> Any:
    return x


@dataclass(frozen=True)
class Planted:
    """A solver whose problems, accuracies or gradients are changed on their way."""

    inner: Any
    problem: Callable[[Problem], Problem] = _same
    accuracy: Callable[[Accuracy], Accuracy] = _same
    changed: Callable[[Gradient], Gradient] = _same
    order: int = field(default=0)

    def __post_init__(self) -> None:
        for name in ("library", "version", "method", "gradient", "stepping", "kind", "thorough", "order_rises"):
            object.__setattr__(self, name, getattr(self.inner, name))
        object.__setattr__(self, "order", self.order or self.inner.order)

    def solve(self, problem: Problem, accuracy: Accuracy) -> Solution:
        """As the inner solver, on what became of the problem."""
        return self.inner.solve(self.problem(problem), self.accuracy(accuracy))

    def gradient_of(self, problem: Problem, accuracy: Accuracy) -> Gradient:
        """The same."""
        return self.changed(self.inner.gradient_of(self.problem(problem), self.accuracy(accuracy)))


@pytest.fixture(scope="session")
def member() -> Callable[[str, str], SolverUnderTest]:
    """A solver of a library by its name."""

    def of(library: str, name: str) -> SolverUnderTest:
        return next(solver for solver in solvers_of(library) if name_of(solver) == name)

    return of


@pytest.fixture(scope="session")
def bench() -> Bench:
    """References that all tests share."""
    return Bench(seed=0)


@pytest.fixture(scope="session")
def checked(bench: Bench) -> Callable[[SolverUnderTest, str], CheckResult]:
    """A check of a solver with few cases."""

    def run(solver: SolverUnderTest, check: str) -> CheckResult:
        # One contraction: its reference takes hundreds of steps.
        profile = replace(SMALL, cases=1) if CHECKS[check].contracting else SMALL
        return run_check(solver, CHECKS[check], bench, profile)

    return run


def late(problem: Problem) -> Problem:
    """The horizon a tenth too long."""
    first, last = problem.times
    return replace(problem, times=(first, first + 1.1 * (last - first)))


def overshot(problem: Problem) -> Problem:
    """The horizon too long by a time that does not scale."""
    first, last = problem.times
    return replace(problem, times=(first, last + 0.01 * np.sign(last - first)))


def never_back(problem: Problem) -> Problem:
    """A solve backwards in time is one forwards."""
    return replace(problem, times=(0.0, problem.duration))


def flipped(gradient: Gradient) -> Gradient:
    """The sign of all of it wrong."""
    return Gradient(-gradient.initial, -gradient.matrix)


def dropped(gradient: Gradient) -> Gradient:
    """No gradient with respect to A."""
    return Gradient(gradient.initial, np.zeros_like(gradient.matrix))


def not_finite(gradient: Gradient) -> Gradient:
    """NaN in one place."""
    matrix = gradient.matrix.copy()
    matrix[0, 0] = np.nan
    return Gradient(gradient.initial, matrix)


def ignored(_accuracy: Accuracy) -> Accuracy:
    """Whatever was asked for."""
    return Accuracy(tolerance=1e-5)


@pytest.fixture(autouse=True)
def _at_full_speed(without_shape_checks: None) -> None:
    """The rooms that do the work have tests of their own with shapes checked."""
