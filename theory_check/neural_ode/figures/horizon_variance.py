"""Variance of the output against the horizon, with sigma_w fixed and with sigma_w = c / T."""

import math
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from theory_check.judge.figure import CONFIDENCE, Figure, number
from theory_check.judge.rates import SUPPORT_CONFIDENCE
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import materialise
from theory_check.neural_ode.figures.draws import digits, network_seed
from theory_check.neural_ode.figures.sizes import require_activations, require_count, require_networks
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.measurements.instance import limit_tolerance
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.ensemble import ensemble_variances
from theory_check.pictures.picture import Picture, Series

Array = NDArray[np.float64]
Scaling = Literal["fixed", "scaled"]
SCALINGS: tuple[Scaling, ...] = ("fixed", "scaled")
WORDS = {"fixed": "σ_w = 1", "scaled": "σ_w = 1 / T"}
# Of RK4, for each unit of sigma_w T.
STEPS_PER_UNIT = 6


class HorizonSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the figure.

    activations: with two curves each.
    horizons: of networks; infinite width is drawn at `points` horizons up to the longest.
    points: at least 2.
    width, networks: of and for each horizon, the same for all activations.
    """

    activations: tuple[str, ...]
    horizons: tuple[float, ...]
    points: int
    width: int
    networks: int

    def __post_init__(self) -> None:
        require_activations(self.activations)
        require_networks(self.networks)
        require_count("points", self.points, 2)
        require_count("width", self.width)
        growing = all(a < b for a, b in pairwise(self.horizons))
        if not (self.horizons and growing and self.horizons[0] > 0 and math.isfinite(self.horizons[-1])):
            raise ValueError(f"horizons must be growing positive finite numbers, got {self.horizons}")


QUICK = HorizonSizes(activations=("softplus", "tanh"), horizons=(0.5, 1.0, 2.0), points=5, width=64, networks=200)
FULL = HorizonSizes(
    activations=("softplus", "relu", "tanh"),
    horizons=(0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
    points=17,
    width=512,
    networks=400,
)


def horizon_variance(seed: int, sizes: HorizonSizes) -> tuple[Figure, ...]:
    """One figure.

    Raises:
        ValueError: an unknown activation.
        InfiniteKernel: (an ArithmeticError) the limit does not exist at one of the horizons.
    """
    # Points first: curves of one number have one colour, and there are six.
    loaded = [(name, activation(name)) for name in sizes.activations]
    points = [_networks(seed, sizes, name, phi, scaling) for scaling in SCALINGS for name, phi in loaded]
    lines = [_infinite(sizes, name, phi, scaling) for scaling in SCALINGS for name, phi in loaded]
    words = [
        _words(name, phi, fixed, scaled)
        for (name, phi), fixed, scaled in zip(loaded, lines[: len(loaded)], lines[len(loaded) :], strict=True)
    ]
    figure = Figure(
        name="paper-variance-horizon",
        paper="in a digest alone: with σ_w fixed the output variance grows exponentially; σ_w ∼ 1 / T undoes that",
        seen=f"At infinite width, T from {number(lines[0].x[0])} to {number(lines[0].x[-1])}: {'; '.join(words)}.",
        picture=Picture(
            kind="horizon",
            title="Output variance against the horizon",
            x_label="horizon T",
            y_label="variance of f",
            y_scale="log",
            series=(*points, *lines),
            note=f"Lines: infinite width. Points: mean of S over {sizes.networks} networks of width {sizes.width} with "
            f"{CONFIDENCE} intervals (Student's), the same networks for all activations; it differs from the line by "
            "O(1 / n), and S has heavy tails where the flow amplifies. One digit.",
        ),
    )
    return (figure,)


def model_at(horizon: float, scaling: Scaling) -> NeuralODE:
    """The model with this horizon: sigma_w = 1, or 1 / T."""
    return NeuralODE(horizon=horizon, sigma_w=1.0 if scaling == "fixed" else 1.0 / horizon)


def _infinite(sizes: HorizonSizes, name: str, phi: Activation, scaling: Scaling) -> Series:
    horizons = np.linspace(sizes.horizons[0], sizes.horizons[-1], sizes.points).tolist()
    rows, tolerance = materialise(digits(1)), limit_tolerance(phi)
    values = [
        limit_kernels(phi, rows, model_at(horizon, scaling), tolerance, tangent=False).nngp.item()
        for horizon in horizons
    ]
    return Series(name=f"{name}, {WORDS[scaling]}: n = ∞", x=tuple(horizons), y=tuple(values), style="line")


def _networks(seed: int, sizes: HorizonSizes, name: str, phi: Activation, scaling: Scaling) -> Series:
    means, halves = [], []
    quantile = float(special.stdtrit(sizes.networks - 1, (1 + SUPPORT_CONFIDENCE) / 2))
    for horizon in sizes.horizons:
        model = model_at(horizon, scaling)
        drawn = ensemble_variances(
            phi,
            model,
            torch.from_numpy(materialise(digits(1))),
            width=sizes.width,
            seeds=[
                network_seed(seed, "horizon", inputs=1, width=sizes.width, stage=f"{scaling} {horizon!r}", replicate=k)
                for k in range(sizes.networks)
            ],
            steps=max(4, math.ceil(STEPS_PER_UNIT * model.sigma_w * model.horizon)),
        ).S[:, 0, 0]
        means.append(float(drawn.mean()))
        halves.append(quantile * float(drawn.std()) / math.sqrt(sizes.networks))
    return Series(
        name=f"{name}, {WORDS[scaling]}: n = {sizes.width:,}",
        x=sizes.horizons,
        y=tuple(means),
        low=tuple(mean - half for mean, half in zip(means, halves, strict=True)),
        high=tuple(mean + half for mean, half in zip(means, halves, strict=True)),
    )


def _words(name: str, phi: Activation, fixed: Series, scaled: Series) -> str:
    """From where to where one variance goes, and by how much it varies where sigma_w follows the horizon."""
    (first, *_, last), kept = _numbers(fixed), _numbers(scaled)
    change = (max(kept) - min(kept)) / max(kept)
    bound = f", at most {number(phi.supremum**2)} since φ is bounded" if math.isfinite(phi.supremum) else ""
    return (
        f"{name} from {number(first)} to {number(last)} with σ_w = 1{bound}, and {number(kept[0])} with "
        f"σ_w = 1 / T, the same at all horizons to {number(change)} of it"
    )


def _numbers(series: Series) -> list[float]:
    return [value for value in series.y if value is not None]
