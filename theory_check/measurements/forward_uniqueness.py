"""Claim forward-unique: does the forward solution exist on [0, T], and is it the only one?

For Lipschitz phi the horizon is cut into pieces with L tau <= 1, where Gronwall's bounds still mean something.
Uniqueness on every piece is uniqueness on [0, T]. Without a Lipschitz constant, two solutions that start close
together are carried on one grid, and a blow-up is looked for in a time that slows down as the state grows.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from theory_check.case import Case
from theory_check.claims import quantities as q
from theory_check.evidence.discrepancy import Discrepancy
from theory_check.measurements.bounds import (
    adaptive_bound,
    flow_rounding,
    growth,
    halving_bound,
)
from theory_check.measurements.instance import Instance, Setting, field_growth, prepare
from theory_check.networks.flow import solve_states
from theory_check.networks.model import NonFiniteState, recurrent_matrix
from theory_check.networks.parameters import Parameters, initial_states
from theory_check.networks.schemes import integrate, tangent_flow

TOLERANCE = 1e-10
MOST_PIECES = 12
LARGE = 1e8
PERTURBATIONS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
# A unique solution may depend on its start less than linearly (Hoelder), but at least like the square root: with
# exponent 0 two solutions stay apart however close they start.
HOELDER = 0.5


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
    pieces = max(1, math.ceil(rate * horizon))
    if pieces > MOST_PIECES:
        # Longer horizons only repeat the same check, piece after piece.
        horizon, pieces = horizon * MOST_PIECES / pieces, MOST_PIECES
    states = initial_states(instance.case.neural_ode, parameters, instance.inputs)
    found: list[tuple[Discrepancy, ...]] = []
    for _ in range(pieces):
        piece, states = _piece(instance, parameters, states, rate, horizon / pieces, refined=refined)
        found.append(piece)
    return tuple(max(column, key=lambda d: (bool(d.powerless), d.share)) for column in zip(*found, strict=True))


def _piece(
    instance: Instance, parameters: Parameters, start: Tensor, rate: float, tau: float, *, refined: bool
) -> tuple[tuple[Discrepancy, ...], Tensor]:
    activation, model = instance.activation, instance.case.neural_ode
    steps = 32 if refined else 16
    tolerance = TOLERANCE / 100 if refined else TOLERANCE
    runs = [
        integrate(activation, model, parameters, start, duration=tau, scheme="rk4", steps=k * steps) for k in (1, 2, 4)
    ]
    fixed = runs[-1]
    adaptive = solve_states(
        activation, model, parameters, start, duration=tau, method="dopri5", rtol=tolerance, atol=tolerance
    )
    back = integrate(activation, model, parameters, fixed, duration=-tau, scheme="rk4", steps=4 * steps)
    magnitude = float(torch.linalg.vector_norm(fixed)) + float(torch.linalg.vector_norm(start))
    width = start.shape[1]
    fixed_bound = halving_bound(*(float(torch.linalg.vector_norm(b - a)) for a, b in pairwise(runs))) + flow_rounding(
        4 * steps, width, magnitude, rate, tau
    )
    adaptive_error = growth(rate, tau) * adaptive_bound(tolerance, magnitude, start.numel(), 4 * steps)
    agreement = Discrepancy(
        "difference of two solvers",
        float(torch.linalg.vector_norm(adaptive - fixed)),
        fixed_bound + adaptive_error,
        1.0 + magnitude,
        {"fixed-step solver": fixed_bound, "adaptive solver": adaptive_error},
    )
    # Going back has an error of the same size at its start, and carries the forward one with exp(L tau).
    reversal = Discrepancy(
        "return to the start, forward and back",
        float(torch.linalg.vector_norm(back - start)),
        2 * fixed_bound * growth(rate, tau),
        1.0 + magnitude,
    )
    return (agreement, reversal, *_tangent(instance, parameters, start[0], rate, tau, steps)), fixed


def _tangent(
    instance: Instance, parameters: Parameters, start: Tensor, rate: float, tau: float, steps: int
) -> tuple[Discrepancy, ...]:
    """Singular values of the tangent flow between exp(-L tau) and exp(L tau): no two solutions meet or run apart."""
    activation, model = instance.activation, instance.case.neural_ode
    flows = [
        tangent_flow(activation, model, parameters, start, duration=tau, scheme="rk4", steps=k * steps)[1]
        for k in (1, 2, 4)
    ]
    values = torch.linalg.svdvals(flows[-1])
    error = halving_bound(*(float(torch.linalg.matrix_norm(b - a)) for a, b in pairwise(flows)))
    error += flow_rounding(4 * steps, len(start), math.sqrt(len(start)) * growth(rate, tau), rate, tau)
    outside = max(float(values[0]) - growth(rate, tau), growth(-rate, tau) - float(values[-1]), 0.0)
    return (Discrepancy("singular values of the tangent flow outside Gronwall's bounds", outside, error, 1.0),)


def _without_constant(instance: Instance, parameters: Parameters, *, refined: bool) -> tuple[Discrepancy, ...]:
    horizon = instance.case.neural_ode.horizon
    reached = _reached_time(instance, parameters, 8_000 if refined else 4_000)
    if reached < horizon:
        return (Discrepancy(q.BLOW_UP, horizon, reached),)
    return (_separation(instance, parameters, 512 if refined else 256),)


def _reached_time(instance: Instance, parameters: Parameters, steps: int) -> float:
    """The time reached before |h| exceeds 1e8 (1 + |h_0|), or the horizon.

    Solved in a time s with dt/ds = (1 + |h|) / (1 + |f(h)|): the state grows at most like exp(s), so a fixed step in
    s follows it into a blow-up, where t converges while the state does not.
    """
    A_T = recurrent_matrix(instance.case.neural_ode, parameters).mT
    horizon = instance.case.neural_ode.horizon
    h = initial_states(instance.case.neural_ode, parameters, instance.inputs)
    limit = LARGE * (1.0 + float(torch.linalg.vector_norm(h)))
    time, ds = 0.0, 0.02

    def slope(state: Tensor) -> tuple[Tensor, float]:
        f = instance.activation(state) @ A_T
        clock = float((1.0 + torch.linalg.vector_norm(state)) / (1.0 + torch.linalg.vector_norm(f)))
        return f * clock, clock

    for _ in range(steps):
        k, clock = slope(h)
        half, half_clock = slope(h + 0.5 * ds * k)
        # Never step past the horizon: what lies beyond it does not matter.
        h, time = h + ds * half, time + ds * half_clock
        if time >= horizon:
            return horizon
        if float(torch.linalg.vector_norm(h)) > limit or not math.isfinite(clock):
            return time
    return horizon


def _separation(instance: Instance, parameters: Parameters, steps: int) -> Discrepancy:
    """How far two solutions are apart at T, over how far apart they started, as the start shrinks."""
    model = instance.case.neural_ode
    h = initial_states(model, parameters, instance.inputs)
    direction = torch.randn(h.shape, generator=instance.generator("direction"), dtype=torch.float64).to(h)
    direction /= torch.linalg.vector_norm(direction)
    apart: dict[float, float] = {}
    for size in PERTURBATIONS:
        both = torch.cat([h + size * direction, h - size * direction])
        try:
            ends = integrate(instance.activation, model, parameters, both, duration=model.horizon, steps=steps)
        except NonFiniteState:
            continue  # a larger perturbation can blow up where the solution itself does not
        first, second = ends.chunk(2)
        apart[size] = float(torch.linalg.vector_norm(first - second))
    if len(apart) < 3:
        return Discrepancy(q.SEPARATION, 0.0, 0.0, unusable="too few perturbed solutions stay finite")
    largest, smallest = max(apart), min(apart)
    return Discrepancy(
        q.SEPARATION,
        apart[smallest] / apart[largest] if apart[largest] > 0 else 0.0,
        (smallest / largest) ** HOELDER,
        details={f"apart at T from {size:g}": distance for size, distance in apart.items()},
    )
