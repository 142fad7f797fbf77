"""Where a computation runs is the caller's choice."""

import numpy as np
import pytest
import torch

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.device import require_device
from theory_check.neural_ode.networks.ensemble import ensemble_variances
from theory_check.neural_ode.networks.flow import solve_adjoint
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.neural_ode.networks.tangent_kernel import empirical_kernels

X = np.array([[1.0, 2.0], [0.5, -1.0], [0.2, 0.3]])


def test_an_absent_device_is_refused() -> None:
    """A name that torch does not know, and a device that no machine has, give one line each."""
    for name in ("nowhere", "cuda:99"):
        with pytest.raises(ValueError, match=f"device '{name}' cannot be used, try 'cpu': ") as caught:
            require_device(name)
        assert "\n" not in str(caught.value)
    assert require_device("cpu") == torch.device("cpu")


def test_parameters_follow_the_device() -> None:
    """The meta device, present everywhere, receives the parameters and no numbers."""
    p = draw_parameters(width=3, dimension=2, seed=0, device="meta")
    assert {p.U.device.type, p.W.device.type, p.V.device.type} == {"meta"}


@pytest.mark.gpu
def test_kernels_on_a_gpu_equal_those_of_the_cpu() -> None:
    """A seed means the same network on each device: kernels agree to rounding."""
    cpu = empirical_kernels("tanh", X, NeuralODE(), 64, 3)
    gpu = empirical_kernels("tanh", X, NeuralODE(), 64, 3, device="cuda")
    for a, b in zip(cpu, gpu, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)
    assert empirical_kernels("tanh", torch.from_numpy(X), NeuralODE(), 64, 3, device="cuda")[1].is_cuda


@pytest.mark.gpu
def test_revealed_kernels_on_a_gpu_equal_those_of_the_cpu() -> None:
    """Fresh numbers are drawn on the CPU, so that a seed reveals the same matrix on each device."""
    found = [
        empirical_kernels("tanh", X, NeuralODE(), 64, 3, engine="revealed", scheme="dop853", steps=1, device=device)
        for device in ("cpu", "cuda")
    ]
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7)


@pytest.mark.gpu
def test_adjoints_on_a_gpu_equal_those_of_the_cpu() -> None:
    """The continuous adjoint agrees to its tolerance."""
    gradients = []
    for device in ("cpu", "cuda"):
        p = draw_parameters(width=16, dimension=2, seed=1, device=device)
        x, c = torch.from_numpy(X).to(device), torch.ones(3, 1, dtype=torch.float64, device=device)
        found = solve_adjoint(CATALOGUE["softplus"], NeuralODE(), p, x, c)
        assert found.gradient.W.device.type == device
        gradients.append(found.gradient.W.cpu())
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-7)


@pytest.mark.gpu
def test_ensembles_on_a_gpu_equal_those_of_the_cpu() -> None:
    """Batched products on the GPU give the same networks."""
    results = [
        ensemble_variances(CATALOGUE["tanh"], NeuralODE(), torch.from_numpy(X).to(device), width=32, seeds=range(5))
        for device in ("cpu", "cuda")
    ]
    torch.testing.assert_close(results[0].S, results[1].S.cpu(), rtol=1e-11, atol=1e-13)
