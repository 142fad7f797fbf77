"""How Gaussian the output of random networks is, against width: the spread of its variance, and its quantiles."""

import math

import msgspec
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.figure import CONFIDENCE, Figure, expected_line, ladder, number, slope, supported
from theory_check.judge.quantile_picture import quantile_picture
from theory_check.judge.rates import RateResult, fit_slope, relative_variance_with_error
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import materialise
from theory_check.neural_ode.figures.draws import digits, network_seed
from theory_check.neural_ode.figures.sizes import require_activations, require_ladder, require_networks
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.measurements.gaussian_output import RATE_MARGIN, SOLVER_STEPS
from theory_check.neural_ode.measurements.instance import limit_tolerance
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.ensemble import EnsembleResult, ensemble_variances
from theory_check.pictures.picture import Picture, Series

Array = NDArray[np.float64]
RATE = -1.0


class LawSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of both figures.

    activations: one curve each in the first; the second is that of `phi`.
    widths: of the ladder.
    networks: for each of its widths, the same for all activations.
    phi: the activation of the quantiles.
    shown: three widths or so whose quantiles are drawn.
    samples: networks for each of those.
    """

    activations: tuple[str, ...]
    widths: tuple[int, ...]
    networks: int
    phi: str = "softplus"
    shown: tuple[int, ...]
    samples: int

    def __post_init__(self) -> None:
        require_activations(self.activations)
        require_ladder("widths", self.widths)
        require_ladder("shown", self.shown, 1)
        require_networks(self.networks)
        require_networks(self.samples)


QUICK = LawSizes(
    activations=("softplus", "tanh"), widths=(8, 16, 32, 64, 128), networks=1_000, shown=(2, 8, 64), samples=2_000
)
FULL = LawSizes(
    activations=("softplus", "gelu", "tanh", "relu"),
    widths=(8, 16, 32, 64, 128, 256),
    networks=3_000,
    shown=(2, 16, 256),
    samples=8_000,
)


def output_law(seed: int, sizes: LawSizes) -> tuple[Figure, ...]:
    """Two figures: Var(S) / E[S]^2 against width, and the quantiles of f.

    Raises:
        ValueError: an unknown activation.
        InfiniteKernel: (an ArithmeticError) the limit does not exist.
    """
    return _spread(seed, sizes), _quantiles(seed, sizes)


def _spread(seed: int, sizes: LawSizes) -> Figure:
    results = [_fitted(seed, sizes, activation(name)) for name in sizes.activations]
    slopes = "; ".join(f"{name}: {slope(r)}" for name, r in zip(sizes.activations, results, strict=True))
    return Figure(
        name="paper-gaussianity-width",
        paper="outputs become Gaussian as the width grows",
        seen="Given all weights but the last, f is Gaussian with variance S at every width, so it is Gaussian as far "
        f"as S does not vary. Var(S) / E[S]² falls at least like 1 / n {supported(results)}: slopes {slopes}.",
        picture=Picture(
            kind="ladder",
            title="Relative variance of the conditional output variance S",
            x_label="width n",
            y_label="Var(S) / E[S]²",
            x_scale="log",
            y_scale="log",
            series=(
                *(ladder(name, r) for name, r in zip(sizes.activations, results, strict=True)),
                expected_line(results[0], RATE, "slope −1"),
            ),
            note=f"S = σ_v² |φ(h_T)|² / n of {sizes.networks:,} networks of each width, the same for all activations, "
            f"with {CONFIDENCE} intervals (jackknife); one digit, T = 1. The excess kurtosis of f is three times this.",
        ),
    )


def _fitted(seed: int, sizes: LawSizes, phi: Activation) -> RateResult:
    samples = [_drawn(seed, "gaussianity", phi, width, sizes.networks).S[:, 0, 0].numpy() for width in sizes.widths]
    logs, deviations = zip(*map(relative_variance_with_error, samples), strict=True)
    return fit_slope(
        np.array(sizes.widths, dtype=np.float64),
        np.array(logs),
        np.array(deviations),
        expected=RATE,
        margin=RATE_MARGIN,
        refute_level=1e-3,
        degrees_of_freedom=sizes.networks - 1,
        one_sided="at-least",
    )


def _quantiles(seed: int, sizes: LawSizes) -> Figure:
    phi = activation(sizes.phi)
    limit = limit_kernels(phi, materialise(digits(1)), NeuralODE(), limit_tolerance(phi), tangent=False).nngp.item()
    samples: dict[str, Float[Array, " samples"]] = {}
    words = []
    for width in sizes.shown:
        f = _drawn(seed, "quantiles", phi, width, sizes.samples).f[:, 0].numpy()
        samples[f"width {width}"] = f / math.sqrt(limit)
        tail = float((np.abs(f) > 3 * math.sqrt(limit)).mean())
        words.append(f"{number(1000 * tail)} at width {width}")
    expected = 1000 * math.erfc(3 / math.sqrt(2))
    picture = quantile_picture(f"Quantiles of f / √Σ, {sizes.phi}, beside those of N(0, 1)", samples)
    if picture is None:
        raise AssertionError("at least ten samples were asked for")
    return Figure(
        name="paper-quantiles",
        paper="outputs become Gaussian as the width grows, with the variance of the limiting kernel",
        seen=f"Of 1,000 outputs those beyond three limiting standard deviations are {'; '.join(words)}; a Gaussian "
        f"has {number(expected)}.",
        picture=msgspec.structs.replace(
            picture,
            series=_where_bounded(picture.series),
            note=f"{sizes.samples:,} networks of each width, one digit, T = 1; Σ is the limit at infinite width. "
            f"Curves inside the band agree with N(0, 1); quantiles that it leaves open are not drawn.",
        ),
    )


def _where_bounded(series: tuple[Series, ...]) -> tuple[Series, ...]:
    """The curves without the tails, where the band is cut at the largest value and narrow networks dwarf all others."""
    (band,) = (one for one in series if one.style == "band" and one.low is not None and one.high is not None)
    ends = list(zip(band.x, band.low or (), band.high or (), strict=True))
    least, most = min(low for _, low, _ in ends), max(high for _, _, high in ends)
    edge = min(max(x for x, _, high in ends if high < most), -min(x for x, low, _ in ends if low > least))
    return tuple(_within(one, edge) for one in series)


def _within(series: Series, edge: float) -> Series:
    """What a curve is from -edge to edge; a line, which two points make, reaches from one to the other."""
    if series.style == "line":
        return msgspec.structs.replace(series, x=(-edge, edge))
    kept = [k for k, x in enumerate(series.x) if abs(x) <= edge]
    columns = {name: getattr(series, name) for name in ("x", "y", "low", "high")}
    cut = {name: column and tuple(column[k] for k in kept) for name, column in columns.items()}
    return msgspec.structs.replace(series, **cut)


def _drawn(seed: int, stage: str, phi: Activation, width: int, networks: int) -> EnsembleResult:
    return ensemble_variances(
        phi,
        NeuralODE(),
        torch.from_numpy(materialise(digits(1))),
        width=width,
        seeds=[
            network_seed(seed, "output-law", inputs=1, width=width, stage=stage, replicate=k) for k in range(networks)
        ],
        steps=SOLVER_STEPS,
    )
