"""Claim linear-convergence: does gradient descent decrease the loss at the stated linear rate, from a stated width on?

Networks and their gradients are those of one scheme, exactly, so no discretisation error enters. lambda_0 is the
smallest eigenvalue of the empirical kernel at the start.
"""

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from theory_check.judge.definiteness import Certificate
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.bounds import UNIT_ROUNDOFF
from theory_check.neural_ode.measurements.definiteness import certified_spectrum, no_evidence_of_singularity
from theory_check.neural_ode.measurements.instance import Instance, prepare
from theory_check.neural_ode.networks.descent import DescentTrace, gradient_descent
from theory_check.neural_ode.networks.own_model.descent import ModelTrace
from theory_check.neural_ode.networks.tangent_kernel import kernels_of
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture
from theory_check.pictures.sketch import Sketch

# The claim is about networks that are wide enough; the first width at which the kernel keeps half of lambda_0 is taken.
WIDTHS = (64, 256, 1024)
# The worst of them is compared: a bound for every network needs no average.
REPLICATES = 2
SOLVER_STEPS = 16
# A direction that is singular to rounding keeps its share of the loss; below this it carried none.
CONVERGED = 1e-12


@dataclass(frozen=True)
class Run:
    """One run of gradient descent: the largest decrease factor over its bound, and whether the kernel stayed put.

    worst: over the steps whose losses are finite at both ends.
    problem: why the run ended before its last step, or empty.
    stall: the least share of the initial loss, over the run, along the eigenvector of lambda_0.
    sketch: makes the picture of its losses beside those predicted.
    """

    worst: float
    tolerance: float
    kernel_stayed: bool
    least_eigenvalue: float
    certificate: Certificate
    stall: float
    reduction: float
    deviation: float
    sketch: Sketch
    problem: str = ""


def convergence_discrepancies(
    case: Case, setting: Setting, *, widths: tuple[int, ...] = WIDTHS
) -> tuple[Discrepancy, ...]:
    """The rate of decrease at the smallest width of the ladder at which every replicate keeps its kernel.

    Where no width of the ladder does, the comparison is returned without power: the claim is about wide networks, and
    a kernel that moved says that these were not wide enough.
    """
    instance = prepare(case, setting)
    decrease = Discrepancy(q.DECREASE, 0.0, 0.0)
    for width in widths:
        runs = [_run(instance, width, replicate, setting.profile.descent_steps) for replicate in range(REPLICATES)]
        worst = max(runs, key=lambda run: run.worst)
        details = {
            "stated width": width,
            "least lambda_min over lambda_0 along the runs": min(run.least_eigenvalue for run in runs),
            "loss at the end over the start": max(run.reduction for run in runs),
            "distance from the linearised run": max(run.deviation for run in runs),
        }
        stalls = [run for run in runs if not run.certificate.certified]
        if stalls:
            # A direction without a rate: what lies along it stays. Rounding alone makes no such direction.
            stalled = max(stalls, key=lambda run: run.stall)
            reason = no_evidence_of_singularity(instance, stalled.certificate) or stalled.problem
            sketch = stalled.sketch
            return (Discrepancy(q.STALL, stalled.stall, CONVERGED, details=details, unusable=reason, sketch=sketch),)
        bound = 1.0 + worst.tolerance
        # Steps that were seen to fail are evidence, an overflow after steps that were not is none.
        cut_short = "" if worst.worst > bound else next((run.problem for run in runs if run.problem), "")
        decrease = Discrepancy(q.DECREASE, worst.worst, bound, details=details, unusable=cut_short, sketch=worst.sketch)
        last = width == widths[-1] or case.eta_factor > 1.0
        if all(run.kernel_stayed for run in runs) and worst.worst <= bound and not cut_short:
            return (decrease,)
        if last and (all(run.kernel_stayed for run in runs) or case.eta_factor > 1.0):
            return (decrease,)
    reason = f"the kernel moved below lambda_0 / 2 at width {widths[-1]}: not wide enough for the claim to speak"
    return (replace(decrease, unusable=reason),)


