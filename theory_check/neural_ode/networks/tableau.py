"""Explicit Runge-Kutta schemes as tables, and one step of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from scipy import integrate
from torch import Tensor


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta scheme as its Butcher table: row i of `a` holds a_i0 .. a_i,i-1."""

    name: str
    order: int
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    c: tuple[float, ...]


EULER = Tableau("euler", 1, ((),), (1.0,), (0.0,))
MIDPOINT = Tableau("midpoint", 2, ((), (0.5,)), (0.0, 1.0), (0.0, 0.5))
# The classical scheme; torchdiffeq calls Kutta's 3/8 rule "rk4", which has the same order and other errors.
RK4 = Tableau("rk4", 4, ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6), (0.0, 0.5, 0.5, 1.0))
# Dormand and Prince's method of order 8 in twelve stages, as scipy tabulates it.
DOP853 = Tableau(
    "dop853",
    8,
    tuple(tuple(map(float, row[:i])) for i, row in enumerate(integrate.DOP853.A)),
    tuple(map(float, integrate.DOP853.B)),
    tuple(map(float, integrate.DOP853.C)),
)
SCHEMES: Mapping[str, Tableau] = MappingProxyType({scheme.name: scheme for scheme in (EULER, MIDPOINT, RK4, DOP853)})


def tableau_of(scheme: str, steps: int) -> Tableau:
    """The table of a scheme by name, for a number of steps.

    Raises:
        ValueError: an unknown scheme, or fewer than one step.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}")
    if steps < 1:
        raise ValueError(f"steps must be an integer of at least 1, got {steps!r}")
    return SCHEMES[scheme]


Step = tuple[Tensor, list[Tensor]]


def stepper(field: Callable[[Tensor], Tensor], tableau: Tableau, step: float) -> Callable[[Tensor], Step]:
    """One step as a function from a state to the next state and the stage states, zeros of the table left out."""
    advance, nowhere = stepper_along(lambda _at, h: field(h), tableau, step), (None,) * len(tableau.b)
    return lambda h: advance(h, nowhere)


def stepper_along(
    field: Callable[[Any, Tensor], Tensor], tableau: Tableau, step: float
) -> Callable[[Tensor, Sequence[Any]], Step]:
    """The same for a field that depends on more than the state: on what is given for each stage, such as its time.

    torch.autograd may record a step.
    """
    rows = [[(j, a * step) for j, a in enumerate(row) if a] for row in tableau.a]
    combination = [(j, b * step) for j, b in enumerate(tableau.b) if b]

    def advance(h: Tensor, at: Sequence[Any]) -> Step:
        stages: list[Tensor] = []
        slopes: list[Tensor] = []
        for row, place in zip(rows, at, strict=True):
            y = _combined(h, slopes, row)
            stages.append(y)
            slopes.append(field(place, y))
        return _combined(h, slopes, combination), stages

    return advance


def _combined(h: Tensor, slopes: list[Tensor], factors: list[tuple[int, float]]) -> Tensor:
    """The sum of h and multiples of slopes, in storage of its own; h itself where there are none."""
    if not factors:
        return h
    (first, factor), *others = factors
    total = torch.add(h, slopes[first], alpha=factor)
    for j, other in others:
        total.add_(slopes[j], alpha=other)
    return total
