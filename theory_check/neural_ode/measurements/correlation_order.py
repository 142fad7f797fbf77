"""What the limits make of the correlations of the inputs, for claims structure-kept and spread-reduced.

Inputs of one norm: the normalised kernel of two of them is then a function of their correlation alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.case import correlations
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture

Array = NDArray[np.float64]

# Correlations nearer to each other are taken as equal: their order is that of roundings.
TIED = 1e-12


@dataclass(frozen=True)
class Pairs:
    """Every pair of different inputs: the correlation of the inputs, that of the limit, and its error bound."""

    given: Float[Array, " pairs"]
    limit: Float[Array, " pairs"]
    error: Float[Array, " pairs"]


def picture(inputs: Array, kernels: Mapping[str, tuple[Array, Array]], note: str) -> Picture | None:
    """Limiting correlations of all pairs against those of the inputs, each with the bound of its error."""
    if len(inputs) < 2:
        return None
    series = []
    for name, (kernel, error) in kernels.items():
        if not (np.diagonal(kernel) > 0).all():
            continue
        pairs = pairs_of(inputs, kernel, error)
        order = np.argsort(pairs.given)
        given, limit, bound = (values[order] for values in fields(pairs))
        series.append(curve(name, given, limit, low=limit - bound, high=limit + bound))
    ends = (float(np.min(correlations(inputs))), 1.0)
    series.append(curve("as the inputs", ends, ends, style="line"))
    return Picture(
        kind="kernel",
        title="Correlation at infinite width against that of the inputs",
        x_label="correlation of two inputs",
        y_label="limiting correlation",
        series=tuple(series),
        note=note,
    )


def pairs_of(inputs: Array, kernel: Array, kernel_error: Array) -> Pairs:
    """Normalised, each with the error of its entry and of both diagonal entries."""
    row, column = np.triu_indices(len(inputs), 1)
    diagonal, own = np.diagonal(kernel), np.diagonal(kernel_error)
    root = np.sqrt(diagonal[row] * diagonal[column])
    limit = kernel[row, column] / root
    share = own / diagonal
    # sqrt((1 + a)(1 + b)) differs from 1 by at most |a| + |b| where both are below 1 / 2.
    error = (kernel_error[row, column] / root + np.abs(limit) * (share[row] + share[column])) * 2.0
    return Pairs(correlations(inputs)[row, column], limit, error)


def fields(pairs: Pairs) -> tuple[Array, Array, Array]:
    """Given correlations, limits and errors, as they are passed to `Pairs`."""
    return pairs.given, pairs.limit, pairs.error
