"""Claim discretize-optimize: the order at which a scheme's gradient approaches that of the ODE.

The exact gradient of the sum of all outputs of the scheme, step by step the derivative of what it computes, is set
against the gradient by the continuous adjoint, of the same network. W is scaled so that L T is 1: slower flows leave
errors near rounding; no step is longer than 1 / (4 L). How far the reference is from the continuous adjoint is measured
by a tighter tolerance.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import torch

from theory_check.case import Case
from theory_check.evidence.rates import RateResult, fit_rate
from theory_check.evidence.verdict import Verdict
from theory_check.measurements.bounds import summation_bound
from theory_check.measurements.instance import Instance, Setting, prepare, with_bounded_growth
from theory_check.measurements.width_ladder import CONFIRMED_LEVEL, LOOKS, NUMERICAL_SHARE
from theory_check.networks.flow import solve_adjoint
from theory_check.networks.parameters import Parameters, add_scaled, norm
from theory_check.networks.schemes import SCHEMES, adjoint, forward, gradient_of_pass

NETWORKS = 10
GROWTH = 1.0
# Steps for that growth: no longer than 1 / (4 L), and so short that slopes feel the next term by 0.01 at most.
STEPS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"euler": (8, 12, 16, 24, 32), "midpoint": (4, 6, 8, 12, 16), "rk4": (4, 6, 8, 12, 16)}
)
# For phi with kinks: gradients are of first order whatever the scheme, and errors irregular where neurons near a kink
# are put on its other side, which gets rare as steps get short; a longer ladder reads the order in spite of them.
KINKED_STEPS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"euler": (32, 64, 128, 256, 512), "midpoint": (8, 16, 32, 64, 128), "rk4": (8, 16, 32, 64, 128)}
)
MARGINS: Mapping[str, float] = MappingProxyType({"euler": 0.1, "midpoint": 0.1, "rk4": 0.2})
# The least error over the rounding of the longest pass.
ABOVE_ROUNDING = 100.0
# Of the reference; the next is tried, and measures the error, where one leaves a tenth of the least error or more open.
TOLERANCES = (1e-5, 1e-7, 1e-9, 1e-11, 1e-13)


class GradientOrder:
    """Gradients of one scheme beside those of the ODE, over numbers of steps; every network has all of them."""

    def __init__(self, case: Case, setting: Setting, scheme: str) -> None:
        self.instance: Instance = prepare(case, setting)
        self.scheme = scheme

    @property
    def expected(self) -> float:
        """The order of the scheme."""
        return float(SCHEMES[self.scheme].order)

    @property
    def margin(self) -> float:
        """What an order may be off by."""
        return MARGINS[self.scheme]

    def unusable(self) -> str:
        """Why no slope can be read, or empty: the least error is not far above that of the reference, or rounding."""
        _, error, least = self._resolution
        if error > NUMERICAL_SHARE * least:
            return f"the error of the reference, {error:.2g}, is not below a tenth of {least:.2g}"
        # Every evaluation of the field rounds once, there and back, and what it rounds grows by exp(L T) at most.
        evaluations = self.steps[-1] * len(SCHEMES[self.scheme].b)
        rounding = summation_bound(2 * evaluations, math.exp(2 * GROWTH))
        if least < ABOVE_ROUNDING * rounding:
            return f"the least error, {least:.2g}, is not {ABOVE_ROUNDING:g} times the rounding, {rounding:.2g}"
        return ""

    def __call__(self, stage: int) -> RateResult:
        """The slope of the error against the step; afresh with four times the networks where it cannot decide."""
        result = self.measured(stage, NETWORKS)
        return self.measured(stage, 4 * NETWORKS) if result.verdict is Verdict.INCONCLUSIVE else result

    def measured(self, stage: int, networks: int) -> RateResult:
        """The slope from so many fresh networks; each has a slope of its own."""
        errors = np.empty((len(self.steps), networks))
        for k in range(networks):
            parameters = self._parameters(f"steps {stage} of {networks}", k)
            reference = self._reference(parameters, self._resolution[0])
            errors[:, k] = [_distance(self._gradient(parameters, steps), reference) for steps in self.steps]
        return fit_rate(
            self.instance.case.neural_ode.horizon / np.array(self.steps, dtype=np.float64),
            errors,
            expected=self.expected,
            margin=self.margin,
            refute_level=CONFIRMED_LEVEL,
            paired=True,
            looks=LOOKS,
        )

    @property
    def steps(self) -> tuple[int, ...]:
        """Numbers of steps, coarse to fine."""
        return (KINKED_STEPS if self.instance.activation.classification == "kinked" else STEPS)[self.scheme]

    @cached_property
    def _resolution(self) -> tuple[float, float, float]:
        """The tolerance of the reference, its error, and the least error of the scheme, in one network."""
        parameters = self._parameters("reference", 0)
        least_steps = self._gradient(parameters, self.steps[-1])
        coarse = self._reference(parameters, TOLERANCES[0])
        for tolerance, tighter in pairwise(TOLERANCES):
            fine = self._reference(parameters, tighter)
            found = tolerance, _distance(coarse, fine), _distance(least_steps, fine)
            if found[1] <= NUMERICAL_SHARE * found[2]:
                break
            coarse = fine
        return found

    def _parameters(self, stage: str, replicate: int) -> Parameters:
        drawn = self.instance.parameters(stage=stage, replicate=replicate)
        bounded, rate = with_bounded_growth(self.instance, drawn, GROWTH)
        grown = rate * self.instance.case.neural_ode.horizon
        return replace(bounded, W=bounded.W * (GROWTH / grown)) if grown > 0 else bounded

    def _gradient(self, parameters: Parameters, steps: int) -> Parameters:
        """Of the sum of all outputs, exactly as the scheme computes it."""
        activation, model = self.instance.activation, self.instance.case.neural_ode
        trajectory = forward(activation, model, parameters, self.instance.inputs, scheme=self.scheme, steps=steps)
        ones = torch.ones_like(trajectory.outputs)
        backward = adjoint(activation, model, parameters, trajectory, ones)
        return gradient_of_pass(activation, model, trajectory, backward, ones)

    def _reference(self, parameters: Parameters, tolerance: float) -> Parameters:
        """The same of the ODE, by the continuous adjoint."""
        return solve_adjoint(
            self.instance.activation,
            self.instance.case.neural_ode,
            parameters,
            self.instance.inputs,
            torch.ones_like,
            rtol=tolerance,
            atol=tolerance,
        ).gradient


def _distance(found: Parameters, reference: Parameters) -> float:
    """Relative error of a gradient."""
    return norm(add_scaled(found, -1.0, reference)) / norm(reference)
