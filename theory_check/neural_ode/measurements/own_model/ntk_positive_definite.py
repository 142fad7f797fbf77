"""Claim ntk-positive-definite on a user's own model: its empirical tangent kernel, not the limit of infinite width.

Gradients are those of a scheme, exactly; the kernel of the flow differs from that by what halving its step shows, entry
by entry, and by the rounding of products. Rump's verified test subtracts both; where it cannot
tell, balls of the entries may.
"""

from functools import partial
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.definiteness import normalise_to_unit_diagonal
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.measurements.bounds import halving_bound, summation_bound
from theory_check.neural_ode.measurements.definiteness import KernelSpectrum, certified_spectrum, with_balls
from theory_check.neural_ode.measurements.own_model.instance import ModelInstance, prepare_model
from theory_check.neural_ode.measurements.own_model.pictures import spectrum_picture
from theory_check.neural_ode.networks.own_model.descent import symmetric_product
from theory_check.neural_ode.networks.own_model.gradients import discrete_jacobian
from theory_check.neural_ode.networks.own_model.vector_field import scheme_steps
from theory_check.pictures.picture import Picture

MOST_GROWTH = 4.0

Matrix = Float[NDArray[np.float64], "inputs inputs"]


def empirical_spectrum(case: Case, setting: Setting) -> KernelSpectrum:
    """The certified smallest eigenvalue of the empirical kernel, normalised to unit diagonal.

    Raises:
        NonFiniteState: a trajectory leaves the finite numbers.
    """
    instance = prepare_model(case, setting)
    duration = instance.part(MOST_GROWTH)
    steps = scheme_steps(instance.reached.lipschitz, duration)
    kernels, sizes = zip(*(_kernel(instance, duration, k * steps) for k in (1, 2, 4)), strict=True)
    rounding = summation_bound(instance.field.vector.numel(), 1.0) * np.outer(sizes[-1], sizes[-1])
    scheme = np.vectorize(halving_bound)(*(np.abs(b - a) for a, b in pairwise(kernels)))
    kernel, bound = kernels[-1], (scheme + scheme.T) / 2 + rounding
    found, error = certified_spectrum(kernel, bound)
    certificate, method = with_balls(kernel, bound, found, error)
    return KernelSpectrum(
        certificate,
        {
            "inputs": len(kernel),
            "parameters": instance.field.vector.numel(),
            "certified by": method,
            "largest eigenvalue before it is normalised": float(np.linalg.eigvalsh(kernel)[-1]),
            "largest error of an entry": error,
            **instance.told(duration),
        },
        partial(_picture, kernel, certificate.lower_bound if certificate.certified else certificate.error_bound),
    )


def _kernel(instance: ModelInstance, duration: float, steps: int) -> tuple[Matrix, NDArray[np.float64]]:
    """The kernel of a scheme, and the norms of the gradients that it is made of."""
    readout, count = instance.readout, instance.inputs.numel()
    _, jacobian = discrete_jacobian(
        instance.field, instance.inputs, lambda h: h @ readout, instance.field.vector, duration=duration, steps=steps
    )
    gradients = jacobian[:, count:]
    return symmetric_product(gradients).numpy(), np.linalg.norm(gradients.numpy(), axis=1)


def _picture(kernel: Matrix, proved: float) -> Picture | None:
    if not (np.diagonal(kernel) > 0).all():
        return None
    normalised, _error = normalise_to_unit_diagonal(kernel)
    return spectrum_picture(
        np.linalg.eigvalsh(normalised).tolist(), proved, "what is proved of all, or cannot be told from 0"
    )
