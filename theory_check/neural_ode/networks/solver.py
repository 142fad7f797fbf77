"""One way to call torchdiffeq: counted evaluations, steps that land on the output times, failures as exceptions."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor
from torchdiffeq import odeint, odeint_dense

VectorField = Callable[[Tensor, Tensor], Tensor]

# Steps between two output times after which a solve is given up: some ten seconds for a small network.
MAX_STEPS = 10_000

# Where a step of the quartic dense output is sampled: five points determine it, and carry Boole's rule.
_SAMPLES = (0.0, 0.25, 0.5, 0.75, 1.0)


class SolverFailure(ArithmeticError):
    """The solver gave up: its step underflowed, its state was not finite or it took too many steps."""


class CountedField:
    """A vector field that counts its evaluations. Not to be confused with the solver's steps."""

    def __init__(self, function: VectorField) -> None:
        self.function = function
        self.evaluations = 0

    def __call__(self, t: Tensor, y: Tensor) -> Tensor:
        """The slope at time t and state y."""
        self.evaluations += 1
        return self.function(t, y)


@dataclass(frozen=True)
class DenseSolution:
    """A solution with its dense output, a quartic on each accepted step.

    Attributes:
        mesh: the ends of the accepted steps, from 0 to the duration.
        samples: its values at 0, 1/4, 1/2, 3/4 and 1 of every step, (steps, 5, *state).
    """

    mesh: tuple[float, ...]
    samples: Float[Tensor, "steps 5 *state"]

    @property
    def final(self) -> Tensor:
        """The state at the end."""
        return self.samples[-1, -1]


def check_tolerances(rtol: float, atol: float) -> None:
    """Raise ValueError unless both tolerances are positive and finite."""
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not (math.isfinite(tolerance) and tolerance > 0):
            raise ValueError(f"{name} must be a positive finite number, got {tolerance!r}")


def solve_at(
    field: VectorField, state: Tensor, times: Sequence[float], *, rtol: float, atol: float
) -> Float[Tensor, " times *state"]:
    """States at `times`, increasing from the first, by dopri5, whose steps land on each.

    Landing matters: between its steps dopri5 interpolates, and only step ends carry its local error control.

    Raises:
        SolverFailure: the solver gave up.
    """
    grid = torch.tensor(times, dtype=torch.float64, device=state.device)
    options = {"step_t": grid[1:], "max_num_steps": MAX_STEPS}
    try:
        solution: Tensor = odeint(field, state, grid, rtol=rtol, atol=atol, method="dopri5", options=options)
    except AssertionError as error:  # torchdiffeq asserts where it gives up
        raise SolverFailure(f"dopri5 gave up: {gist(error)}") from error
    return solution


def solve_dense(field: CountedField, state: Tensor, duration: float, *, rtol: float, atol: float) -> DenseSolution:
    """Solve with dopri5 over [0, duration] and keep its dense output, sampled on every accepted step.

    The quartic is torchdiffeq's. Its error on a step is O(step^5), the order of the difference of the embedded pair
    that the step control holds below the tolerance.

    Raises:
        SolverFailure: the solver gave up.
    """
    recorder = _Recorder(field)
    ends = torch.tensor([0.0, duration], dtype=torch.float64, device=state.device)
    options = {"step_t": ends[1:], "max_num_steps": MAX_STEPS}
    try:
        dense = odeint_dense(recorder, state, ends[0], ends[1], rtol=rtol, atol=atol, method="dopri5", options=options)
    except AssertionError as error:
        raise SolverFailure(f"dopri5 gave up: {gist(error)}") from error
    mesh = (*recorder.starts, duration)
    points = [a + x * (b - a) for a, b in pairwise(mesh) for x in _SAMPLES[:-1]]
    # The output function is defined on [0, duration), and one ulp is beyond its accuracy.
    points.append(math.nextafter(duration, 0.0))
    values = torch.stack([dense(torch.tensor(t, dtype=torch.float64)) for t in points])
    return DenseSolution(mesh, values.unfold(0, len(_SAMPLES), len(_SAMPLES) - 1).movedim(-1, 1))


class _Recorder:
    """A field that notes where accepted steps start, through torchdiffeq's callback."""

    def __init__(self, field: CountedField) -> None:
        self.field = field
        self.starts: list[float] = []

    def __call__(self, t: Tensor, y: Tensor) -> Tensor:
        return self.field(t, y)

    def callback_accept_step(self, t0: Tensor, _y0: Tensor, _dt: Tensor) -> None:
        self.starts.append(float(t0))


def gist(error: AssertionError) -> str:
    """What torchdiffeq said, without the whole state that it prints after a colon."""
    return (str(error).splitlines() or ["no reason given"])[0].partition(": ")[0]
