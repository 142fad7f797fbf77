"""Pictures of claim forward-unique: how far two solutions are apart over time, or as they start closer."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from theory_check.neural_ode.measurements.instance import Instance
from theory_check.neural_ode.networks.model import recurrent_matrix
from theory_check.neural_ode.networks.parameters import Parameters, initial_states
from theory_check.neural_ode.networks.tableau import RK4, stepper
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture

# Of the size of the start: far above rounding, far below any distance over which phi changes.
APART = 1e-4
STEPS_OF_A_PIECE = 8


@torch.no_grad()
def separation_picture(
    instance: Instance, parameters: Parameters, *, rate: float, duration: float, pieces: int
) -> Picture:
    """Two solutions of the network, a little apart at the start, and Gronwall's bounds of their distance.

    Args:
        instance: of the case.
        parameters: of the network.
        rate: L, a Lipschitz constant of the field.
        duration: as far as it is drawn; L times it is moderate.
        pieces: that it is cut into, with L times a piece at most 1.
    """
    A_T = recurrent_matrix(instance.case.neural_ode, parameters).mT
    start = initial_states(instance.case.neural_ode, parameters, instance.inputs)
    shift = torch.ones_like(start)
    shift *= APART * (1.0 + torch.linalg.vector_norm(start)) / torch.linalg.vector_norm(shift)
    steps = STEPS_OF_A_PIECE * pieces
    advance = stepper(lambda h: instance.activation(h) @ A_T, RK4, duration / steps)
    both = torch.cat([start, start + shift])
    gaps = [1.0]
    for _ in range(steps):
        both = advance(both)[0]
        one, other = both.chunk(2)
        gaps.append(float(torch.linalg.vector_norm(other - one) / torch.linalg.vector_norm(shift)))
    times = np.linspace(0.0, duration, steps + 1)
    return Picture(
        kind="trajectories",
        title="Separation of two solutions over time",
        x_label="time t",
        y_label="separation at t over that at 0",
        y_scale="log",
        series=(
            curve("two solutions of this network", times, gaps),
            curve(
                f"Gronwall's bounds exp(±Lt), L = {rate:.3g}",
                times,
                np.ones_like(times),
                low=np.exp(-rate * times),
                high=np.exp(rate * times),
                style="band",
            ),
        ),
        note="Inside the band solutions neither meet nor run apart, so that there is one from every start.",
    )


def shrinking_picture(apart: Mapping[float, float], *, unit: float, exponent: float, noise: float) -> Picture:
    """How far solutions are apart at T, over how far they started: where they stay apart there is more than one.

    Args:
        apart: distance at T by distance at the start.
        unit: the greatest of both.
        exponent: of the distance at the start that a unique solution is granted.
        noise: of the scheme.
    """
    sizes = np.array(sorted(apart))
    granted = unit * (sizes / sizes[-1]) ** exponent + noise
    return Picture(
        kind="trajectories",
        title="Separation at the horizon of solutions that start ever closer",
        x_label="distance at the start",
        y_label="distance at T",
        x_scale="log",
        y_scale="log",
        series=(
            curve("two solutions of this network", sizes, [apart[size] for size in sizes.tolist()]),
            curve("what a unique solution is granted", sizes, granted, style="line"),
        ),
        note="Points above the line stay apart however close they start.",
    )


def blow_up_picture(path: list[tuple[float, float]], horizon: float) -> Picture:
    """The size of the state up to the time that was reached.

    Args:
        path: times and norms.
        horizon: T.
    """
    times, norms = zip(*path, strict=True)
    highest = max(value for value in norms if math.isfinite(value))
    return Picture(
        kind="trajectories",
        title="Size of the state up to the time that it reaches",
        x_label="time t",
        y_label="|h(t)|",
        y_scale="log",
        series=(
            curve("this network", times, norms),
            curve("horizon", [horizon, horizon], [min(norms), highest], style="line"),
        ),
        note="A state that leaves every bound before the horizon has no solution there.",
    )


def sampled(path: list[tuple[float, float]], time: float, state: Tensor) -> None:
    """Take down where a solution is."""
    path.append((time, float(torch.linalg.vector_norm(state))))
