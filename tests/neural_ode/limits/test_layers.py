"""The L-layer network at infinite width: one layer by hand, wide networks, and first order towards the limit."""

import math

import numpy as np
import pytest
import torch

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel, dual_values
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.limits.layers import layer_kernels
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.neural_ode.networks.tangent_kernel import kernels_of


def test_one_layer_by_hand(points: np.ndarray) -> None:
    """C_1 = q + c^2 G_0 and Theta = Sigma + c^2 sigma_v^2 G'_1 G_0 + q (sigma_v^2 G'_1 + c^2 G'_0 sigma_v^2 G'_1)."""
    model = NeuralODE(sigma_u=1.1, sigma_w=0.8, sigma_v=1.3, horizon=0.9)
    c2, v2 = (model.sigma_w * model.horizon) ** 2, model.sigma_v**2
    pair = points[:2] * np.array([[1.0], [1.5]])
    q = model.sigma_u**2 * pair @ pair.T / 4

    def dual(covariance: np.ndarray, *, derivative: bool) -> np.ndarray:
        variance = np.diagonal(covariance)
        a, b = np.broadcast_to(variance[:, None], (2, 2)).ravel(), np.broadcast_to(variance, (2, 2)).ravel()
        rho = np.clip(covariance.ravel() / np.sqrt(a * b), -1, 1)
        return dual_values("tanh", a.copy(), b.copy(), rho, derivative=derivative).values.reshape(2, 2)

    g0, slope0 = dual(q, derivative=False), dual(q, derivative=True)
    last = q + c2 * g0
    nngp, final = v2 * dual(last, derivative=False), v2 * dual(last, derivative=True)
    found = layer_kernels("tanh", pair, model, 1)
    np.testing.assert_allclose(found.nngp, nngp, atol=1e-11)
    np.testing.assert_allclose(found.tangent, nngp + c2 * final * g0 + q * (final + c2 * slope0 * final), atol=1e-11)
    assert found.nodes == 1
    assert found.estimated == ("quadrature", "growth")


def test_wide_networks_agree_within_sampling_error(points: np.ndarray) -> None:
    """Mean of sixteen Euler networks of three layers and width 2,048, within five standard errors; one layer is not.

    The standard error is about a hundredth; D taken one layer too early moves an entry by seven of them (erf).
    """
    model = NeuralODE(sigma_u=1.2, sigma_w=2.0, sigma_v=0.8, horizon=1.0)
    inputs = points * np.array([[1.0], [1.0], [1.4], [0.7]])
    phi = activation("erf")
    samples = []
    for seed in range(16):
        parameters = draw_parameters(width=2048, dimension=4, seed=100 + seed)
        kernels = kernels_of(phi, model, parameters, torch.from_numpy(inputs), scheme="euler", steps=3)
        samples.append(np.stack([kernels.nngp.numpy(), kernels.tangent.numpy()]))
    mean, spread = np.mean(samples, axis=0), np.std(samples, axis=0, ddof=1) / math.sqrt(16)
    for layers, agrees in ((3, True), (1, False)):
        found = layer_kernels("erf", inputs, model, layers)
        true = np.stack([found.nngp, found.tangent])
        assert bool((np.abs(mean - true) <= 5 * spread + found.error_bound).all()) == agrees


@pytest.mark.parametrize("name", ["softplus", "tanh", "erf"])
def test_the_limit_is_approached_at_first_order(name: str, points: np.ndarray) -> None:
    """Differences halve with each doubling of the layers, ever more exactly: their Richardson limits are the limit."""
    limit = limit_kernels(name, points, NeuralODE())
    ladder = [layer_kernels(name, points, NeuralODE(), layers) for layers in (16, 32, 64)]
    for kind in ("nngp", "tangent"):
        values = [getattr(rung, kind) for rung in ladder]
        true = getattr(limit, kind)
        errors = [np.abs(value - true).max() for value in values]
        orders = np.log2(errors[:-1]) - np.log2(errors[1:])
        assert (np.abs(orders - 1) < 0.06).all()
        # Second order is left after one extrapolation, third after two.
        twice = (8 * values[2] - 6 * values[1] + values[0]) / 3
        assert np.abs(twice - true).max() < 2e-3 * errors[2]


def test_inputs_of_all_kinds(points: np.ndarray) -> None:
    """Norms that differ, a repeated row, zero: symmetric, finite, with a bound; as many layers as asked for."""
    inputs = np.vstack([points[:2], points[:1], np.zeros((1, 4)), 2 * points[2:3]])
    found = layer_kernels("relu", inputs, NeuralODE(), 12)
    assert (found.tangent == found.tangent.T).all()
    np.testing.assert_array_equal(found.tangent[0], found.tangent[2])
    assert found.error_bound < 1e-6
    assert layer_kernels("identity", points, NeuralODE(), 5).rigorous


def test_what_cannot_be_computed_is_refused(points: np.ndarray) -> None:
    """Layers out of range, a bad tolerance, overflow, an infinite tangent kernel."""
    with pytest.raises(ValueError, match="layers must be from 1 to 1024, got 0"):
        layer_kernels("tanh", points, NeuralODE(), 0)
    with pytest.raises(ValueError, match="tolerance must be"):
        layer_kernels("tanh", points, NeuralODE(), 4, -1.0)
    with pytest.raises(InfiniteKernel, match="overflows in layer"):
        layer_kernels("cube", points, NeuralODE(sigma_w=4.0), 16)
    with pytest.raises(InfiniteKernel, match="infinite"):
        layer_kernels("sign_sqrt", points, NeuralODE(), 4)
