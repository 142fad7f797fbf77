"""The picture of a paired comparison of costs: how many networks are still at work after so much of it, and ratios."""

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from theory_check.evidence.median_ratio import MedianRatio
from theory_check.evidence.picture import Picture, Series

MOST_POINTS = 200

Costs = Int[NDArray[np.int64], " networks"]


def counts_picture(title: str, unit: str, costs: dict[str, Costs]) -> Picture:
    """For each side the share of its networks that need more than x.

    Args:
        title: of the picture.
        unit: what x counts.
        costs: of every network, whole numbers, by the name of the side.
    """
    most = max(int(each.max()) for each in costs.values())
    x = np.unique(np.linspace(0, most, min(most + 1, MOST_POINTS)).round())
    return Picture(
        kind="counts",
        title=title,
        x_label=unit,
        y_label="share of networks that need more",
        series=tuple(
            Series(
                name=f"{name}: median {np.median(each):g} over {len(each)} networks",
                x=tuple(x.tolist()),
                y=tuple((each[:, None] > x).mean(axis=0).tolist()),
                style="line",
            )
            for name, each in costs.items()
        ),
        note="The curve further to the left belongs to the side that needs less.",
    )


def ratios_picture(quantity: str, log_ratios: Float[NDArray[np.float64], " networks"], judged: MedianRatio) -> Picture:
    """Every network's ratio in rising order, and the interval of the median."""
    ordered = np.sort(log_ratios)
    kept = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_POINTS)).round().astype(int))
    low, high = np.exp(np.clip(judged.interval, -690.0, 690.0)).tolist()
    ends = (1.0, float(len(ordered)))
    return Picture(
        kind="counts",
        title=quantity,
        x_label="networks, in the order of their ratio",
        y_label="ratio",
        y_scale="log",
        series=(
            Series(
                name=f"{judged.positives} of {judged.networks} networks take more",
                x=tuple((kept + 1.0).tolist()),
                y=tuple(np.exp(np.clip(ordered[kept], -690.0, 690.0)).tolist()),
            ),
            Series(name="equal", x=ends, y=(1.0, 1.0), style="line"),
            Series(name="interval of the median", x=ends, y=(1.0, 1.0), low=(low,) * 2, high=(high,) * 2, style="band"),
        ),
        note="A median below 1 says that the subject costs less.",
    )
