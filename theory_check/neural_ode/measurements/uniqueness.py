"""Existence and uniqueness of a solution forward, asked of any field: the paper's networks, or a user's module.

With a Lipschitz constant L the horizon is cut into pieces with L tau <= 1, where Gronwall's bounds still mean
something; uniqueness on every piece is uniqueness on [0, T]. Without one a blow-up is looked for, and solutions that
start ever closer are followed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.blow_up import BLOW_UP_STEPS, blow_up_discrepancy
from theory_check.neural_ode.measurements.bounds import growth, halving_bound
from theory_check.neural_ode.measurements.separation_picture import shrinking_picture
from theory_check.neural_ode.networks.model import NonFiniteState

# Asked of the adaptive solver: far below what is compared, far above rounding.
TOLERANCE = 1e-10
# Longer horizons only repeat the same check, piece after piece.
MOST_PIECES = 12
PERTURBATIONS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
# A unique solution may depend on its start less than linearly (Hoelder), but at least like the square root: with
# exponent 0 two solutions stay apart however close they start.
HOELDER = 0.5
# Of the separation: what the scheme may err by and still tell solutions that part from solutions that meet.
MOST_NOISE = 0.1

States = Float[Tensor, "inputs dimension"]


@dataclass(frozen=True)
class SolvedPiece:
    """A piece solved by two solvers, and back again.

    Attributes:
        end: by fixed steps.
        bound: of its error.
        adaptive: the end by the adaptive solver.
        adaptive_bound: of its error.
        back: the start again, from `end`.
        back_bound: of the error of going back alone.
        scale: size of what is compared.
        parts: of the bounds, by name.
        third: what else shows that solutions neither meet nor run apart.
    """

    end: States
    bound: float
    adaptive: States
    adaptive_bound: float
    back: States
    back_bound: float
    scale: float
    parts: dict[str, float | int | str]
    third: Discrepancy


@runtime_checkable
class Field(Protocol):
    """A field on trial, with the constant that its uniqueness rests on."""

    @property
    def rate(self) -> float:
        """L, infinite where there is none: proved for the paper's networks, measured on the reached set of a module."""
        ...

    @property
    def start(self) -> States:
        """h_0 of every input."""
        ...

    @property
    def horizon(self) -> float:
        """T."""
        ...

    def slope(self, t: float, states: States, /) -> States:
        """dh/dt."""
        ...

    def solved(self, start: States, begin: float, tau: float, *, tolerance: float, refined: bool) -> SolvedPiece:
        """The piece from `begin`, solved twice and back; `refined` takes twice the steps."""
        ...

    def flow(self, states: States, steps: int, /) -> States:
        """States at the horizon by a scheme with fixed steps."""
        ...


@torch.no_grad()
def existence(field: Field, generator: torch.Generator, *, refined: bool) -> tuple[tuple[Discrepancy, ...], float]:
    """What was measured of existence and uniqueness, the worst over pieces, and up to which time.

    Args:
        field: on trial.
        generator: of the direction in which solutions are perturbed, where there is no constant.
        refined: twice the steps and a hundredth of the tolerance.
    """
    if math.isinf(field.rate):
        return _without_constant(field, generator, refined=refined), field.horizon
    horizon, states = field.horizon, field.start
    pieces = needed = max(1, math.ceil(field.rate * horizon))
    if pieces > MOST_PIECES:
        horizon, pieces = horizon * MOST_PIECES / pieces, MOST_PIECES
    tau, tolerance = horizon / pieces, TOLERANCE / 100 if refined else TOLERANCE
    found: list[tuple[Discrepancy, ...]] = []
    for k in range(pieces):
        piece = field.solved(states, k * tau, tau, tolerance=tolerance, refined=refined)
        found.append(_compared(piece, states, growth(field.rate, tau)))
        states = piece.end
    seen = {"pieces of the horizon": needed, "pieces looked at": pieces}
    worst = (max(column, key=severity) for column in zip(*found, strict=True))
    return tuple(replace(d, details={**d.details, **seen}) for d in worst), horizon


def severity(d: Discrepancy) -> tuple[bool, bool, float]:
    """A failing comparison counts before one that could not be made, and that before the one nearest to its bound."""
    return not d.powerless and d.error > d.bound, bool(d.powerless), d.share


def _compared(piece: SolvedPiece, start: States, grown: float) -> tuple[Discrepancy, ...]:
    agreement = Discrepancy(
        q.AGREEMENT,
        float(torch.linalg.vector_norm(piece.adaptive - piece.end)),
        piece.bound + piece.adaptive_bound,
        piece.scale,
        piece.parts,
    )
    # Going back has an error of its own, and carries the forward one with exp(L tau).
    carried = grown * piece.bound
    reversal = Discrepancy(
        q.REVERSAL,
        float(torch.linalg.vector_norm(piece.back - start)),
        piece.back_bound + carried,
        piece.scale,
        {"going back": piece.back_bound, "going forward": carried},
    )
    return agreement, reversal, piece.third


def _without_constant(field: Field, generator: torch.Generator, *, refined: bool) -> tuple[Discrepancy, ...]:
    steps = BLOW_UP_STEPS * (2 if refined else 1)
    blow_up = blow_up_discrepancy(field.slope, field.start, field.horizon, steps)
    if blow_up is not None:
        return (blow_up,)
    return (separation(field.flow, field.start, generator, 128 if refined else 64),)


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
