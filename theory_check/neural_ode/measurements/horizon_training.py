"""Claim horizon-training: what the horizon does to gradient descent with a fixed learning rate.

With y near f_0 the kernel stays, and the residual along the eigenvector of lambda_max is multiplied by
1 - eta lambda_max in every step. Half of the growth that this predicts beyond eta lambda_max = 2 is asked for, in
addition to none: 1 + (eta lambda_max - 2) / 2 <= eta lambda_max - 1.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import torch
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.horizon_growth import asymptotic_slope
from theory_check.neural_ode.measurements.instance import Instance, prepare
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.descent import DescentTrace, gradient_descent
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.parameters import Network
from theory_check.neural_ode.networks.tangent_kernel import kernels_of
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture

WIDTH = 128
DESCENT_STEPS = 8
SOLVER_STEPS = 16
# A power of two commutes with every rounding, so that both runs are equal to the last bit.
STRETCH = 4.0
# eta lambda_max of the run that must diverge: a learning rate ten per cent too small brings it below 2.
BEYOND, WITHIN = 2.15, 0.05
# To the last bit of a horizon.
BISECTIONS = 60
# Of slope x sigma_w x T: the kernel of the identity has grown by I_0(32), that of tanh tenfold at least (measured).
LONGEST = 16.0
# Of the outputs: the kernel moves by about that share, and rounding of f_0 - y stays below 1e-9 of it.
RESIDUAL = 1e-6


def stretching_discrepancies(case: Case, setting: Setting) -> tuple[Discrepancy, ...]:
    """Losses and outputs of a run for (sigma_w / 4, 4 T) against those for (sigma_w, T), weights and rate the same."""
    instance = prepare(case, setting)
    network, labels = instance.network(stage="stretched"), instance.labels()
    rate = case.eta_factor / max(_top(instance, network)[0], 1e-300)
    one = _trained(instance, network, labels, rate)
    other = _trained(_with(instance, stretched(case.neural_ode)), network, labels, rate)
    # The field of one is four times that of the other, so that one may overflow where the other does not: losses that
    # both have are compared, and that one run ended earlier is no difference.
    common = min(len(one.losses), len(other.losses))
    ended = min((t.diverged_at for t in (one, other) if t.diverged_at is not None), default=None)
    if common == 0:
        return (Discrepancy(q.STRETCHED_RUN, 0.0, 0.0, unusable="a run is not finite at its start"),)
    # Runs that diverge together, by a step of training or more, have shown what they have in common until then.
    together = one.diverged_at == other.diverged_at and common > 1
    pairs = ((one.losses, other.losses), (one.outputs, other.outputs))
    error = max(float((a[:common] - b[:common]).abs().max()) for a, b in pairs)
    # Equal as far as both go: of what follows nothing is known.
    reason = f"a run is not finite after {ended} steps" if ended is not None and not together and error == 0 else ""
    details = {"steps compared": common - 1}
    scale = float(one.outputs[:common].abs().max()) or None
    runs = {"sigma_w and T of the case": one, "sigma_w / 4 and 4 T": other}
    sketch = partial(_picture, "Gradient descent with sigma_w T fixed", runs, "Both runs are one to the last bit.")
    return (Discrepancy(q.STRETCHED_RUN, error, 0.0, scale=scale, unusable=reason, details=details, sketch=sketch),)


def stretched(neural_ode: NeuralODE) -> NeuralODE:
    """The model with a longer horizon and the same product of sigma_w and horizon."""
    return msgspec.structs.replace(
        neural_ode, sigma_w=neural_ode.sigma_w / STRETCH, horizon=neural_ode.horizon * STRETCH
    )


def divergence_discrepancies(case: Case, setting: Setting) -> tuple[Discrepancy, ...]:
    """The horizon at which eta lambda_max, 1 at that of the case, has passed 2, and what training does there."""
    instance = prepare(case, setting)
    network, labels = instance.network(width=WIDTH, stage="lengthened"), instance.labels()
    rate = 1.0 / _top(instance, network)[0]
    horizon, reached = _lengthened(instance, network, rate)
    if not math.isfinite(reached):
        reason = (
            f"no horizon was found between one that is stable and one, T = {horizon:.3g}, with states that overflow"
        )
        return (Discrepancy(q.BEYOND_STABILITY, 0.0, 0.0, unusable=reason),)
    model = case.neural_ode
    horizons = {"that of the case": model.horizon, "twice that": 2 * model.horizon, "the longest": horizon}
    details: dict[str, float | int | str] = {
        "eta lambda_max at the longest horizon": reached,
        "longest horizon over that of the case": horizon / model.horizon,
    }
    runs = {}
    for name, at in horizons.items():
        trace = runs[f"T = {at:.3g}, {name}"] = _trained(_at(instance, at), network, labels, rate)
        details[f"loss at the end over the start, horizon {name}"] = _reduction(trace)
    note = "At the longest horizon the learning rate is beyond 2 / lambda_max, and the residual grows."
    sketch = partial(_picture, "Gradient descent with sigma_w and the learning rate fixed", runs, note)
    found = [Discrepancy(q.BEYOND_STABILITY, 2.0 / reached, 1.0, details=details, sketch=sketch)]
    if reached > 2.0:
        grown = _grown(_at(instance, horizon), network, rate)
        asked = 1.0 + (reached - 2.0) / 2
        details = {**details, "growth of the residual in a step": grown, "predicted": reached - 1.0}
        found.append(Discrepancy(q.DIVERGENCE, asked / max(grown, 1e-300), 1.0, details=details, sketch=sketch))
    return tuple(found)


def _picture(title: str, runs: Mapping[str, DescentTrace], note: str) -> Picture:
    """Losses of several runs over that at the start."""
    return Picture(
        kind="loss",
        title=title,
        x_label="step k",
        y_label="loss over that at the start",
        y_scale="log",
        series=tuple(
            curve(name, np.arange(len(trace.losses)), (trace.losses / trace.losses[0]).cpu().numpy())
            for name, trace in runs.items()
        ),
        note=note,
    )


def _lengthened(instance: Instance, network: Network, rate: float) -> tuple[float, float]:
    """A horizon at which eta lambda_max is `BEYOND`, by doubling and bisection, else the longest; and its value."""
    slope = asymptotic_slope(instance.activation) or instance.activation.lipschitz
    # Without a Lipschitz constant no horizon is long enough for what a slope of 1 would show, or the states overflow.
    slope = slope if math.isfinite(slope) else 1.0
    most = LONGEST / (slope * instance.case.neural_ode.sigma_w)

    def reached(horizon: float) -> float:
        try:
            return rate * _top(_at(instance, horizon), network)[0]
        except NonFiniteState:
            return math.inf

    low = high = instance.case.neural_ode.horizon
    value = 1.0
    while value < BEYOND and high < most:
        low, high = high, min(2 * high, most)
        value = reached(high)
    horizon = high
    for _ in range(BISECTIONS):
        if value <= BEYOND + WITHIN and (value >= BEYOND - WITHIN or high >= most):
            break
        horizon = math.sqrt(low * high)
        value = reached(horizon)
        low, high = (horizon, high) if value < BEYOND else (low, horizon)
    return horizon, value


def _grown(instance: Instance, network: Network, rate: float) -> float:
    """The factor in each step of a small residual along the eigenvector of lambda_max."""
    _value, top = _top(instance, network)
    outputs = _trained(instance, network, torch.zeros_like(top), rate, steps=0).outputs[0]
    labels = outputs + RESIDUAL * (float(torch.linalg.vector_norm(outputs)) or 1.0) * top
    trace = _trained(instance, network, labels, rate)
    along = ((trace.outputs - labels) @ top).abs()
    return float((along[-1] / along[0]) ** (1.0 / (len(along) - 1)))


def _top(instance: Instance, network: Network) -> tuple[float, Tensor]:
    """lambda_max(Theta_0) and its eigenvector."""
    kernel = kernels_of(
        instance.activation, instance.case.neural_ode, network, instance.inputs, scheme="rk4", steps=SOLVER_STEPS
    ).tangent
    if not torch.isfinite(kernel).all():
        raise NonFiniteState("the tangent kernel is not finite")
    values, vectors = torch.linalg.eigh(kernel)
    return float(values[-1]), vectors[:, -1]


def _trained(
    instance: Instance, network: Network, labels: Tensor, rate: float, *, steps: int = DESCENT_STEPS
) -> DescentTrace:
    return gradient_descent(
        instance.activation,
        instance.case.neural_ode,
        network,
        instance.inputs,
        labels,
        learning_rate=rate,
        steps=steps,
        scheme="rk4",
        solver_steps=SOLVER_STEPS,
        kernel_every=None,
    )


def _reduction(trace: DescentTrace) -> float | str:
    if trace.diverged_at is not None:
        return f"not finite after {trace.diverged_at} steps"
    return float(trace.losses[-1] / trace.losses[0])


def _at(instance: Instance, horizon: float) -> Instance:
    return _with(instance, msgspec.structs.replace(instance.case.neural_ode, horizon=horizon))


def _with(instance: Instance, neural_ode: NeuralODE) -> Instance:
    return replace(instance, case=msgspec.structs.replace(instance.case, neural_ode=neural_ode))
