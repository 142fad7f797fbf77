"""Steps of gradient descent to a target, taken by networks and predicted from the limiting kernel, for many phi.

No network is drawn for the prediction: it is made of the spectrum of the kernel at infinite width
(predicted_steps.py). All activations meet the same networks, digits and labels, each with eta = 1 / (4 lambda_max) of
its own kernel.

How well the order of the predictions is that of the steps taken is a rank correlation (Spearman) over activations. It
is taken in each network alone; over independent networks it has a mean, and by Student's t an interval.
"""

import math
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import special, stats

from theory_check.judge.figure import CONFIDENCE, MINUS, Figure, number
from theory_check.judge.rates import SUPPORT_CONFIDENCE
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import DIGITS_DIMENSION, materialise
from theory_check.neural_ode.figures.draws import digits, network_seed
from theory_check.neural_ode.figures.sizes import require_activations, require_count, require_networks
from theory_check.neural_ode.limits.layers import layer_kernels
from theory_check.neural_ode.measurements.instance import limit_tolerance
from theory_check.neural_ode.measurements.predicted_steps import predicted_steps
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.descent_times import steps_to_target
from theory_check.neural_ode.networks.parameters import Parameters, draw_parameters
from theory_check.pictures.picture import Picture, Series

Array = NDArray[np.float64]
# At one per cent all activations of the catalogue take some dozens of steps at least.
TARGET = 0.01
RATE = 0.25
# Six times the greatest prediction: a network that takes longer counts as this long.
MOST_STEPS = 7_000
# Of rank correlations: with two activations there is only 1 and -1.
LEAST_ACTIVATIONS = 3


class StepsSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the figure.

    activations: one point each.
    width: n.
    networks: the same for all activations, each with labels of its own.
    inputs: digits to be learnt.
    layers: of the Euler scheme.
    """

    activations: tuple[str, ...]
    width: int
    networks: int
    inputs: int
    layers: int = 4

    def __post_init__(self) -> None:
        require_activations(self.activations)
        require_count("activations", len(self.activations), LEAST_ACTIVATIONS)
        require_networks(self.networks)
        for name in ("width", "inputs", "layers"):
            require_count(name, getattr(self, name))


QUICK = StepsSizes(activations=("softplus", "tanh", "erf", "relu", "abs"), width=64, networks=10, inputs=6)
# The Lipschitz functions of the catalogue that are not affine.
FULL = StepsSizes(
    activations=(
        "softplus",
        "tanh",
        "erf",
        "sin",
        "cos",
        "arctan",
        "gelu",
        "silu",
        "sigmoid",
        "elu",
        "relu",
        "leaky_relu",
        "abs",
        "hardtanh",
    ),
    width=256,
    networks=24,
    inputs=6,
)


@dataclass(frozen=True)
class RankCorrelation:
    """The mean over networks of Spearman's rank correlation over activations, and its interval."""

    mean: float
    interval: tuple[float, float]


