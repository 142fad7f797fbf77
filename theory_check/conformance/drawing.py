"""From an instance to the problems a solver is asked: weights by the seed rule, W scaled to a check's growth."""

import math
from dataclasses import replace

import numpy as np
import torch

from theory_check.case.record import Seeds
from theory_check.conformance.case import Trialled
from theory_check.conformance.problem import Problem
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import labels_of
from theory_check.neural_ode.measurements.instance import Instance, field_growth, prepare, with_bounded_growth
from theory_check.neural_ode.networks.parameters import Parameters, initial_states

# c T of a contraction: exp(20) is 5e8.
CONTRACTION = 20.0


def problem_of(
    trialled: Trialled, check: str, root: int, *, growth: float, exactly: bool = False, replicate: int = 0
) -> Problem:
    """The problem of an instance.

    Args:
        trialled: the instance.
        check: whose problem it is; part of the seed.
        root: root seed.
        growth: the largest L T; W is scaled down to it.
        exactly: scaled up to it as well.
        replicate: which set of weights.
    """
    instance = prepare(trialled.case, Setting(Seeds(root, check), load=activation))
    stage = "contracting" if trialled.contracting else "weights"
    drawn = instance.parameters(stage=stage, replicate=replicate)
    model, width = trialled.case.neural_ode, trialled.case.width
    initial = initial_states(model, drawn, instance.inputs).numpy()
    labels = labels_of(trialled.case.data, instance.seed("labels", replicate)) if trialled.loss == "squared" else None
    matrix = _contraction(drawn, model.horizon) if trialled.contracting else _scaled(instance, drawn, growth, exactly)
    return Problem(
        expression=trialled.case.activation,
        matrix=matrix,
        initial=initial,
        readout=(drawn.V[0] * (model.sigma_v / math.sqrt(width))).numpy(),
        labels=labels,
        times=(0.0, model.horizon),
    )


def _scaled(instance: Instance, drawn: Parameters, growth: float, exactly: bool):  # type: ignore[no-untyped-def]  # noqa: FBT001
    model, width = instance.case.neural_ode, instance.case.width
    parameters, _ = with_bounded_growth(instance, drawn, growth)
    reached = field_growth(instance, parameters) * model.horizon
    if exactly and 0 < reached < growth:
        parameters = replace(parameters, W=parameters.W * (growth / reached))
    return (parameters.W * (model.sigma_w / math.sqrt(width))).numpy()


def _contraction(drawn: Parameters, horizon: float):  # type: ignore[no-untyped-def]
    """A fast half that shrinks towards what a slow half turns to: c T = 20 for the first, K antisymmetric.

        A = [[-c, c B], [0, K / T]],   |B| = 1/2

    So states run together by exp(-20) in half of the directions while the gradient stays of the size of the readout.
    """
    n, W, c = len(drawn.W), drawn.W, CONTRACTION / horizon
    fast = max(1, n // 2)
    A = torch.zeros_like(W)
    A[:fast, :fast] = -c * torch.eye(fast, dtype=W.dtype)
    coupling = W[:fast, fast:]
    if coupling.numel():
        A[:fast, fast:] = 0.5 * c * coupling / torch.linalg.matrix_norm(coupling, ord=2)
    A[fast:, fast:] = (W[fast:, fast:] - W[fast:, fast:].mT) / (2.0 * math.sqrt(n) * horizon)
    return np.ascontiguousarray(A.numpy())
