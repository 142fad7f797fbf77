"""Claim structure-kept: whether limiting correlations fall anywhere as those of the inputs grow from 0 to 1."""

from dataclasses import replace
from functools import partial

import numpy as np

from theory_check.claims.quantity import Quantity
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case, materialise
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.measurements.correlation_order import TIED, Array, Pairs, fields, pairs_of, picture
from theory_check.neural_ode.measurements.instance import limit_tolerance, prepare


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
    return tuple(replace(d, sketch=partial(picture, inputs, parts, note)) for d in found)


def _structure(quantity: Quantity, inputs: Array, kernel: Array, kernel_error: Array) -> Discrepancy:
    if not (np.diagonal(kernel) > 0).all():
        return Discrepancy(quantity, 0.0, 0.0, unusable="the limiting kernel of an input with itself is not positive")
    pairs = pairs_of(inputs, kernel, kernel_error)
    kept = pairs.given >= 0
    if not kept.any():
        return Discrepancy(quantity, 0.0, 0.0, unusable="no two inputs have a correlation of 0 or more")
    # An input with itself, the end of the range, is known without error.
    upper = Pairs(*(np.append(values[kept], end) for values, end in zip(fields(pairs), (1.0, 1.0, 0.0), strict=True)))
    fall, bound = _largest_fall(upper)
    below = Pairs(*(values[~kept] for values in fields(pairs)))
    negative = _largest_fall(below)[0] if len(below.given) > 1 else 0.0
    return Discrepancy(
        quantity,
        fall,
        bound,
        scale=float(np.ptp(upper.limit)),
        details={"pairs": len(upper.given) - 1, "fall among negative correlations (not claimed)": negative},
    )


def _largest_fall(pairs: Pairs) -> tuple[float, float]:
    """The most by which the limit falls from one pair to another of greater correlation, and the bound of its error."""
    greater = pairs.given[:, None] + TIED < pairs.given[None, :]
    if not greater.any():
        return 0.0, 0.0
    fall = np.where(greater, pairs.limit[:, None] - pairs.limit[None, :], -np.inf)
    bound = pairs.error[:, None] + pairs.error[None, :]
    i, j = np.unravel_index(int(np.argmax(np.where(greater, fall - bound, -np.inf))), fall.shape)
    return max(0.0, float(fall[i, j])), float(bound[i, j])
