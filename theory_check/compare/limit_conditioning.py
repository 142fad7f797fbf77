"""The smallest eigenvalue of the limiting tangent kernel, certified, and the rate of convergence that follows."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.compare.records import Basis, Cell
from theory_check.judge.definiteness import certified_lower_bound
from theory_check.judge.plain_numbers import Detail
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
from theory_check.neural_ode.measurements.instance import limit_tolerance
from theory_check.neural_ode.model import NeuralODE

# Of the smallest eigenvalue: what errors of the entries may take from its certified bound before they are made smaller.
SLACK = 0.02


def limit_conditioning(
    activation: Activation, inputs: Float[NDArray[np.float64], "inputs dimension"], model: NeuralODE
) -> tuple[Cell, Cell]:
    """(smallest eigenvalue, predicted factor) of Theta_inf.

    The factor is 1 - lambda_min / lambda_max: in the linear regime, with eta = 1 / lambda_max, no residual shrinks more
    slowly. Its upper end takes the certified bound of lambda_min and the largest lambda_max that the entries allow; it
    is 1, no rate at all, where the kernel is not certified to be positive definite.
    """
    try:
        kernels = _kernels(activation, inputs, model)
    except (ArithmeticError, ValueError) as problem:
        note = " ".join(str(problem).split())
        return Cell(basis="missing", note=note), Cell(basis="missing", note=note)
    kernel, error = kernels.tangent, kernels.tangent_error
    values, off = np.linalg.eigvalsh(kernel), float(np.linalg.norm(error))
    smallest, largest = float(values[0]), float(values[-1])
    certificate = certified_lower_bound(kernel, error) if np.isfinite(off) else None
    lower = max(certificate.lower_bound, 0.0) if certificate is not None else 0.0
    certified = certificate is not None and certificate.certified
    basis: Basis = "proved" if certified and kernels.rigorous else "bounded"
    singular = certificate is not None and certificate.singular
    notes = []
    if singular:
        notes = ["not certified positive: singular to the accuracy of the kernel"]
    elif not certified:
        why = "no bound of its entries is known" if certificate is None else certificate.open_because
        notes = [f"not certified positive, and not seen to be singular: {why}"]
    if kernels.estimated:
        notes.append(f"given the estimated parts of the kernel's error: {', '.join(kernels.estimated)}")
    details: dict[str, Detail] = {
        "inputs": len(kernel),
        "certified positive": certified,
        "largest eigenvalue": largest,
        "largest error of an entry": float(error.max()) if np.isfinite(off) else None,
    }
    note = "; ".join(notes)
    high = smallest + off if np.isfinite(off) else None
    eigenvalue = Cell(
        basis=basis,
        value=smallest,
        low=lower if certified else None,
        high=high,
        note=note,
        singular=singular,
        details=details,
    )
    slowest = 1.0 - lower / (largest + off) if certified else 1.0
    fastest = 1.0 - min((smallest + off) / (largest - off), 1.0) if off < largest else 0.0
    factor = Cell(basis=basis, value=1.0 - max(smallest, 0.0) / largest, low=fastest, high=slowest, note=note)
    return eigenvalue, factor


def _kernels(activation: Activation, inputs: NDArray[np.float64], model: NeuralODE) -> LimitKernels:
    """As accurate as the smallest eigenvalue asks for, if that can be had."""
    scale = model.sigma_v**2
    kernels = limit_kernels(activation, inputs, model, limit_tolerance(activation) * scale)
    smallest = float(np.linalg.eigvalsh(kernels.tangent)[0])
    reach = float(np.linalg.norm(kernels.tangent_error))
    if reach <= SLACK * smallest:
        return kernels
    # Each entry may take its share; a singular kernel, whose eigenvalue is rounding, asks for no more than can be had.
    wanted = max(SLACK * smallest / (2 * len(inputs)), scale * (1e-10 if activation.is_smooth else 1e-6))
    return limit_kernels(activation, inputs, model, wanted)
