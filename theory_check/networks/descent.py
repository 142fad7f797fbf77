"""Full-batch gradient descent on L = 1/2 sum (f - y)^2, and its trace (claims ntk-stable and linear-convergence)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.activations.activation import Activation
from theory_check.networks.gradients import loss
from theory_check.networks.model import NonFiniteState
from theory_check.networks.parameters import Parameters, add_scaled
from theory_check.networks.schemes import StageAdjoint, forward, gradient_of_pass
from theory_check.networks.tangent_kernel import kernels_of_pass, unit_adjoint
from theory_check.neural_ode import NeuralODE


@dataclass(frozen=True)
class DescentTrace:
    """What happened along a run of k steps.

    Attributes:
        losses: L before the first step and after each, (k + 1,). Shorter when the run diverged.
        outputs: f at the same times, (k + 1, inputs).
        kernel_times: the steps at which `kernels` were taken.
        kernels: the empirical tangent kernels there, each (inputs, inputs).
        parameters: the last ones for which the loss was finite.
        diverged_at: the number of steps after which the loss or a state was not finite, else None.
    """

    losses: Float[Tensor, " times"]
    outputs: Float[Tensor, "times inputs"]
    kernel_times: tuple[int, ...]
    kernels: tuple[Float[Tensor, "inputs inputs"], ...]
    parameters: Parameters
    diverged_at: int | None = None


@torch.no_grad()
def gradient_descent(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Parameters,
    inputs: Float[Tensor, "inputs dimension"],
    labels: Float[Tensor, " inputs"],
    *,
    learning_rate: float,
    steps: int,
    scheme: str = "euler",
    solver_steps: int = 16,
    kernel_every: int | None = 1,
) -> DescentTrace:
    """Train U, W and V together with a fixed learning rate, by the exact gradient of the scheme.

    Args:
        activation: phi.
        neural_ode: scales and horizon.
        parameters: where the run starts; one output. Left unchanged.
        inputs: (inputs, dimension).
        labels: targets y, (inputs,).
        learning_rate: eta, the same at every step.
        steps: number of updates.
        scheme: of the solver.
        solver_steps: its steps over the horizon.
        kernel_every: take the tangent kernel every so many steps, starting with step 0; None takes none.

    Returns:
        the trace. A run whose loss stops being finite ends there, with `diverged_at` set.

    Raises:
        ValueError: more than one output, an unknown scheme, a count below 1.
    """
    if steps < 0:
        raise ValueError(f"steps must be an integer of at least 0, got {steps!r}")
    if kernel_every is not None and kernel_every < 1:
        raise ValueError(f"kernel_every must be None or an integer of at least 1, got {kernel_every!r}")
    losses: list[Tensor] = []
    outputs: list[Tensor] = []
    kernel_times: list[int] = []
    kernels: list[Tensor] = []
    last, diverged_at = parameters, None
    for k in range(steps + 1):
        try:
            trajectory = forward(activation, neural_ode, parameters, inputs, scheme=scheme, steps=solver_steps)
        except NonFiniteState:
            diverged_at = k
            break
        f = trajectory.outputs
        value = loss(f, labels[:, None])
        if not torch.isfinite(value):
            diverged_at = k
            break
        last = parameters
        losses.append(value)
        outputs.append(f[:, 0])
        wants_kernel = kernel_every is not None and k % kernel_every == 0
        if k == steps and not wants_kernel:
            break
        unit = unit_adjoint(activation, neural_ode, parameters, trajectory)
        if wants_kernel:
            kernel_times.append(k)
            kernels.append(kernels_of_pass(activation, neural_ode, parameters, trajectory, unit).tangent)
        if k < steps:
            cotangent = f - labels[:, None]
            # The adjoint is linear in its cotangent, row by row.
            scaled = StageAdjoint(unit.lambda_0 * cotangent, unit.weights * cotangent)
            step = gradient_of_pass(activation, neural_ode, trajectory, scaled, cotangent)
            parameters = add_scaled(parameters, -learning_rate, step)
    return DescentTrace(
        losses=torch.stack(losses) if losses else inputs.new_zeros(0),
        outputs=torch.stack(outputs) if outputs else inputs.new_zeros(0, len(inputs)),
        kernel_times=tuple(kernel_times),
        kernels=tuple(kernels),
        parameters=last,
        diverged_at=diverged_at,
    )
