"""ODE libraries on trial: their solvers and gradients against references with error bounds.

What a solver of a user's own is written with: `Problem` in, `Solution` and `Gradient` out, `Accuracy` says how well.
"""

from theory_check.conformance.problem import Gradient, Problem
from theory_check.conformance.solver import Accuracy, Solution, SolverFailed, SolverUnderTest

__all__ = ["Accuracy", "Gradient", "Problem", "Solution", "SolverFailed", "SolverUnderTest"]
