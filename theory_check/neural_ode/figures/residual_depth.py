"""Output and gradient difference between the L-layer residual network and its ODE, against L, for several widths."""

import msgspec
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.figure import CONFIDENCE, Figure, expected_line, ladder, number, slope, supported
from theory_check.judge.rates import RateResult, fit_rate
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import DIGITS_DIMENSION, materialise
from theory_check.neural_ode.figures.draws import digits, network_seed
from theory_check.neural_ode.figures.residual_error import ResidualError
from theory_check.neural_ode.figures.sizes import require_accurate, require_count, require_ladder, require_networks
from theory_check.neural_ode.measurements.depth_ladder import DEPTH_MARGIN, DEPTH_RATE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.pictures.picture import Picture

Array = NDArray[np.float64]
PARTS = ("output", "gradient")
PAPER = {
    "output": "the output of a ResNet of L layers with shared weights tends to that of the Neural ODE as L grows, at "
    "every width (shown for softplus)",
    "gradient": "the gradient of the ResNet tends to that of the Neural ODE as L grows, at every width (shown for "
    "softplus): to discretise and then optimise costs an error that vanishes with the step",
}
MEASURED = {
    "output": ("root mean square of f_L − f", "Root mean square of f_L − f over all inputs and outputs"),
    "gradient": ("relative error of the gradient", "Relative error of the gradient of all outputs, summed"),
}


class DepthSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of both figures.

    phi: the activation.
    widths: one curve each.
    depths: numbers of layers.
    networks: for each width.
    inputs: digits.
    outputs: of each network.
    """

    phi: str = "softplus"
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    networks: int
    inputs: int
    outputs: int

    def __post_init__(self) -> None:
        require_ladder("widths", self.widths, 1)
        require_ladder("depths", self.depths)
        require_networks(self.networks)
        require_count("outputs", self.outputs)


QUICK = DepthSizes(widths=(16, 32, 64), depths=(8, 16, 32, 64, 128), networks=10, inputs=4, outputs=4)
FULL = DepthSizes(widths=(64, 128, 256, 512, 1024), depths=(8, 16, 32, 64, 128), networks=12, inputs=16, outputs=10)


def residual_depth(seed: int, sizes: DepthSizes) -> tuple[Figure, ...]:
    """Two figures: outputs, and gradients.

    Raises:
        ValueError: an unknown activation, or more inputs than there are digits.
    """
    errors, of_reference = _measured(seed, sizes)
    return tuple(_figure(part, sizes, errors[..., k], of_reference[k]) for k, part in enumerate(PARTS))


def _measured(seed: int, sizes: DepthSizes) -> tuple[Float[Array, "widths depths networks 2"], Float[Array, " 2"]]:
    """All errors, and the greatest share of one that is the reference's own."""
    phi, model = activation(sizes.phi), NeuralODE()
    inputs = torch.from_numpy(materialise(digits(sizes.inputs)))
    errors = np.empty((len(sizes.widths), len(sizes.depths), sizes.networks, 2))
    of_reference = np.zeros(2)
    for row, width in enumerate(sizes.widths):
        for k in range(sizes.networks):
            parameters = draw_parameters(
                width=width,
                dimension=DIGITS_DIMENSION,
                outputs=sizes.outputs,
                seed=network_seed(seed, "residual-depth", inputs=sizes.inputs, width=width, replicate=k),
            )
            network = ResidualError(phi, model, parameters, inputs)
            errors[row, :, k] = network.at(sizes.depths)
            if k == 0:
                of_reference = np.maximum(of_reference, network.of_reference() / errors[row, :, 0].min(axis=0))
    return errors, of_reference


def _figure(
    part: str, sizes: DepthSizes, errors: Float[Array, "widths depths networks"], of_reference: float
) -> Figure:
    require_accurate(f"paper-{part}-depth", of_reference)
    results = [_fitted(sizes, of_width) for of_width in errors]
    label, what = MEASURED[part]
    slopes = "; ".join(f"n = {width:,}: {slope(r)}" for width, r in zip(sizes.widths, results, strict=True))
    constants = [float(np.sqrt((of_width[-1] ** 2).mean())) * sizes.depths[-1] for of_width in errors]
    return Figure(
        name=f"paper-{part}-depth",
        paper=PAPER[part],
        seen=f"The difference falls like 1 / L {supported(results)}: slopes {slopes}. L times the difference at L = "
        f"{sizes.depths[-1]} is {constants[0]:.3g} at width {sizes.widths[0]:,} and {constants[-1]:.3g} at "
        f"{sizes.widths[-1]:,}.",
        picture=Picture(
            kind="ladder",
            title=f"{part.capitalize()} difference between ResNet and Neural ODE, {sizes.phi}",
            x_label="layers L",
            y_label=label,
            x_scale="log",
            y_scale="log",
            series=(
                *(ladder(f"width {width:,}", r) for width, r in zip(sizes.widths, results, strict=True)),
                expected_line(results[-1], DEPTH_RATE, "slope −1"),
            ),
            note=f"{what}, geometric mean over {sizes.networks} networks of each width with "
            f"{CONFIDENCE} intervals, {sizes.inputs} digits, {sizes.outputs} outputs, T = 1. The ODE is known to "
            f"{number(of_reference)} of the least difference.",
        ),
    )


def _fitted(sizes: DepthSizes, errors: Float[Array, "depths networks"]) -> RateResult:
    """Every network has a slope of its own: what its weights have in common at all depths cancels."""
    return fit_rate(
        np.array(sizes.depths, dtype=np.float64),
        errors,
        expected=DEPTH_RATE,
        margin=DEPTH_MARGIN,
        refute_level=1e-3,
        paired=True,
    )
