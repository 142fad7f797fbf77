"""The equations of the model, once: what every scheme, solver and kernel of this room shares.

In rows, one input each (docs/theory.md#the-model):

    h_0      = (sigma_u / sqrt d) x U^T                 (parameters.initial_states)
    dh/dt    = phi(h) A^T,                     A = (sigma_w / sqrt n) W
    f        = (sigma_v / sqrt n) phi(h_T) V^T
    lambda_T = (sigma_v / sqrt n) phi'(h_T) * (c V)     for the gradient of sum(c * f)
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import Network, Parameters


class NonFiniteState(ArithmeticError):
    """A state, an adjoint or a solver step left the finite numbers. The message says where."""


def recurrent_matrix(neural_ode: NeuralODE, parameters: Parameters) -> Float[Tensor, "*networks width width"]:
    """A = (sigma_w / sqrt n) W, so that loops carry no scale."""
    return parameters.W * (neural_ode.sigma_w / math.sqrt(parameters.W.shape[-1]))


def readout(
    neural_ode: NeuralODE, parameters: Network, features: Float[Tensor, "*networks inputs width"]
) -> Float[Tensor, "*networks inputs outputs"]:
    """F from phi(h_T)."""
    return (features @ parameters.V.mT) * (neural_ode.sigma_v / math.sqrt(parameters.V.shape[-1]))


def final_adjoint(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Network,
    final: Float[Tensor, "inputs width"],
    cotangent: Float[Tensor, "inputs outputs"],
    clarke: float,
) -> Float[Tensor, "inputs width"]:
    """lambda_T for the gradient of sum(cotangent * f)."""
    scale = neural_ode.sigma_v / math.sqrt(parameters.V.shape[-1])
    return activation.derivative(final, clarke) * (cotangent @ parameters.V) * scale


def assemble_gradient(
    activation: Activation,
    neural_ode: NeuralODE,
    inputs: Float[Tensor, "inputs dimension"],
    *,
    final: Float[Tensor, "inputs width"],
    cotangent: Float[Tensor, "inputs outputs"],
    lambda_0: Float[Tensor, "inputs width"],
    integral: Float[Tensor, "width width"],
) -> Parameters:
    """The gradient of sum(cotangent * f) from its parts; `integral` is that of lambda_t phi(h_t)^T over time."""
    dU, dV = outer_gradients(activation, neural_ode, inputs, final=final, cotangent=cotangent, lambda_0=lambda_0)
    return Parameters(U=dU, W=integral * (neural_ode.sigma_w / math.sqrt(final.shape[-1])), V=dV)


def outer_gradients(
    activation: Activation,
    neural_ode: NeuralODE,
    inputs: Float[Tensor, "inputs dimension"],
    *,
    final: Float[Tensor, "inputs width"],
    cotangent: Float[Tensor, "inputs outputs"],
    lambda_0: Float[Tensor, "inputs width"],
) -> tuple[Float[Tensor, "width dimension"], Float[Tensor, "outputs width"]]:
    """The gradients of sum(cotangent * f) with respect to U and V."""
    dU = (lambda_0.T @ inputs) * (neural_ode.sigma_u / math.sqrt(inputs.shape[-1]))
    dV = (cotangent.T @ activation(final)) * (neural_ode.sigma_v / math.sqrt(final.shape[-1]))
    return dU, dV


def require_finite(values: Tensor, what: str) -> None:
    """Raise NonFiniteState when an entry is NaN or infinite."""
    if not torch.isfinite(values).all():
        raise NonFiniteState(f"{what} is not finite")
