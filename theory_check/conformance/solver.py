"""A solver under test: what a library must be able to do to be put on trial. Loads no library.

A user's own is any object with these attributes and two methods (README, "Conformance").
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from theory_check.conformance.problem import Gradient, Matrix, Problem

Stepping = Literal["adaptive", "fixed"]
GradientKind = Literal["discrete", "rebuilt", "stored"]


class SolverFailed(RuntimeError):
    """A library gave up: too many steps, a step below rounding, an exception of its own."""


@dataclass(frozen=True)
class Accuracy:
    """What a solve is asked for: rtol = atol = tolerance where steps adapt, a number of equal steps where not."""

    tolerance: float | None = None
    steps: int | None = None


@dataclass(frozen=True, eq=False)
class Solution:
    """The end of a solve.

    states: final states, (inputs, width).
    steps: accepted steps; an upper bound, such as the number of evaluations of the field, will do.
    controlled: how many numbers share the root mean square of the error control; None for all states.
    """

    states: Matrix
    steps: int
    controlled: int | None = None


@runtime_checkable
class SolverUnderTest(Protocol):
    """One method of a library with one way of taking gradients.

    library, version, method: what reports call it.
    gradient: how gradients are taken, in the library's words.
    stepping: "adaptive" or "fixed".
    order: what the library states of the method's order of accuracy.
    kind: "discrete" (the derivative of what the solver computes), "rebuilt" (of the continuous adjoint, the states
        solved backwards with it) or "stored" (of the continuous adjoint, along states kept from the forward solve).
    thorough: left out of the quick profile.
    order_rises: the order grows along a solve (Adams), so that errors may fall faster than stated.
    """

    library: str
    version: str
    method: str
    gradient: str
    stepping: Stepping
    order: int
    kind: GradientKind
    thorough: bool
    order_rises: bool

    def solve(self, problem: Problem, accuracy: Accuracy) -> Solution:
        """Final states. Raises `SolverFailed`."""
        ...

    def gradient_of(self, problem: Problem, accuracy: Accuracy) -> Gradient:
        """Gradient of the loss with respect to initial states and A. Raises `SolverFailed`."""
        ...


def name_of(solver: SolverUnderTest) -> str:
    """What command line, expected failures and reports call it: "method/stepping/gradient"."""
    return f"{solver.method}/{solver.stepping}/{solver.gradient}"


def forward_name(solver: SolverUnderTest) -> str:
    """The same for checks of states alone: "method/stepping"."""
    return f"{solver.method}/{solver.stepping}"


@dataclass(frozen=True)
class Watched:
    """A solver whose answers must have the shapes of what was asked: numpy would stretch others silently.

    solver: the one that answers.
    """

    solver: SolverUnderTest

    def __getattr__(self, name: str) -> Any:
        return getattr(self.solver, name)

    def solve(self, problem: Problem, accuracy: Accuracy) -> Solution:
        """As the solver. Raises `SolverFailed` for states of another shape."""
        found = self.solver.solve(problem, accuracy)
        _require_shape("states", found.states, problem.initial)
        return found

    def gradient_of(self, problem: Problem, accuracy: Accuracy) -> Gradient:
        """The same for gradients."""
        found = self.solver.gradient_of(problem, accuracy)
        _require_shape("the gradient with respect to initial states", found.initial, problem.initial)
        _require_shape("the gradient with respect to A", found.matrix, problem.matrix)
        return found


def _require_shape(what: str, found: Matrix, asked: Matrix) -> None:
    if np.shape(found) != asked.shape:
        raise SolverFailed(f"{what} must have shape {asked.shape}, got {np.shape(found)}")
