"""Fixed-step Runge-Kutta schemes: the forward pass and its exact discrete adjoint.

With A = (sigma_w / sqrt n) W and states as rows, one step of size dt from h is

    Y_i = h + dt sum_{j<i} a_ij K_j,    K_i = phi(Y_i) A^T,    h_next = h + dt sum_i b_i K_i.

Differentiating it in reverse, with mu the gradient with respect to h_next and i running backwards,

    kappa_i = dt (b_i mu + sum_{j>i} a_ji nu_j),    nu_i = phi'(Y_i) * (kappa_i A),    gradient at h = mu + sum_i nu_i,

and the gradient with respect to A is the sum of kappa_i^T phi(Y_i) over all stages of all steps. So kappa is the
stage's adjoint weight: it plays the part of lambda_t dt. Not to be confused with the continuous adjoint of flow.py,
of which it is an approximation of the scheme's order; it is the gradient of the scheme itself, exact to rounding.
The L-layer residual network with shared weights is EULER with L steps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.gaussian_matrix import DenseMatrix, Products, ScaledMatrix
from theory_check.neural_ode.networks.memory import require_memory
from theory_check.neural_ode.networks.model import (
    NonFiniteState,
    assemble_gradient,
    final_adjoint,
    readout,
    recurrent_matrix,
)
from theory_check.neural_ode.networks.parameters import Network, Parameters, initial_states
from theory_check.neural_ode.networks.tableau import DOP853, EULER, MIDPOINT, RK4, SCHEMES, Tableau, stepper, tableau_of

__all__ = [
    "DOP853",
    "EULER",
    "MIDPOINT",
    "RK4",
    "SCHEMES",
    "NonFiniteState",
    "StageAdjoint",
    "Tableau",
    "Trajectory",
    "adjoint",
    "forward",
    "gradient",
    "gradient_of_pass",
    "integrate",
    "tangent_flow",
]


@dataclass(frozen=True)
class Trajectory:
    """A forward pass.

    Attributes:
        inputs: as given, (inputs, dimension).
        stages: Y of every stage of every step, (steps, stages, inputs, width).
        grid: states at the grid points, (steps + 1, inputs, width).
        outputs: f, (inputs, outputs).
        tableau: the scheme.
        step: its step size, horizon / steps.
    """

    inputs: Float[Tensor, "inputs dimension"]
    stages: Float[Tensor, "steps stages inputs width"]
    grid: Float[Tensor, "points inputs width"]
    outputs: Float[Tensor, "inputs outputs"]
    tableau: Tableau
    step: float

    @property
    def final(self) -> Float[Tensor, "inputs width"]:
        """The final states h_T."""
        return self.grid[-1]


@dataclass(frozen=True)
class StageAdjoint:
    """The exact adjoint of a forward pass.

    Attributes:
        lambda_0: gradient with respect to the initial states, (inputs, width).
        weights: kappa of every stage, so that the gradient with respect to (sigma_w / sqrt n) W is the sum of
            kappa^T phi(Y) over stages and inputs, (steps, stages, inputs, width).
    """

    lambda_0: Float[Tensor, "inputs width"]
    weights: Float[Tensor, "steps stages inputs width"]


@torch.no_grad()
def forward(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Network,
    inputs: Float[Tensor, "inputs dimension"],
    *,
    scheme: str = "rk4",
    steps: int = 32,
) -> Trajectory:
    """Solve the model forward with a fixed step, keeping every stage.

    Raises:
        ValueError: an unknown scheme or fewer than one step.
        MemoryShortage: the stages would not fit.
        NonFiniteState: a state overflowed; the message names the step and its time.
    """
    tableau = tableau_of(scheme, steps)
    width = parameters.V.shape[-1]
    # Stages and the grid, slopes of one step; as much again for the adjoint; A where it is stored.
    numbers = 2 * (len(tableau.b) + 1) * (steps + 1) * len(inputs) * width
    numbers += width**2 if isinstance(parameters, Parameters) else 0
    require_memory(numbers * inputs.element_size(), f"a forward pass of {steps} steps", device=inputs.device)
    field = _field(activation, recurrence(neural_ode, parameters))
    step = neural_ode.horizon / steps
    h = initial_states(neural_ode, parameters, inputs)
    all_stages = h.new_empty(steps, len(tableau.b), *h.shape)
    all_grid = h.new_empty(steps + 1, *h.shape)
    all_grid[0] = h
    advance = stepper(field, tableau, step)
    for k in range(steps):
        h, of_step = advance(h)
        all_grid[k + 1] = h
        torch.stack(of_step, out=all_stages[k])
    _require_finite_steps(all_stages, all_grid, step)
    outputs = readout(neural_ode, parameters, activation(h))
    return Trajectory(inputs, all_stages, all_grid, outputs, tableau, step)


@torch.no_grad()
def adjoint(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Network,
    trajectory: Trajectory,
    cotangent: Float[Tensor, "inputs outputs"],
    clarke: float = 0.5,
) -> StageAdjoint:
    """The exact discrete adjoint of a forward pass, for the gradient of sum(cotangent * f).

    Every input has its own row: row x of the result is linear in row x of `cotangent` and independent of the others.

    Args:
        activation: the one of the forward pass.
        neural_ode: the same.
        parameters: the same.
        trajectory: the forward pass.
        cotangent: dL/df, (inputs, outputs).
        clarke: which value of phi' is taken at a kink, from 0 (left) to 1 (right).
    """
    A = recurrence(neural_ode, parameters)
    tableau, step = trajectory.tableau, trajectory.step
    # `mu` is this function's own: it is changed in place.
    last = len(tableau.b) - 1
    mu = final_adjoint(activation, neural_ode, parameters, trajectory.final, cotangent, clarke)
    weights = torch.empty_like(trajectory.stages)
    for k in range(len(trajectory.stages) - 1, -1, -1):
        kappas = weights[k]
        for i, b in enumerate(tableau.b):
            torch.mul(mu, step * b, out=kappas[i])
        for i in range(last, -1, -1):
            nu = A.transposed_times(kappas[i]).mul_(activation.derivative(trajectory.stages[k, i], clarke))
            # Handed on at once, so that none is kept.
            for j, a in enumerate(tableau.a[i]):
                if a:
                    kappas[j].add_(nu, alpha=step * a)
            mu += nu
    return StageAdjoint(mu, weights)


def gradient(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Parameters,
    inputs: Float[Tensor, "inputs dimension"],
    cotangent: Float[Tensor, "inputs outputs"],
    *,
    scheme: str = "rk4",
    steps: int = 32,
    clarke: float = 0.5,
) -> Parameters:
    """Gradient of sum(cotangent * f) by the exact discrete adjoint; no autograd graph is built.

    Raises:
        ValueError, MemoryShortage, NonFiniteState: as `forward`.
    """
    trajectory = forward(activation, neural_ode, parameters, inputs, scheme=scheme, steps=steps)
    stage_adjoint = adjoint(activation, neural_ode, parameters, trajectory, cotangent, clarke)
    return gradient_of_pass(activation, neural_ode, trajectory, stage_adjoint, cotangent)


@torch.no_grad()
def gradient_of_pass(
    activation: Activation,
    neural_ode: NeuralODE,
    trajectory: Trajectory,
    stage_adjoint: StageAdjoint,
    cotangent: Float[Tensor, "inputs outputs"],
) -> Parameters:
    """The gradient from a forward pass and its adjoint for `cotangent`."""
    weights = stage_adjoint.weights.flatten(0, 2)
    features = activation(trajectory.stages.flatten(0, 2))
    return assemble_gradient(
        activation,
        neural_ode,
        trajectory.inputs,
        final=trajectory.final,
        cotangent=cotangent,
        lambda_0=stage_adjoint.lambda_0,
        integral=weights.T @ features,
    )


@torch.no_grad()
def final_states(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Network,
    inputs: Float[Tensor, "inputs dimension"],
    *,
    scheme: str = "rk4",
    steps: int = 32,
) -> Float[Tensor, "*networks inputs width"]:
    """h_T of one network, or of many at once (a leading dimension of U, W and V), without keeping the way there.

    Not checked for overflow: the caller knows which network is whose.

    Raises:
        ValueError: an unknown scheme or fewer than one step.
    """
    tableau = tableau_of(scheme, steps)
    advance = stepper(_field(activation, recurrence(neural_ode, parameters)), tableau, neural_ode.horizon / steps)
    h = initial_states(neural_ode, parameters, inputs)
    for _ in range(steps):
        h, _stages = advance(h)
    return h


@torch.no_grad()
def integrate(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Parameters,
    states: Float[Tensor, "inputs width"],
    *,
    duration: float,
    scheme: str = "rk4",
    steps: int = 32,
) -> Float[Tensor, "inputs width"]:
    """The bare flow from given states over `duration`; a negative one runs backwards in time.

    Raises:
        ValueError: an unknown scheme or fewer than one step.
        NonFiniteState: the result overflowed.
    """
    tableau = tableau_of(scheme, steps)
    field = _field(activation, recurrence(neural_ode, parameters))
    return _run(field, states, tableau, duration, steps)


@torch.no_grad()
def tangent_flow(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Parameters,
    state: Float[Tensor, " width"],
    *,
    duration: float,
    scheme: str = "rk4",
    steps: int = 32,
    clarke: float = 0.5,
) -> tuple[Float[Tensor, " width"], Float[Tensor, "width width"]]:
    """One state and the derivative J of its flow, J' = A diag(phi'(h)) J from the identity, by the same scheme.

    J is the exact Jacobian of the scheme's map from `state` to the state after `duration`.

    Raises:
        ValueError, NonFiniteState: as `integrate`.
    """
    tableau = tableau_of(scheme, steps)
    A_T = recurrent_matrix(neural_ode, parameters).mT

    def field(rows: Tensor) -> Tensor:
        # Row 0 is the state, the others are the columns of J.
        h = rows[:1]
        return torch.cat([activation(h), rows[1:] * activation.derivative(h, clarke)]) @ A_T

    rows = torch.cat([state[None], torch.eye(len(state), dtype=state.dtype, device=state.device)])
    rows = _run(field, rows, tableau, duration, steps)
    return rows[0], rows[1:].T.contiguous()


def _run(field: Callable[[Tensor], Tensor], h: Tensor, tableau: Tableau, duration: float, steps: int) -> Tensor:
    advance = stepper(field, tableau, duration / steps)
    for _ in range(steps):
        h, _stages = advance(h)
    if not torch.isfinite(h).all():
        raise NonFiniteState(f"the state after a time of {duration} ({steps} steps of {tableau.name}) is not finite")
    return h


def recurrence(neural_ode: NeuralODE, network: Network) -> Products:
    """A = (sigma_w / sqrt n) W by its products."""
    if isinstance(network, Parameters):
        return DenseMatrix(recurrent_matrix(neural_ode, network))
    return ScaledMatrix(network.W, neural_ode.sigma_w / math.sqrt(network.W.width))


def _field(activation: Activation, A: Products) -> Callable[[Tensor], Tensor]:
    return lambda h: A.times(activation(h))


def _require_finite_steps(stages: Tensor, grid: Tensor, step: float) -> None:
    if torch.isfinite(stages).all() and torch.isfinite(grid[-1]).all():
        return
    bad_stages = ~torch.isfinite(stages).flatten(1).all(1)
    bad_ends = ~torch.isfinite(grid[1:]).flatten(1).all(1)
    first = int(torch.nonzero(bad_stages | bad_ends)[0])
    raise NonFiniteState(
        f"the state is not finite in step {first + 1} of {len(stages)}, between t = {first * step:.6g} "
        f"and t = {(first + 1) * step:.6g}"
    )