def training_steps(seed: int, sizes: StepsSizes) -> tuple[Figure, ...]:
    """One figure.

    Raises:
        ValueError: an unknown activation, or more inputs than there are digits.
    """
    phis = [activation(name) for name in sizes.activations]
    taken = _taken(seed, sizes, phis)
    inputs = materialise(digits(sizes.inputs))
    predicted = np.array(
        [
            predicted_steps(layer_kernels(phi, inputs, NeuralODE(), sizes.layers, limit_tolerance(phi)), TARGET, RATE)
            for phi in phis
        ]
    )
    found = rank_correlation(predicted, taken)
    means, half = taken.mean(axis=1), _half_widths(taken)
    smooth = np.array([phi.is_smooth for phi in phis])
    ranked = [sizes.activations[k] for k in np.argsort(means)]
    kinked = [f"{name} place {k}" for k, name in enumerate(ranked, 1) if not activation(name).is_smooth]
    low, high = found.interval
    ends = (float(min(predicted.min(), means.min())), float(max(predicted.max(), means.max())))
    figure = Figure(
        name="paper-training-steps",
        paper="the kernel's spectrum decides how fast networks are trained, and smooth activations are preferred",
        seen=f"Rank correlation of the steps that networks take and those that the limiting kernel predicts: "
        f"{_signed(found.mean)} [{_signed(low)}, {_signed(high)}], the mean over {sizes.networks} networks of "
        f"Spearman's over {len(phis)} activations, with a {CONFIDENCE} interval. Fewest steps first: "
        f"{', '.join(f'{name} {number(means[sizes.activations.index(name)])}' for name in ranked)}. "
        + (f"With kinks: {', '.join(kinked)} of {len(ranked)}." if kinked else "All are smooth."),
        picture=Picture(
            kind="counts",
            title=f"Steps of gradient descent to {TARGET:.0%} of the loss, width {sizes.width:,}",
            x_label="steps predicted from the spectrum of the limiting kernel",
            y_label="steps taken, mean over networks",
            x_scale="log",
            y_scale="log",
            series=(
                *(
                    _points(name, predicted[side], means[side], half[side])
                    for name, side in (("smooth", smooth), ("with kinks", ~smooth))
                    if side.any()
                ),
                Series(name="as predicted", x=ends, y=ends, style="line"),
            ),
            note=f"Full batch of {sizes.inputs} digits, labels independent N(0, 1), ResNet of {sizes.layers} layers, "
            f"T = 1, η = 1 / (4 λ_max(Θ_0)). Means over {sizes.networks} networks, the same for all activations; bars: "
            f"{CONFIDENCE} intervals. A run that takes more than {MOST_STEPS:,} steps counts as so many.",
        ),
    )
    return (figure,)


def rank_correlation(
    predicted: Float[Array, " activations"], taken: Float[Array, "activations networks"]
) -> RankCorrelation:
    """Spearman's correlation over activations, in each network alone; Student's interval for the mean over networks.

    Ends beyond 1 and -1 are cut off: no correlation lies there.

    Raises:
        ValueError: fewer than two networks.
    """
    if taken.shape[1] < 2:
        raise ValueError(f"at least two networks are needed, got {taken.shape[1]}")
    each = np.array([stats.spearmanr(predicted, one).statistic for one in taken.T])
    mean, half = float(each.mean()), float(_half_widths(each[None])[0])
    return RankCorrelation(mean, (max(-1.0, mean - half), min(1.0, mean + half)))


def _taken(seed: int, sizes: StepsSizes, phis: list[Activation]) -> Float[Array, "activations networks"]:
    draw = partial(network_seed, seed, "training-steps", inputs=sizes.inputs, width=sizes.width)
    networks = [
        draw_parameters(width=sizes.width, dimension=DIGITS_DIMENSION, seed=draw(replicate=k))
        for k in range(sizes.networks)
    ]
    stacked = Parameters(*(torch.stack([getattr(p, name) for p in networks]) for name in ("U", "W", "V")))
    generator = torch.Generator("cpu").manual_seed(draw(replicate=0, stage="labels"))
    labels = torch.randn(sizes.networks, sizes.inputs, generator=generator, dtype=torch.float64)
    runs = [
        steps_to_target(
            phi,
            NeuralODE(),
            stacked,
            torch.from_numpy(materialise(digits(sizes.inputs))),
            labels,
            rates=lambda largest: RATE / largest,
            target=TARGET,
            most=MOST_STEPS,
            layers=sizes.layers,
        )
        for phi in phis
    ]
    return np.array([run.steps for run in runs], dtype=np.float64)


def _half_widths(values: Float[Array, "rows networks"]) -> Float[Array, " rows"]:
    """Of Student's interval for the mean of each row."""
    count = values.shape[1]
    quantile = -float(special.stdtrit(count - 1, (1 - SUPPORT_CONFIDENCE) / 2))
    half: Array = quantile * values.std(axis=1, ddof=1) / math.sqrt(count)
    return half


def _points(name: str, predicted: Array, means: Array, half: Array) -> Series:
    return Series(
        name=name,
        x=tuple(predicted.tolist()),
        y=tuple(means.tolist()),
        # An end at 0 has no place on a logarithmic axis; no network takes less than a step.
        low=tuple(np.maximum(means - half, 1.0).tolist()),
        high=tuple((means + half).tolist()),
    )


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", MINUS)
