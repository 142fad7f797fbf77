"""How much the solves of a case round: the sizes that bounds.py asks for, read off a trajectory."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.measurements.bounds import evaluation_bound, flow_rounding, summation_bound
from theory_check.neural_ode.measurements.instance import Instance, largest_entry, largest_norm, slope_bounds
from theory_check.neural_ode.networks.parameters import Parameters

# Roundings of a product of a vector with A that are not its sum: the scales in A and in what it is applied to.
SCALES = 8


def state_rounding(
    instance: Instance,
    parameters: Parameters,
    states: Float[Tensor, "points inputs width"],
    *,
    steps: int,
    duration: float,
    moved: float = 0.0,
) -> float:
    """Rounding, over all inputs, that `steps` steps along `states` make, before the flow has carried it on.

    `moved`: the solve is that of other parameters, at this distance; to first order in it.
    """
    activation, model = instance.activation, instance.case.neural_ode
    steep, _ = slope_bounds(activation)
    features, size = largest_norm(activation(states)), largest_norm(states)
    unit = model.sigma_w / math.sqrt(states.shape[-1])
    away = moved * (input_scale(instance) + duration * unit * features)
    features, size = features + steep * away, size + away
    evaluation = evaluation_bound(activation.operators, features, steep, size, states[0].numel())
    slope = (frobenius(instance, parameters) + unit * moved) * (product_rounding(parameters) * features + evaluation)
    return flow_rounding(steps, size, duration, slope)


def adjoint_rounding(
    instance: Instance,
    parameters: Parameters,
    states: Float[Tensor, "points inputs width"],
    *,
    final: float,
    flat: float,
    carried: float,
    steps: int,
    duration: float,
) -> float:
    """Rounding of the adjoint at any time, `states` taken as exact.

    Args:
        instance: the case.
        parameters: its weights.
        states: the trajectory.
        final: bound of |lambda_T|.
        flat: the same for phi' = 1.
        carried: bound of what the flow makes of a variation.
        steps: of the scheme.
        duration: of the solve.
    """
    steep, bend = slope_bounds(instance.activation)
    derivative = evaluation_bound(instance.activation.operators, steep, bend, largest_entry(states))
    product = product_rounding(parameters)
    adjoint = carried * final
    slope = frobenius(instance, parameters) * adjoint * (product * steep + derivative)
    at_end = flat * (derivative + product * steep)
    return carried * (at_end + flow_rounding(steps, adjoint, duration, slope))


def start_rounding(instance: Instance, parameters: Parameters) -> float:
    """Rounding of the initial states, over all inputs."""
    terms = instance.inputs.shape[1] + SCALES
    return summation_bound(terms, input_scale(instance) * float(torch.linalg.vector_norm(parameters.U)))


def input_scale(instance: Instance) -> float:
    """(sigma_u / sqrt d) |x| over all inputs."""
    scale = instance.case.neural_ode.sigma_u / math.sqrt(instance.inputs.shape[1])
    return scale * float(torch.linalg.vector_norm(instance.inputs))


def product_rounding(parameters: Parameters) -> float:
    """Relative rounding of a product with A, before cancellation."""
    return summation_bound(parameters.W.shape[-1] + SCALES, 1.0)


def frobenius(instance: Instance, parameters: Parameters) -> float:
    """|A|_F: it bounds the norm of the matrix of absolute values, which the roundings of products go with."""
    scale = instance.case.neural_ode.sigma_w / math.sqrt(parameters.W.shape[-1])
    return scale * float(torch.linalg.vector_norm(parameters.W))
