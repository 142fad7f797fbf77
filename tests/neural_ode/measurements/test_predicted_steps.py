"""Predicted steps: the linearised run of a kernel with known eigenvalues, and that of wide networks."""

import math

import numpy as np
import pytest

from theory_check.neural_ode.limits.layers import layer_kernels
from theory_check.neural_ode.measurements.predicted_steps import predicted_steps
from theory_check.neural_ode.model import NeuralODE

INPUTS = np.array([[1.0, 0.5, 0.0], [-0.25, 1.25, 0.3], [0.2, -0.7, 1.0]])
KERNELS = layer_kernels("tanh", INPUTS, NeuralODE(), 4, 1e-8)


def share_left(steps: int, rate: float) -> float:
    """Of the linearised run: powers of I - eta Theta, and the covariance of f_0 - y."""
    step = np.eye(3) - rate / np.linalg.eigvalsh(KERNELS.tangent)[-1] * KERNELS.tangent
    start = KERNELS.nngp + np.eye(3)
    power = np.linalg.matrix_power(step, steps)
    return float(np.trace(power @ start @ power.T) / np.trace(start))


@pytest.mark.parametrize("steps", [1, 20, 300])
def test_steps_undo_the_share(steps: int) -> None:
    """And half as large a rate takes about twice as many."""
    target = share_left(steps, 0.25)
    assert predicted_steps(KERNELS, target, 0.25) == pytest.approx(steps, rel=1e-9)
    assert predicted_steps(KERNELS, target, 0.125) == pytest.approx(2 * steps, rel=0.15)


def test_random_residuals_lose_as_much_in_the_mean() -> None:
    """Drawn with the covariance Sigma + I, a run each."""
    generator = np.random.default_rng(0)
    start = generator.multivariate_normal(np.zeros(3), KERNELS.nngp + np.eye(3), 40_000)
    step = np.eye(3) - 0.25 / np.linalg.eigvalsh(KERNELS.tangent)[-1] * KERNELS.tangent
    after = start @ np.linalg.matrix_power(step, 12)
    share = (after**2).sum() / (start**2).sum()
    assert predicted_steps(KERNELS, share, 0.25) == pytest.approx(12, rel=0.03)


def test_a_singular_kernel_never_arrives() -> None:
    """A repeated input: half of the loss of two labels cannot be reached."""
    twice = layer_kernels("tanh", INPUTS[[0, 0]], NeuralODE(), 4, 1e-8)
    assert predicted_steps(twice, 1e-3, 0.25) == math.inf
