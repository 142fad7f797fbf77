"""Steps of gradient descent as the limiting kernel predicts them, with no network drawn.

Linearised at the start, the residual obeys e_k = (I - eta Theta)^k e_0. At infinite width e_0 = f_0 - y has covariance
Sigma + I for labels that are independent N(0, 1). So along the eigenvectors v_i of Theta, with eigenvalues lambda_i,

    E|e_k|^2 = sum_i v_i^T (Sigma + I) v_i (1 - eta lambda_i)^(2k).
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.limits.kernels import LimitKernels

Array = NDArray[np.float64]

# A run this long is none that anybody waits for; the search for its end stops there.
MOST_PREDICTED = 2**40


def predicted_steps(kernels: LimitKernels, target: float, rate: float) -> float:
    """The number of steps, not rounded, after which the predicted share of the loss is `target`.

    Args:
        kernels: of the network.
        target: share of the loss at the start, in (0, 1).
        rate: eta lambda_max, in (0, 1].

    Returns:
        infinity where it takes more than 2^40.
    """
    shares, factors = _modes(kernels, rate)

    def left(steps: float) -> float:
        # A factor of exactly 0 (rate 1, the largest eigenvalue) stays 0.
        return float(shares @ factors ** (2 * steps))

    high = 1.0
    while left(high) > target:
        high *= 2
        if high > MOST_PREDICTED:
            return math.inf
    low = 0.0
    for _ in range(60):  # to rounding
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle) > target else (low, middle)
    return high


def _modes(kernels: LimitKernels, rate: float) -> tuple[Float[Array, " modes"], Float[Array, " modes"]]:
    """Shares of the loss along the eigenvectors of Theta, and what a step leaves of each residual."""
    values, vectors = np.linalg.eigh(kernels.tangent)
    start = kernels.nngp + np.eye(len(values))
    shares = np.einsum("ik,ij,jk->k", vectors, start, vectors)
    # Rounding may put the least eigenvalue below 0.
    return shares / shares.sum(), 1.0 - rate * np.maximum(values, 0.0) / values[-1]
