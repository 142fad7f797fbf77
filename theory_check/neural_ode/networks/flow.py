"""The flow and its continuous adjoint, solved by torchdiffeq.

Not to be confused with schemes.py, whose adjoint is the exact gradient of a fixed-step scheme: here the adjoint
equation (docs/theory.md#adjoint-accuracy) is itself solved numerically, so the gradient carries the error of that
solve.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.continuous_adjoint import (
    BackwardSolve,
    dense_states,
    from_checkpoints,
    from_dense,
    lipschitz_rate,
    on_fixed_grid,
    piece_ends,
)
from theory_check.neural_ode.networks.model import (
    assemble_gradient,
    final_adjoint,
    readout,
    recurrent_matrix,
    require_finite,
)
from theory_check.neural_ode.networks.parameters import Parameters, initial_states
from theory_check.neural_ode.networks.rebuilt_adjoint import RebuiltAdjoint
from theory_check.neural_ode.networks.solver import CountedField, DenseSolution, check_method, solve_at

STATES = ("checkpoints", "dense", "rebuilt")


@dataclass(frozen=True)
class FlowGradient:
    """A gradient by the continuous adjoint.

    Attributes:
        gradient: of sum(cotangent * f) with respect to U, W, V.
        lambda_0: with respect to the initial states, (inputs, width).
        outputs: f, (inputs, outputs).
        evaluations: of vector fields, forward and backward together.
        quadrature_error: estimated Frobenius norm of the error of `gradient.W` made by its quadrature; None where
            dW is part of the solve.
        state_error: estimated root mean square error of the interpolated state; None where none is interpolated.
        pieces: as in `BackwardSolve`, so that the accepted steps can be checked against the tolerance.
    """

    gradient: Parameters
    lambda_0: Float[Tensor, "inputs width"]
    outputs: Float[Tensor, "inputs outputs"]
    evaluations: int
    quadrature_error: float | None = None
    state_error: float | None = None
    pieces: tuple[DenseSolution, ...] = ()


@torch.no_grad()
def solve_states(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Parameters,
    states: Float[Tensor, "inputs width"],
    *,
    duration: float,
    method: str = "dopri5",
    rtol: float = 1e-9,
    atol: float = 1e-9,
    steps: int | None = None,
) -> Float[Tensor, "inputs width"]:
    """The flow from given states over `duration`; a negative one runs backwards in time.

    Args:
        activation: phi.
        neural_ode: its scales; its horizon is not used.
        parameters: W is used.
        states: (inputs, width).
        duration: signed time.
        method: "dopri5", adaptive; or "rk4" (Kutta's 3/8 rule), "midpoint", "euler" with fixed steps.
        rtol: relative tolerance of dopri5, on the root mean square over all states.
        atol: absolute tolerance, the same.
        steps: number of fixed steps, needed by all but dopri5.

    Raises:
        ValueError: an unknown method, a tolerance that is not positive, or no steps where they are needed.
        SolverFailure: the solver gave up.
        NonFiniteState: the result overflowed.
    """
    check_method(method, rtol, atol, steps)
    if duration == 0:
        return states.clone()
    A_T = recurrent_matrix(neural_ode, parameters).mT
    sign = 1.0 if duration > 0 else -1.0
    times = _grid(abs(duration), steps if method != "dopri5" else 1)
    solution = solve_at(lambda _t, h: sign * (activation(h) @ A_T), states, times, method=method, rtol=rtol, atol=atol)
    require_finite(solution[-1], f"the state after a time of {duration}")
    return solution[-1]


@torch.no_grad()
def solve_adjoint(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Parameters,
    inputs: Float[Tensor, "inputs dimension"],
    cotangent: Float[Tensor, "inputs outputs"] | Callable[[Tensor], Tensor],
    *,
    method: str = "dopri5",
    rtol: float = 1e-9,
    atol: float = 1e-9,
    steps: int | None = None,
    state: str = "checkpoints",
    clarke: float = 0.5,
) -> FlowGradient:
    """Gradient of sum(cotangent * f) by the continuous adjoint.

    Args:
        activation: phi.
        neural_ode: scales and horizon.
        parameters: U, W, V.
        inputs: (inputs, dimension).
        cotangent: dL/df, (inputs, outputs), or a function that makes it from f.
        method: as in `solve_states`, for both directions.
        rtol: relative tolerance of dopri5.
        atol: absolute tolerance of dopri5. Except for "rebuilt", it is relative to the size of lambda (piece by piece).
        steps: number of fixed steps, needed by all but dopri5.
        state: where the backward solve finds h_t. "checkpoints": rebuilt over pieces with L tau <= 1 from states of
            the forward solve (fixed steps: every grid point is one). "dense": the forward solve's dense output, held
            to the tolerance (fixed steps: the same as "checkpoints"). "rebuilt": torchdiffeq.odeint_adjoint itself,
            which rebuilds h from h_T over all of [0, T].
        clarke: which value of phi' is taken at a kink, from 0 (left) to 1 (right).

    Raises:
        ValueError: an unknown method or state, a tolerance that is not positive, or no steps where they are needed.
        SolverFailure: a solve gave up.
        NonFiniteState: the state or the gradient overflowed.

    Source: claims backward-unique and adjoint-gradient.
    """
    check_method(method, rtol, atol, steps)
    if state not in STATES:
        raise ValueError(f"state must be one of {', '.join(STATES)}, got {state!r}")
    A = recurrent_matrix(neural_ode, parameters)
    initial = initial_states(neural_ode, parameters, inputs)
    horizon = neural_ode.horizon
    tolerances = {"rtol": rtol, "atol": atol}

    def end(final: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        require_finite(final, f"the final state at t = {horizon}")
        f = readout(neural_ode, parameters, activation(final))
        c = cotangent(f) if callable(cotangent) else cotangent
        return f, c, final_adjoint(activation, neural_ode, parameters, final, c, clarke)

    back: BackwardSolve
    state_error: float | None = None
    if state == "rebuilt":
        rebuilt = RebuiltAdjoint(
            activation, A, initial, horizon, method=method, steps=steps, clarke=clarke, **tolerances
        )
        final = rebuilt.final
        f, c, lambda_T = end(final)
        back = rebuilt.backward(lambda_T)
        evaluations = rebuilt.evaluations
    elif state == "dense" and method == "dopri5":
        rate = lipschitz_rate(activation, A)
        dense, state_error, forward_count = dense_states(activation, A, initial, horizon, rate, **tolerances)
        final = dense.final
        f, c, lambda_T = end(final)
        back, count = from_dense(activation, A, piece_ends(rate, horizon), dense, lambda_T, clarke=clarke, **tolerances)
        evaluations = forward_count + count
    else:
        field = CountedField(lambda _t, h: activation(h) @ A.T)
        fixed = method != "dopri5"
        times = _grid(horizon, steps) if fixed else piece_ends(lipschitz_rate(activation, A), horizon)
        states = solve_at(field, initial, times, method=method, **tolerances)
        final = states[-1]
        f, c, lambda_T = end(final)
        if fixed:
            back, count = on_fixed_grid(activation, A, times, states, lambda_T, method=method, clarke=clarke)
        else:
            back, count = from_checkpoints(activation, A, times, states, lambda_T, clarke=clarke, **tolerances)
        evaluations = field.evaluations + count
    gradient = assemble_gradient(
        activation, neural_ode, inputs, final=final, cotangent=c, lambda_0=back.lambda_0, integral=back.integral
    )
    for part in (gradient.U, gradient.W, gradient.V):
        require_finite(part, "the gradient")
    scale = neural_ode.sigma_w / parameters.W.shape[-1] ** 0.5
    error = None if back.quadrature_error is None else back.quadrature_error * scale
    return FlowGradient(gradient, back.lambda_0, f, evaluations, error, state_error, back.pieces)


def _grid(duration: float, steps: int | None) -> list[float]:
    count = steps or 1
    return [duration * k / count for k in range(count + 1)]
