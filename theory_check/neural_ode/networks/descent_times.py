"""How many steps of gradient descent many networks take to a target, side by side; counts only, no trace.

The network is the residual network of L layers, the Euler scheme of the Neural ODE, and its gradient is exact. With
A = (sigma_w / sqrt n) W, tau = T / L and c = f - y, in rows:

    h_(k+1) = h_k + tau phi(h_k) A^T,   lambda_L = (sigma_v / sqrt n) phi'(h_L) * c v,
    lambda_k = lambda_(k+1) + tau phi'(h_k) * (lambda_(k+1) A),     dL/dA = tau sum_k lambda_(k+1)^T phi(h_k)

A step of eta against dL/dW moves A by eta sigma_w^2 / n against dL/dA. What is kept is B = tau A, so that no product
has to be scaled: a scaled one takes twice the time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.model import recurrent_matrix, require_finite
from theory_check.neural_ode.networks.parameters import Parameters, initial_states

Rates = Callable[[Float[Tensor, " networks"]], Float[Tensor, " networks"]]


@dataclass(frozen=True)
class DescentTimes:
    """Where runs of gradient descent ended.

    Attributes:
        steps: taken by each network, from 1 to the most that were allowed.
        shares: of the loss at the start that is left after the last of them.
    """

    steps: Int[NDArray[np.int64], " networks"]
    shares: Float[NDArray[np.float64], " networks"]


@dataclass(frozen=True)
class _Pass:
    """States and phi of them, (networks, inputs, width) each, layer by layer; outputs (networks, inputs)."""

    states: tuple[Tensor, ...]
    features: tuple[Tensor, ...]
    outputs: Tensor


@torch.no_grad()
def steps_to_target(
    activation: Activation,
    neural_ode: NeuralODE,
    networks: Parameters,
    inputs: Float[Tensor, "inputs dimension"],
    labels: Float[Tensor, "networks inputs"],
    *,
    rates: Rates,
    target: float,
    most: int,
    layers: int,
) -> DescentTimes:
    """Steps of full-batch gradient descent on 1/2 sum (f - y)^2 until it is at most `target` of what it was.

    Args:
        activation: phi; at a kink its derivative from the right.
        neural_ode: scales and horizon.
        networks: stacked, one output each.
        inputs: shared by all networks.
        labels: targets y of every network.
        rates: the learning rate of each network from lambda_max(Theta_0), that of the L-layer network.
        target: share of the loss at the start; 0 is never reached, so that all take `most` steps.
        most: a run that takes more steps counts as this many.
        layers: L.

    Raises:
        NonFiniteState: a loss is not finite.
    """
    h_0, v = initial_states(neural_ode, networks, inputs), networks.V[:, 0]
    tau = neural_ode.horizon / layers
    B = recurrent_matrix(neural_ode, networks) * tau  # a copy, which is changed in place
    width, dimension = B.shape[-1], inputs.shape[-1]
    gram = inputs @ inputs.mT
    now = _forward(activation, neural_ode, h_0, B, v, layers)
    rate = rates(_largest_eigenvalues(activation, neural_ode, B, v, inputs, now))
    losses = first = (now.outputs - labels).square().sum(-1)
    taken, left = np.full(len(labels), most, dtype=np.int64), np.empty(len(labels))
    running = torch.arange(len(labels))
    for step in range(1, most + 1):
        cotangent = now.outputs - labels
        start, above = _backward(activation, neural_ode, B, v, now, cotangent)
        # U is seen through h_0 alone, which moves along x x'^T.
        h_0 = h_0 - (rate * neural_ode.sigma_u**2 / dimension)[:, None, None] * (gram @ start)
        by_rate = (rate * (-((tau * neural_ode.sigma_w) ** 2) / width))[:, None, None]
        B.baddbmm_((torch.cat(above, 1) * by_rate).mT, torch.cat(now.features[:-1], 1))
        into_v = (cotangent[:, None] @ now.features[-1])[:, 0]
        v = v - (rate * neural_ode.sigma_v / math.sqrt(width))[:, None] * into_v
        now = _forward(activation, neural_ode, h_0, B, v, layers)
        losses = (now.outputs - labels).square().sum(-1)
        require_finite(losses, f"a loss after {step} steps of descent")
        arrived = losses <= target * first
        if not bool(arrived.any()):
            continue
        # Those that have arrived leave the batch.
        there = running[arrived.cpu()].numpy()
        taken[there], left[there] = step, (losses / first)[arrived].cpu().numpy()
        keep = ~arrived
        if not bool(keep.any()):
            break
        running, labels, rate = running[keep.cpu()], labels[keep], rate[keep]
        first, losses = first[keep], losses[keep]
        h_0, B, v = h_0[keep], B[keep], v[keep]
        now = _Pass(tuple(h[keep] for h in now.states), tuple(p[keep] for p in now.features), now.outputs[keep])
    else:
        left[running.numpy()] = (losses / first).cpu().numpy()
    return DescentTimes(taken, left)


def _forward(
    activation: Activation,
    neural_ode: NeuralODE,
    h_0: Float[Tensor, "networks inputs width"],
    B: Float[Tensor, "networks width width"],
    v: Float[Tensor, "networks width"],
    layers: int,
) -> _Pass:
    states, features = [h_0], []
    for _ in range(layers):
        features.append(activation(states[-1]))
        states.append(torch.baddbmm(states[-1], features[-1], B.mT))
    features.append(activation(states[-1]))
    outputs = (features[-1] @ v[..., None])[..., 0] * (neural_ode.sigma_v / math.sqrt(v.shape[-1]))
    return _Pass(tuple(states), tuple(features), outputs)


def _backward(
    activation: Activation,
    neural_ode: NeuralODE,
    B: Float[Tensor, "networks width width"],
    v: Float[Tensor, "networks width"],
    run: _Pass,
    cotangent: Float[Tensor, "networks inputs"],
) -> tuple[Float[Tensor, "networks inputs width"], list[Float[Tensor, "networks inputs width"]]]:
    """lambda_0, and lambda_1 to lambda_L."""
    scale = neural_ode.sigma_v / math.sqrt(v.shape[-1])
    adjoint = activation.one_sided_derivative(run.states[-1], 1) * (cotangent[..., None] * (scale * v)[:, None])
    above = [adjoint]
    for state in reversed(run.states[:-1]):
        adjoint = torch.addcmul(adjoint, activation.one_sided_derivative(state, 1), adjoint @ B)
        above.append(adjoint)
    return above.pop(), above[::-1]


def _largest_eigenvalues(
    activation: Activation,
    neural_ode: NeuralODE,
    B: Float[Tensor, "networks width width"],
    v: Float[Tensor, "networks width"],
    inputs: Float[Tensor, "inputs dimension"],
    run: _Pass,
) -> Float[Tensor, " networks"]:
    """lambda_max of the tangent kernel of each network."""
    width, dimension = v.shape[-1], inputs.shape[-1]
    count, layers = len(inputs), len(run.states) - 1
    start, above = _backward(activation, neural_ode, B, v, run, torch.ones_like(run.outputs))
    kernel = neural_ode.sigma_v**2 / width * run.features[-1] @ run.features[-1].mT
    kernel = kernel + neural_ode.sigma_u**2 / dimension * (inputs @ inputs.mT) * (start @ start.mT)
    adjoints, features = torch.cat(above, 1), torch.cat(run.features[:-1], 1)
    products = (adjoints @ adjoints.mT) * (features @ features.mT)
    between = products.reshape(-1, layers, count, layers, count).sum(dim=(1, 3))
    kernel = kernel + (neural_ode.horizon / layers * neural_ode.sigma_w) ** 2 / width * between
    largest: Tensor = torch.linalg.eigvalsh(kernel)[:, -1]
    return largest
