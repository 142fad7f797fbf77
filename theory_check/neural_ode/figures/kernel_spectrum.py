"""Eigenvalues of the limiting tangent kernel on digits, with a proved lower bound of the smallest."""

import msgspec
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.definiteness import Certificate, normalise_to_unit_diagonal
from theory_check.judge.figure import Figure, number
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import materialise
from theory_check.neural_ode.figures.draws import digits
from theory_check.neural_ode.figures.sizes import require_activations
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.measurements.definiteness import certified_spectrum
from theory_check.neural_ode.model import NeuralODE
from theory_check.pictures.picture import Picture, Series

Array = NDArray[np.float64]
TOLERANCE = 1e-9
# Series at kinks converge slowly, and closed forms are there for ReLU alone.
KINKED_TOLERANCE = 1e-6


class SpectrumSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the figure: activations with one curve each, and how many digits are the inputs."""

    activations: tuple[str, ...]
    inputs: int

    def __post_init__(self) -> None:
        require_activations(self.activations)


QUICK = SpectrumSizes(activations=("softplus", "tanh"), inputs=6)
FULL = SpectrumSizes(activations=("softplus", "gelu", "tanh", "erf", "relu"), inputs=24)


def kernel_spectrum(_seed: int, sizes: SpectrumSizes) -> tuple[Figure, ...]:
    """One figure; nothing in it is random.

    Raises:
        ValueError: an unknown activation, or more inputs than there are digits.
        InfiniteKernel: (an ArithmeticError) the limit does not exist.
    """
    found = {name: _spectrum(activation(name), materialise(digits(sizes.inputs))) for name in sizes.activations}
    words = [
        f"{name} {number(certificate.estimate)} (proved: more than {number(certificate.lower_bound)})"
        if certificate.certified
        else f"{name} {number(certificate.estimate)} (nothing proved)"
        for name, (_, _, certificate) in found.items()
    ]
    figure = Figure(
        name="paper-ntk-spectrum",
        paper="the limiting tangent kernel of a nonlinear activation is strictly positive definite",
        seen=f"Smallest eigenvalues of the kernel normalised to unit diagonal: {', '.join(words)}.",
        picture=Picture(
            kind="spectrum",
            title="Eigenvalues of the limiting tangent kernel",
            x_label="eigenvalue, from the smallest",
            y_label="value, normalised kernel",
            y_scale="log",
            series=tuple(
                Series(
                    name=name,
                    x=tuple(float(k) for k in range(1, sizes.inputs + 1)),
                    y=tuple(values.tolist()),
                    low=tuple((values - error).tolist()),
                    high=tuple((values + error).tolist()),
                )
                for name, (values, error, _) in found.items()
            ),
            note=f"{sizes.inputs} digits, T = 1, infinite width. Bars, where they are wide enough to be seen, are the "
            "error bound of all eigenvalues; the smallest are bounded below by a verified Cholesky factorisation.",
        ),
    )
    return (figure,)


def _spectrum(
    phi: Activation, rows: Float[Array, "inputs dimension"]
) -> tuple[Float[Array, " inputs"], float, Certificate]:
    """Eigenvalues of the normalised kernel, the bound of their errors, and the certificate of the smallest."""
    kernels = limit_kernels(phi, rows, NeuralODE(), TOLERANCE if phi.is_smooth else KINKED_TOLERANCE)
    normalised, error = normalise_to_unit_diagonal(kernels.tangent, kernels.tangent_error)
    certificate, _ = certified_spectrum(kernels.tangent, kernels.tangent_error)
    # Weyl: no eigenvalue moves by more than the norm of the error; that of eigvalsh is far below its N units.
    bound = float(np.linalg.norm(error)) + len(rows) ** 2 * 2.0**-52
    return np.linalg.eigvalsh(normalised).astype(np.float64), bound, certificate
