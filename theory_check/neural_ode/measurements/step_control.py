"""Did every accepted step of the adaptive adjoint honour the tolerance that was asked for?"""

import math

import torch
from scipy.integrate import RK45
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.bounds import STEP_ROUNDINGS, UNIT_ROUNDOFF, evaluation_bound, summation_bound
from theory_check.neural_ode.measurements.instance import Instance, largest_entry, largest_norm, slope_bounds
from theory_check.neural_ode.measurements.rounding import frobenius, product_rounding
from theory_check.neural_ode.networks.flow import FlowGradient
from theory_check.neural_ode.networks.model import recurrent_matrix
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.networks.solver import DenseSolution

# Shampine's estimate, which torchdiffeq takes, is two thirds of SciPy's for the same pair.
WEIGHT_RATIO = 1.5


def steps_within_tolerance(
    instance: Instance, parameters: Parameters, tolerance: float, solved: FlowGradient
) -> Discrepancy:
    """The largest embedded error estimate of an accepted backward step over what the tolerance asked for allows.

    Every accepted step is taken again with SciPy's table of the same pair, in the root mean square over state and
    adjoint that torchdiffeq controls. torchdiffeq accepted it because its own estimate, rounded, was at most 1.
    """
    A = recurrent_matrix(instance.case.neural_ode, parameters)
    activation = instance.activation
    worst, rounding = 0.0, 0.0
    for piece in solved.pieces:
        start, end = piece.samples[:, 0], piece.samples[:, -1]
        lengths = start.new_tensor(piece.mesh).diff()[:, None, None, None]
        slopes: list[Tensor] = []
        for row in (*RK45.A, RK45.B):
            h, adjoint = (start + lengths * sum(float(c) * k for c, k in zip(row, slopes, strict=False))).unbind(1)
            slopes.append(torch.stack([-(activation(h) @ A.mT), activation.derivative(h) * (adjoint @ A)], dim=1))
        estimate = lengths * sum(float(c) * k for c, k in zip(RK45.E, slopes, strict=True))
        allowed = tolerance * (1.0 + torch.maximum(start.abs(), end.abs()))
        worst = max(worst, float((estimate / allowed).flatten(1).square().mean(1).sqrt().max()))
        rounding = max(rounding, _rounding(instance, parameters, tolerance, piece))
    return Discrepancy(q.STEPS, worst, WEIGHT_RATIO + rounding, details={"rounding": rounding})


def _rounding(instance: Instance, parameters: Parameters, tolerance: float, piece: DenseSolution) -> float:
    """Rounding of the two estimates of a step, in units of what is allowed.

    A slope errs by the rounding of its product and of phi or phi', and by L, or (L / L1) L2 |lambda|, times that of its
    argument; an estimate is the step times slopes with weights whose absolute values add up to `weights`. The length of
    a step, a difference of times, is itself rounded, and the estimate goes with its fifth power.
    """
    activation = instance.activation
    steep, bend = slope_bounds(activation)
    states, adjoints = piece.samples[:, :, 0].flatten(0, 1), piece.samples[:, :, 1].flatten(0, 1)
    size, adjoint = largest_norm(states), largest_norm(adjoints)
    features, count = largest_norm(activation(states)), states[0].numel()
    products, matrix = product_rounding(parameters), frobenius(instance, parameters)
    evaluation = evaluation_bound(activation.operators, features, steep, size, count)
    derivative = evaluation_bound(activation.operators, steep, bend, largest_entry(states))
    arguments = summation_bound(2 * STEP_ROUNDINGS, 1.0)
    slope = matrix * (
        products * (features + steep * adjoint)
        + evaluation
        + derivative * adjoint
        + arguments * (steep * (size + adjoint) + bend * size * adjoint)
    )
    lengths = [b - a for a, b in zip(piece.mesh, piece.mesh[1:], strict=False)]
    weights = float(abs(RK45.E).sum())
    of_slopes = (1.0 + 1.0 / WEIGHT_RATIO) * max(lengths) * weights * slope
    of_length = WEIGHT_RATIO * 6 * UNIT_ROUNDOFF * piece.mesh[-1] / min(lengths)
    return WEIGHT_RATIO * of_slopes / (tolerance * math.sqrt(2 * count)) + of_length
