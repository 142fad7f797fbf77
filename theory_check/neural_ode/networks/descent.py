"""Full-batch gradient descent on L = 1/2 sum (f - y)^2, and its trace (claims ntk-stable and linear-convergence)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.gaussian_matrix import DenseMatrix
from theory_check.neural_ode.networks.gradients import loss
from theory_check.neural_ode.networks.model import NonFiniteState, outer_gradients
from theory_check.neural_ode.networks.parameters import Network, Parameters, WideNetwork
from theory_check.neural_ode.networks.schemes import StageAdjoint, Trajectory, forward
from theory_check.neural_ode.networks.tangent_kernel import kernels_of_pass, unit_adjoint


@dataclass(frozen=True)
class DescentTrace:
    """What happened along a run of k steps.

    Attributes:
        losses: L before the first step and after each, (k + 1,). Shorter when the run diverged.
        outputs: f at the same times, (k + 1, inputs).
        kernel_times: the steps at which `kernels` were taken.
        kernels: the empirical tangent kernels there, each (inputs, inputs).
        parameters: the last ones for which the loss was finite; of the kind that the run started from.
        diverged_at: the number of steps after which the loss or a state was not finite, else None.
    """

    losses: Float[Tensor, " times"]
    outputs: Float[Tensor, "times inputs"]
    kernel_times: tuple[int, ...]
    kernels: tuple[Float[Tensor, "inputs inputs"], ...]
    parameters: Network
    diverged_at: int | None = None


@torch.no_grad()
def gradient_descent(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Network,
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
        parameters: where the run starts; one output. Left unchanged; a revealed W stays what it is and gets to know
            more of itself, and that of the run is W + Q^T M P (gaussian_matrix.py).
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
    network, diverged_at = _by_products(parameters), None
    start = last = before = network
    for k in range(steps + 1):
        try:
            trajectory = forward(activation, neural_ode, network, inputs, scheme=scheme, steps=solver_steps)
        except NonFiniteState:
            diverged_at = k
            break
        f = trajectory.outputs
        value = loss(f, labels[:, None])
        if not torch.isfinite(value):
            diverged_at = k
            break
        before, last = last, network
        losses.append(value)
        outputs.append(f[:, 0])
        wants_kernel = kernel_every is not None and k % kernel_every == 0
        if k == steps and not wants_kernel:
            break
        unit = unit_adjoint(activation, neural_ode, network, trajectory)
        if wants_kernel:
            kernel_times.append(k)
            kernels.append(kernels_of_pass(activation, neural_ode, trajectory, unit).tangent)
        if k < steps:
            cotangent = f - labels[:, None]
            # The adjoint is linear in its cotangent, row by row.
            scaled = StageAdjoint(unit.lambda_0 * cotangent, unit.weights * cotangent)
            # The W of the step before the last is needed no more, unless it is the caller's.
            unused = before.W.matrix if before is not start and isinstance(before.W, DenseMatrix) else None
            network = _descended(activation, neural_ode, network, trajectory, scaled, cotangent, learning_rate, unused)
    return DescentTrace(
        losses=torch.stack(losses) if losses else inputs.new_zeros(0),
        outputs=torch.stack(outputs) if outputs else inputs.new_zeros(0, len(inputs)),
        kernel_times=tuple(kernel_times),
        kernels=tuple(kernels),
        parameters=_as_given(last, parameters),
        diverged_at=diverged_at,
    )


def _descended(
    activation: Activation,
    neural_ode: NeuralODE,
    network: WideNetwork,
    trajectory: Trajectory,
    stage_adjoint: StageAdjoint,
    cotangent: Float[Tensor, "inputs outputs"],
    learning_rate: float,
    unused: Float[Tensor, "width width"] | None,
) -> WideNetwork:
    """One step against the gradient of sum(cotangent * f), of which `stage_adjoint` is the adjoint."""
    dU, dV = outer_gradients(
        activation,
        neural_ode,
        trajectory.inputs,
        final=trajectory.final,
        cotangent=cotangent,
        lambda_0=stage_adjoint.lambda_0,
    )
    weights, features = stage_adjoint.weights.flatten(0, 2), activation(trajectory.stages.flatten(0, 2))
    factor = -learning_rate * neural_ode.sigma_w / math.sqrt(network.W.width)
    return WideNetwork(
        torch.add(network.U, dU, alpha=-learning_rate),
        network.W.plus_products(weights, features, factor, storage=unused),
        torch.add(network.V, dV, alpha=-learning_rate),
    )


def _by_products(network: Network) -> WideNetwork:
    """With a W whose products carry the scale, so that no scaled copy of it is made in each step."""
    if isinstance(network, Parameters):
        return WideNetwork(network.U, DenseMatrix(network.W), network.V)
    return network


def _as_given(network: WideNetwork, given: Network) -> Network:
    if isinstance(given, Parameters) and isinstance(network.W, DenseMatrix):
        return Parameters(network.U, network.W.matrix, network.V)
    return network
