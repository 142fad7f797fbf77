"""Claim forward-unique on a user's own field: a constant measured on the reached set (`measurements.uniqueness`).

Errors of both solvers are bounded by their defect, which needs no derivative of the field. Where slopes grow without
end, or a trajectory leaves all bounds, there is no constant.
"""

from dataclasses import dataclass, field, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.bounds import defect_bound, flow_rounding, growth
from theory_check.neural_ode.measurements.defect import timed_hermite_defect
from theory_check.neural_ode.measurements.own_model.instance import ModelInstance, prepare_model
from theory_check.neural_ode.measurements.own_model.pictures import pairs_picture
from theory_check.neural_ode.measurements.own_model.reached_set import TUBE, pair_rate
from theory_check.neural_ode.measurements.uniqueness import SolvedPiece, existence, severity
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
    found, looked_at = existence(ModuleField(instance), instance.generator("direction"), refined=refined)
    told = instance.told(looked_at)
    return tuple(replace(d, details={**d.details, **told}) for d in found)


@dataclass(frozen=True)
class ModuleField:
    """A user's module as a `uniqueness.Field`."""

    instance: ModelInstance
    pairs: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", self.instance.generator("pairs"))

    @property
    def rate(self) -> float:
        """As it was measured."""
        return self.instance.reached.lipschitz

    @property
    def start(self) -> Float[Tensor, "inputs dimension"]:
        """The inputs."""
        return self.instance.inputs

    @property
    def horizon(self) -> float:
        """Up to which states were reached, or that of the case where there is no constant."""
        return self.instance.reached.horizon if self.rate < float("inf") else self.instance.horizon

    def slope(self, t: float, states: Tensor, /) -> Tensor:
        """The module's own."""
        return self.instance.field(torch.tensor(t, dtype=torch.float64), states)

    def flow(self, states: Tensor, steps: int, /) -> Tensor:
        """By RK4."""
        return solve(self.instance.field, states, duration=self.horizon, steps=steps)[-1]

    def solved(self, start: Tensor, begin: float, tau: float, *, tolerance: float, refined: bool) -> SolvedPiece:
        """By RK4 and dopri5, with pairs of solutions as the third comparison."""
        piece = _Piece(self.instance, begin, tau, steps=128 if refined else 64)
        return piece.solved(start, self.pairs, tolerance=tolerance)


@dataclass(frozen=True)
class _Piece:
    """A part of the horizon with L tau <= 1."""

    instance: ModelInstance
    begin: float
    tau: float
    steps: int

    @torch.no_grad()
    def solved(
        self, start: Float[Tensor, "inputs dimension"], generator: torch.Generator, *, tolerance: float
    ) -> SolvedPiece:
        """Two solvers, there and back, and pairs of solutions."""
        field = self.instance.field
        grid = self._solved(start)
        fixed = self._error(grid, self.steps)
        counted = CountedField(field)
        times = [self.begin + self.tau * k / self.steps for k in range(self.steps + 1)]
        adaptive = solve_at(counted, start, times, rtol=tolerance, atol=tolerance)
        other = self._error(adaptive, counted.evaluations)
        back = solve(field, grid[-1], duration=-self.tau, steps=self.steps, begin=self.begin + self.tau)
        pairs = [self._pair(grid, fixed, generator) for _ in range(PAIRS)]
        return SolvedPiece(
            grid[-1],
            fixed,
            adaptive[-1],
            other,
            back[-1],
            self._error(back, self.steps, backward=True),
            scale=1.0 + float(torch.linalg.vector_norm(grid, dim=(-2, -1)).max()),
            parts={"fixed-step solver": fixed, "adaptive solver": other},
            third=max(pairs, key=severity),
        )

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
