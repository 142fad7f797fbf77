"""torchode: its methods, adaptive and with fixed steps, and its three ways of taking gradients.

One entry of its batch is one input. Options are the defaults but for what a check sets: the tolerance or the step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import torch
import torchode
from torch import Tensor, nn

from theory_check.conformance.libraries.torch_model import gradient, loaded, tensors
from theory_check.conformance.problem import Gradient, Problem
from theory_check.conformance.solver import Accuracy, GradientKind, Solution, SolverFailed, Stepping
from theory_check.neural_ode.activations.activation import Activation

METHODS: Mapping[str, Any] = MappingProxyType(
    {"euler": torchode.Euler, "heun": torchode.Heun, "dopri5": torchode.Dopri5, "tsit5": torchode.Tsit5}
)
# As the classes state them: `convergence_order()`.
ORDERS: Mapping[str, int] = MappingProxyType({"euler": 1, "heun": 2, "dopri5": 5, "tsit5": 5})
WAYS: Mapping[str, GradientKind] = MappingProxyType(
    {"AutoDiffAdjoint": "discrete", "BacksolveAdjoint": "rebuilt", "JointBacksolveAdjoint": "rebuilt"}
)
SUCCESS = 0


class _Field(nn.Module):
    """A phi(h) with A a parameter: the backsolve adjoints look for it among the module's."""

    def __init__(self, phi: Activation, A: Tensor) -> None:
        super().__init__()
        self.phi, self.A = phi, nn.Parameter(A.detach().clone())

    def forward(self, _t: Tensor, h: Tensor) -> Tensor:
        return self.phi(h) @ self.A.mT


@dataclass(frozen=True)
class TorchodeSolver:
    """One method of torchode with one of its three ways of taking gradients."""

    method: str
    stepping: Stepping
    order: int
    gradient: str
    kind: GradientKind
    library: str = "torchode"
    version: str = version("torchode")
    thorough: bool = False
    order_rises: bool = False

    def solve(self, problem: Problem, accuracy: Accuracy) -> Solution:
        """Final states."""
        field = _Field(loaded(problem.expression), torch.as_tensor(problem.matrix, dtype=torch.float64))
        with torch.no_grad():
            initial = torch.as_tensor(problem.initial, dtype=torch.float64)
            found = self._solved(problem, accuracy, field, initial)
        return Solution(found.ys[:, -1].numpy().copy(), int(found.stats["n_accepted"].sum()))

    def gradient_of(self, problem: Problem, accuracy: Accuracy) -> Gradient:
        """By autograd through the steps, or by the adjoint that torchode solves."""
        A, initial = tensors(problem)
        field = _Field(loaded(problem.expression), A)
        found = self._solved(problem, accuracy, field, initial)
        try:
            return gradient(problem, found.ys[:, -1], field.A, initial)
        except (AssertionError, RuntimeError) as seen:
            raise SolverFailed(f"{type(seen).__name__}: {seen}") from None

    def _solved(self, problem: Problem, accuracy: Accuracy, field: _Field, initial: Tensor) -> Any:
        inputs = len(initial)
        first, last = (torch.full((inputs,), t, dtype=torch.float64) for t in problem.times)
        term = torchode.ODETerm(field)
        method = METHODS[self.method](term=term)
        if accuracy.steps is None:
            controller, dt = torchode.IntegralController(accuracy.tolerance, accuracy.tolerance, term=term), None
        else:
            controller, dt = torchode.FixedStepController(), (last - first) / accuracy.steps
        solver: Any
        if self.gradient == "AutoDiffAdjoint":
            solver = torchode.AutoDiffAdjoint(method, controller)
        else:
            solver = getattr(torchode, self.gradient)(term, method, controller)
        if self.gradient == "JointBacksolveAdjoint" and dt is not None:
            dt = dt[:1]  # one solve for all inputs
        initial_problem = torchode.InitialValueProblem(initial, first, last)
        try:
            found = solver.solve(initial_problem, term=term, dt0=dt)
        except (AssertionError, RuntimeError) as seen:
            raise SolverFailed(f"{type(seen).__name__}: {seen}") from None
        if bool((found.status != SUCCESS).any()):
            raise SolverFailed(f"torchode gave up with status {found.status.tolist()}")
        return found


def members() -> tuple[TorchodeSolver, ...]:
    """Every method with every way of taking gradients; euler has no error estimate, so its steps are fixed."""
    steppings: tuple[Stepping, ...] = ("adaptive", "fixed")
    return tuple(
        TorchodeSolver(method, stepping, ORDERS[method], gradient=way, kind=kind)
        for stepping in steppings
        for method in METHODS
        if (method, stepping) != ("euler", "adaptive")
        for way, kind in WAYS.items()
    )
