"""Pictures of what is measured on a user's own model."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture


def pairs_picture(times: Float[Tensor, " points"], ratios: Float[Tensor, " points"], rate: float) -> Picture:
    """How two solutions of a piece run apart, inside Gronwall's band for the measured constant."""
    t = times.numpy()
    return Picture(
        kind="trajectories",
        title="Separation of two solutions over that at the start",
        x_label="time since the piece began",
        y_label="ratio",
        y_scale="log",
        series=(
            curve("two solutions of the model", t, ratios.numpy()),
            curve(
                "Gronwall's band, L measured",
                t,
                np.ones_like(t),
                low=np.exp(-rate * t),
                high=np.exp(rate * t),
                style="band",
            ),
        ),
        note="Inside the band solutions neither meet nor run apart, so that there is one from every start.",
    )


def gradients_picture(names: Sequence[str], found: dict[str, Sequence[Discrepancy]]) -> Picture:
    """Differences of the loss against adjoints, along a direction in the start and in each parameter."""
    places = np.arange(1.0, len(names) + 1)
    series = []
    for name, along in found.items():
        series += [
            curve(f"difference minus {name}", places, [d.error for d in along]),
            curve(f"its bound, {name}", places, [d.bound for d in along], style="line"),
        ]
    scales = [d.scale or 0.0 for d in next(iter(found.values()))]
    series.append(curve("what is compared", places, scales, style="line"))
    return Picture(
        kind="gradients",
        title="Differences of the loss against its adjoint gradients",
        x_label="direction: " + ", ".join(f"{k + 1} {name}" for k, name in enumerate(names)),
        y_label="distance",
        y_scale="log",
        series=tuple(series),
        note="Points below the bound of their kind agree; a bound has power where it lies far below what is compared.",
    )


def spectrum_picture(values: Sequence[float], proved: float, words: str) -> Picture:
    """Eigenvalues of a normalised empirical kernel, and what is proved of its lower end."""
    places = np.arange(1.0, len(values) + 1)
    return Picture(
        kind="spectrum",
        title="Spectrum of the empirical tangent kernel, normalised",
        x_label="eigenvalue, from the smallest",
        y_label="value",
        y_scale="log",
        series=(
            curve("as computed", places, list(values)),
            curve(words, [0.5, len(values) + 0.5], [proved, proved], style="line"),
        ),
        note="The kernel is positive definite where a positive lower bound is proved.",
    )
