"""Error of the tangent kernel of random networks against width, on logarithmic axes."""

import msgspec
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.figure import CONFIDENCE, Figure, expected_line, ladder, number, percent, slope, supported
from theory_check.judge.rates import fit_rate
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import DIGITS_DIMENSION, materialise
from theory_check.neural_ode.figures.draws import digits, network_seed
from theory_check.neural_ode.figures.sizes import (
    require_accurate,
    require_activations,
    require_ladder,
    require_networks,
)
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.measurements.instance import limit_tolerance
from theory_check.neural_ode.measurements.width_ladder import EXPECTED, RATE_MARGIN
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import draw_network
from theory_check.neural_ode.networks.tangent_kernel import kernels_of
from theory_check.pictures.picture import Picture

Array = NDArray[np.float64]
SCHEME, STEPS = "rk4", 4


class KernelSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the figure.

    activations: one curve each.
    widths: of the ladder.
    networks: for each width, the same for all activations.
    inputs: digits.
    """

    activations: tuple[str, ...]
    widths: tuple[int, ...]
    networks: int
    inputs: int

    def __post_init__(self) -> None:
        require_activations(self.activations)
        require_ladder("widths", self.widths)
        require_networks(self.networks)


QUICK = KernelSizes(activations=("softplus", "tanh"), widths=(32, 56, 96, 168, 288), networks=40, inputs=4)
FULL = KernelSizes(
    activations=("softplus", "gelu", "tanh", "relu"), widths=(64, 128, 256, 512, 1024), networks=240, inputs=12
)


def kernel_width(seed: int, sizes: KernelSizes) -> tuple[Figure, ...]:
    """One figure.

    Raises:
        ValueError: an unknown activation, or more inputs than there are digits.
        InfiniteKernel: (an ArithmeticError) the limit does not exist.
    """
    rows = materialise(digits(sizes.inputs))
    loaded = [activation(name) for name in sizes.activations]
    limits, shares = zip(*(_limit(phi, rows) for phi in loaded), strict=True)
    errors, of_scheme = _errors(seed, sizes, loaded, rows, limits)
    require_accurate("paper-ntk-width", (of_scheme + max(shares)) / float(np.sqrt((errors**2).mean(axis=2)).min()))
    rungs = np.array(sizes.widths, dtype=np.float64)
    results = [fit_rate(rungs, of_one, expected=EXPECTED, margin=RATE_MARGIN, refute_level=1e-3) for of_one in errors]
    slopes = "; ".join(f"{name}: {slope(r)}" for name, r in zip(sizes.activations, results, strict=True))
    last = "; ".join(f"{name} {percent(r.values[-1])}" for name, r in zip(sizes.activations, results, strict=True))
    figure = Figure(
        name="paper-ntk-width",
        paper="the tangent kernel of a network approaches its limit as the width grows, a straight line on "
        "logarithmic axes",
        seen=f"The error falls like n^(−1/2) {supported(results)}: slopes {slopes}. Errors at width "
        f"{sizes.widths[-1]:,}: {last}.",
        picture=Picture(
            kind="ladder",
            title="Relative error of the tangent kernel against width",
            x_label="width n",
            y_label="relative error, Frobenius norm",
            x_scale="log",
            y_scale="log",
            series=(
                *(ladder(name, r) for name, r in zip(sizes.activations, results, strict=True)),
                expected_line(results[0], EXPECTED, "slope −1/2"),
            ),
            note=f"Root mean square over {sizes.networks} networks of each width, the same for all activations, with "
            f"{CONFIDENCE} intervals; {sizes.inputs} digits, T = 1. The limit is known to "
            f"{number(max(shares))} of itself, and halving the step of the solver changes {number(of_scheme)} of a "
            "kernel.",
        ),
    )
    return (figure,)


def _limit(phi: Activation, rows: Float[Array, "inputs dimension"]) -> tuple[Float[Array, "inputs inputs"], float]:
    """The limiting kernel, and its error bound relative to it."""
    kernels = limit_kernels(phi, rows, NeuralODE(), limit_tolerance(phi))
    return kernels.tangent, float(np.linalg.norm(kernels.tangent_error) / np.linalg.norm(kernels.tangent))


def _errors(
    seed: int,
    sizes: KernelSizes,
    loaded: list[Activation],
    rows: Float[Array, "inputs dimension"],
    limits: tuple[Float[Array, "inputs inputs"], ...],
) -> tuple[Float[Array, "activations widths networks"], float]:
    """Relative errors of all networks, and what twice the steps change of the kernels of one narrow network."""
    inputs = torch.from_numpy(rows)
    errors = np.empty((len(loaded), len(sizes.widths), sizes.networks))
    of_scheme = 0.0
    for column, width in enumerate(sizes.widths):
        for k in range(sizes.networks):
            network = draw_network(
                width=width,
                dimension=DIGITS_DIMENSION,
                seed=network_seed(seed, "ntk-width", inputs=sizes.inputs, width=width, replicate=k),
            )
            for row, (phi, limit) in enumerate(zip(loaded, limits, strict=True)):
                kernel = kernels_of(phi, NeuralODE(), network, inputs, scheme=SCHEME, steps=STEPS).tangent.numpy()
                errors[row, column, k] = np.linalg.norm(kernel - limit) / np.linalg.norm(limit)
                if column == k == 0:
                    finer = kernels_of(phi, NeuralODE(), network, inputs, scheme=SCHEME, steps=2 * STEPS).tangent
                    change = np.linalg.norm(kernel - finer.numpy()) / np.linalg.norm(limit)
                    of_scheme = max(of_scheme, float(change))
    return errors, of_scheme
