"""Does the derivative of a user's field jump where its trajectories go? Found by refinement.

Segments between neighbouring states of the trajectories, and across each state, are halved again and again, the half
kept being that over which dF/dh changes more. Where dF/dh is Lipschitz the change shrinks with the segment; at a jump
it stays. No point of the module needs to be known.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.measurements.own_model.reached_set import COARSE, DIRECTIONS, MOST_AXES, TUBE, ReachedSet
from theory_check.neural_ode.networks.own_model.gradients import slope_jacobian
from theory_check.neural_ode.networks.own_model.vector_field import VectorField

# Halvings of a segment: the change of dF/dh after so many is compared with that after so many more.
EARLY, LATE = 8, 24
# Between the two a Lipschitz derivative changes 2^16 times less, a jump as much: half way, on a log scale.
SHRUNK = 2.0 ** -((LATE - EARLY) / 2)
# Of dF/dh: far above what rounding leaves of a change, and what 2^-24 of a segment leaves of a smooth one.
VISIBLE = 2.0**-20


def kink(field: VectorField, reached: ReachedSet, generator: torch.Generator) -> str:
    """Where dF/dh jumps on the reached set or beside it, in words; empty where nothing was found.

    Jumps below 2^-20 of dF/dh are not seen.
    """
    stride = max(1, (len(reached.times) - 1) // (COARSE // 2))
    times, states = reached.times[::stride], reached.states[::stride]
    directions = torch.stack(_directions(states, generator))
    lengths = TUBE * (1.0 + torch.linalg.vector_norm(states, dim=-1, keepdim=True))
    # Of a state and of what lies beside it in all directions at once.
    centres = states.repeat(1, len(directions), 1)
    shifts = (lengths[:, None] * directions[:, None]).flatten(1, 2)
    return _halved(field, times[:-1], states[:-1], times[1:], states[1:]) or _halved(
        field, times, centres - shifts, times, centres + shifts
    )


def _directions(states: Tensor, generator: torch.Generator) -> list[Tensor]:
    """Unit directions across the states: every axis, or some at random where there are many."""
    dimension = states.shape[-1]
    if dimension <= MOST_AXES:
        return list(torch.eye(dimension, dtype=states.dtype))
    drawn = torch.randn(DIRECTIONS, dimension, generator=generator, dtype=torch.float64)
    return list(drawn / torch.linalg.vector_norm(drawn, dim=1, keepdim=True))


def _halved(field: VectorField, begin: Tensor, low: Tensor, end: Tensor, high: Tensor) -> str:
    """All segments at once; rows are pairs of a time and an input."""
    inputs = low.shape[1]
    t0, t1 = (t[:, None].expand(-1, inputs).reshape(-1) for t in (begin, end))
    a, b = low.reshape(-1, low.shape[-1]), high.reshape(-1, high.shape[-1])
    left, right = _jacobians(field, t0, a), _jacobians(field, t1, b)
    changes: list[Tensor] = []
    for _ in range(LATE):
        middle_time, middle = (t0 + t1) / 2, (a + b) / 2
        between = _jacobians(field, middle_time, middle)
        first = _size(between - left) >= _size(right - between)
        t1, t0 = torch.where(first, middle_time, t1), torch.where(first, t0, middle_time)
        b, a = torch.where(first[:, None], middle, b), torch.where(first[:, None], a, middle)
        right, left = (
            torch.where(first[:, None, None], between, right),
            torch.where(first[:, None, None], left, between),
        )
        changes.append(_size(right - left))
    early, late = changes[EARLY - 1], changes[-1]
    jumps = (late > SHRUNK * early) & (late > VISIBLE * torch.maximum(_size(left), _size(right)))
    if not bool(jumps.any()):
        return ""
    row = int(torch.argmax(torch.where(jumps, late, torch.zeros_like(late))))
    shown = ", ".join(f"{value:.4g}" for value in a[row][:4]) + (", ..." if a.shape[1] > 4 else "")
    return f"its derivative jumps by {float(late[row]):.3g} at the state ({shown}), t = {float(t0[row]):.4g}"


def _size(jacobians: Tensor) -> Float[Tensor, " rows"]:
    sizes: Tensor = torch.linalg.vector_norm(jacobians, dim=(-2, -1))
    return sizes


def _jacobians(field: VectorField, times: Tensor, states: Tensor) -> Float[Tensor, "rows dimension dimension"]:
    if not field.takes_time:
        return slope_jacobian(field, times[0], states, of_parameters=False)
    found = states.new_empty(*states.shape, states.shape[1])
    for time in sorted(set(times.tolist())):
        rows = times == time
        found[rows] = slope_jacobian(field, times[rows][0], states[rows], of_parameters=False)
    return found
