"""A solver under test: what a library must be able to do to be put on trial. Loads no library.

A user's own is any object with these attributes and two methods (README, "Conformance").
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

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
