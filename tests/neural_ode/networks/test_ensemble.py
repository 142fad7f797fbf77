"""Many networks at once are the same networks, one by one."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.ensemble import ensemble_variances
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.parameters import draw_network, draw_parameters
from theory_check.neural_ode.networks.schemes import forward

ODE = NeuralODE(sigma_u=1.2, sigma_w=1.4, sigma_v=0.6, horizon=0.8)
INPUTS = torch.tensor([[1.0, -0.5, 2.0], [0.3, 0.9, -1.0]], dtype=torch.float64)


@pytest.mark.parametrize("scheme", ["euler", "midpoint", "rk4"])
@pytest.mark.parametrize("width", [1, 2, 17])
def test_each_network_is_the_one_of_its_seed(width: int, scheme: str) -> None:
    """S, f and W v / |v| agree with each network solved alone from draw_parameters(seed)."""
    seeds = [5, 2**40, 0, 7, 8]
    found = ensemble_variances(
        CATALOGUE["softplus"], ODE, INPUTS, width=width, seeds=seeds, scheme=scheme, steps=6, chunk=2
    )
    assert torch.equal(found.S, found.S.mT)
    for k, seed in enumerate(seeds):
        p = draw_parameters(width=width, dimension=3, seed=seed)
        trajectory = forward(CATALOGUE["softplus"], ODE, p, INPUTS, scheme=scheme, steps=6)
        features = torch.nn.functional.softplus(trajectory.final) * ODE.sigma_v / math.sqrt(width)
        torch.testing.assert_close(found.S[k], features @ features.T, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(found.f[k], features @ p.V[0], rtol=1e-12, atol=1e-13)
        v = p.V[0].numpy()
        np.testing.assert_allclose(
            found.readout_products[k].numpy(), p.W.numpy() @ v / np.linalg.norm(v), rtol=1e-12, atol=1e-14
        )


@pytest.mark.parametrize("engine", ["dense", "revealed"])
def test_outputs_are_those_of_the_network_of_the_seed(engine: str) -> None:
    """Five outputs of one network, S as for one output, f the first of them."""
    one, many = (
        ensemble_variances(CATALOGUE["tanh"], ODE, INPUTS, width=9, seeds=range(4), outputs=m, engine=engine)
        for m in (1, 5)
    )
    torch.testing.assert_close(many.S, one.S, rtol=1e-12, atol=1e-15)
    assert torch.equal(many.f, many.outputs[..., 0])
    p = draw_network(width=9, dimension=3, outputs=5, seed=2, engine=engine)
    expected = forward(CATALOGUE["tanh"], ODE, p, INPUTS, steps=32).outputs
    torch.testing.assert_close(many.outputs[2], expected, rtol=1e-12, atol=1e-14)


def test_chunks_do_not_change_the_numbers() -> None:
    """Any chunking gives the same networks in the same order, to rounding."""
    seeds = range(23)
    wanted = ensemble_variances(CATALOGUE["tanh"], ODE, INPUTS, width=12, seeds=seeds)
    for chunk in (1, 4, 23, 100):
        found = ensemble_variances(CATALOGUE["tanh"], ODE, INPUTS, width=12, seeds=seeds, chunk=chunk)
        torch.testing.assert_close(found.S, wanted.S, rtol=1e-12, atol=1e-15)
        torch.testing.assert_close(found.f, wanted.f, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(found.readout_products, wanted.readout_products, rtol=1e-12, atol=1e-14)


def test_one_chunking_gives_one_result() -> None:
    """The same call twice agrees to the last bit."""
    a, b = (ensemble_variances(CATALOGUE["gelu"], ODE, INPUTS, width=12, seeds=range(9)) for _ in range(2))
    assert torch.equal(a.S, b.S)
    assert torch.equal(a.f, b.f)


@pytest.mark.parametrize("width", [1, 2, 16])
def test_readout_products_are_standard_normal(width: int) -> None:
    """W v / |v| over 4,000 fixed seeds passes against N(0, 1) with a p-value above 1e-6, W v itself does not."""
    found = ensemble_variances(
        CATALOGUE["identity"], ODE, INPUTS[:1], width=width, seeds=range(4000), scheme="euler", steps=1
    )
    assert found.readout_products.shape == (4000, width)
    products = found.readout_products.numpy()
    assert stats.kstest(products.ravel(), stats.norm.cdf).pvalue > 1e-6
    lengths = np.array([float(draw_parameters(width=width, dimension=3, seed=seed).V.norm()) for seed in range(4000)])
    assert stats.kstest((products * lengths[:, None]).ravel(), stats.norm.cdf).pvalue < 1e-6


def test_outputs_given_the_features_are_standard_normal() -> None:
    """Outputs over sqrt(S), in 4,000 networks of width 3, pass a test against N(0, 1) that plain outputs fail."""
    found = ensemble_variances(CATALOGUE["tanh"], ODE, INPUTS[:1], width=3, seeds=range(4000), steps=4)
    f, S = found.f[:, 0].numpy(), found.S[:, 0, 0].numpy()
    assert stats.kstest(f / np.sqrt(S), stats.norm.cdf).pvalue > 1e-6
    assert stats.kstest(f, stats.norm.cdf).pvalue < 1e-6


def test_a_blow_up_names_the_seed() -> None:
    """x^3 overflows in some network, whose seed the message shows."""
    with pytest.raises(NonFiniteState, match=r"the network with seed \d+ is not finite"):
        ensemble_variances(CATALOGUE["cube"], NeuralODE(horizon=50.0), INPUTS, width=4, seeds=range(5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": []}, "seeds must hold at least one seed, got none"),
        ({"width": 0}, "width must be an integer of at least 1, got 0"),
        ({"chunk": 0}, "chunk must be None or an integer of at least 1, got 0"),
        ({"scheme": "heun"}, "scheme must be one of"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, object], message: str) -> None:
    """Each bad value is shown with what would be right."""
    with pytest.raises(ValueError, match=message):
        ensemble_variances(CATALOGUE["tanh"], ODE, INPUTS, **({"width": 4, "seeds": [1]} | change))


def test_threads_do_not_change_the_numbers() -> None:
    """One thread or two, to the last bit; the setting is as before, after an error as well."""
    before, found = torch.get_num_threads(), []
    wild = NeuralODE(sigma_w=100.0, horizon=10.0)
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(ensemble_variances(CATALOGUE["softplus"], ODE, INPUTS, width=40, seeds=range(9), chunk=2))
            with pytest.raises(NonFiniteState, match="seed"):
                ensemble_variances(CATALOGUE["cube"], wild, INPUTS, width=40, seeds=range(9), chunk=2)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for part in ("S", "f", "readout_products"):
        assert torch.equal(getattr(found[0], part), getattr(found[1], part))
