"""Claim forward-unique: does the forward solution exist on [0, T], and is it the only one?

For Lipschitz phi the horizon is cut into pieces with L tau <= 1, where Gronwall's bounds still mean something.
Uniqueness on every piece is uniqueness on [0, T]. Without a Lipschitz constant, two solutions that start close
together are carried on one grid, and a blow-up is looked for (`blow_up`).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.blow_up import BLOW_UP_STEPS, blow_up_discrepancy
from theory_check.neural_ode.measurements.bounds import adaptive_bound, defect_bound, growth, halving_bound
from theory_check.neural_ode.measurements.defect import hermite_defect
from theory_check.neural_ode.measurements.fixed_step import FixedStepSolution, solve_fixed
from theory_check.neural_ode.measurements.instance import (
    DOPRI5_STAGES,
    Instance,
    field_growth,
    largest_entry,
    largest_norm,
    prepare,
)
from theory_check.neural_ode.measurements.rounding import adjoint_rounding, state_rounding
from theory_check.neural_ode.measurements.separation_picture import separation_picture, shrinking_picture
from theory_check.neural_ode.networks.model import NonFiniteState, recurrent_matrix
from theory_check.neural_ode.networks.parameters import Parameters, initial_states
from theory_check.neural_ode.networks.schemes import integrate, tangent_flow
from theory_check.neural_ode.networks.solver import CountedField, solve_at
from theory_check.pictures.picture import Picture

TOLERANCE = 1e-10
MOST_PIECES = 12
PERTURBATIONS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
# A unique solution may depend on its start less than linearly (Hoelder), but at least like the square root: with
# exponent 0 two solutions stay apart however close they start.
HOELDER = 0.5
# Of the separation: what the scheme may err by and still tell solutions that part from solutions that meet.
MOST_NOISE = 0.1


def forward_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """What was measured of existence and uniqueness, the worst over the pieces of [0, T].

    Args:
        case: any activation, inputs and weights.
        setting: seeds and device.
        refined: twice the steps and a hundredth of the tolerance, to confirm a failure.
    """
    instance = prepare(case, setting)
    parameters = instance.parameters()
    if instance.activation.is_lipschitz:
        return _lipschitz(instance, parameters, refined=refined)
    return _without_constant(instance, parameters, refined=refined)


def _lipschitz(instance: Instance, parameters: Parameters, *, refined: bool) -> tuple[Discrepancy, ...]:
    horizon = instance.case.neural_ode.horizon
    rate = field_growth(instance, parameters)
    pieces = needed = max(1, math.ceil(rate * horizon))
    if pieces > MOST_PIECES:
        # Longer horizons only repeat the same check, piece after piece.
        horizon, pieces = horizon * MOST_PIECES / pieces, MOST_PIECES
    states = initial_states(instance.case.neural_ode, parameters, instance.inputs)
    found: list[tuple[Discrepancy, ...]] = []
    for _ in range(pieces):
        piece, states = _piece(instance, parameters, states, rate, horizon / pieces, refined=refined)
        found.append(piece)
    seen = {"pieces of the horizon": needed, "pieces looked at": pieces}
    worst = (max(column, key=severity) for column in zip(*found, strict=True))

    def sketch() -> Picture:
        return separation_picture(instance, parameters, rate=rate, duration=horizon, pieces=pieces)

    return tuple(replace(d, details={**d.details, **seen}, sketch=sketch) for d in worst)


def severity(d: Discrepancy) -> tuple[bool, bool, float]:
    """A failing comparison counts before one that could not be made, and that before the one nearest to its bound."""
    return not d.powerless and d.error > d.bound, bool(d.powerless), d.share


def _piece(
    instance: Instance, parameters: Parameters, start: Tensor, rate: float, tau: float, *, refined: bool
) -> tuple[tuple[Discrepancy, ...], Tensor]:
    steps = 32 if refined else 16
    tolerance = TOLERANCE / 100 if refined else TOLERANCE
    fixed = solve_fixed(instance, parameters, start, rate=rate, duration=tau, steps=steps)
    end = fixed.grid[-1]
    adaptive, adaptive_error = _adaptive(instance, parameters, fixed, rate, tau, tolerance)
    scale = 1.0 + largest_norm(fixed.grid)
    agreement = Discrepancy(
        q.AGREEMENT,
        float(torch.linalg.vector_norm(adaptive - end)),
        fixed.bound + adaptive_error,
        scale,
        {"fixed-step solver": fixed.scheme, "its rounding": fixed.rounding, "adaptive solver": adaptive_error},
    )
    # Going back has an error of its own, and carries the forward one with exp(L tau).
    back = solve_fixed(instance, parameters, end, rate=rate, duration=-tau, steps=steps)
    reversal = Discrepancy(
        q.REVERSAL,
        float(torch.linalg.vector_norm(back.grid[-1] - start)),
        back.bound + growth(rate, tau) * fixed.bound,
        scale,
        {"going back": back.bound, "going forward": growth(rate, tau) * fixed.bound},
    )
    return (agreement, reversal, _tangent(instance, parameters, fixed.grid[:, :1], rate, tau, steps)), end


@torch.no_grad()
def _adaptive(
    instance: Instance, parameters: Parameters, fixed: FixedStepSolution, rate: float, tau: float, tolerance: float
) -> tuple[Tensor, float]:
    """The end of a piece by dopri5, and a bound of its error."""
    activation = instance.activation
    A_T = recurrent_matrix(instance.case.neural_ode, parameters).mT
    field = CountedField(lambda _t, h: activation(h) @ A_T)
    # The error estimate of a step presumes derivatives; where phi may lack them the defect on the other's grid counts.
    steps = 1 if activation.analytic else len(fixed.grid) - 1
    times = [tau * k / steps for k in range(steps + 1)]
    states = solve_at(field, fixed.grid[0], times, rtol=tolerance, atol=tolerance)
    accepted = math.ceil(field.evaluations / DOPRI5_STAGES)
    rounding = growth(rate, tau) * state_rounding(instance, parameters, fixed.grid, steps=accepted, duration=tau)
    if activation.analytic:
        local = adaptive_bound(tolerance, largest_entry(fixed.grid), states[0].numel(), accepted)
        return states[-1], growth(rate, tau) * local + rounding
    defect = hermite_defect(lambda h: activation(h) @ A_T, states, tau / steps)
    return states[-1], defect_bound(rate, tau, defect) + rounding


def _tangent(
    instance: Instance, parameters: Parameters, states: Tensor, rate: float, tau: float, steps: int
) -> Discrepancy:
    """Singular values of the tangent flow between exp(-L tau) and exp(L tau): no two solutions meet or run apart."""
    activation, model, start = instance.activation, instance.case.neural_ode, states[0, 0]
    flows = [
        tangent_flow(activation, model, parameters, start, duration=tau, scheme="rk4", steps=k * steps)[1]
        for k in (1, 2, 4)
    ]
    values = torch.linalg.svdvals(flows[-1])
    # A step of the scheme has |J - I| <= exp(z) - 1, z = L dt, for slopes of any kind: its own singular values are at
    # most exp(z) and at least 2 - exp(z). Where kinks spoil its order that is less than halving shows.
    own = growth(-rate, tau) - (2.0 - growth(rate, tau / (4 * steps))) ** (4 * steps)
    error = min(own, halving_bound(*(float(torch.linalg.matrix_norm(b - a)) for a, b in pairwise(flows))))
    # Every column of J is an adjoint run the other way: the same products, from a unit vector.
    columns, grown = math.sqrt(len(start)), growth(rate, tau)
    error += adjoint_rounding(
        instance,
        parameters,
        states,
        final=columns,
        flat=0.0,
        carried=grown,
        steps=4 * steps,
        duration=tau,
    )
    outside = max(float(values[0]) - growth(rate, tau), growth(-rate, tau) - float(values[-1]), 0.0)
    return Discrepancy(q.TANGENT_FLOW, outside, error, 1.0)


def _without_constant(instance: Instance, parameters: Parameters, *, refined: bool) -> tuple[Discrepancy, ...]:
    horizon = instance.case.neural_ode.horizon
    steps = BLOW_UP_STEPS * (2 if refined else 1)
    A_T = recurrent_matrix(instance.case.neural_ode, parameters).mT
    start = initial_states(instance.case.neural_ode, parameters, instance.inputs)

    def field(_t: float, states: Tensor) -> Tensor:
        return instance.activation(states) @ A_T

    def run(states: Tensor, count: int) -> Tensor:
        model = instance.case.neural_ode
        return integrate(instance.activation, model, parameters, states, duration=model.horizon, steps=count)

    blow_up = blow_up_discrepancy(field, start, horizon, steps)
    if blow_up is not None:
        return (blow_up,)
    return (separation(run, start, instance.generator("direction"), 128 if refined else 64),)


def separation(
    run: Callable[[Tensor, int], Tensor], start: Tensor, generator: torch.Generator, steps: int
) -> Discrepancy:
    """How far two solutions are apart at T, over how far apart they started, as the start shrinks.

    Apart means at T or at the start, whichever is more: solutions that meet from far are no evidence against one that
    starts close. Fixed steps follow a solution into a point where phi is steep without end only up to their own error,
    seen by halving them. `run` takes states to those at the horizon, in a number of steps.
    """
    h = start
    direction = torch.randn(h.shape, generator=generator, dtype=torch.float64).to(h)
    direction /= torch.linalg.vector_norm(direction)
    apart: dict[float, float] = {}
    noise = math.inf
    for size in PERTURBATIONS:
        both = torch.cat([h + size * direction, h - size * direction])
        try:
            runs = [run(both, k * steps) for k in (1, 2, 4)]
        except NonFiniteState:
            continue  # a larger perturbation can blow up where the solution itself does not
        gaps = [first - second for first, second in (ends.chunk(2) for ends in runs)]
        gap = float(torch.linalg.vector_norm(gaps[-1]))
        errors = halving_bound(*(float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(gaps)))
        if not (math.isfinite(gap) and math.isfinite(errors)):
            continue  # finite states whose distance overflows: beside it every other would be nothing
        apart[size], noise = gap, errors
    if len(apart) < 3:
        return Discrepancy(q.SEPARATION, 0.0, 0.0, unusable="too few perturbed solutions stay finite")
    largest, smallest = max(apart), min(apart)
    unit = max(apart[largest], 2.0 * largest)
    return Discrepancy(
        q.SEPARATION,
        apart[smallest] / unit,
        (smallest / largest) ** HOELDER + noise / unit,
        details={"noise of the scheme": noise} | {f"apart at T from {size:g}": gap for size, gap in apart.items()},
        sketch=partial(shrinking_picture, apart, unit=unit, exponent=HOELDER, noise=noise),
        unusable="" if noise <= MOST_NOISE * unit else f"the scheme errs by {noise / unit:.2g} of the separation",
    )
