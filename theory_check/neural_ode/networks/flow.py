"""The flow and its continuous adjoint, solved by torchdiffeq.

Not to be confused with schemes.py, whose adjoint is the exact gradient of a fixed-step scheme: here the adjoint
equation (docs/theory.md#adjoint-accuracy) is itself solved numerically, so the gradient carries the error of that
solve. Nor with torchdiffeq's own odeint_adjoint, which rebuilds the state from h_T over all of [0, T]: under
contraction that loses every digit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.continuous_adjoint import from_checkpoints, lipschitz_rate, piece_ends
from theory_check.neural_ode.networks.model import (
    assemble_gradient,
    final_adjoint,
    readout,
    recurrent_matrix,
    require_finite,
)
from theory_check.neural_ode.networks.parameters import Parameters, initial_states
from theory_check.neural_ode.networks.solver import CountedField, DenseSolution, check_tolerances, solve_at


@dataclass(frozen=True)
class FlowGradient:
    """A gradient by the continuous adjoint.

    Attributes:
        gradient: of sum(cotangent * f) with respect to U, W, V.
        lambda_0: with respect to the initial states, (inputs, width).
        outputs: f, (inputs, outputs).
        evaluations: of vector fields, forward and backward together.
        quadrature_error: estimated Frobenius norm of the error of `gradient.W` made by its quadrature.
        pieces: as in `BackwardSolve`, so that the accepted steps can be checked against the tolerance.
    """

    gradient: Parameters
    lambda_0: Float[Tensor, "inputs width"]
    outputs: Float[Tensor, "inputs outputs"]
    evaluations: int
    quadrature_error: float
    pieces: tuple[DenseSolution, ...]


@torch.no_grad()
def solve_adjoint(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Parameters,
    inputs: Float[Tensor, "inputs dimension"],
    cotangent: Float[Tensor, "inputs outputs"] | Callable[[Tensor], Tensor],
    *,
    rtol: float = 1e-9,
    atol: float = 1e-9,
    clarke: float = 0.5,
) -> FlowGradient:
    """Gradient of sum(cotangent * f) by the continuous adjoint, both ways by dopri5.

    The backward solve finds h_t by solving it again over pieces with L tau <= 1, each from a state of the forward
    solve.

    Args:
        activation: phi.
        neural_ode: scales and horizon.
        parameters: U, W, V.
        inputs: (inputs, dimension).
        cotangent: dL/df, (inputs, outputs), or a function that makes it from f.
        rtol: relative tolerance.
        atol: absolute tolerance, relative to the size of lambda (piece by piece).
        clarke: which value of phi' is taken at a kink, from 0 (left) to 1 (right).

    Raises:
        ValueError: a tolerance that is not positive.
        SolverFailure: a solve gave up.
        NonFiniteState: the state or the gradient overflowed.

    Source: claims backward-unique and adjoint-gradient.
    """
    check_tolerances(rtol, atol)
    A = recurrent_matrix(neural_ode, parameters)
    initial = initial_states(neural_ode, parameters, inputs)
    field = CountedField(lambda _t, h: activation(h) @ A.T)
    times = piece_ends(lipschitz_rate(activation, A), neural_ode.horizon)
    states = solve_at(field, initial, times, rtol=rtol, atol=atol)
    final = states[-1]
    require_finite(final, f"the final state at t = {neural_ode.horizon}")
    f = readout(neural_ode, parameters, activation(final))
    c = cotangent(f) if callable(cotangent) else cotangent
    lambda_T = final_adjoint(activation, neural_ode, parameters, final, c, clarke)
    back, count = from_checkpoints(activation, A, times, states, lambda_T, rtol=rtol, atol=atol, clarke=clarke)
    gradient = assemble_gradient(
        activation, neural_ode, inputs, final=final, cotangent=c, lambda_0=back.lambda_0, integral=back.integral
    )
    for part in (gradient.U, gradient.W, gradient.V):
        require_finite(part, "the gradient")
    error = back.quadrature_error * (neural_ode.sigma_w / parameters.W.shape[-1] ** 0.5)
    return FlowGradient(gradient, back.lambda_0, f, field.evaluations + count, error, back.pieces)