def _run(instance: Instance, width: int, replicate: int, steps: int) -> Run:
    case = instance.case
    parameters = instance.network(width=width, stage="descent", replicate=replicate)
    labels = instance.labels()
    start = kernels_of(
        instance.activation, case.neural_ode, parameters, instance.inputs, scheme="euler", steps=SOLVER_STEPS
    )
    kernel = start.tangent.cpu().numpy()
    values, vectors = np.linalg.eigh(kernel)
    certificate, _error = certified_spectrum(kernel, start.rounding.cpu().numpy())
    rate = case.eta_factor / float(values[-1])
    trace = gradient_descent(
        instance.activation,
        case.neural_ode,
        parameters,
        instance.inputs,
        labels,
        learning_rate=rate,
        steps=steps,
        scheme="euler",
        solver_steps=SOLVER_STEPS,
    )
    return judged_run(trace, labels.cpu().numpy(), values, vectors, rate, certificate)


def judged_run(
    trace: DescentTrace | ModelTrace,
    labels: NDArray[np.float64],
    values: NDArray[np.float64],
    vectors: NDArray[np.float64],
    rate: float,
    certificate: Certificate,
    output_noise: float = 0.0,
) -> Run:
    """The run of a trace: `values` and `vectors` of the kernel at its start, which `certificate` is about.

    `output_noise` is what is known of errors of the outputs beyond their own roundings.
    """
    losses = trace.losses.cpu().numpy()
    outputs = trace.outputs.cpu().numpy()
    lambda_0 = max(float(values[0]), 0.0)
    eigenvalues = [float(torch.linalg.eigvalsh(kernel)[0]) for kernel in trace.kernels]
    bound = (1.0 - rate * lambda_0 / 2) ** 2
    residual = outputs[0] - labels
    # A loss of residuals r is known to 2 u |f| / |r| relative to itself: the steps below that show rounding only.
    noise = 8 * len(labels) * UNIT_ROUNDOFF * (np.abs(outputs).max() + np.abs(labels).max()) + output_noise
    seen = np.sqrt(2 * losses[:-1]) * rate * max(lambda_0, 1e-300) / 4 > noise
    seen[:1] = True
    factors = losses[1:] / np.maximum(losses[:-1], np.finfo(np.float64).tiny) / bound
    worst = float(np.max(factors[seen], initial=0.0))
    reached = float(np.sqrt(2 * np.min(losses[:-1][seen], initial=losses[0])))
    null = float(np.min(((outputs - labels) @ vectors[:, 0]) ** 2))
    predicted = np.array([vectors @ ((1 - rate * values) ** k * (vectors.T @ residual)) for k in range(len(outputs))])
    total = float(residual @ residual)
    return Run(
        worst=min(worst, 1e300),
        tolerance=2 * noise / reached if reached > 0 else 0.0,
        kernel_stayed=min(eigenvalues) >= lambda_0 / 2,
        least_eigenvalue=min(eigenvalues) / lambda_0 if lambda_0 > 0 else 0.0,
        certificate=certificate,
        stall=null / total if total > 0 else 0.0,
        reduction=float(losses[-1] / losses[0]) if losses[0] > 0 else 0.0,
        deviation=float(np.abs(outputs - labels - predicted).max() / math.sqrt(total)) if total > 0 else 0.0,
        sketch=partial(_picture, losses, (predicted**2).sum(axis=1) / 2, bound),
        problem="" if trace.diverged_at is None else f"the run is not finite after {trace.diverged_at} steps",
    )


def _picture(losses: NDArray[np.float64], predicted: NDArray[np.float64], bound: float) -> Picture:
    steps = np.arange(len(losses))
    return Picture(
        kind="loss",
        title="Loss of gradient descent beside the predicted decay",
        x_label="step k",
        y_label="loss",
        y_scale="log",
        series=(
            curve("measured", steps, losses),
            curve(
                "predicted: |(I − ηΘ₀)ᵏ (f₀ − y)|² / 2",
                np.arange(len(predicted)),
                predicted,
                style="line",
            ),
            curve("slowest decay that the claim allows", steps, losses[0] * bound**steps, style="line"),
        ),
        note="The claim bounds every step: no two neighbouring points may fall more slowly than the last line.",
    )
