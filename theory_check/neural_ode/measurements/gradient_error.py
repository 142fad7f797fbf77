"""Errors of the gradient and of the loss that follow from errors of the states and of the adjoint."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.measurements.adjoint_error import SolveErrors, adjoint_error
from theory_check.neural_ode.measurements.bounds import evaluation_bound, summation_bound
from theory_check.neural_ode.measurements.instance import Instance, largest_norm, slope_bounds
from theory_check.neural_ode.measurements.rounding import SCALES, input_scale
from theory_check.neural_ode.networks.model import final_adjoint
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.networks.schemes import Trajectory


@dataclass(frozen=True)
class GradientSizes:
    """Sizes of what a gradient of the loss is made of, over all inputs together, along one trajectory.

    readout: (sigma_v / sqrt n) |V|.
    residual: |f - y|.
    states, features: the largest |h_t| and |phi(h_t)|.
    final: |lambda_T|, or less: what times P bounds |lambda_t| at any time.
    """

    readout: float
    residual: float
    states: float
    features: float
    final: float

    @property
    def flat(self) -> float:
        """Bound of |lambda_T| for phi' = 1."""
        return self.readout * self.residual


def gradient_sizes(
    instance: Instance, parameters: Parameters, trajectory: Trajectory, labels: Float[Tensor, "inputs outputs"]
) -> GradientSizes:
    """Read them off a trajectory."""
    model, activation = instance.case.neural_ode, instance.activation
    residual = trajectory.outputs - labels
    final = final_adjoint(activation, model, parameters, trajectory.final, residual, 0.5)
    root = math.sqrt(parameters.W.shape[-1])
    return GradientSizes(
        readout=float(torch.linalg.vector_norm(parameters.V)) * model.sigma_v / root,
        residual=float(torch.linalg.vector_norm(residual)),
        states=largest_norm(trajectory.grid),
        features=largest_norm(activation(trajectory.grid)),
        final=float(torch.linalg.vector_norm(final)),
    )


def output_error(instance: Instance, parameters: Parameters, sizes: GradientSizes, state: float) -> float:
    """Error of f for an error `state` of h_T, the rounding of phi and of the readout's product included."""
    steep, _ = slope_bounds(instance.activation)
    width = parameters.W.shape[-1]
    count = len(instance.inputs) * width
    evaluation = evaluation_bound(instance.activation.operators, sizes.features, steep, sizes.states, count)
    products = summation_bound(width + SCALES, sizes.features)
    return sizes.readout * (steep * state + evaluation + products)


def gradient_error(
    instance: Instance,
    parameters: Parameters,
    sizes: GradientSizes,
    errors: SolveErrors,
    *,
    rate: float,
    carried: float,
) -> float:
    """Error of the whole gradient of the loss.

    lambda_T = (f - y) V phi'(h_T) errs by what f and phi' do. The gradient with respect to W is the integral of
    lambda phi^T, that with respect to U is lambda_0 x^T, that with respect to V is (f - y) phi(h_T).
    """
    model = instance.case.neural_ode
    steep, bend = slope_bounds(instance.activation)
    root = math.sqrt(parameters.W.shape[-1])
    of_output = output_error(instance, parameters, sizes, errors.state)
    at_end = sizes.readout * (of_output * steep + sizes.residual * bend * errors.state)
    of_adjoint = adjoint_error(instance, rate, errors, at_end=at_end, final=sizes.final, carried=carried)
    along = of_adjoint * sizes.features + carried * sizes.final * steep * errors.state
    on_w = model.sigma_w / root * model.horizon * along
    on_u = input_scale(instance) * of_adjoint
    on_v = model.sigma_v / root * (sizes.residual * steep * errors.state + of_output * sizes.features)
    return on_w + on_u + on_v


def loss_error(residual: float, of_output: float, inputs: int) -> float:
    """Rounding of 1/2 |f - y|^2 over `inputs` inputs, |f - y| being at most `residual`.

    The residual errs by what f does and by its own subtraction, the sum of its squares by a few ulps.
    """
    of_residual = of_output + summation_bound(1, residual)
    return residual * of_residual + summation_bound(inputs + SCALES, residual**2)
