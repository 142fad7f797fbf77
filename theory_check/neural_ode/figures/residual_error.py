"""Outputs and gradients of one network as L layers, beside those of its ODE: same weights, same inputs."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import Parameters, add_scaled, norm
from theory_check.neural_ode.networks.schemes import adjoint, forward, gradient_of_pass

Array = NDArray[np.float64]
Solved = tuple[Float[Tensor, "inputs outputs"], Parameters]

# The ODE is solved by the scheme of order eight with so many steps; what twice as many change is measured.
REFERENCE, REFERENCE_STEPS = "dop853", 6


class ResidualError:
    """One network.

    Args:
        activation: phi.
        neural_ode: scales and horizon.
        parameters: with any number of outputs.
        inputs: (inputs, dimension).
    """

    def __init__(
        self,
        activation: Activation,
        neural_ode: NeuralODE,
        parameters: Parameters,
        inputs: Float[Tensor, "inputs dimension"],
    ) -> None:
        self.activation, self.neural_ode, self.parameters, self.inputs = activation, neural_ode, parameters, inputs
        self.reference = self._solved(REFERENCE, REFERENCE_STEPS)

    def at(self, depths: Sequence[int]) -> Float[Array, "depths 2"]:
        """For each number of layers: the root mean square of f_L - f, and the relative error of the gradient.

        The gradient is that of the sum of all outputs of all inputs, with respect to U, W and V together.
        """
        return np.array([_distances(self._solved("euler", depth), self.reference) for depth in depths])

    def of_reference(self) -> Float[Array, " 2"]:
        """The same distances between the reference and one of twice as many steps."""
        return np.array(_distances(self.reference, self._solved(REFERENCE, 2 * REFERENCE_STEPS)))

    def _solved(self, scheme: str, steps: int) -> Solved:
        trajectory = forward(self.activation, self.neural_ode, self.parameters, self.inputs, scheme=scheme, steps=steps)
        ones = torch.ones_like(trajectory.outputs)
        backward = adjoint(self.activation, self.neural_ode, self.parameters, trajectory, ones)
        gradient = gradient_of_pass(self.activation, self.neural_ode, trajectory, backward, ones)
        return trajectory.outputs, gradient


def _distances(found: Solved, reference: Solved) -> tuple[float, float]:
    (outputs, gradient), (right_outputs, right_gradient) = found, reference
    of_outputs = float((outputs - right_outputs).square().mean().sqrt())
    return of_outputs, norm(add_scaled(gradient, -1.0, right_gradient)) / norm(right_gradient)
