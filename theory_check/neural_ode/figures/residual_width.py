"""The same differences at one depth, against width, for several activations: a constant that does not grow is flat."""

import msgspec
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.figure import CONFIDENCE, Figure, ladder, number, slope, supported
from theory_check.judge.rates import RateResult, fit_rate
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import DIGITS_DIMENSION, materialise
from theory_check.neural_ode.figures.draws import digits, network_seed
from theory_check.neural_ode.figures.residual_depth import MEASURED, PARTS
from theory_check.neural_ode.figures.residual_error import ResidualError
from theory_check.neural_ode.figures.sizes import (
    require_accurate,
    require_activations,
    require_count,
    require_ladder,
    require_networks,
)
from theory_check.neural_ode.measurements.resnet_limit import LADDER
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.pictures.picture import Picture

Array = NDArray[np.float64]
PAPER = {
    "output": "the difference of outputs is shown at several widths, and does not grow with them",
    "gradient": "the difference of gradients is shown at several widths, and does not grow with them",
}


class WidthSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of both figures.

    activations: one curve each.
    widths: of the ladder.
    depth: layers of the ResNet.
    networks: for each width, the same for all activations.
    inputs: digits.
    outputs: of each network.
    """

    activations: tuple[str, ...]
    widths: tuple[int, ...]
    depth: int
    networks: int
    inputs: int
    outputs: int

    def __post_init__(self) -> None:
        require_activations(self.activations)
        require_ladder("widths", self.widths)
        require_count("depth", self.depth)
        require_networks(self.networks)
        require_count("outputs", self.outputs)


QUICK = WidthSizes(
    activations=("softplus", "tanh"), widths=(8, 16, 32, 64, 128), depth=16, networks=10, inputs=4, outputs=4
)
# Smooth ones: gradients of a kinked phi jump where a state crosses a kink, and the reference, too, is then off by up
# to half of the difference (measured with ReLU).
FULL = WidthSizes(
    activations=("softplus", "gelu", "tanh", "erf"),
    widths=(64, 128, 256, 512, 1024),
    depth=16,
    networks=16,
    inputs=16,
    outputs=10,
)


def residual_width(seed: int, sizes: WidthSizes) -> tuple[Figure, ...]:
    """Two figures: outputs, and gradients.

    Raises:
        ValueError: an unknown activation, or more inputs than there are digits.
    """
    errors, of_reference = _measured(seed, sizes)
    return tuple(_figure(part, sizes, errors[..., k], of_reference[k]) for k, part in enumerate(PARTS))


def _measured(seed: int, sizes: WidthSizes) -> tuple[Float[Array, "activations widths networks 2"], Float[Array, " 2"]]:
    """All errors, and the greatest share of one that is the reference's own."""
    loaded, model = [activation(name) for name in sizes.activations], NeuralODE()
    inputs = torch.from_numpy(materialise(digits(sizes.inputs)))
    errors = np.empty((len(loaded), len(sizes.widths), sizes.networks, 2))
    of_reference = np.zeros(2)
    for column, width in enumerate(sizes.widths):
        for k in range(sizes.networks):
            parameters = draw_parameters(
                width=width,
                dimension=DIGITS_DIMENSION,
                outputs=sizes.outputs,
                seed=network_seed(seed, "residual-width", inputs=sizes.inputs, width=width, replicate=k),
            )
            for row, phi in enumerate(loaded):
                network = ResidualError(phi, model, parameters, inputs)
                errors[row, column, k] = network.at((sizes.depth,))[0]
                if k == 0:
                    of_reference = np.maximum(of_reference, network.of_reference() / errors[row, column, 0])
    return errors, of_reference


def _figure(
    part: str, sizes: WidthSizes, errors: Float[Array, "activations widths networks"], of_reference: float
) -> Figure:
    require_accurate(f"paper-{part}-width", of_reference)
    results = [_fitted(sizes, of_one) for of_one in errors]
    label, what = MEASURED[part]
    slopes = "; ".join(f"{name}: {slope(r)}" for name, r in zip(sizes.activations, results, strict=True))
    return Figure(
        name=f"paper-{part}-width",
        paper=PAPER[part],
        seen=f"At L = {sizes.depth} the constant does not grow, by more than width^{LADDER.growth_margin:g} that is, "
        f"{supported(results)}: slopes against width {slopes}.",
        picture=Picture(
            kind="ladder",
            title=f"{part.capitalize()} difference between ResNet of {sizes.depth} layers and Neural ODE",
            x_label="width n",
            y_label=label,
            x_scale="log",
            y_scale="log",
            series=tuple(ladder(name, r) for name, r in zip(sizes.activations, results, strict=True)),
            note=f"{what}, root mean square over {sizes.networks} networks of each width, the same for all "
            f"activations, with {CONFIDENCE} intervals; {sizes.inputs} digits, {sizes.outputs} outputs, T = 1. The "
            f"ODE is known to {number(of_reference)} of the least difference.",
        ),
    )


def _fitted(sizes: WidthSizes, errors: Float[Array, "widths networks"]) -> RateResult:
    return fit_rate(
        np.array(sizes.widths, dtype=np.float64),
        errors,
        expected=0.0,
        margin=LADDER.growth_margin,
        refute_level=1e-3,
        one_sided="at-most",
    )
