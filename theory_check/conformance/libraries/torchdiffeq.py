"""torchdiffeq: `odeint` with backpropagation through its steps, and `odeint_adjoint`, with each of their methods.

Options are the defaults but for what a check sets: the tolerance, or the step of a method with fixed steps.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from types import MappingProxyType

import torch
import torchdiffeq
from torch import Tensor

from theory_check.conformance.libraries.torch_model import gradient, loaded, tensors
from theory_check.conformance.problem import Gradient, Problem
from theory_check.conformance.solver import Accuracy, GradientKind, Solution, SolverFailed, Stepping

# Orders as the classes of torchdiffeq state them.
ADAPTIVE: Mapping[str, int] = MappingProxyType(
    {"dopri5": 5, "dopri8": 8, "bosh3": 3, "fehlberg2": 2, "adaptive_heun": 2}
)
FIXED: Mapping[str, int] = MappingProxyType(
    {"euler": 1, "midpoint": 2, "heun2": 2, "heun3": 3, "rk4": 4, "explicit_adams": 4, "implicit_adams": 4}
)
# They start with rk4 and take one more order with every step.
RISING = ("explicit_adams", "implicit_adams")
# Of the functional iteration of implicit_adams, which stops by it: below what any check resolves.
ITERATION_TOLERANCE = 1e-12


class _Field:
    """A phi(h)."""

    def __init__(self, problem: Problem, A: Tensor) -> None:
        self._phi, self._A_T = loaded(problem.expression), A.mT
        self.accepted = 0

    def __call__(self, _t: Tensor, h: Tensor) -> Tensor:
        return self._phi(h) @ self._A_T


class _CountedField(_Field):
    """The same, accepted steps counted through torchdiffeq's callback, which methods with fixed steps do not have."""

    def callback_accept_step(self, _t: Tensor, _h: Tensor, _dt: Tensor) -> None:
        self.accepted += 1


@dataclass(frozen=True)
class TorchdiffeqSolver:
    """One method of torchdiffeq with one of its two ways of taking gradients."""

    method: str
    stepping: Stepping
    order: int
    gradient: str
    kind: GradientKind
    library: str = "torchdiffeq"
    version: str = version("torchdiffeq")
    thorough: bool = False
    order_rises: bool = False

    def solve(self, problem: Problem, accuracy: Accuracy) -> Solution:
        """Final states by `odeint` or `odeint_adjoint`, whose forward solve is the same."""
        A, initial = tensors(problem)
        with torch.no_grad():
            final, steps = self._final(problem, accuracy, A.detach(), initial.detach())
        return Solution(final.numpy().copy(), steps)

    def gradient_of(self, problem: Problem, accuracy: Accuracy) -> Gradient:
        """By autograd through the steps, or by the adjoint that torchdiffeq solves."""
        A, initial = tensors(problem)
        final, _ = self._final(problem, accuracy, A, initial)
        try:
            with _quiet():
                return gradient(problem, final, A, initial)
        except (AssertionError, RuntimeError) as problem_seen:
            raise SolverFailed(f"{type(problem_seen).__name__}: {problem_seen}") from None

    def _final(self, problem: Problem, accuracy: Accuracy, A: Tensor, initial: Tensor) -> tuple[Tensor, int]:
        field = _Field(problem, A) if self.stepping == "fixed" else _CountedField(problem, A)
        times = torch.tensor(problem.times, dtype=torch.float64)
        settings: dict[str, object] = {"method": self.method}
        if accuracy.steps is None:
            settings |= {"rtol": accuracy.tolerance, "atol": accuracy.tolerance}
        else:
            # With "step_size" a rounding could append a step of the length of that rounding.
            grid = partial(_equal_steps, accuracy.steps)
            settings |= {
                "rtol": ITERATION_TOLERANCE,
                "atol": ITERATION_TOLERANCE,
                "options": {"grid_constructor": grid},
            }
        try:
            with _quiet():
                if self.kind == "rebuilt":
                    final = torchdiffeq.odeint_adjoint(field, initial, times, adjoint_params=(A,), **settings)[-1]
                else:
                    final = torchdiffeq.odeint(field, initial, times, **settings)[-1]
        except (AssertionError, RuntimeError) as problem_seen:
            raise SolverFailed(f"{type(problem_seen).__name__}: {problem_seen}") from None
        return final, field.accepted if accuracy.steps is None else accuracy.steps


@contextmanager
def _quiet() -> Iterator[None]:
    """Without implicit_adams's word that its iteration stopped early: what it returns is judged as it is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Functional iteration did not converge")
        yield


def _equal_steps(count: int, _field: object, _initial: Tensor, times: Tensor) -> Tensor:
    return torch.linspace(float(times[0]), float(times[-1]), count + 1, dtype=times.dtype)


def members() -> tuple[TorchdiffeqSolver, ...]:
    """Every method with every way of taking gradients. `scipy_solver` is left out: it is SciPy, and has no autograd."""
    ways: tuple[tuple[str, GradientKind], ...] = (("odeint", "discrete"), ("odeint_adjoint", "rebuilt"))
    tables: tuple[tuple[Stepping, Mapping[str, int]], ...] = (("adaptive", ADAPTIVE), ("fixed", FIXED))
    return tuple(
        TorchdiffeqSolver(method, stepping, order, way, kind, order_rises=method in RISING)
        for stepping, table in tables
        for method, order in table.items()
        for way, kind in ways
    )
