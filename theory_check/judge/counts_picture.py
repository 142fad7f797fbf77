"""The picture of a paired comparison of costs: how many networks are still at work after so much of it, and ratios."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.non_inferiority import MARGIN, PairedCosts, RatioOfTotals
from theory_check.pictures.picture import Picture, Series

MOST_POINTS = 200
# Ends of an interval that is unbounded are drawn here.
LEAST_DRAWN, MOST_DRAWN = 1e-3, 1e3

Costs = Float[NDArray[np.float64], " networks"]


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
                name=f"{name}: {each.mean():.4g} in the mean over {len(each)} networks",
                x=tuple(x.tolist()),
                y=tuple((each[:, None] > x).mean(axis=0).tolist()),
                style="line",
            )
            for name, each in costs.items()
        ),
        note="The curve further to the left belongs to the side that needs less.",
    )


def ratios_picture(quantity: str, costs: PairedCosts, judged: RatioOfTotals) -> Picture:
    """Every network's ratio in rising order, the ratio of the totals and its interval."""
    ordered = np.sort(costs.subject / costs.reference)
    kept = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_POINTS)).round().astype(int))
    ends, limit = (1.0, float(len(ordered))), 1 + MARGIN
    low, high = (min(max(end, LEAST_DRAWN), MOST_DRAWN) for end in judged.interval)
    return Picture(
        kind="counts",
        title=quantity,
        x_label="networks, in the order of their ratio",
        y_label="ratio",
        y_scale="log",
        series=(
            Series(name="one network", x=tuple((kept + 1.0).tolist()), y=tuple(ordered[kept].tolist())),
            Series(name=f"margin, {limit:g}", x=ends, y=(limit, limit), style="line"),
            Series(
                name="interval of the ratio of totals",
                x=ends,
                y=(judged.ratio,) * 2,
                low=(low,) * 2,
                high=(high,) * 2,
                style="band",
            ),
        ),
        note=f"An interval below {limit:g} says that the subject costs no more.",
    )
