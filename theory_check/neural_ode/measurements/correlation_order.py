"""Claims structure-kept and spread-reduced: what the limits make of the correlations of the inputs.

Inputs of one norm: the normalised kernel of two of them is then a function of their correlation alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.case import Case, correlations, materialise
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.measurements.instance import Setting, limit_tolerance, prepare
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


def structure_discrepancies(case: Case, setting: Setting) -> tuple[Discrepancy, ...]:
    """By how much the limiting correlations fall anywhere as the correlation of the inputs grows from 0 to 1."""
    inputs, activation = materialise(case.data), prepare(case, setting).activation
    kernels = limit_kernels(activation, inputs, case.neural_ode, limit_tolerance(activation))
    found = (
        _structure(q.NNGP_ORDER, inputs, kernels.nngp, kernels.nngp_error),
        _structure(q.TANGENT_ORDER, inputs, kernels.tangent, kernels.tangent_error),
    )
    parts = {
        "outputs (NNGP)": (kernels.nngp, kernels.nngp_error),
        "tangent kernel": (kernels.tangent, kernels.tangent_error),
    }
    note = "To the right of 0 no curve may fall."
    return tuple(replace(d, sketch=partial(_picture, inputs, parts, note)) for d in found)


def _structure(quantity: str, inputs: Array, kernel: Array, kernel_error: Array) -> Discrepancy:
    if not (np.diagonal(kernel) > 0).all():
        return Discrepancy(quantity, 0.0, 0.0, unusable="the limiting kernel of an input with itself is not positive")
    pairs = _pairs(inputs, kernel, kernel_error)
    kept = pairs.given >= 0
    if not kept.any():
        return Discrepancy(quantity, 0.0, 0.0, unusable="no two inputs have a correlation of 0 or more")
    # An input with itself, the end of the range, is known without error.
    upper = Pairs(*(np.append(values[kept], end) for values, end in zip(_fields(pairs), (1.0, 1.0, 0.0), strict=True)))
    fall, bound = _largest_fall(upper)
    below = Pairs(*(values[~kept] for values in _fields(pairs)))
    negative = _largest_fall(below)[0] if len(below.given) > 1 else 0.0
    return Discrepancy(
        quantity,
        fall,
        bound,
        scale=float(np.ptp(upper.limit)),
        details={"pairs": len(upper.given) - 1, "fall among negative correlations (not claimed)": negative},
    )


def spread_discrepancies(case: Case, setting: Setting) -> tuple[Discrepancy, ...]:
    """By how much the correlation of two inputs exceeds the limiting one, of final states and of outputs, at most."""
    inputs, activation = materialise(case.data), prepare(case, setting).activation
    kernels = limit_kernels(activation, inputs, case.neural_ode, limit_tolerance(activation), tangent=False)
    found = (
        _spread(q.STATE_SPREAD, inputs, kernels.state, kernels.state_error),
        _spread(q.OUTPUT_SPREAD, inputs, kernels.nngp, kernels.nngp_error),
    )
    parts = {
        "final states": (kernels.state, kernels.state_error),
        "outputs (NNGP)": (kernels.nngp, kernels.nngp_error),
    }
    note = "Points above the line are pairs that the network brings closer together, points below it are driven apart."
    return tuple(replace(d, sketch=partial(_picture, inputs, parts, note)) for d in found)


def _spread(quantity: str, inputs: Array, kernel: Array, kernel_error: Array) -> Discrepancy:
    if len(inputs) < 2 or not (np.diagonal(kernel) > 0).all():
        return Discrepancy(quantity, 0.0, 0.0, unusable="no two inputs whose limiting kernel is positive")
    pairs = _pairs(inputs, kernel, kernel_error)
    loss = pairs.given - pairs.limit
    worst = int(np.argmax(loss - pairs.error))
    bound = float(pairs.error[worst]) + TIED
    undecided = bool((np.abs(loss) <= pairs.error + TIED).any()) and float(loss[worst]) <= bound
    return Discrepancy(
        quantity,
        max(0.0, float(loss[worst])),
        bound,
        scale=1.0,
        details={
            "correlation of the inputs": float(pairs.given[worst]),
            "limiting correlation": float(pairs.limit[worst]),
            "pairs": len(loss),
        },
        unusable="the limiting correlation equals that of the inputs to within its error" if undecided else "",
    )


def _picture(inputs: Array, kernels: Mapping[str, tuple[Array, Array]], note: str) -> Picture | None:
    """Limiting correlations of all pairs against those of the inputs, each with the bound of its error."""
    if len(inputs) < 2:
        return None
    series = []
    for name, (kernel, error) in kernels.items():
        if not (np.diagonal(kernel) > 0).all():
            continue
        pairs = _pairs(inputs, kernel, error)
        order = np.argsort(pairs.given)
        given, limit, bound = (values[order] for values in _fields(pairs))
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


def _pairs(inputs: Array, kernel: Array, kernel_error: Array) -> Pairs:
    """Normalised, each with the error of its entry and of both diagonal entries."""
    row, column = np.triu_indices(len(inputs), 1)
    diagonal, own = np.diagonal(kernel), np.diagonal(kernel_error)
    root = np.sqrt(diagonal[row] * diagonal[column])
    limit = kernel[row, column] / root
    share = own / diagonal
    # sqrt((1 + a)(1 + b)) differs from 1 by at most |a| + |b| where both are below 1 / 2.
    error = (kernel_error[row, column] / root + np.abs(limit) * (share[row] + share[column])) * 2.0
    return Pairs(correlations(inputs)[row, column], limit, error)


def _largest_fall(pairs: Pairs) -> tuple[float, float]:
    """The most by which the limit falls from one pair to another of greater correlation, and the bound of its error."""
    greater = pairs.given[:, None] + TIED < pairs.given[None, :]
    if not greater.any():
        return 0.0, 0.0
    fall = np.where(greater, pairs.limit[:, None] - pairs.limit[None, :], -np.inf)
    bound = pairs.error[:, None] + pairs.error[None, :]
    i, j = np.unravel_index(int(np.argmax(np.where(greater, fall - bound, -np.inf))), fall.shape)
    return max(0.0, float(fall[i, j])), float(bound[i, j])


def _fields(pairs: Pairs) -> tuple[Array, Array, Array]:
    return pairs.given, pairs.limit, pairs.error
