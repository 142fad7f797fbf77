"""Claim spread-reduced: by how much correlations of inputs exceed the limiting ones."""

from dataclasses import replace
from functools import partial

import numpy as np

from theory_check.claims.quantity import Quantity
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case, materialise
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.measurements.correlation_order import TIED, Array, pairs_of, picture
from theory_check.neural_ode.measurements.instance import limit_tolerance, prepare


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
    return tuple(replace(d, sketch=partial(picture, inputs, parts, note)) for d in found)


def _spread(quantity: Quantity, inputs: Array, kernel: Array, kernel_error: Array) -> Discrepancy:
    if len(inputs) < 2 or not (np.diagonal(kernel) > 0).all():
        return Discrepancy(quantity, 0.0, 0.0, unusable="no two inputs whose limiting kernel is positive")
    pairs = pairs_of(inputs, kernel, kernel_error)
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
