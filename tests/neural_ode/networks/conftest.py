"""Independent references: the model written out plainly, for autograd and for scipy."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import DOP853, solve_ivp
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import Parameters, draw_parameters


@dataclass(frozen=True)
class Network:
    """One network with its inputs and a cotangent for its outputs."""

    activation: Activation
    neural_ode: NeuralODE
    parameters: Parameters
    inputs: Tensor
    cotangent: Tensor

    @property
    def model(self) -> tuple[Activation, NeuralODE, Parameters]:
        """The three arguments that most functions start with."""
        return self.activation, self.neural_ode, self.parameters


def _network(
    name: str = "tanh",
    *,
    width: int = 7,
    dimension: int = 3,
    inputs: int = 4,
    outputs: int = 1,
    seed: int = 0,
    neural_ode: NeuralODE | None = None,
) -> Network:
    generator = torch.Generator().manual_seed(1000 + seed)
    return Network(
        CATALOGUE[name],
        neural_ode or NeuralODE(sigma_u=1.3, sigma_w=1.7, sigma_v=0.8, horizon=0.9),
        draw_parameters(width=width, dimension=dimension, outputs=outputs, seed=seed),
        torch.randn(inputs, dimension, generator=generator, dtype=torch.float64),
        torch.randn(inputs, outputs, generator=generator, dtype=torch.float64),
    )


def _slope(phi: Callable[[Tensor], Tensor], W: Tensor, sigma_w: float, h: Tensor) -> Tensor:
    """dh/dt for one input, column layout, from the paper."""
    return sigma_w / math.sqrt(len(W)) * (W @ phi(h))


def _step(slope: Callable[[Tensor], Tensor], scheme: str, h: Tensor, dt: float) -> Tensor:
    """One step of a scheme, written out."""
    if scheme == "dop853":
        slopes: list[Tensor] = []
        for row in DOP853.A:
            slopes.append(slope(h + dt * sum(float(a) * k for a, k in zip(row, slopes, strict=False))))
        return h + dt * sum(float(b) * k for b, k in zip(DOP853.B, slopes, strict=True))
    k1 = slope(h)
    if scheme == "euler":
        return h + dt * k1
    k2 = slope(h + dt / 2 * k1)
    if scheme == "midpoint":
        return h + dt * k2
    k3 = slope(h + dt / 2 * k2)
    k4 = slope(h + dt * k3)
    return h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _plain_states(network: Network, U: Tensor, W: Tensor, scheme: str, steps: int) -> list[tuple[Tensor, Tensor]]:
    """(h_0, h_T) of every input, differentiable by autograd."""
    ode, phi = network.neural_ode, network.activation.function
    states = []
    for x in network.inputs:
        h = initial = ode.sigma_u / math.sqrt(len(x)) * (U @ x)
        for _ in range(steps):
            h = _step(lambda y: _slope(phi, W, ode.sigma_w, y), scheme, h, ode.horizon / steps)
        states.append((initial, h))
    return states


def _plain_outputs(network: Network, U: Tensor, W: Tensor, V: Tensor, scheme: str, steps: int) -> Tensor:
    """Outputs of every input, (inputs, outputs), differentiable by autograd."""
    ode, phi = network.neural_ode, network.activation.function
    states = _plain_states(network, U, W, scheme, steps)
    return torch.stack([ode.sigma_v / math.sqrt(len(W)) * (V @ phi(h)) for _, h in states])


@dataclass(frozen=True)
class FlowReference:
    """Forward and adjoint solution by scipy, dW accumulated along the backward solve."""

    final: NDArray[np.float64]
    lambda_0: NDArray[np.float64]
    U: NDArray[np.float64]
    W: NDArray[np.float64]
    V: NDArray[np.float64]


def _scipy_flow(
    network: Network, phi: Callable[[NDArray[np.float64]], NDArray[np.float64]], slope: Callable[..., object]
) -> FlowReference:
    """The continuous adjoint with numpy alone; `phi` and its derivative `slope` are numpy functions."""
    ode, p = network.neural_ode, network.parameters
    U, W, V = p.U.numpy(), p.W.numpy(), p.V.numpy()
    n, d = U.shape
    A = ode.sigma_w / math.sqrt(n) * W
    finals, lambdas, dU, dW, dV = [], [], np.zeros_like(U), np.zeros_like(W), np.zeros_like(V)
    settings = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}
    for x, c in zip(network.inputs.numpy(), network.cotangent.numpy(), strict=True):
        h_0 = ode.sigma_u / math.sqrt(d) * U @ x
        forward = solve_ivp(lambda _t, h: A @ phi(h), (0, ode.horizon), h_0, dense_output=True, **settings)
        h_T = forward.y[:, -1]
        lambda_T = ode.sigma_v / math.sqrt(n) * slope(h_T) * (V.T @ c)

        def backward(t: float, y: NDArray[np.float64], sol: Callable[..., object] = forward.sol) -> object:
            h, adjoint = sol(t), y[:n]
            return np.concatenate([-slope(h) * (A.T @ adjoint), -np.outer(adjoint, phi(h)).ravel()])

        end = solve_ivp(backward, (ode.horizon, 0), np.concatenate([lambda_T, np.zeros(n * n)]), **settings).y[:, -1]
        finals.append(h_T)
        lambdas.append(end[:n])
        dU += ode.sigma_u / math.sqrt(d) * np.outer(end[:n], x)
        dW += ode.sigma_w / math.sqrt(n) * end[n:].reshape(n, n)
        dV += ode.sigma_v / math.sqrt(n) * np.outer(c, phi(h_T))
    return FlowReference(np.array(finals), np.array(lambdas), dU, dW, dV)


@pytest.fixture(scope="session")
def network() -> Callable[..., Network]:
    """A factory of small networks."""
    return _network


@pytest.fixture(scope="session")
def plain_outputs() -> Callable[..., Tensor]:
    """The scheme written out for autograd: outputs."""
    return _plain_outputs


@pytest.fixture(scope="session")
def plain_states() -> Callable[..., list[tuple[Tensor, Tensor]]]:
    """The scheme written out for autograd: states."""
    return _plain_states


@pytest.fixture(scope="session")
def scipy_flow() -> Callable[..., FlowReference]:
    """The continuous model and its adjoint by scipy."""
    return _scipy_flow
