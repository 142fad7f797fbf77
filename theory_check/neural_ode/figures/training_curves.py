"""Loss of full-batch gradient descent on digits, parity of the digit as label, for several activations.

Every activation starts from the same weights, on the same digits, with eta = 1 / lambda_max of its own tangent kernel
at the start. The prediction is the run of the network's linearisation, f_k - y = (I - eta Theta_0)^k (f_0 - y).
"""

import math
from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.figure import Figure, number
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import DIGITS_DIMENSION, labels_of, materialise
from theory_check.neural_ode.figures.draws import digits, network_seed
from theory_check.neural_ode.figures.sizes import require_activations, require_count
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.descent import gradient_descent
from theory_check.neural_ode.networks.parameters import draw_network
from theory_check.neural_ode.networks.tangent_kernel import kernels_of
from theory_check.pictures.picture import Picture, Series

Array = NDArray[np.float64]
TARGET = 0.1
# Kinked, saturating and not odd: a kernel as well conditioned as any, whatever its smoothness.
WELL_CONDITIONED = "hardtanh(1.5*x + 0.75)"
# Measured losses are drawn at so many steps, evenly spaced.
DRAWN = 21


class TrainingSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the figure.

    activations: one run each for every network.
    width: n.
    networks: starts, the same for all activations.
    inputs: digits to be learnt.
    steps: of gradient descent.
    layers: of the Euler scheme, of which gradient and kernel are exact.
    """

    activations: tuple[str, ...]
    width: int
    networks: int
    inputs: int
    steps: int
    layers: int = 8

    def __post_init__(self) -> None:
        require_activations(self.activations)
        for name in ("width", "networks", "steps", "layers"):
            require_count(name, getattr(self, name))


QUICK = TrainingSizes(activations=("softplus", "relu"), width=128, networks=1, inputs=6, steps=12)
FULL = TrainingSizes(
    activations=("softplus", "gelu", "tanh", "erf", "relu", WELL_CONDITIONED),
    width=1_000,
    networks=3,
    inputs=16,
    steps=100,
)


@dataclass(frozen=True)
class _Run:
    """Losses over the first one, measured and predicted, (steps + 1,) each."""

    measured: Float[Array, " times"]
    predicted: Float[Array, " times"]


def training_curves(seed: int, sizes: TrainingSizes) -> tuple[Figure, ...]:
    """One figure.

    Raises:
        ValueError: an unknown activation, or more inputs than there are digits.
    """
    runs = {name: [_run(seed, sizes, activation(name), k) for k in range(sizes.networks)] for name in sizes.activations}
    measured = [_measured(name, sizes, of_one) for name, of_one in runs.items()]
    predicted = [_predicted(name, sizes, of_one) for name, of_one in runs.items()]
    final = {name: float(_mean(np.array([run.measured for run in of_one]))[-1]) for name, of_one in runs.items()}
    ranked = sorted(final, key=final.__getitem__)
    order = ", ".join(f"{name} {number(final[name])}" for name in ranked)
    steps = ", ".join(f"{name} {_steps_to_target(runs[name])}" for name in ranked)
    apart = max(float(np.abs(np.log(r.measured / r.predicted)).max()) for of_one in runs.values() for r in of_one)
    figure = Figure(
        name="paper-training",
        paper="the loss of wide networks falls to zero at a linear rate; a caption compares smooth and kinked phi",
        seen=f"Share of the loss that is left after {sizes.steps} steps, the least first: {order}. Steps to "
        f"{TARGET:.0%} of the loss: {steps}. {_kinked(ranked)}The measured loss is within a factor "
        f"{number(math.exp(apart))} of the linearised run at every step.",
        picture=Picture(
            kind="loss",
            title=f"Training on digits, width {sizes.width:,}",
            x_label="step of gradient descent",
            y_label="loss over the loss at the start",
            y_scale="log",
            series=(*measured, *predicted),
            note=f"Full batch of {sizes.inputs} digits, labels ±1 by parity, ResNet of {sizes.layers} layers, T = 1, "
            f"η = 1 / λ_max(Θ_0). Geometric mean over {sizes.networks} networks, the same for all activations; bars "
            "reach from the least to the greatest of them. Lines: (I − η Θ_0)^k, the linearised run.",
        ),
    )
    return (figure,)


def _run(seed: int, sizes: TrainingSizes, phi: Activation, replicate: int) -> _Run:
    data, model = digits(sizes.inputs), NeuralODE()
    inputs, labels = torch.from_numpy(materialise(data)), torch.from_numpy(labels_of(data, 0))
    network = draw_network(
        width=sizes.width,
        dimension=DIGITS_DIMENSION,
        seed=network_seed(seed, "training", inputs=sizes.inputs, width=sizes.width, replicate=replicate),
    )
    start = kernels_of(phi, model, network, inputs, scheme="euler", steps=sizes.layers)
    values, vectors = np.linalg.eigh(start.tangent.numpy())
    rate = 1.0 / float(values[-1])
    trace = gradient_descent(
        phi,
        model,
        network,
        inputs,
        labels,
        learning_rate=rate,
        steps=sizes.steps,
        scheme="euler",
        solver_steps=sizes.layers,
        kernel_every=None,
    )
    if trace.diverged_at is not None:
        raise ArithmeticError(f"gradient descent with {phi.expression} diverged after {trace.diverged_at} steps")
    losses = trace.losses.numpy()
    along = vectors.T @ (trace.outputs[0] - labels).numpy()
    factors = (1.0 - rate * values)[None, :] ** (2 * np.arange(sizes.steps + 1))[:, None]
    return _Run(losses / losses[0], factors @ along**2 / (along @ along))


def _measured(name: str, sizes: TrainingSizes, runs: list[_Run]) -> Series:
    at = np.unique(np.linspace(0, sizes.steps, min(sizes.steps + 1, DRAWN)).round().astype(int))
    losses = np.array([run.measured[at] for run in runs])
    return Series(
        name=name,
        x=tuple(at.astype(np.float64).tolist()),
        y=tuple(_mean(losses).tolist()),
        low=tuple(losses.min(axis=0).tolist()),
        high=tuple(losses.max(axis=0).tolist()),
    )


def _predicted(name: str, sizes: TrainingSizes, runs: list[_Run]) -> Series:
    return Series(
        name=f"{name}, predicted",
        x=tuple(np.arange(sizes.steps + 1, dtype=np.float64).tolist()),
        y=tuple(_mean(np.array([run.predicted for run in runs])).tolist()),
        style="line",
    )


def _mean(losses: Float[Array, "networks times"]) -> Float[Array, " times"]:
    """Geometric, over the networks."""
    means: Array = np.exp(np.log(losses).mean(axis=0))
    return means


def _kinked(ranked: list[str]) -> str:
    """Which places functions with kinks take among all, if there are any."""
    places = [f"{name} place {k}" for k, name in enumerate(ranked, 1) if not activation(name).is_smooth]
    return f"With kinks: {', '.join(places)} of {len(ranked)}. " if places else ""


def _steps_to_target(runs: list[_Run]) -> str:
    """Of the geometric mean over the networks."""
    below = np.flatnonzero(_mean(np.array([run.measured for run in runs])) <= TARGET)
    return str(int(below[0])) if len(below) else f"more than {len(runs[0].measured) - 1}"
