"""SciPy: `solve_ivp` with its explicit methods and Radau, gradients by the continuous adjoint along dense output."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from theory_check.conformance.libraries.torch_model import loaded
from theory_check.conformance.problem import Gradient, Matrix, Problem
from theory_check.conformance.solver import Accuracy, GradientKind, Solution, SolverFailed, Stepping

ORDERS: Mapping[str, int] = MappingProxyType({"DOP853": 8, "RK45": 5, "RK23": 3, "Radau": 5})
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class ScipySolver:
    """One method of `solve_ivp`; SciPy itself takes no gradients, so the adjoint equation is handed to it as well."""

    method: str
    order: int
    gradient: str = "adjoint along dense output"
    stepping: Stepping = "adaptive"
    kind: GradientKind = "stored"
    library: str = "scipy"
    version: str = version("scipy")
    thorough: bool = False
    order_rises: bool = False

    def solve(self, problem: Problem, accuracy: Accuracy) -> Solution:
        """Final states."""
        phi = _numpy(loaded(problem.expression))

        def field(_t: float, y: Vector) -> Vector:
            return np.ravel(phi(y.reshape(problem.initial.shape)) @ problem.matrix.T)

        found = self._solved(field, problem.times, np.ravel(problem.initial), accuracy)
        return Solution(found.y[:, -1].reshape(problem.initial.shape), len(found.t) - 1)

    def gradient_of(self, problem: Problem, accuracy: Accuracy) -> Gradient:
        """From the adjoint's equation, solved backwards with the integral of the gradient, states from dense output."""
        phi, slope = _numpy(loaded(problem.expression)), _numpy(loaded(problem.expression).derivative)
        shape, A = problem.initial.shape, problem.matrix

        def field(_t: float, y: Vector) -> Vector:
            return np.ravel(phi(y.reshape(shape)) @ A.T)

        forward = self._solved(field, problem.times, np.ravel(problem.initial), accuracy, dense_output=True)
        final = forward.y[:, -1].reshape(shape)
        f = phi(final) @ problem.readout
        residual = np.ones_like(f) if problem.labels is None else f - problem.labels

        def backward(t: float, y: Vector) -> Vector:
            h, adjoint = forward.sol(t).reshape(shape), y[: final.size].reshape(shape)
            return np.concatenate([np.ravel(-slope(h) * (adjoint @ A)), np.ravel(-(adjoint.T @ phi(h)))])

        end = np.concatenate([np.ravel(slope(final) * np.outer(residual, problem.readout)), np.zeros(A.size)])
        back = self._solved(backward, (problem.times[1], problem.times[0]), end, accuracy).y[:, -1]
        return Gradient(initial=back[: final.size].reshape(shape), matrix=back[final.size :].reshape(A.shape))

    def _solved(self, field: Any, times: tuple[float, float], start: Vector, accuracy: Accuracy, **more: Any) -> Any:
        found = solve_ivp(
            field, times, start, method=self.method, rtol=accuracy.tolerance, atol=accuracy.tolerance, **more
        )
        if not found.success:
            raise SolverFailed(str(found.message))
        return found


def _numpy(function: Any) -> Any:
    def of_array(x: Matrix) -> Matrix:
        values: Matrix = function(torch.from_numpy(np.ascontiguousarray(x))).numpy()
        return values

    return of_array


def members() -> tuple[ScipySolver, ...]:
    """The explicit methods and Radau; BDF and LSODA change their order as they go."""
    return tuple(ScipySolver(method, order) for method, order in ORDERS.items())
