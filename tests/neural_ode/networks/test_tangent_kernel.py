"""Empirical kernels, against the Gram matrix of autograd's gradients and extended precision."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.neural_ode.networks.schemes import forward
from theory_check.neural_ode.networks.tangent_kernel import empirical_kernels, kernels_of, unit_adjoint


@pytest.mark.parametrize("scheme", ["euler", "midpoint", "rk4"])
@pytest.mark.parametrize("name", ["softplus", "tanh", "relu"])
def test_kernels_are_gram_matrices(name: str, scheme: str, network, plain_outputs, plain_states) -> None:
    """The tangent kernel is the Gram matrix of autograd's gradients through the scheme, the NNGP that of features."""
    net = network(name, inputs=5, seed=2)
    leaves = [x.clone().requires_grad_() for x in (net.parameters.U, net.parameters.W, net.parameters.V)]
    outputs = plain_outputs(net, *leaves, scheme, 4)[:, 0]
    rows = [
        torch.cat([g.flatten() for g in torch.autograd.grad(output, leaves, retain_graph=True)]) for output in outputs
    ]
    gram = torch.stack(rows) @ torch.stack(rows).T
    found = kernels_of(*net.model, net.inputs, scheme=scheme, steps=4)
    torch.testing.assert_close(found.tangent, gram, rtol=1e-12, atol=1e-13)
    finals = [h for _, h in plain_states(net, net.parameters.U, net.parameters.W, scheme, 4)]
    features = net.activation.function(torch.stack(finals)) * net.neural_ode.sigma_v / math.sqrt(7)
    torch.testing.assert_close(found.nngp, features @ features.T, rtol=1e-13, atol=1e-14)


def test_blocks_of_stages_do_not_change_the_kernel(network, plain_outputs) -> None:
    """With 17 inputs and 128 stages the sum over pairs takes several blocks, and is still the Gram matrix."""
    net = network("tanh", inputs=17, width=5)
    leaves = [x.clone().requires_grad_() for x in (net.parameters.U, net.parameters.W, net.parameters.V)]
    outputs = plain_outputs(net, *leaves, "rk4", 32)[:, 0]
    rows = [
        torch.cat([g.flatten() for g in torch.autograd.grad(output, leaves, retain_graph=True)]) for output in outputs
    ]
    gram = torch.stack(rows) @ torch.stack(rows).T
    torch.testing.assert_close(kernels_of(*net.model, net.inputs).tangent, gram, rtol=1e-11, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(
    width=st.integers(1, 40),
    inputs=st.integers(1, 5),
    seed=st.integers(0, 2**32),
    scale=st.sampled_from([1.0, 1e-3, 30.0]),
    name=st.sampled_from(["tanh", "softplus", "sin", "relu"]),
)
def test_the_rounding_bound_covers_the_rounding(width: int, inputs: int, seed: int, scale: float, name: str) -> None:
    """The sums redone in extended precision from the same features differ by at most the bound, which is small.

    The kernels are also exactly symmetric.
    """
    ode = NeuralODE(sigma_u=scale, sigma_w=1.3, sigma_v=0.7)
    p = draw_parameters(width=width, dimension=3, seed=seed)
    x = draw_parameters(width=inputs, dimension=3, seed=seed + 1).U
    activation = CATALOGUE[name]
    found = kernels_of(activation, ode, p, x, steps=3)
    assert torch.equal(found.tangent, found.tangent.T)
    assert torch.equal(found.nngp, found.nngp.T)
    trajectory = forward(activation, ode, p, x, steps=3)
    unit = unit_adjoint(activation, ode, p, trajectory)

    def extended(values: torch.Tensor) -> np.ndarray:
        return values.numpy().astype(np.longdouble)

    final, rows = extended(activation(trajectory.final)), extended(x)
    kappa, phi = extended(unit.weights.flatten(0, 1)), extended(activation(trajectory.stages.flatten(0, 1)))
    start = extended(unit.lambda_0)
    of_w = np.einsum("sik,tjk->sitj", kappa, kappa) * np.einsum("sik,tjk->sitj", phi, phi)
    nngp = np.longdouble(ode.sigma_v) ** 2 / width * (final @ final.T)
    tangent = (
        nngp
        + np.longdouble(ode.sigma_w) ** 2 / width * of_w.sum((0, 2))
        + np.longdouble(ode.sigma_u) ** 2 / 3 * (rows @ rows.T) * (start @ start.T)
    )
    bound = found.rounding.numpy()
    assert (np.abs(found.tangent.numpy() - tangent) <= bound).all()
    assert (np.abs(found.nngp.numpy() - nngp) <= bound).all()
    # A bound far above the rounding of 2 n + S^2 operations would prove nothing.
    largest = np.sqrt(np.outer(np.diag(tangent), np.diag(tangent))).astype(float)
    assert (bound <= 1e-10 * largest + 1e-300).all()


def test_a_bound_without_its_factor_would_be_exceeded() -> None:
    """The rounding is real: over many networks some entry errs by more than a thousandth of the bound."""
    shares = []
    for seed in range(20):
        p = draw_parameters(width=30, dimension=3, seed=seed)
        x = draw_parameters(width=4, dimension=3, seed=seed + 1).U
        found = kernels_of(CATALOGUE["tanh"], NeuralODE(), p, x, scheme="euler", steps=2)
        final = CATALOGUE["tanh"](forward(CATALOGUE["tanh"], NeuralODE(), p, x, scheme="euler", steps=2).final)
        exact = final.numpy().astype(np.longdouble) @ final.numpy().astype(np.longdouble).T / 30
        shares.append(float((np.abs(found.nngp.numpy() - exact) / found.rounding.numpy()).max()))
    assert 1e-3 < max(shares) <= 1


def test_arrays_come_back_as_they_went_in() -> None:
    """NumPy in, NumPy out; torch in, torch out; names and records of activations alike; equal numbers."""
    inputs = np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 0.3]])
    numpy_kernels = empirical_kernels("tanh", inputs, NeuralODE(), 20, 3)
    torch_kernels = empirical_kernels(CATALOGUE["tanh"], torch.from_numpy(inputs), NeuralODE(), 20, 3)
    for a, b in zip(numpy_kernels, torch_kernels, strict=True):
        assert isinstance(a, np.ndarray)
        assert isinstance(b, torch.Tensor)
        assert a.shape == (3, 3)
        assert a.dtype == np.float64
        np.testing.assert_array_equal(a, b.numpy())


