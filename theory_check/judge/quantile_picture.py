"""The picture of a law: quantiles of samples beside those of N(0, 1), and a band that holds for all at once."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import special

from theory_check.judge.rates import SUPPORT_CONFIDENCE
from theory_check.pictures.picture import Picture, Series

POINTS = 101
LEAST_SAMPLES = 2


def quantile_picture(
    title: str, samples: Mapping[str, Float[NDArray[np.float64], " samples"]], *, allowance: float = 0.0
) -> Picture | None:
    """Empirical minus theoretical quantiles of each of the samples; None where one has fewer than two numbers.

    Args:
        title: of the picture.
        samples: by the name of their curve, all claimed to be N(0, 1) and equally many, finite.
        allowance: the distance of distribution functions that is allowed for.

    The band is that of Dvoretzky, Kiefer and Wolfowitz: |F_M - Phi| <= allowance + sqrt(ln(2 / (1 - c)) / (2 M)) for
    all arguments at once, with confidence c. Where it leaves a quantile open it is drawn as far as the curves reach.
    """
    count = min(map(len, samples.values()))
    if count < LEAST_SAMPLES:
        return None
    end = -float(special.ndtri(0.5 / count))
    z = np.linspace(-end, end, POINTS)
    p = special.ndtr(z)
    curves = {name: np.quantile(x, p, method="hazen") - z for name, x in samples.items()}
    width = allowance + math.sqrt(math.log(2 / (1 - SUPPORT_CONFIDENCE)) / (2 * count))
    # At the median the band is bounded, and never wider than here.
    reach = max(2 * -float(special.ndtri(max(0.5 - width, 1e-9))), *(float(np.abs(c).max()) for c in curves.values()))
    with np.errstate(invalid="ignore"):
        low = special.ndtri(np.maximum(p - width, 0.0)) - z
        high = special.ndtri(np.minimum(p + width, 1.0)) - z
    place = tuple(z.tolist())
    return Picture(
        kind="quantiles",
        title=title,
        x_label="quantile of N(0, 1)",
        y_label="empirical minus theoretical",
        series=(
            *(Series(name=f"{name}, {count} of them", x=place, y=tuple(c.tolist())) for name, c in curves.items()),
            Series(name="N(0, 1)", x=(-end, end), y=(0.0, 0.0), style="line"),
            Series(
                name=f"band that holds for all quantiles at once, {SUPPORT_CONFIDENCE:.1%}",
                x=place,
                y=(0.0,) * POINTS,
                low=tuple(np.maximum(low, -reach).tolist()),
                high=tuple(np.minimum(high, reach).tolist()),
                style="band",
            ),
        ),
        note="Curves inside the band agree with N(0, 1); where the band ends at an edge it is open.",
    )
