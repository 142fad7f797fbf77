"""The gradient of a loss of the final states: exactly, of a scheme, and by the continuous adjoint.

A gradient is one vector: that with respect to the initial states first, then that with respect to the parameters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchdiffeq import odeint_adjoint

from theory_check.neural_ode.networks.own_model.vector_field import VectorField, solve
from theory_check.neural_ode.networks.solver import MAX_STEPS, CountedField, SolverFailure, gist

# From the final states to the loss.
Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class AdaptiveGradient:
    """A gradient by the continuous adjoint.

    Attributes:
        gradient: as above.
        forward_evaluations, backward_evaluations: of the field.
    """

    gradient: Float[Tensor, " directions"]
    forward_evaluations: int
    backward_evaluations: int


def discrete_gradient(
    field: VectorField, start: Float[Tensor, "inputs dimension"], loss: Loss, *, duration: float, steps: int
) -> Float[Tensor, " directions"]:
    """Gradient of the loss of the classical Runge-Kutta scheme, by torch.autograd through all of its stages.

    Raises:
        NonFiniteState: the state overflowed.
    """
    _, jacobian = discrete_jacobian(field, start, lambda h: loss(h)[None], field.vector, duration=duration, steps=steps)
    return jacobian[0]


def discrete_jacobian(
    field: VectorField,
    start: Float[Tensor, "inputs dimension"],
    outputs: Loss,
    parameters: Float[Tensor, " parameters"],
    *,
    duration: float,
    steps: int,
) -> tuple[Float[Tensor, " outputs"], Float[Tensor, "outputs directions"]]:
    """Several outputs of the scheme at some parameters, and their gradients, one row each; as `discrete_gradient`."""
    leaf, vector = start.detach().clone().requires_grad_(), parameters.detach().clone().requires_grad_()
    with torch.enable_grad():
        moved = field.with_vector(vector) if len(vector) else field
        values = outputs(solve(moved, leaf, duration=duration, steps=steps)[-1])
    rows = [flat_gradient(value, leaf, vector, again=k + 1 < len(values)) for k, value in enumerate(values)]
    return values.detach(), torch.stack(rows)


def flat_gradient(value: Tensor, leaf: Tensor, vector: Tensor, *, again: bool = False) -> Tensor:
    """The gradient of a number with respect to both as one vector; zero where it does not depend on them."""
    found = torch.autograd.grad(value, (leaf, vector), retain_graph=again, allow_unused=True, materialize_grads=True)
    return torch.cat([gradient.reshape(-1) for gradient in found])


def continuous_gradient(
    field: VectorField,
    start: Float[Tensor, "inputs dimension"],
    loss: Loss,
    *,
    times: Sequence[float],
    tolerance: float,
) -> AdaptiveGradient:
    """Gradient by torchdiffeq's `odeint_adjoint` with dopri5: products with the Jacobian's transpose by torch.autograd.

    The backward solve takes the states afresh from the forward one at each of `times`, which begin at 0 and increase:
    they are its checkpoints.

    Raises:
        SolverFailure: the solver gave up.
    """
    leaf, values = start.detach().clone().requires_grad_(), list(field.trainable.values())
    counted = CountedField(field)
    grid = torch.tensor(times, dtype=torch.float64)
    landing = {"step_t": grid[1:], "max_num_steps": MAX_STEPS}
    try:
        with torch.enable_grad():
            states = odeint_adjoint(
                counted,
                leaf,
                grid,
                rtol=tolerance,
                atol=tolerance,
                options=landing,
                adjoint_options={"step_t": grid, "max_num_steps": MAX_STEPS},
                adjoint_params=tuple(values),
            )
            forward = counted.evaluations
            found = torch.autograd.grad(loss(states[-1]), (leaf, *values), allow_unused=True, materialize_grads=True)
    except AssertionError as error:  # torchdiffeq asserts where it gives up
        raise SolverFailure(f"dopri5 gave up: {gist(error)}") from error
    flat = [gradient.reshape(-1) for gradient in found]
    return AdaptiveGradient(torch.cat(flat).detach(), forward, counted.evaluations - forward)


def slope_jacobian(
    field: VectorField, t: Tensor, states: Float[Tensor, "rows dimension"], *, of_parameters: bool
) -> Float[Tensor, "rows dimension columns"]:
    """dF/dh of every row, by torch.autograd; with `of_parameters` [dF/dh, dF/dtheta], at one pass for each entry."""
    leaf, vector = states.detach().clone().requires_grad_(), field.vector.requires_grad_()
    with torch.enable_grad():
        slope = (field.with_vector(vector) if len(vector) else field)(t, leaf)
    rows, dimension = states.shape
    if not slope.requires_grad:
        return states.new_zeros(rows, dimension, dimension + (len(vector) if of_parameters else 0))
    if of_parameters:
        entries = []
        for row in range(rows):
            for k in range(dimension):
                flat = flat_gradient(slope[row, k], leaf, vector, again=True)
                own = flat[row * dimension : (row + 1) * dimension]
                entries.append(torch.cat([own, flat[rows * dimension :]]))
        return torch.stack(entries).view(rows, dimension, -1)
    columns = []
    for k in range(dimension):
        (gradient,) = torch.autograd.grad(
            slope[:, k].sum(), leaf, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        columns.append(gradient)
    return torch.stack(columns, dim=1)
