"""Claim discretize-optimize: the order at which a scheme's gradient approaches that of the ODE.

The exact gradient of the sum of all outputs of the scheme, step by step the derivative of what it computes, is set
against the gradient by the continuous adjoint, of the same network. W is scaled so that L T is 1: slower flows leave
errors near rounding; no step is longer than 1 / (4 L). Where the slopes of phi along the flow are so far below its
Lipschitz constant that errors are near rounding all the same, W is larger, and L is that of the slopes seen.

How far the reference is from the continuous adjoint is measured by a tighter tolerance, in every network: what an
adaptive solver makes of a tolerance differs from network to network, and a reference that is too coarse in one of them
bends the slope of all. Where both tolerances lead to nearly the same steps, as loose ones do on a slow flow, their
agreement says nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch

from theory_check.judge.rates import RateResult, fit_rate, replicates_afresh
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.measurements.bounds import summation_bound
from theory_check.neural_ode.measurements.instance import Instance, field_growth, prepare, with_bounded_growth
from theory_check.neural_ode.measurements.width_ladder import CONFIRMED_LEVEL, LOOKS, NUMERICAL_SHARE
from theory_check.neural_ode.networks.flow import FlowGradient, solve_adjoint
from theory_check.neural_ode.networks.parameters import Parameters, add_scaled, norm
from theory_check.neural_ode.networks.schemes import SCHEMES, adjoint, forward, gradient_of_pass

# A ladder is paired on its networks: their spread does not enter the slope.
NETWORKS = 10
# L T of the flow: errors of all schemes are then far above rounding and below one.
GROWTH = 1.0
# L T by the Lipschitz constant of phi, tried in turn. Beyond the first it has to be at most SEEN by the slopes along
# the flow of one network; others may have slopes a third steeper.
GROWTHS = (GROWTH, 2.0, 4.0, 8.0)
SEEN = 0.75 * GROWTH
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
# Evaluations by the tighter tolerance over those by the looser one: the steps of a solver of order 5 get 10^(2/5) = 2.5
# times as many where the tolerance decides on them.
MORE_EVALUATIONS = 1.5
# Networks that are drawn for each that is wanted: one without a reference that is near enough gives way to another.
DRAWN = 4
# Networks that are used for nothing else; their references have room for those of other networks.
PILOTS, PILOT_SHARE = 3, 0.5 * NUMERICAL_SHARE


class Reference(NamedTuple):
    """A gradient by the continuous adjoint, beside which those of a scheme are measured in one network.

    gradient: by the tighter of two tolerances.
    rung: index of the looser one in the tolerances.
    error: distance of both gradients, relative; infinite where the tighter tolerance took hardly more evaluations.
    least: distance of the scheme's gradient with the most steps, relative.
    """

    gradient: Parameters
    rung: int
    error: float
    least: float

    def is_near_enough(self, share: float = NUMERICAL_SHARE) -> bool:
        """Whether its error is at most that share of what is measured."""
        return self.error <= share * self.least


class Choice(NamedTuple):
    """What the pilots decide.

    growth: L T by the Lipschitz constant of phi.
    rung: index in the tolerances of the loosest that was near enough for one of them, where every network has its own
        reference checked; of the one that was so for all of them, where not.
    why_not: why no slope can be read, or empty.
    """

    growth: float
    rung: int
    why_not: str


class GradientOrder:
    """Gradients of one scheme beside those of the ODE, over numbers of steps; every network has all of them."""

    def __init__(
        self,
        case: Case,
        setting: Setting,
        scheme: str,
        *,
        tolerances: tuple[float, ...] = TOLERANCES,
        above_rounding: float = ABOVE_ROUNDING,
    ) -> None:
        self.tolerances, self.above_rounding = tolerances, above_rounding
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
        return self._chosen.why_not

    def _why_not(self, pilot: Reference) -> str:
        if not pilot.is_near_enough(self._pilot_share):
            allowed = f"{self._pilot_share:g} of {pilot.least:.2g}"
            return f"the error of the reference, {pilot.error:.2g}, is not below {allowed}"
        # Every evaluation of the field rounds once, there and back, and what it rounds grows by exp(L T) at most.
        evaluations = self.steps[-1] * len(SCHEMES[self.scheme].b)
        rounding = summation_bound(2 * evaluations, math.exp(2 * GROWTH))
        if pilot.least < self.above_rounding * rounding:
            return (
                f"the least error, {pilot.least:.2g}, is not {self.above_rounding:g} times the rounding, {rounding:.2g}"
            )
        return ""

    def __call__(self, stage: int) -> RateResult:
        """The slope of the error against the step; afresh with more networks where it cannot decide."""
        result = self.measured(stage, NETWORKS)
        if result.verdict is not Verdict.INCONCLUSIVE:
            return result
        return self.measured(stage, replicates_afresh(result, NETWORKS, self.margin))

    def measured(self, stage: int, networks: int) -> RateResult:
        """The slope from so many fresh networks; each has a slope of its own.

        Raises:
            ArithmeticError: most networks have no reference that is near enough.
        """
        rows: list[list[float]] = []
        for k in range(DRAWN * networks):
            parameters = self._parameters(f"steps {stage} of {networks}", k)
            reference = self._reference(parameters, self._chosen.rung) if self._regular else self._taken(parameters)
            if reference.is_near_enough():
                distances = [
                    _distance(self._gradient(parameters, steps), reference.gradient) for steps in self.steps[:-1]
                ]
                rows.append([*distances, reference.least])
            if len(rows) == networks:
                break
        else:
            raise ArithmeticError(f"in {k + 1 - len(rows)} of {k + 1} networks no reference is near enough")
        errors = np.ascontiguousarray(np.array(rows).T)
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
    def _chosen(self) -> Choice:
        """The least growth at which the errors of all pilots can be read; the first where there is none."""
        first: Choice | None = None
        for growth in GROWTHS:
            networks = [self._grown("reference", k, growth) for k in range(PILOTS if self._regular else 1)]
            if first is not None and growth * max(map(self._share_of_slope, networks)) > SEEN:
                break
            pilots = [self._reference(parameters, 0, self._pilot_share) for parameters in networks]
            rung = (min if self._regular else max)(pilot.rung for pilot in pilots)
            found = Choice(growth, rung, next(filter(None, map(self._why_not, pilots)), ""))
            if not found.why_not:
                return found
            first = first or found
        assert first is not None  # noqa: S101 - there is a first growth
        return first

    def _share_of_slope(self, parameters: Parameters) -> float:
        """The steepest slope of phi along the flow over its Lipschitz constant; 1 where there is none."""
        activation, model = self.instance.activation, self.instance.case.neural_ode
        if not 0 < activation.lipschitz < math.inf:
            return 1.0
        states = forward(
            activation, model, parameters, self.instance.inputs, scheme=self.scheme, steps=self.steps[-1]
        ).grid
        return float(activation.derivative(states).abs().max()) / activation.lipschitz

    def _parameters(self, stage: str, replicate: int) -> Parameters:
        return self._grown(stage, replicate, self._chosen.growth)

    def _grown(self, stage: str, replicate: int, growth: float) -> Parameters:
        """The weights of a network, W scaled so that L T is `growth`."""
        drawn = self.instance.parameters(stage=stage, replicate=replicate)
        rate = field_growth(self.instance, drawn)
        if math.isinf(rate):
            # No Lipschitz constant: the claim does not assume such a phi, and any scale will do.
            return with_bounded_growth(self.instance, drawn, growth)[0]
        grown = rate * self.instance.case.neural_ode.horizon
        return replace(drawn, W=drawn.W * (growth / grown)) if grown > 0 else drawn

    def _gradient(self, parameters: Parameters, steps: int) -> Parameters:
        """Of the sum of all outputs, exactly as the scheme computes it."""
        activation, model = self.instance.activation, self.instance.case.neural_ode
        trajectory = forward(activation, model, parameters, self.instance.inputs, scheme=self.scheme, steps=steps)
        ones = torch.ones_like(trajectory.outputs)
        backward = adjoint(activation, model, parameters, trajectory, ones)
        return gradient_of_pass(activation, model, trajectory, backward, ones)

    def _reference(self, parameters: Parameters, first: int, share: float = NUMERICAL_SHARE) -> Reference:
        """The gradient of the ODE, by the first of the tolerances from there on that is near enough, or by the last."""
        least_steps = self._gradient(parameters, self.steps[-1])
        coarse = self._solved(parameters, self.tolerances[first])
        for rung in range(first, len(self.tolerances) - 1):
            fine = self._solved(parameters, self.tolerances[rung + 1])
            differ = fine.evaluations >= MORE_EVALUATIONS * coarse.evaluations or not self._regular
            error = _distance(coarse.gradient, fine.gradient) if differ else math.inf
            found = Reference(fine.gradient, rung, error, _distance(least_steps, fine.gradient))
            if found.is_near_enough(share):
                break
            coarse = fine
        return found

    @property
    def _regular(self) -> bool:
        """Whether phi has derivatives of every order, as the claim assumes.

        Where not, a solver of order 5 takes many steps at tight tolerances, and their number follows the kinks.
        """
        return self.instance.activation.differentiable

    @property
    def _pilot_share(self) -> float:
        """What the errors of the pilots' references may be of what is measured."""
        return PILOT_SHARE if self._regular else NUMERICAL_SHARE

    def _taken(self, parameters: Parameters) -> Reference:
        """The gradient by the tolerance that was near enough for the pilots, taken to be so for this network too."""
        gradient = self._solved(parameters, self.tolerances[self._chosen.rung]).gradient
        least = _distance(self._gradient(parameters, self.steps[-1]), gradient)
        return Reference(gradient, self._chosen.rung, 0.0, least)

    def _solved(self, parameters: Parameters, tolerance: float) -> FlowGradient:
        """The gradient of the sum of all outputs of the ODE, by the continuous adjoint."""
        return solve_adjoint(
            self.instance.activation,
            self.instance.case.neural_ode,
            parameters,
            self.instance.inputs,
            torch.ones_like,
            rtol=tolerance,
            atol=tolerance,
        )


def _distance(found: Parameters, reference: Parameters) -> float:
    """Relative error of a gradient."""
    return norm(add_scaled(found, -1.0, reference)) / norm(reference)
