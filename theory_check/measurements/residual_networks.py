"""Claim resnet-limit at finite width: states and gradients of the L-layer network against those of the Neural ODE.

Both networks have the same weights. The error of a network is that of its final states, relative, and of the gradient
of the sum of its outputs, relative, together. The ODE is solved by RK4; how far that is from the ODE is measured by
halving its step, and must be far below the least error on the ladder.
"""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from theory_check.case import Case
from theory_check.evidence.rates import RateResult, fit_rate
from theory_check.evidence.verdict import Verdict
from theory_check.measurements.depth_ladder import DEPTH_MARGIN, DEPTH_RATE, DEPTHS
from theory_check.measurements.instance import Instance, Setting, prepare
from theory_check.measurements.width_ladder import CONFIRMED_LEVEL, LOOKS, NUMERICAL_SHARE
from theory_check.networks.parameters import Parameters, add_scaled, norm
from theory_check.networks.schemes import adjoint, forward, gradient_of_pass

Array = NDArray[np.float64]

NETWORKS = 12
REFERENCE_STEPS = 16
# The depth at which the error is followed over widths, and how much it may grow from one end of them to the other.
DEPTH = 16
GROWTH_MARGIN = 0.15

Pass = tuple[Float[Tensor, "inputs width"], Parameters]


class ResidualNetworks:
    """Networks of the L-layer scheme beside their ODE."""

    def __init__(self, case: Case, setting: Setting) -> None:
        self.instance: Instance = prepare(case, setting)
        self.widths = setting.profile.kernel_rungs

    def unusable(self) -> str:
        """Why no slope can be read, or empty: the reference is not near enough to the ODE."""
        parameters = self._parameters("reference", self.instance.case.width, 0)
        coarse, fine = (self._solved(parameters, "rk4", steps) for steps in (REFERENCE_STEPS, 2 * REFERENCE_STEPS))
        error, least = _distance(coarse, fine), _distance(self._solved(parameters, "euler", DEPTHS[-1]), fine)
        if error > NUMERICAL_SHARE * least:
            return f"the error of the reference, {error:.2g}, is not below a tenth of {least:.2g}"
        return ""

    def depth_ladder(self, stage: int) -> RateResult:
        """The slope against depth, at the width of the case; every network has a slope of its own."""
        errors = np.empty((len(DEPTHS), NETWORKS))
        for k in range(NETWORKS):
            parameters = self._parameters(f"depths {stage}", self.instance.case.width, k)
            reference = self._solved(parameters, "rk4", REFERENCE_STEPS)
            errors[:, k] = [_distance(self._solved(parameters, "euler", depth), reference) for depth in DEPTHS]
        return fit_rate(
            np.array(DEPTHS, dtype=np.float64),
            errors,
            expected=DEPTH_RATE,
            margin=DEPTH_MARGIN,
            refute_level=CONFIRMED_LEVEL,
            paired=True,
        )

    def width_ladder(self, stage: int) -> RateResult:
        """The slope of the error at one depth against width: a constant that does not grow has none above zero.

        Where that cannot be decided, it is measured afresh with four times the networks.
        """
        result = self._width_ladder(stage, NETWORKS)
        return self._width_ladder(stage, 4 * NETWORKS) if result.verdict is Verdict.INCONCLUSIVE else result

    def _width_ladder(self, stage: int, networks: int) -> RateResult:
        errors = np.empty((len(self.widths), networks))
        for row, width in enumerate(self.widths):
            for k in range(networks):
                parameters = self._parameters(f"widths {stage} of {networks}", width, k)
                reference = self._solved(parameters, "rk4", REFERENCE_STEPS)
                errors[row, k] = _distance(self._solved(parameters, "euler", DEPTH), reference)
        return fit_rate(
            np.array(self.widths, dtype=np.float64),
            errors,
            expected=0.0,
            margin=GROWTH_MARGIN,
            refute_level=CONFIRMED_LEVEL,
            one_sided="at-most",
            looks=LOOKS,
        )

    def _parameters(self, stage: str, width: int, replicate: int) -> Parameters:
        return self.instance.parameters(width=width, stage=f"{stage} {width}", replicate=replicate)

    def _solved(self, parameters: Parameters, scheme: str, steps: int) -> Pass:
        """Final states, and the gradient of the sum of all outputs."""
        activation, model = self.instance.activation, self.instance.case.neural_ode
        trajectory = forward(activation, model, parameters, self.instance.inputs, scheme=scheme, steps=steps)
        ones = torch.ones_like(trajectory.outputs)
        backward = adjoint(activation, model, parameters, trajectory, ones)
        return trajectory.final, gradient_of_pass(activation, model, trajectory, backward, ones)


def _distance(found: Pass, reference: Pass) -> float:
    """Relative errors of states and of gradients, together."""
    (states, gradient), (right_states, right_gradient) = found, reference
    of_states = torch.linalg.vector_norm(states - right_states) / torch.linalg.vector_norm(right_states)
    of_gradient = norm(add_scaled(gradient, -1.0, right_gradient)) / norm(right_gradient)
    return float(np.hypot(float(of_states), of_gradient))
