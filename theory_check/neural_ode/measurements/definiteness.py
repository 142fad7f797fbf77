"""Claims nngp-nondegenerate and ntk-positive-definite: is a limiting kernel positive definite, by a proof?

The entries carry the error bound of their solver, which Rump's verified test subtracts. Where that cannot decide, the
kernel is computed to a tighter tolerance, and at last the test is made in ball arithmetic, which does not round.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.definiteness import (
    Certificate,
    Matrix,
    certified_by_balls,
    certified_lower_bound,
    indefinite_certificate,
    normalise_to_unit_diagonal,
)
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.nonlinearity import is_certified_nonlinear
from theory_check.neural_ode.case import Case, materialise, parallel_rows
from theory_check.neural_ode.limits.dual_activation import dual_values
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.measurements.instance import Instance, prepare
from theory_check.neural_ode.measurements.width_ladder import Kind
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture
from theory_check.pictures.sketch import Sketch

# Of an entry, relative to sigma_v^2 E[phi(h_0)^2]; the next one is tried where one leaves the question open.
TOLERANCES = (1e-4, 1e-7, 1e-10, 1e-13)
# Less than this is not gained by a tighter tolerance: the solver has reached what it can.
GAIN = 0.5


@dataclass(frozen=True)
class KernelSpectrum:
    """A normalised kernel's certificate.

    certificate: what is proved of the smallest eigenvalue.
    sketch: makes the picture of the spectrum and of what is proved of its lower end.
    """

    certificate: Certificate
    details: dict[str, float | int | str]
    sketch: Sketch


def limit_spectrum(case: Case, setting: Setting, kind: Kind) -> KernelSpectrum:
    """The certified smallest eigenvalue of a limiting kernel, normalised to unit diagonal.

    Raises:
        InfiniteKernel: (an ArithmeticError) the limit does not exist.
    """
    instance = prepare(case, setting)
    inputs = materialise(case.data)
    found: list[tuple[Certificate, float]] = []
    scale = _scale(instance.activation, case, inputs)
    for relative in TOLERANCES:
        tolerance = relative * scale
        kernels = limit_kernels(instance.activation, inputs, case.neural_ode, tolerance, tangent=kind == "tangent")
        by_kind = {"nngp": (kernels.nngp, kernels.nngp_error), "tangent": (kernels.tangent, kernels.tangent_error)}
        kernel, bound = by_kind[kind]
        found.append(certified_spectrum(kernel, bound))
        settled = any(later[1] > GAIN * earlier[1] for earlier, later in pairwise(found[-2:]))
        if found[-1][0].certified or settled:
            break
    error = found[-1][1]
    certificate, method = with_balls(kernel, bound, *found[-1])
    # Equal rows: the kernel, whatever its errors, has two equal rows, and their difference is a null vector.
    if not certificate.certified and len(np.unique(inputs, axis=0)) < len(inputs):
        certificate = replace(certificate, indefinite=True)
    return KernelSpectrum(
        certificate,
        {
            "inputs": len(kernel),
            "certified by": method,
            "tolerance of an entry": tolerance,
            "largest eigenvalue before it is normalised": float(np.linalg.eigvalsh(kernel)[-1]),
            "largest error of an entry": error,
            "parts of that error which are estimated": ", ".join(kernels.estimated) or "none",
        },
        partial(_picture, kernel, certificate, kind),
    )


def _picture(kernel: Matrix, certificate: Certificate, kind: Kind) -> Picture | None:
    if not (np.diagonal(kernel) > 0).all():
        return None
    normalised, _error = normalise_to_unit_diagonal(kernel)
    values, ends = np.linalg.eigvalsh(normalised), np.array([0.5, len(kernel) + 0.5])
    proved = certificate.lower_bound if certificate.certified else certificate.error_bound
    words = "proved lower bound of all of them" if certificate.certified else "what cannot be told from zero"
    return Picture(
        kind="spectrum",
        title=f"Spectrum of the limiting {'NNGP' if kind == 'nngp' else 'tangent'} kernel, normalised",
        x_label="eigenvalue, from the smallest",
        y_label="value",
        y_scale="log",
        series=(
            curve("as computed", np.arange(1.0, len(values) + 1), values),
            curve(words, ends, [proved, proved], style="line"),
        ),
        note="The kernel is positive definite where a positive lower bound is proved.",
    )


def _scale(activation: Activation, case: Case, inputs: Float[NDArray[np.float64], "inputs dimension"]) -> float:
    """What the NNGP kernel of the largest input would be without a flow: the size of its entries, roughly; 1 for 0."""
    model = case.neural_ode
    variance = np.array([model.sigma_u**2 * float((inputs**2).mean(axis=1).max())])
    square = dual_values(activation, variance, variance, np.ones(1), tolerance=math.inf).values[0]
    return model.sigma_v**2 * float(square) or 1.0


def no_evidence_of_singularity(instance: Instance, certificate: Certificate) -> str:
    """Why a kernel that was not certified must not be taken for singular either, or empty where it may.

    It may where its certificate says so and there is a reason beyond rounding: parallel inputs, or an affine phi.
    """
    if not certificate.singular:
        return f"uninformative: {certificate.open_because or 'the smallest eigenvalue is near its error bound'}"
    inputs = instance.inputs.cpu().numpy()
    if parallel_rows(inputs) is None and is_certified_nonlinear(instance.activation):
        return "uninformative: the smallest eigenvalue is within rounding of zero"
    return ""


def with_balls(kernel: Matrix, bound: Matrix, certificate: Certificate, error: float) -> tuple[Certificate, str]:
    """A certificate that balls of the entries prove where Rump's test left it open, and by what it is proved.

    Nothing is left to round there: what the balls allow is all that can be proved of such entries.

    Args:
        kernel: as it was given to `certified_spectrum`.
        bound: the same, of its entries' errors.
        certificate: what that returned.
        error: the same.
    """
    if certificate.certified:
        return certificate, "Rump's test"
    if certificate.estimate > 0 and certified_by_balls(_scaled(kernel, bound)):
        return replace(certificate, lower_bound=0.0, certified=True, error_bound=error), "ball arithmetic"
    return certificate, "nothing"


def certified_spectrum(kernel: Matrix, bound: Matrix) -> tuple[Certificate, float]:
    """The certificate of a kernel normalised to unit diagonal, and the largest error of an entry of that.

    A kernel that vanishes on some input cannot be normalised and is judged as it is: it is singular where that entry is
    known to be zero, or to be small beside the others.
    """
    matrix, error = _scaled(kernel, bound)
    certificate = certified_lower_bound(matrix, error)
    # A small eigenvalue above zero is no reason to look for a vector that makes the form zero or less.
    if certificate.certified or certificate.estimate > 0 or indefinite_certificate(matrix, error) is None:
        return certificate, float(np.max(error))
    if matrix is kernel:
        # An entry without an error may be one that is too small for a double: singular to rounding, no more than that.
        return Certificate(lower_bound=-math.inf, certified=False, estimate=0.0, error_bound=0.0), 0.0
    return replace(certificate, indefinite=True), float(np.max(error))


def _scaled(kernel: Matrix, bound: Matrix) -> tuple[Matrix, Matrix]:
    """The kernel and its errors for a unit diagonal, where there is one to be had."""
    return normalise_to_unit_diagonal(kernel, bound) if (np.diagonal(kernel) > 0).all() else (kernel, bound)
