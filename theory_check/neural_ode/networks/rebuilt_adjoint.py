"""The continuous adjoint as torchdiffeq.odeint_adjoint solves it: the state is rebuilt backward from h_T alone.

Under contraction the rebuilt state loses its digits at the rate exp(L T) (docs/theory.md#adjoint-accuracy).
That is a property of the method on trial, not a defect here; `checkpoints` and `dense` in flow.py do not have it.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torchdiffeq import odeint_adjoint

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.networks.continuous_adjoint import BackwardSolve
from theory_check.neural_ode.networks.solver import MAX_STEPS, SolverFailure, gist


class _Elementwise(torch.autograd.Function):
    """An activation whose autograd derivative is the one declared, at kinks too."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, activation: Activation, clarke: float) -> Tensor:
        ctx.save_for_backward(h)
        ctx.activation, ctx.clarke = activation, clarke
        return activation(h)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, None, None]:
        (h,) = ctx.saved_tensors
        return cotangents[0] * ctx.activation.derivative(h, ctx.clarke), None, None


class _Flow(torch.nn.Module):
    """The vector field as the module that odeint_adjoint asks for; A is its one parameter."""

    def __init__(self, activation: Activation, A: Tensor, clarke: float) -> None:
        super().__init__()
        self.A = torch.nn.Parameter(A)
        self.activation, self.clarke = activation, clarke
        self.evaluations = 0

    def forward(self, _t: Tensor, h: Tensor) -> Tensor:
        self.evaluations += 1
        features: Tensor = _Elementwise.apply(h, self.activation, self.clarke)  # type: ignore[no-untyped-call]
        return features @ self.A.T


class RebuiltAdjoint:
    """A forward solve by odeint_adjoint, and the backward solve it does when asked."""

    def __init__(
        self,
        activation: Activation,
        A: Float[Tensor, "width width"],
        initial: Float[Tensor, "inputs width"],
        horizon: float,
        *,
        method: str,
        rtol: float,
        atol: float,
        steps: int | None,
        clarke: float,
    ) -> None:
        self._flow = _Flow(activation, A, clarke)
        self._initial = initial.detach().clone().requires_grad_()
        ends = torch.tensor([0.0, horizon], dtype=torch.float64, device=A.device)
        options: dict[str, object] = {"max_num_steps": MAX_STEPS}
        if method != "dopri5":
            # Two output times only: at any other, odeint_adjoint would put the forward state back.
            points = (steps or 1) + 1
            options = {
                "grid_constructor": lambda _f, _y, t: torch.linspace(
                    float(t[0]), float(t[-1]), points, dtype=t.dtype, device=t.device
                )
            }
        with torch.enable_grad():
            try:
                solution = odeint_adjoint(
                    self._flow, self._initial, ends, rtol=rtol, atol=atol, method=method, options=options
                )
            except AssertionError as error:
                raise SolverFailure(f"odeint_adjoint gave up on the way forward: {gist(error)}") from error
            self._final: Tensor = solution[-1]

    @property
    def final(self) -> Float[Tensor, "inputs width"]:
        """The final states h_T."""
        return self._final.detach()

    @property
    def evaluations(self) -> int:
        """Evaluations of the vector field so far, both ways."""
        return self._flow.evaluations

    def backward(self, lambda_T: Float[Tensor, "inputs width"]) -> BackwardSolve:
        """The backward solve from lambda_T.

        Raises:
            SolverFailure: the solver gave up.
        """
        try:
            lambda_0, integral = torch.autograd.grad(self._final, (self._initial, self._flow.A), lambda_T)
        except AssertionError as error:
            raise SolverFailure(f"odeint_adjoint gave up on the way back: {gist(error)}") from error
        return BackwardSolve(lambda_0, integral)
