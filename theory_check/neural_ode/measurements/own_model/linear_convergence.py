"""Claim linear-convergence on a user's own model, at the width that it has.

Gradient descent on all parameters with eta = 1 / lambda_max(Theta_0), networks and gradients being those of one scheme,
exactly. The prediction (I - eta Theta_0)^k (f_0 - y) stands beside what is observed. A module has no width to raise:
where its kernel falls below lambda_0 / 2 on the way the claim does not speak, and the case is not decided.
"""

import math

import numpy as np

from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case, parallel_rows
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.bounds import summation_bound
from theory_check.neural_ode.measurements.definiteness import certified_spectrum
from theory_check.neural_ode.measurements.linear_convergence import CONVERGED, judged_run
from theory_check.neural_ode.measurements.own_model.instance import prepare_model
from theory_check.neural_ode.networks.own_model.descent import ModelTrace, descend
from theory_check.neural_ode.networks.own_model.vector_field import scheme_steps

MOST_GROWTH = 4.0


def convergence_discrepancies(case: Case, setting: Setting) -> tuple[Discrepancy, ...]:
    """The largest decrease factor of a step over its bound (1 - eta lambda_0 / 2)^2.

    Raises:
        NonFiniteState: the trajectories at the start leave the finite numbers.
    """
    instance = prepare_model(case, setting)
    duration, labels = instance.part(MOST_GROWTH), instance.labels
    solver_steps = scheme_steps(instance.reached.lipschitz, duration)

    def run(learning_rate: float, steps: int) -> ModelTrace:
        return descend(
            instance.field,
            instance.inputs,
            instance.readout,
            labels,
            horizon=duration,
            solver_steps=solver_steps,
            learning_rate=learning_rate,
            steps=steps,
        )

    kernel = run(0.0, 0).kernels[0].numpy()
    values, vectors = np.linalg.eigh(kernel)
    if not values[-1] > 0:
        return (Discrepancy(q.STALL, 0.0, CONVERGED, unusable="no output depends on a parameter: the kernel is 0"),)
    roots = np.sqrt(np.diagonal(kernel))
    rounding = summation_bound(instance.field.vector.numel(), 1.0) * np.outer(roots, roots)
    certificate, _error = certified_spectrum(kernel, rounding)
    rate = case.eta_factor / float(values[-1])
    trace = run(rate, setting.profile.descent_steps)
    noise = math.exp(instance.reached.lipschitz * duration) * duration * instance.reached.noise
    judged = judged_run(trace, labels.numpy(), values, vectors, rate, certificate, noise)
    details = {
        "learning rate": rate,
        "parameters": instance.field.vector.numel(),
        "least lambda_min over lambda_0 along the run": judged.least_eigenvalue,
        "loss at the end over the start": judged.reduction,
        "distance from the linearised run": judged.deviation,
        **instance.told(duration),
    }
    if not certificate.certified:
        reason = f"uninformative: {certificate.open_because}" if certificate.open_because else judged.problem
        if certificate.singular and not parallel_rows(instance.inputs.numpy()):
            reason = "uninformative: lambda_0 is within rounding of zero"
        return (Discrepancy(q.STALL, judged.stall, CONVERGED, details=details, unusable=reason, sketch=judged.sketch),)
    moved = not judged.kernel_stayed and case.eta_factor <= 1.0
    bound = 1.0 + judged.tolerance
    # As for our own networks: an overflow after steps that all held shows nothing.
    reason = "" if judged.worst > bound else judged.problem
    reason = "the kernel moved below lambda_0 / 2: not wide enough for the claim to speak" if moved else reason
    return (Discrepancy(q.DECREASE, judged.worst, bound, details=details, unusable=reason, sketch=judged.sketch),)
