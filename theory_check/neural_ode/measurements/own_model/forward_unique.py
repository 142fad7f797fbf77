"""Claim forward-unique on a user's own field: the measured counterpart of `measurements.forward_unique`.

Where slopes stay bounded on the reached set the horizon is cut into pieces with L tau <= 1, L being measured. Errors of
both solvers are bounded by their defect, which needs no derivative of the field. Where slopes grow without end, or a
trajectory leaves all bounds, solutions that start ever closer are followed instead, and a blow-up is looked for.
"""

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.blow_up import BLOW_UP_STEPS, blow_up_discrepancy
from theory_check.neural_ode.measurements.bounds import defect_bound, flow_rounding, growth
from theory_check.neural_ode.measurements.defect import timed_hermite_defect
from theory_check.neural_ode.measurements.forward_unique import MOST_PIECES, TOLERANCE, separation, severity
from theory_check.neural_ode.measurements.own_model.instance import ModelInstance, prepare_model
from theory_check.neural_ode.measurements.own_model.pictures import pairs_picture
from theory_check.neural_ode.measurements.own_model.reached_set import TUBE, pair_rate
from theory_check.neural_ode.networks.own_model.vector_field import solve, times_of
from theory_check.neural_ode.networks.solver import CountedField, solve_at

PAIRS = 3


def forward_discrepancies(case: Case, setting: Setting, *, refined: bool = False) -> tuple[Discrepancy, ...]:
    """What was measured of existence and uniqueness, the worst over the pieces of [0, T].

    Args:
        case: of a user's model.
        setting: seeds, profile and loader.
        refined: twice the steps and a hundredth of the tolerance, to confirm a failure.
    """
    instance = prepare_model(case, setting)
    if math.isinf(instance.reached.lipschitz):
        found = _without_constant(instance, refined=refined)
        looked_at = instance.horizon
    else:
        found, looked_at = _lipschitz(instance, refined=refined)
    told = instance.told(looked_at)
    return tuple(replace(d, details={**d.details, **told}) for d in found)


def _lipschitz(instance: ModelInstance, *, refined: bool) -> tuple[tuple[Discrepancy, ...], float]:
    rate, horizon = instance.reached.lipschitz, instance.reached.horizon
    pieces = needed = max(1, math.ceil(rate * horizon))
    if pieces > MOST_PIECES:
        # Longer horizons only repeat the same check, piece after piece.
        horizon, pieces = horizon * MOST_PIECES / pieces, MOST_PIECES
    states, tau = instance.inputs, horizon / pieces
    generator = instance.generator("pairs")
    found: list[tuple[Discrepancy, ...]] = []
    for k in range(pieces):
        piece = _Piece(instance, begin=k * tau, tau=tau, steps=128 if refined else 64)
        compared, states = piece.compare(states, generator, tolerance=TOLERANCE / (100 if refined else 1))
        found.append(compared)
    seen = {"pieces of the horizon": needed, "pieces looked at": pieces}
    worst = (max(column, key=severity) for column in zip(*found, strict=True))
    return tuple(replace(d, details={**d.details, **seen}) for d in worst), horizon


