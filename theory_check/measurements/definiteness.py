"""Claim ntk-positive-definite: is the tangent kernel positive definite, by a proof that rounding cannot fool?

Judged on the empirical kernel of one network of width at least 16 N: sums of products of computed features, so its
entries carry rounding only, and the verified test of Rump accounts for it.
"""

from dataclasses import dataclass

import numpy as np

from theory_check.case import Case, count_of
from theory_check.evidence.definiteness import Certificate, certified_lower_bound, normalise_to_unit_diagonal
from theory_check.measurements.instance import Setting, prepare
from theory_check.networks.tangent_kernel import kernels_of

WIDTH_PER_INPUT = 16
LEAST_WIDTH = 64
SOLVER_STEPS = 16


@dataclass(frozen=True)
class KernelSpectrum:
    """A normalised kernel's certificate.

    certificate: proved lower bound of the smallest eigenvalue.
    singular_below: 10 N max |E|; an eigenvalue below it cannot be told from zero in double precision.
    """

    certificate: Certificate
    singular_below: float
    details: dict[str, float | int | str]


def tangent_spectrum(case: Case, setting: Setting) -> KernelSpectrum:
    """The certified smallest eigenvalue of the tangent kernel, normalised to unit diagonal.

    Raises:
        ValueError: a diagonal entry is zero (an input whose gradient vanishes), so that nothing can be normalised.
    """
    instance = prepare(case, setting)
    count = count_of(case.data)
    width = max(LEAST_WIDTH, WIDTH_PER_INPUT * count, case.width)
    kernels = kernels_of(
        instance.activation, case.neural_ode, instance.parameters(width=width), instance.inputs, steps=SOLVER_STEPS
    )
    kernel, error = normalise_to_unit_diagonal(kernels.tangent.cpu().numpy(), kernels.rounding.cpu().numpy())
    certificate = certified_lower_bound(kernel, error)
    eigenvalues = np.linalg.eigvalsh(kernel)
    return KernelSpectrum(
        certificate,
        10 * count * float(np.max(error)),
        {
            "inputs": count,
            "width": width,
            "largest eigenvalue": float(eigenvalues[-1]),
            "largest error of an entry": float(np.max(error)),
        },
    )
