"""Networks whose W is revealed: passes, kernels, ensembles and descent are those of the same W stored."""

import numpy as np
import pytest
import torch
from torch import Tensor

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.descent import gradient_descent
from theory_check.neural_ode.networks.ensemble import ensemble_variances
from theory_check.neural_ode.networks.gaussian_matrix import DENSE_UP_TO, RevealedGaussian
from theory_check.neural_ode.networks.memory import MemoryShortage
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.parameters import (
    Network,
    Parameters,
    WideNetwork,
    draw_network,
    draw_parameters,
)
from theory_check.neural_ode.networks.schemes import adjoint, final_states, forward
from theory_check.neural_ode.networks.tangent_kernel import empirical_kernels, kernels_of

MODEL = NeuralODE(sigma_u=1.25, sigma_w=0.75, sigma_v=1.5, horizon=1.5)


def inputs(count: int, dimension: int = 5, seed: int = 7) -> Tensor:
    """Rows of N(0, 1) numbers."""
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def wide(width: int, seed: int = 0, dimension: int = 5) -> WideNetwork:
    """A network with a revealed W."""
    network = draw_network(width=width, dimension=dimension, seed=seed, engine="revealed")
    assert isinstance(network, WideNetwork)
    return network


def stored(network: WideNetwork) -> Parameters:
    """The same network with its W stored, asked for in full."""
    return Parameters(network.U, network.W.times(torch.eye(network.W.width, dtype=torch.float64)).T, network.V)


