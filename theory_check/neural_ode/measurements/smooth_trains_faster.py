"""Claim smooth-trains-faster: what a kinked phi costs, and what it costs once its kinks are smoothed.

The two of a pair differ in smoothness alone: phi is piecewise linear, its partner is the Gaussian mollification
E[phi(x + eps Z)], on the same networks, inputs and targets. eps is `smoothing` times the standard deviation of the
state at the start, over the width and over the inputs: s^2 = sigma_u^2 mean_i |x_i|^2 / d. Smoothing 0.03 and 0.3
decide, said beforehand; as eps falls the partner becomes phi, so that less shows continuity only.

Mollifying damps the high degrees of phi as well: the dual of the partner is that of phi at variances a + eps^2. What
this does to steps of gradient descent the limiting kernels predict, for either side (`predicted_steps`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.judge.counts_picture import counts_picture
from theory_check.judge.non_inferiority import Costs, PairedCosts
from theory_check.judge.plain_numbers import Detail
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.mollification import is_piecewise_linear, mollified
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.limits.kernels import LimitKernels
from theory_check.neural_ode.limits.layers import layer_kernels
from theory_check.neural_ode.measurements.instance import Instance, limit_tolerance, prepare
from theory_check.neural_ode.measurements.predicted_steps import predicted_steps
from theory_check.neural_ode.networks.descent_times import DescentTimes, steps_to_target
from theory_check.neural_ode.networks.model import recurrent_matrix
from theory_check.neural_ode.networks.parameters import Parameters, initial_states
from theory_check.neural_ode.networks.solver import CountedField, solve_at

# Smoothing in standard deviations of the state, said beforehand: the one shows continuity, the other what shape does.
FINE, COARSE = 0.03, 0.3
# Of a comparison of activations (activation_costs.py).
TOLERANCE = 1e-6
# dopri5 counts in sixes: with as many evaluations six more are 2 %, less than half the margin.
LEAST_EVALUATIONS = 300
# One network stands for all: it has to take a fifth more.
PILOT_EVALUATIONS = 360
# From the loosest on: the first at which the kinked phi takes enough evaluations.
TOLERANCES = (1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12)
# Networks of one sample. Kinks cost several times the evaluations, so that few networks show it; 32 know the ratio of
# steps to 4 % at the fine smoothing, where runs of a pair hardly differ, and to 8 % at the coarse one.
SOLVED, TRAINED = 5, 32
# A larger sample, where the first decides nothing.
MORE = 4
SOLVER_STEPS = 4
# eta lambda_max(Theta_0). At 1 networks would arrive in few steps, or at a loss near rounding after many.
RATE = 0.25
# The target is what a few networks have left of the loss after so many steps, so that others take 100 and more.
PILOTS, PILOT_STEPS, MOST_STEPS = 8, 150, 1000
# A run that has not arrived counts as MOST_STEPS: a cost like any other, as long as there are few of them.
MOST_UNFINISHED = 0.1


def state_deviation(instance: Instance) -> float:
    """The standard deviation s of a coordinate of the state at the start, root mean square over the inputs."""
    inputs = instance.inputs
    return instance.case.neural_ode.sigma_u * math.sqrt(float(inputs.square().sum(-1).mean()) / inputs.shape[-1])


def partner(activation: Activation, width: float) -> Activation:
    """The mollification that phi is compared with."""
    return mollified(activation, width)


def paired(smooth: Costs, kinked: Costs) -> tuple[Costs, Costs]:
    """Costs as they are compared."""
    return smooth, kinked


def learning_rates(largest: Float[Tensor, " networks"], *, smooth: bool) -> Float[Tensor, " networks"]:  # noqa: ARG001
    """RATE / lambda_max(Theta_0), whichever side it is."""
    return RATE / largest


@dataclass(frozen=True)
class Pair:
    """A case with the kinked phi and with its mollification."""

    kinked: Instance
    smooth: Activation
    smoothing: float

    @property
    def names(self) -> tuple[str, str]:
        """Of the smooth side and the kinked one, in a legend."""
        return f"{self.kinked.activation.expression}, mollified", self.kinked.activation.expression

    @property
    def details(self) -> dict[str, Detail]:
        """What a report says of the partner."""
        return {
            "mollified phi": self.smooth.expression,
            "smoothing, standard deviations of the state": self.smoothing,
        }


@dataclass(frozen=True)
class Comparison:
    """Samples of the costs of a pair, each of fresh networks; `larger` of four times as many.

    unusable: why there are none, if so.
    """

    sample: Callable[[int], PairedCosts]
    larger: Callable[[int], PairedCosts]
    unusable: str = ""


def compared_evaluations(case: Case, setting: Setting, smoothing: float) -> Comparison:
    """Evaluations of the forward solve by dopri5 at initialisation, both with the same tolerance.

    The tolerance is the loosest of a list at which the kinked phi takes 360 evaluations in a network of its own, so
    that others take 300.
    """
    pair = pair_of(case, setting, smoothing)
    if isinstance(pair, str):
        return _nothing(pair)
    instance = pair.kinked
    pilot = instance.parameters(stage="tolerance")
    enough = (
        tolerance
        for tolerance in TOLERANCES
        if solver_evaluations(instance.activation, instance, pilot, tolerance) >= PILOT_EVALUATIONS
    )
    tolerance = next(enough, None)
    if tolerance is None:
        return _nothing(f"the solver takes fewer than {LEAST_EVALUATIONS} evaluations even to {TOLERANCES[-1]:g}")
    return _sampled(partial(_evaluations, pair, tolerance), SOLVED, "evaluations")


def compared_steps(case: Case, setting: Setting, smoothing: float) -> Comparison:
    """Steps of gradient descent to one target, each side with eta = 1 / (4 lambda_max) of its own Theta_0.

    The target is the share of the loss that the kinked phi has left after PILOT_STEPS steps: the geometric mean over
    a few networks of its own.
    """
    pair = pair_of(case, setting, smoothing)
    if isinstance(pair, str):
        return _nothing(pair)
    (pilot,) = trained(pair.kinked, (pair.kinked.activation,), "target", PILOTS, target=0.0, most=PILOT_STEPS)
    target = float(np.exp(np.log(pilot.shares).mean()))
    return _sampled(partial(_steps, pair, target), TRAINED, "descent")


def pair_of(case: Case, setting: Setting, smoothing: float) -> Pair | str:
    """Both sides of a case, or why phi has no mollification to be compared with."""
    instance = prepare(case, setting)
    if not is_piecewise_linear(instance.activation):
        return f"{instance.activation.name} has no kinks between straight pieces that could be smoothed"
    deviation = state_deviation(instance)
    if not deviation:
        return "all inputs are zero: the state has no scale to smooth kinks on"
    return Pair(instance, partner(instance.activation, smoothing * deviation), smoothing)


def _nothing(reason: str) -> Comparison:
    def none(_sample: int) -> PairedCosts:
        raise ValueError(f"there is nothing to compare: {reason}")

    return Comparison(none, none, reason)


def _sampled(measure: Callable[[str, int], PairedCosts], count: int, what: str) -> Comparison:
    """Samples by their stage and number of networks."""
    return Comparison(
        lambda sample: measure(f"{what}-{sample}", count), lambda sample: measure(f"{what}-more-{sample}", MORE * count)
    )


def _evaluations(pair: Pair, tolerance: float, stage: str, count: int) -> PairedCosts:
    instance = pair.kinked
    networks = [instance.parameters(stage=stage, replicate=k) for k in range(count)]
    smooth, kinked = (
        np.array([solver_evaluations(phi, instance, network, tolerance) for network in networks], dtype=np.float64)
        for phi in (pair.smooth, instance.activation)
    )
    details: dict[str, Detail] = {
        **pair.details,
        "tolerance": tolerance,
    }
    sides = dict(zip(pair.names, (smooth, kinked), strict=True))
    sketch = partial(counts_picture, "Evaluations of the field by the adaptive solver", "evaluations", sides)
    return PairedCosts(*paired(smooth, kinked), details, sketch)


def _steps(pair: Pair, target: float, stage: str, count: int) -> PairedCosts:
    instance = pair.kinked
    both = (pair.smooth, instance.activation)
    smooth, kinked = (run.steps.astype(np.float64) for run in trained(instance, both, stage, count, target=target))
    predicted = [predicted_steps(network_kernels(phi, instance), target, RATE) for phi in both]
    unfinished = [int(np.count_nonzero(side == MOST_STEPS)) for side in (smooth, kinked)]
    details: dict[str, Detail] = {
        **pair.details,
        "target, share of the loss at the start": target,
        "runs stopped at the cap, mollified": unfinished[0],
        "runs stopped at the cap": unfinished[1],
        "cap on steps": MOST_STEPS,
    }
    unusable = ""
    if max(unfinished) > MOST_UNFINISHED * count:
        unusable = f"{max(unfinished)} of {count} runs have not arrived after {MOST_STEPS} steps"
    sides = dict(zip(pair.names, (smooth, kinked), strict=True))
    sketch = partial(counts_picture, f"Steps of gradient descent to {target:.2g} of the loss", "steps", sides)
    return PairedCosts(*paired(smooth, kinked), details, sketch, unusable, predicted[0] / predicted[1])


def network_kernels(activation: Activation, instance: Instance) -> LimitKernels:
    """The kernels, at infinite width, of the networks that are trained."""
    inputs, model = instance.inputs.cpu().numpy(), instance.case.neural_ode
    return layer_kernels(activation, inputs, model, SOLVER_STEPS, limit_tolerance(activation))


def trained(
    instance: Instance,
    activations: tuple[Activation, ...],
    stage: str,
    count: int,
    *,
    target: float,
    most: int = MOST_STEPS,
) -> list[DescentTimes]:
    """Descent with each activation on the same networks and targets; the last of them is the kinked one."""
    networks = [instance.parameters(stage=stage, replicate=replicate) for replicate in range(count)]
    stacked = Parameters(*(torch.stack([getattr(p, name) for p in networks]) for name in ("U", "W", "V")))
    # Fresh targets for every network: which directions of the kernel they lie along is no property of phi.
    generator = instance.generator(f"targets-{stage}")
    targets = torch.randn(count, len(instance.inputs), generator=generator, dtype=torch.float64).to(instance.inputs)
    return [
        steps_to_target(
            phi,
            instance.case.neural_ode,
            stacked,
            instance.inputs,
            targets,
            rates=partial(learning_rates, smooth=phi is not activations[-1]),
            target=target,
            most=most,
            layers=SOLVER_STEPS,
        )
        for phi in activations
    ]


@torch.no_grad()
def solver_evaluations(
    activation: Activation, instance: Instance, parameters: Parameters, tolerance: float = TOLERANCE
) -> int:
    """Evaluations of the field that dopri5 takes for a forward solve of all inputs to `tolerance`.

    Raises:
        SolverFailure: it gave up.
    """
    model = instance.case.neural_ode
    A_T = recurrent_matrix(model, parameters).mT
    field = CountedField(lambda _t, h: activation(h) @ A_T)
    start = initial_states(model, parameters, instance.inputs)
    solve_at(field, start, (0.0, model.horizon), rtol=tolerance, atol=tolerance)
    return field.evaluations
