"""Claim horizon-growth: what the horizon does to variances when sigma_w stays, and that sigma_w ~ 1/T undoes it.

Lower bound of the growth. Where phi(x) behaves like s_+ x far to the right and s_- x far to the left it is, at that
scale, a x + b |x| with a = (s_+ + s_-)/2, b = (s_+ - s_-)/2, whose dual activation is at least (a^2 + b^2) C for
C >= 0: of an input with itself, C grows at least like that of the identity with kappa sigma_w in place of sigma_w,
kappa^2 = a^2 + b^2 = (s_+^2 + s_-^2)/2, which is I_0(2 kappa sigma_w T): exponential at the rate 2 kappa sigma_w. Half
of that rate is asked for, since phi is not yet homogeneous at the scale of a finite horizon; and only at horizons at
which it is nearly so.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import torch
from scipy import special

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Case, materialise
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel
from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
from theory_check.neural_ode.measurements.instance import (
    Instance,
    field_growth,
    limit_tolerance,
    prepare,
    propagator_bound,
)
from theory_check.neural_ode.measurements.rounding import state_rounding
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.schemes import forward
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture, Style

# Of T: the variance at half the horizon and at the whole of it.
FRACTIONS = (0.5, 1.0)
# Where growth is judged: kappa sigma_w T of the first of two horizons, and what the second adds to it; a longer one
# where E[phi^2] is not yet this share of what it is for the asymptote, as for a phi that is dead up to a threshold.
GROWN = (1.5, 3.0, 6.0, 11.0)
# The next is tried where bounds of the limit at that horizon, which grow with exp(L T), say nothing.
ADDED = (1.5, 0.75, 0.375)
NEAR_ASYMPTOTE = 0.5
ASKED_SHARE = 0.5
# kappa over the steepest slope of a random phi, at least: horizons are as many times longer as this is smaller, and
# errors of the limit grow over them by the steepest slope.
LEAST_ASYMPTOTE = 0.25
# A kappa of at most this is taken for rounding of a difference of two slopes.
SLIGHTEST = 1e-3
# phi is taken as linear far out where these arguments agree in its slope.
FAR = (1e6, 2e6)
SOLVER_STEPS = 16


def fall_discrepancies(case: Case, setting: Setting) -> tuple[Discrepancy, ...]:
    """The variance of the limit of h_T over growing horizons: it does not fall, whatever phi."""
    instance = prepare(case, setting)
    seen = _at_fractions(instance)
    return (replace(_falls(instance, list(seen.values())), sketch=partial(_picture, instance, seen)),)


def growth_discrepancies(
    case: Case, setting: Setting, *, grown: tuple[float, ...] = GROWN, added: tuple[float, ...] = ADDED
) -> tuple[Discrepancy, ...]:
    """The variance of the limit of f: bounded over growing horizons where phi is, else it grows exponentially."""
    instance = prepare(case, setting)
    if math.isfinite(instance.activation.supremum):
        seen = _at_fractions(instance)
        return (replace(_excess(instance, list(seen.values())), sketch=partial(_picture, instance, seen)),)
    kappa = asymptotic_slope(instance.activation)
    if kappa == 0.0:
        reason = "of an output the claim speaks where phi grows linearly, or is known to be bounded"
        return (Discrepancy(q.GROWTH, 0.0, 0.0, unusable=reason),)
    seen = {}
    return (
        replace(
            _growth(instance, kappa, seen, grown, added), sketch=partial(_picture, instance, seen) if seen else None
        ),
    )


def rescaling_discrepancies(case: Case, setting: Setting) -> tuple[Discrepancy, ...]:
    """States of (sigma_w, T) against those of (sigma_w T, 1): equal but for the rounding of both solves."""
    instance = prepare(case, setting)
    parameters = instance.parameters()
    other = replace(instance, case=msgspec.structs.replace(case, neural_ode=rescaled(case.neural_ode)))
    rate = field_growth(instance, parameters)
    finals, grids, rounding, largest = [], [], 0.0, 0.0
    for one in (instance, other):
        model = one.case.neural_ode
        trajectory = forward(one.activation, model, parameters, one.inputs, steps=SOLVER_STEPS)
        finals.append(trajectory.final)
        grids.append(trajectory.grid)
        largest = max(largest, float(torch.linalg.vector_norm(trajectory.final)))
        rounding += state_rounding(one, parameters, trajectory.grid, steps=SOLVER_STEPS, duration=model.horizon)
    carried = propagator_bound(instance, parameters, rate) if math.isfinite(rate) else math.inf
    error = float(torch.linalg.vector_norm(finals[0] - finals[1]))
    sketch = partial(_scaling_picture, grids, [case.neural_ode, other.case.neural_ode])
    return (Discrepancy(q.RESCALING, error, carried * rounding, scale=largest, sketch=sketch),)


def _at_fractions(instance: Instance) -> dict[float, LimitKernels]:
    horizons = [instance.case.neural_ode.horizon * fraction for fraction in FRACTIONS]
    return {horizon: _limits(instance, horizon) for horizon in horizons}


def _picture(instance: Instance, seen: Mapping[float, LimitKernels]) -> Picture:
    """Variances of the first input at the horizons that were solved, and sigma_w = c / T from the first of them on."""
    model = instance.case.neural_ode
    horizons = np.array(sorted(seen))
    start = model.sigma_u**2 * float((instance.inputs[0] ** 2).mean())
    state = [start, *(float(seen[t].state[0, 0]) for t in horizons.tolist())]
    output = [float(seen[t].nngp[0, 0]) for t in horizons.tolist()]
    series = [
        curve("state, sigma_w fixed", [0.0, *horizons.tolist()], state),
        curve("output, sigma_w fixed", horizons, output),
        curve("output, sigma_w = c / T", horizons[[0, -1]], output[:1] * 2, style="line"),
    ]
    if math.isfinite(instance.activation.supremum):
        most = (model.sigma_v * instance.activation.supremum) ** 2
        series.append(curve("bound for a bounded phi", horizons[[0, -1]], [most, most], style="line"))
    return Picture(
        kind="horizon",
        title="Variance at infinite width against the horizon",
        x_label="horizon T",
        y_label="variance",
        y_scale="log",
        series=tuple(series),
        note="With sigma_w fixed the variance of the state never falls; sigma_w = c / T takes the horizon out.",
    )


def _scaling_picture(grids: list[torch.Tensor], models: list[NeuralODE]) -> Picture:
    """Mean squares of the states of one network for both pairs of sigma_w and T."""
    styles: tuple[Style, Style] = ("points", "line")
    return Picture(
        kind="horizon",
        title="Size of the states for sigma_w and T, and for sigma_w T and 1",
        x_label="time over the horizon, t / T",
        y_label="mean square of the states",
        series=tuple(
            curve(
                f"sigma_w = {model.sigma_w:.3g}, T = {model.horizon:.3g}",
                np.linspace(0.0, 1.0, len(grid)),
                (grid**2).mean(dim=(-2, -1)).cpu().numpy(),
                style=style,
            )
            for grid, model, style in zip(grids, models, styles, strict=True)
        ),
        note="Both are one curve: the flow knows sigma_w and T through their product only.",
    )


def rescaled(neural_ode: NeuralODE) -> NeuralODE:
    """The model with horizon 1 and the same product of sigma_w and horizon."""
    return msgspec.structs.replace(neural_ode, sigma_w=neural_ode.sigma_w * neural_ode.horizon, horizon=1.0)


def asymptotic_slope(activation: Activation) -> float:
    """The kappa of the module docstring; 0 where phi does not grow linearly on either side."""
    slopes = []
    for sign in (1.0, -1.0):
        near, far = (activation.value_at(sign * x) / (sign * x) for x in FAR)
        slopes.append(far if math.isclose(near, far, rel_tol=1e-3) else 0.0)
    kappa = math.sqrt((slopes[0] ** 2 + slopes[1] ** 2) / 2)
    return kappa if kappa > SLIGHTEST else 0.0


def shows_its_growth(activation: Activation) -> bool:
    """Whether phi is known to be bounded, or grows at horizons at which its limit can be computed."""
    kappa = asymptotic_slope(activation)
    return math.isfinite(activation.supremum) or kappa >= max(LEAST_ASYMPTOTE * activation.lipschitz, SLIGHTEST)


def _limits(instance: Instance, horizon: float) -> LimitKernels:
    case = instance.case
    model = msgspec.structs.replace(case.neural_ode, horizon=horizon)
    tolerance = limit_tolerance(instance.activation)
    return limit_kernels(instance.activation, materialise(case.data), model, tolerance, tangent=False)


def _falls(instance: Instance, solved: list[LimitKernels]) -> Discrepancy:
    """From one horizon to the next, over all inputs; the first is 0."""
    start = instance.case.neural_ode.sigma_u**2 * (materialise(instance.case.data) ** 2).mean(axis=1)
    values = np.stack([start, *(np.diagonal(one.state) for one in solved)])
    errors = np.stack([1e-14 * start, *(np.diagonal(one.state_error) for one in solved)])
    fall, bound = values[:-1] - values[1:], errors[:-1] + errors[1:]
    at = np.unravel_index(int(np.argmax(fall - bound)), fall.shape)
    # Variances that all vanish have a scale of 0, beside which every bound but 0 is too large.
    return Discrepancy(q.VARIANCE_FALL, max(0.0, float(fall[at])), float(bound[at]), scale=float(values.max()))


def _excess(instance: Instance, solved: list[LimitKernels]) -> Discrepancy:
    """Of the output variance over sigma_v^2 sup phi^2, relative."""
    most = (instance.case.neural_ode.sigma_v * instance.activation.supremum) ** 2
    values = np.stack([np.diagonal(one.nngp) for one in solved])
    errors = np.stack([np.diagonal(one.nngp_error) for one in solved])
    at = np.unravel_index(int(np.argmax(values - errors)), values.shape)
    excess = float(values[at]) / most - 1.0
    return Discrepancy(q.VARIANCE_EXCESS, max(0.0, excess), float(errors[at]) / most + 1e-15, scale=1.0)


def _growth(
    instance: Instance,
    kappa: float,
    seen: dict[float, LimitKernels],
    grown: tuple[float, ...],
    added: tuple[float, ...],
) -> Discrepancy:
    """Of log output variance from one horizon to a longer one: what is missing of half the predicted growth.

    The limits at both are added to those `seen`.
    """
    sigma_w = instance.case.neural_ode.sigma_w
    out_of_reach = ""
    for grown_to in grown:
        out_of_reach = (
            f"variances at sigma_w T = {grown_to / kappa:.3g} and beyond, near the asymptote, are out of reach"
        )
        try:
            before = seen[grown_to / (kappa * sigma_w)] = _limits(instance, grown_to / (kappa * sigma_w))
        except InfiniteKernel:
            # No variance of a Lipschitz phi is infinite: the horizon is too long for what can be computed.
            return Discrepancy(q.GROWTH, 0.0, 0.0, unusable=out_of_reach)
        # E[phi^2] over that of the asymptote.
        near = np.diagonal(before.nngp) / (instance.case.neural_ode.sigma_v * kappa) ** 2 / np.diagonal(before.state)
        if near.min() >= NEAR_ASYMPTOTE:
            break
    else:
        reason = (
            f"up to sigma_w T = {grown_to / kappa:.3g} E[phi^2] is {near.min():.2g} of that of the asymptote at most"
        )
        return Discrepancy(q.GROWTH, 0.0, 0.0, unusable=reason)
    found = Discrepancy(q.GROWTH, 0.0, 0.0, unusable=out_of_reach)
    for more in added:
        longer = (grown_to + more) / (kappa * sigma_w)
        try:
            after = _limits(instance, longer)
        except InfiniteKernel:
            continue
        found = _missing(kappa, (grown_to, grown_to + more), (before, after))
        if not found.powerless:
            seen[longer] = after
            break
    return found


def _missing(kappa: float, horizons: tuple[float, float], solved: tuple[LimitKernels, LimitKernels]) -> Discrepancy:
    """Of the growth that is asked for between two horizons, in units of 1 / (kappa sigma_w)."""
    before, after = solved
    grown = np.log(np.diagonal(after.nngp) / np.diagonal(before.nngp))
    shares = [np.diagonal(one.nngp_error) / np.diagonal(one.nngp) for one in solved]
    open_ = shares[0] + shares[1]
    predicted = math.log(float(special.i0(2 * horizons[1])) / float(special.i0(2 * horizons[0])))
    asked = ASKED_SHARE * predicted
    missing = asked - grown
    at = int(np.argmax(missing - open_))
    return Discrepancy(
        q.GROWTH,
        max(0.0, float(missing[at])),
        2 * float(open_[at]),
        scale=asked,
        details={"growth of the logarithm": float(grown[at]), "predicted for the asymptote": predicted, "kappa": kappa},
    )