@pytest.mark.parametrize("scheme", ["euler", "rk4", "dop853"])
@pytest.mark.parametrize("name", ["softplus", "tanh", "relu"])
def test_passes_and_kernels_are_those_of_the_same_matrix(name: str, scheme: str) -> None:
    """Forward and adjoint, and both kernels; what is known of W stays orthonormal to rounding."""
    activation, x, network = CATALOGUE[name], inputs(3), wide(120)
    trajectory = forward(activation, MODEL, network, x, scheme=scheme, steps=3)
    found = adjoint(activation, MODEL, network, trajectory, torch.ones(3, 1, dtype=torch.float64))
    kernels = kernels_of(activation, MODEL, network, x, scheme=scheme, steps=3)
    assert isinstance(network.W, RevealedGaussian)
    for side in (network.W.right, network.W.left):
        known = torch.cat(list(side.directions))
        assert 3 <= len(known) <= 120
        torch.testing.assert_close(known @ known.T, torch.eye(len(known), dtype=torch.float64), rtol=0, atol=1e-13)
    same = stored(network)
    wanted = forward(activation, MODEL, same, x, scheme=scheme, steps=3)
    for part in ("stages", "grid", "outputs"):
        torch.testing.assert_close(getattr(trajectory, part), getattr(wanted, part), rtol=1e-7, atol=1e-7)
    backward = adjoint(activation, MODEL, same, wanted, torch.ones(3, 1, dtype=torch.float64))
    torch.testing.assert_close(found.lambda_0, backward.lambda_0, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(found.weights, backward.weights, rtol=1e-6, atol=1e-7)
    right = kernels_of(activation, MODEL, same, x, scheme=scheme, steps=3)
    torch.testing.assert_close(kernels.tangent, right.tangent, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(kernels.nngp, right.nngp, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("width", [256, 1024])
def test_one_step_of_order_eight_agrees_with_many_of_order_four(width: int) -> None:
    """The tangent kernel on a revealed W against RK4 in 32 steps on the same one, stored: to 1e-6."""
    x = inputs(8, 16)
    x *= 4 / torch.linalg.vector_norm(x, dim=1, keepdim=True)
    network = wide(width, dimension=16)
    found = kernels_of(CATALOGUE["softplus"], NeuralODE(), network, x, scheme="dop853", steps=1).tangent
    wanted = kernels_of(CATALOGUE["softplus"], NeuralODE(), stored(network), x, scheme="rk4", steps=32).tangent
    assert float(torch.linalg.norm(found - wanted) / torch.linalg.norm(wanted)) <= 1e-6


def test_descent_is_that_of_the_same_matrix() -> None:
    """Twenty steps: losses, outputs and kernels on a revealed W against those on the same W stored; the start stays."""
    x, labels = inputs(4), inputs(4, 1, seed=8)[:, 0]
    network = wide(300)
    run = {"learning_rate": 0.2, "steps": 20, "solver_steps": 8, "kernel_every": 10}
    found = gradient_descent(CATALOGUE["softplus"], MODEL, network, x, labels, **run)
    same = stored(network)
    wanted = gradient_descent(CATALOGUE["softplus"], MODEL, same, x, labels, **run)
    assert wanted.losses[-1] < 0.1 * wanted.losses[0]
    torch.testing.assert_close(found.losses, wanted.losses, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.outputs, wanted.outputs, rtol=1e-6, atol=1e-7)
    for a, b in zip(found.kernels, wanted.kernels, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)
    last, right = found.parameters, wanted.parameters
    assert isinstance(last, WideNetwork)
    assert isinstance(right, Parameters)
    torch.testing.assert_close(stored(last).W, right.W, rtol=0, atol=1e-6)
    assert float((right.W - same.W).abs().max()) > 1e-3
    torch.testing.assert_close(stored(network).W, same.W, rtol=0, atol=1e-9)


def test_ensembles_hold_the_networks_of_their_seeds() -> None:
    """S, f and W v / |v| of each, against the network of that seed alone; the width chooses the engine."""
    x = inputs(2)
    found = ensemble_variances(
        CATALOGUE["tanh"], MODEL, x, width=200, seeds=[3, 4, 3], scheme="rk4", steps=4, engine="revealed"
    )
    assert torch.equal(found.S[0], found.S[2])
    for k, seed in enumerate((3, 4)):
        network = wide(200, seed)
        h = final_states(CATALOGUE["tanh"], MODEL, network, x, scheme="rk4", steps=4)
        features = torch.tanh(h)
        torch.testing.assert_close(found.S[k], features @ features.T * (1.5**2 / 200), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(found.f[k], (features @ network.V[0]) * (1.5 / 200**0.5), rtol=1e-12, atol=1e-13)
        v = network.V / torch.linalg.vector_norm(network.V)
        torch.testing.assert_close(found.readout_products[k], network.W.times(v)[0], rtol=1e-9, atol=1e-9)
        assert found.readout_products[k].var().item() == pytest.approx(1.0, abs=0.4)


def test_an_overflow_names_the_seed() -> None:
    """A revealed network that blows up, in an ensemble."""
    model = NeuralODE(sigma_w=50.0, horizon=5.0)
    with pytest.raises(NonFiniteState, match="seed 5"):
        ensemble_variances(CATALOGUE["cube"], model, inputs(2), width=50, seeds=[5], steps=8, engine="revealed")


def kind(network: Network) -> str:
    """Of the W of a network."""
    return type(network.W).__name__


def test_the_engine_is_chosen_by_the_width_or_by_name() -> None:
    """Dense networks are those of draw_parameters; U and V of a wide one are Gaussian and its own."""
    small = draw_network(width=8, dimension=3, seed=1)
    assert torch.equal(small.W, draw_parameters(width=8, dimension=3, seed=1).W)
    assert isinstance(small, Parameters)
    large = draw_network(width=DENSE_UP_TO + 1, dimension=3, seed=1)
    assert kind(large) == "RevealedGaussian"
    assert kind(draw_network(width=8, dimension=3, seed=1, engine="revealed")) == "RevealedGaussian"
    assert large.U.shape == (DENSE_UP_TO + 1, 3)
    assert large.V.shape == (1, DENSE_UP_TO + 1)
    assert float(large.U.square().mean()) == pytest.approx(1.0, abs=0.1)
    assert float((large.U[:, 0] * large.V[0]).mean()) == pytest.approx(0.0, abs=0.1)
    with pytest.raises(ValueError, match=r"engine must be one of dense, revealed, or None.*got 'sparse'"):
        draw_network(width=8, dimension=3, seed=1, engine="sparse")


def test_a_matrix_that_cannot_be_stored_is_refused_with_both_numbers() -> None:
    """Dense at a width of 200,000 would be 640 GB; nothing is allocated."""
    with pytest.raises(
        MemoryShortage, match=r"width 200000 needs \d+\.\d\d GiB, \d+\.\d\d GiB are available"
    ) as caught:
        empirical_kernels("softplus", np.eye(2), NeuralODE(), 200_000, 0, engine="dense")
    assert "\n" not in str(caught.value)


def test_a_wide_network_is_near_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The NNGP kernel of the identity is |x|^2/d I_0(2 sigma_w T) up to a few n^(-1/2)."""
    x = np.eye(2) * np.sqrt(2)
    asked = []
    right = RevealedGaussian.__init__

    def recorded(self: RevealedGaussian, *args: object, **kwargs: object) -> None:
        asked.append(args[0])
        right(self, *args, **kwargs)

    monkeypatch.setattr(RevealedGaussian, "__init__", recorded)
    width = 20_000
    nngp, _ = empirical_kernels("identity", x, NeuralODE(sigma_w=0.5), width, 0, scheme="dop853", steps=1)
    assert asked == [width]
    np.testing.assert_allclose(nngp, np.i0(1.0) * np.eye(2), rtol=0, atol=5 / np.sqrt(width))