@dataclass(frozen=True)
class _Piece:
    """A part of the horizon with L tau <= 1."""

    instance: ModelInstance
    begin: float
    tau: float
    steps: int

    @torch.no_grad()
    def compare(
        self, start: Float[Tensor, "inputs dimension"], generator: torch.Generator, *, tolerance: float
    ) -> tuple[tuple[Discrepancy, ...], Tensor]:
        """Two solvers, there and back, and pairs of solutions; and the states at its end."""
        field, rate = self.instance.field, self.instance.reached.lipschitz
        grid = self._solved(start)
        fixed = self._error(grid, self.steps)
        counted = CountedField(field)
        times = [self.begin + self.tau * k / self.steps for k in range(self.steps + 1)]
        adaptive = solve_at(counted, start, times, rtol=tolerance, atol=tolerance)
        other = self._error(adaptive, counted.evaluations)
        scale = 1.0 + float(torch.linalg.vector_norm(grid, dim=(-2, -1)).max())
        agreement = Discrepancy(
            q.AGREEMENT,
            float(torch.linalg.vector_norm(adaptive[-1] - grid[-1])),
            fixed + other,
            scale,
            {"fixed-step solver": fixed, "adaptive solver": other},
        )
        back = solve(field, grid[-1], duration=-self.tau, steps=self.steps, begin=self.begin + self.tau)
        returning, carried = self._error(back, self.steps, backward=True), growth(rate, self.tau) * fixed
        reversal = Discrepancy(
            q.REVERSAL,
            float(torch.linalg.vector_norm(back[-1] - start)),
            returning + carried,
            scale,
            {"going back": returning, "going forward": carried},
        )
        pairs = [self._pair(grid, fixed, generator) for _ in range(PAIRS)]
        return (agreement, reversal, max(pairs, key=severity)), grid[-1]

    def _solved(self, start: Tensor) -> Tensor:
        return solve(self.instance.field, start, duration=self.tau, steps=self.steps, begin=self.begin)

    def _pair(self, grid: Tensor, error: float, generator: torch.Generator) -> Discrepancy:
        """Gronwall for a solution and one beside it: exp(-L t) <= |a_t - b_t| / |a_0 - b_0| <= exp(L t)."""
        direction = torch.randn(grid[0].shape, generator=generator, dtype=torch.float64)
        length = TUBE * (1.0 + float(torch.linalg.vector_norm(grid[0])))
        beside = self._solved(grid[0] + length * direction / torch.linalg.vector_norm(direction))
        times = times_of(self.tau, self.steps, self.begin)
        # The slopes between these two count as well: the constant that is measured must hold for them.
        rate = max(self.instance.reached.lipschitz, pair_rate(self.instance.field, times, grid, beside))
        apart = torch.linalg.vector_norm(beside - grid, dim=(-2, -1))
        ratio = float(apart[-1] / apart[0])
        outside = max(ratio - growth(rate, self.tau), growth(-rate, self.tau) - ratio, 0.0)
        both = (error + self._error(beside, self.steps)) / float(apart[0])
        return Discrepancy(
            q.PAIRS,
            outside,
            both,
            1.0,
            {"distance at the start": float(apart[0])},
            sketch=partial(pairs_picture, times - self.begin, apart / apart[0], rate),
        )

    def _error(self, grid: Tensor, steps: int, *, backward: bool = False) -> float:
        """Of the last states of a solution on the grid of the piece: by its defect, and rounding of so many steps."""
        reached = self.instance.reached
        begin, duration = (self.begin + self.tau, -self.tau) if backward else (self.begin, self.tau)
        step = duration / self.steps
        times = begin + step * torch.arange(len(grid), dtype=torch.float64)
        field = self.instance.field
        defect = timed_hermite_defect(lambda place, h: field.at(times[: len(h)] + place * step, h), grid, step)
        largest = float(torch.linalg.vector_norm(grid, dim=(-2, -1)).max())
        rounding = flow_rounding(steps, largest, self.tau, reached.noise)
        return defect_bound(reached.lipschitz, self.tau, defect) + growth(reached.lipschitz, self.tau) * rounding


@torch.no_grad()
def _without_constant(instance: ModelInstance, *, refined: bool) -> tuple[Discrepancy, ...]:
    field, horizon = instance.field, instance.horizon

    def slope(t: float, states: Tensor) -> Tensor:
        return field(torch.tensor(t, dtype=torch.float64), states)

    def run(states: Tensor, count: int) -> Tensor:
        return solve(field, states, duration=horizon, steps=count)[-1]

    blow_up = blow_up_discrepancy(slope, instance.inputs, horizon, BLOW_UP_STEPS * (2 if refined else 1))
    if blow_up is not None:
        return (blow_up,)
    return (separation(run, instance.inputs, instance.generator("direction"), 128 if refined else 64),)