def test_parameters_are_those_of_the_seed() -> None:
    """The public function draws one output's parameters from the seed."""
    x = torch.tensor([[1.0, 2.0], [0.5, -1.0]], dtype=torch.float64)
    nngp, tangent = empirical_kernels("softplus", x, NeuralODE(), 9, 4)
    wanted = kernels_of(CATALOGUE["softplus"], NeuralODE(), draw_parameters(width=9, dimension=2, seed=4), x)
    assert torch.equal(nngp, wanted.nngp)
    assert torch.equal(tangent, wanted.tangent)


def test_dtype_is_a_parameter() -> None:
    """Float32 on request, with a bound to match."""
    x = np.array([[1.0, 2.0], [0.5, -1.0]])
    single = empirical_kernels("tanh", x, NeuralODE(), 20, 3, dtype=torch.float32)[1]
    double = empirical_kernels("tanh", x, NeuralODE(), 20, 3)[1]
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=1e-4)
    assert not np.array_equal(single.astype(float), double)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": np.zeros((0, 2))}, r"at least one of each, got \(0, 2\)"),
        ({"inputs": np.zeros(3)}, r"shape \(inputs, dimension\) with at least one of each, got \(3,\)"),
        ({"inputs": np.array([[0.0, 1.0], [math.nan, 0.0]])}, "a NaN or an infinity in row 1"),
        ({"inputs": np.array([[math.inf, 1.0]])}, "a NaN or an infinity in row 0"),
        ({"width": 0}, "width must be an integer of at least 1, got 0"),
        ({"seed": -3}, "seed must be an integer"),
        ({"scheme": "heun"}, "scheme must be one of euler, midpoint, rk4, dop853, got 'heun'"),
        ({"device": "nowhere"}, "device 'nowhere' cannot be used"),
        ({"activation": "tanhh"}, "tanh"),
    ],
)
def test_bad_input_is_refused_in_one_line(change: dict[str, object], message: str) -> None:
    """Each bad value is shown with what would be right."""
    arguments = {"activation": "tanh", "inputs": np.eye(2), "neural_ode": NeuralODE(), "width": 4, "seed": 0} | change
    with pytest.raises(ValueError, match=message) as caught:
        empirical_kernels(**arguments)
    assert "\n" not in str(caught.value)


def test_kernels_are_those_of_one_output(network) -> None:
    """A network with two outputs is refused."""
    net = network(outputs=2)
    with pytest.raises(ValueError, match="kernels are those of one output, got V with 2 rows"):
        kernels_of(*net.model, net.inputs)
