"""The states that a user's field reaches, and its constants there: measured, where those of our own model are proved.

A Lipschitz constant is the largest slope of the field on a tube around the trajectories: quotients of differences of
the field itself, never its gradients, which are on trial too. Its margin is what two refinements of the samples still
added to it, as for three solutions with halved steps (`bounds.halving_bound`). What holds with such constants is
certified given the estimate.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.measurements.bounds import UNIT_ROUNDOFF, halving_bound
from theory_check.neural_ode.networks.own_model.vector_field import VectorField, times_of
from theory_check.neural_ode.networks.solver import SolverFailure, solve_at

# In units of 1 + |h|: far above every solver's error, far below the distances over which a field is curved.
TUBE = 2.0**-10
# Of a central difference, in the same units: near u^(1/3), where truncation and rounding of it are alike.
STEP = 2.0**-17
# Steps of the differences that look for a slope without end: each a 64th of the one before.
SCALES = tuple(2.0 ** -(10 + 6 * k) for k in range(5))
# Places along a trajectory at which slopes are looked at.
COARSE = 32
# Of the trajectories: far below the tube around them.
TOLERANCE = 1e-8
# In units of 1 / L at the start: no measurement looks at more.
MOST_FOLLOWED = 32.0
# All axes up to this dimension, so many random directions beyond it.
MOST_AXES = 8
DIRECTIONS = 4
# Places of the nine points of a noise measurement, in units of their distance.
NINE = range(1, 10)


@dataclass(frozen=True)
class ReachedSet:
    """Trajectories and the constants of the field around them.

    Attributes:
        horizon: up to which they were followed: at most 32 / L, L being that at the start.
        times, states: on a grid of 4 x 32 steps.
        lipschitz: L, the margin included; infinite where slopes grow without end, or a trajectory left all bounds.
        margin: the part of it that refinement added.
        noise: of one evaluation of the field, over all inputs together: the roughness that rounding gives it.
        unbounded: why L is infinite, in words; empty where it is not.
    """

    horizon: float
    times: Float[Tensor, " points"]
    states: Float[Tensor, "points inputs dimension"]
    lipschitz: float
    margin: float
    noise: float
    unbounded: str = ""

    @property
    def largest(self) -> float:
        """The largest |h_t|, over all inputs together."""
        return float(torch.linalg.vector_norm(self.states, dim=(-2, -1)).max())

    @property
    def largest_entry(self) -> float:
        """The largest absolute value of a state."""
        return float(self.states.abs().max())

    def part(self, most_growth: float) -> float:
        """The longest part of the horizon with L T at most `most_growth`."""
        return min(self.horizon, most_growth / self.lipschitz) if self.lipschitz > 0 else self.horizon


@torch.no_grad()
def reached_set(
    field: VectorField, inputs: Float[Tensor, "inputs dimension"], horizon: float, generator: torch.Generator
) -> ReachedSet:
    """Follow the trajectories and measure the field around them.

    Args:
        field: the module.
        inputs: where trajectories start.
        horizon: T.
        generator: of random directions.
    """
    steep = _rate(field, times_of(0.0, 1)[:1], inputs[None])
    followed = min(horizon, MOST_FOLLOWED / steep) if steep > 0 else horizon
    times = times_of(followed, 4 * COARSE)
    states, problem = inputs[None], ""
    try:
        # Its steps follow a stiff field too; where they fall on the grid their errors are controlled.
        states = solve_at(field, inputs, times.tolist(), rtol=TOLERANCE, atol=TOLERANCE)
    except SolverFailure as failure:
        problem = str(failure)
    if problem or not bool(torch.isfinite(states).all()):
        words = f"a trajectory leaves all bounds before the horizon, or cannot be followed: {problem or 'no number'}"
        return ReachedSet(0.0, times[:1], inputs[None], math.inf, 0.0, 0.0, words)
    rungs = [_rate(field, times[::k], states[::k]) for k in (4, 2, 1)]
    around = _tube(states, generator)
    quotients = [_pair_rate(field, times[::k], states[::k], around[::k]) for k in (4, 2, 1)]
    first, second, third = (max(pair) for pair in zip(rungs, quotients, strict=True))
    margin = halving_bound(second - first, third - second)
    growing = _growth_under_refinement(field, times[::4], states[::4])
    noise = field_noise(field, times[::16], states[::16], generator)
    return ReachedSet(
        horizon=followed,
        times=times,
        states=states,
        lipschitz=math.inf if growing else third + margin,
        margin=0.0 if growing else margin,
        noise=noise,
        unbounded=growing,
    )


def slopes(
    field: VectorField, t: Tensor, states: Float[Tensor, "rows dimension"], step: float = STEP
) -> Float[Tensor, "rows dimension dimension"]:
    """dF/dh of every row by central differences of the field."""
    rows, dimension = states.shape
    lengths = step * (1.0 + torch.linalg.vector_norm(states, dim=1))[:, None, None]
    moves = lengths * torch.eye(dimension, dtype=states.dtype)
    both = torch.cat([states[:, None] + moves, states[:, None] - moves]).view(-1, dimension)
    plus, minus = field(t, both).view(2, rows, dimension, dimension).unbind()
    quotients: Tensor = (plus - minus) / (2 * lengths)
    return quotients.mT


def _rate(field: VectorField, times: Tensor, states: Tensor, step: float = STEP) -> float:
    """The largest spectral norm of dF/dh along trajectories."""
    largest = 0.0
    for t, h in zip(times, states, strict=True):
        # The largest singular value is a maximum over inputs: each has a Jacobian of its own.
        largest = max(largest, float(torch.linalg.matrix_norm(slopes(field, t, h, step), ord=2).max()))
    return largest


def _tube(states: Tensor, generator: torch.Generator) -> Tensor:
    """A state beside every state, at a distance of TUBE (1 + |h|) in a random direction."""
    directions = torch.randn(states.shape, generator=generator, dtype=torch.float64)
    directions /= torch.linalg.vector_norm(directions, dim=-1, keepdim=True)
    lengths: Tensor = TUBE * (1.0 + torch.linalg.vector_norm(states, dim=-1, keepdim=True))
    return states + lengths * directions


def _pair_rate(field: VectorField, times: Tensor, states: Tensor, around: Tensor) -> float:
    """The largest slope between the states of both, and at those beside the trajectories."""
    apart = torch.linalg.vector_norm(around - states, dim=-1)
    quotients = torch.linalg.vector_norm(field.at(times, around) - field.at(times, states), dim=-1) / apart
    return max(float(quotients.max()), _rate(field, times, around))


def pair_rate(
    field: VectorField,
    times: Float[Tensor, " points"],
    states: Float[Tensor, "points inputs dimension"],
    others: Float[Tensor, "points inputs dimension"],
) -> float:
    """The largest quotient |F(a) - F(b)| / |a - b| of two solutions at the same times, over all inputs together."""
    apart = torch.linalg.vector_norm(states - others, dim=(-2, -1))
    slope = torch.linalg.vector_norm(field.at(times, states) - field.at(times, others), dim=(-2, -1))
    return float((slope / apart.clamp(min=torch.finfo(torch.float64).tiny)).max())


def _growth_under_refinement(field: VectorField, times: Tensor, states: Tensor) -> str:
    """Whether slopes double at least at each of the last three refinements: no constant is in sight then."""
    found = [_rate(field, times, states, step) for step in SCALES]
    if all(math.isfinite(value) for value in found) and not all(
        fine >= 2.0 * coarse > 0 for coarse, fine in pairwise(found[1:])
    ):
        return ""
    shown = ", ".join(f"{value:.3g}" for value in found)
    return f"slopes over distances of 2^-10, 2^-16, ..., 2^-34 are {shown}"


def field_noise(
    field: VectorField,
    times: Float[Tensor, " points"],
    states: Float[Tensor, "points inputs dimension"],
    generator: torch.Generator,
) -> float:
    """Error of one evaluation, over all inputs: the larger of u |F| and what fourth differences show.

    As `networks.gradients.directional_difference` measures the noise of a loss: at nine points so close that a smooth F
    contributes nothing, independent errors of deviation sigma give fourth differences of deviation sqrt(70) sigma, and
    errors spread evenly over [-e, e] have e = sqrt(3) sigma (More and Wild, 2011). The points lie on one side of the
    state: a kink at the state itself is no noise.
    """
    directions = torch.randn(states.shape, generator=generator, dtype=torch.float64)
    sizes = 1.0 + torch.linalg.vector_norm(states, dim=-1, keepdim=True)
    directions *= sizes * STEP**2 / torch.linalg.vector_norm(directions, dim=-1, keepdim=True)
    values = torch.stack([field.at(times, states + k * directions) for k in NINE])
    fourth = values.diff(n=4, dim=0).square().mean(0) / 70
    rounding = UNIT_ROUNDOFF * float(torch.linalg.vector_norm(values[0], dim=(-2, -1)).max())
    return max(rounding, math.sqrt(3 * float(fourth.sum(dim=(-2, -1)).max())))
