"""Full-batch gradient descent on all parameters of a module, with its empirical tangent kernel at every step."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.networks.gradients import loss
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.own_model.gradients import discrete_jacobian
from theory_check.neural_ode.networks.own_model.vector_field import VectorField


@dataclass(frozen=True)
class ModelTrace:
    """What happened along a run of k steps; as `networks.descent.DescentTrace`, with a kernel at every step.

    Attributes:
        losses: L before the first step and after each, (k + 1,). Shorter when the run diverged.
        outputs: f at the same times, (k + 1, inputs).
        kernels: the empirical tangent kernels there, each (inputs, inputs).
        diverged_at: the number of steps after which the loss or a state was not finite, else None.
    """

    losses: Float[Tensor, " times"]
    outputs: Float[Tensor, "times inputs"]
    kernels: tuple[Float[Tensor, "inputs inputs"], ...]
    diverged_at: int | None = None


def symmetric_product(jacobian: Float[Tensor, "inputs parameters"]) -> Float[Tensor, "inputs inputs"]:
    """J J^T, symmetric to the last bit: the tangent kernel where J holds the gradients of the outputs."""
    product = jacobian @ jacobian.mT
    lower = product.tril(-1)
    return lower + lower.mT + torch.diag(product.diagonal())


def descend(
    field: VectorField,
    inputs: Float[Tensor, "inputs dimension"],
    readout: Float[Tensor, " dimension"],
    labels: Float[Tensor, " inputs"],
    *,
    horizon: float,
    solver_steps: int,
    learning_rate: float,
    steps: int,
) -> ModelTrace:
    """Train all parameters by the exact gradient of the scheme, J^T (f - y), with a fixed learning rate.

    A run whose loss or state stops being finite ends there, with `diverged_at` set; the start must be finite.
    """
    vector, diverged_at = field.vector, None
    losses: list[Tensor] = []
    outputs: list[Tensor] = []
    kernels: list[Tensor] = []
    for step in range(steps + 1):
        try:
            f, jacobian = discrete_jacobian(
                field, inputs, lambda h: h @ readout, vector, duration=horizon, steps=solver_steps
            )
        except NonFiniteState:
            diverged_at = step
            break
        jacobian = jacobian[:, inputs.numel() :]
        value = loss(f[:, None], labels[:, None])
        if not bool(torch.isfinite(jacobian).all() & torch.isfinite(value)):
            diverged_at = step
            break
        losses.append(value)
        outputs.append(f)
        kernels.append(symmetric_product(jacobian))
        vector = vector - learning_rate * (jacobian.mT @ (f - labels))
    return ModelTrace(torch.stack(losses), torch.stack(outputs), tuple(kernels), diverged_at)
