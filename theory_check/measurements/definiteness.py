"""Claims ntk-positive-definite and nngp-nondegenerate: is a kernel positive definite, by a proof?

The tangent kernel is the empirical one of a network of width at least 16 N: sums of products of computed features, so
its entries carry rounding only. The NNGP kernel is the limit, whose entries carry the error bound of its solver. The
verified test of Rump accounts for either.
"""

import math
from dataclasses import dataclass

import numpy as np

from theory_check.case import Case, count_of, materialise
from theory_check.evidence.definiteness import (
    Certificate,
    Matrix,
    certified_lower_bound,
    normalise_to_unit_diagonal,
)
from theory_check.limits.kernels import limit_kernels
from theory_check.measurements.instance import Setting, prepare
from theory_check.networks.tangent_kernel import kernels_of

WIDTH_PER_INPUT = 16
LEAST_WIDTH = 64
SOLVER_STEPS = 16
# Of an entry of the limiting kernel.
LIMIT_TOLERANCE = 1e-10


@dataclass(frozen=True)
class KernelSpectrum:
    """A normalised kernel's certificate.

    certificate: proved lower bound of the smallest eigenvalue.
    singular_below: 10 N max |E|; an eigenvalue below it cannot be told from zero in double precision.
    """

    certificate: Certificate
    singular_below: float
    details: dict[str, float | int | str]


def certified_spectrum(kernel: Matrix, rounding: Matrix) -> tuple[Certificate, float]:
    """The certificate of a kernel normalised to unit diagonal, and the largest error of an entry of that.

    An input whose gradient vanishes makes the kernel singular, whatever the others do, and cannot be normalised.
    """
    if not (np.diagonal(kernel) > 0).all():
        return Certificate(lower_bound=-math.inf, certified=False, estimate=0.0, error_bound=0.0), 0.0
    normalised, error = normalise_to_unit_diagonal(kernel, rounding)
    return certified_lower_bound(normalised, error), float(np.max(error))


def tangent_spectrum(case: Case, setting: Setting) -> KernelSpectrum:
    """The certified smallest eigenvalue of the tangent kernel, normalised to unit diagonal."""
    instance = prepare(case, setting)
    count = count_of(case.data)
    width = max(LEAST_WIDTH, WIDTH_PER_INPUT * count, case.width)
    kernels = kernels_of(
        instance.activation, case.neural_ode, instance.parameters(width=width), instance.inputs, steps=SOLVER_STEPS
    )
    kernel = kernels.tangent.cpu().numpy()
    certificate, error = certified_spectrum(kernel, kernels.rounding.cpu().numpy())
    return KernelSpectrum(
        certificate,
        10 * count * error,
        {
            "inputs": count,
            "width": width,
            "largest eigenvalue before it is normalised": float(np.linalg.eigvalsh(kernel)[-1]),
            "largest error of an entry": error,
        },
    )


def nngp_limit_spectrum(case: Case, setting: Setting) -> KernelSpectrum:
    """The certified smallest eigenvalue of the limiting NNGP kernel, normalised to unit diagonal.

    Raises:
        InfiniteKernel: (an ArithmeticError) the limit does not exist.
    """
    instance = prepare(case, setting)
    inputs, count = materialise(case.data), count_of(case.data)
    kernels = limit_kernels(instance.activation, inputs, case.neural_ode, LIMIT_TOLERANCE)
    certificate, error = certified_spectrum(kernels.nngp, kernels.nngp_error)
    return KernelSpectrum(
        certificate,
        10 * count * error,
        {
            "inputs": count,
            "largest eigenvalue before it is normalised": float(np.linalg.eigvalsh(kernels.nngp)[-1]),
            "largest error of an entry": error,
            "parts of that error which are estimated": ", ".join(kernels.estimated) or "none",
        },
    )
