"""Steps to a target of many networks side by side: those of the engine's own gradient descent."""

import numpy as np
import pytest
import torch

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.descent import gradient_descent
from theory_check.neural_ode.networks.descent_times import steps_to_target
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.parameters import Parameters, draw_parameters
from theory_check.neural_ode.networks.tangent_kernel import kernels_of

MODEL = NeuralODE(sigma_u=1.5, sigma_w=0.75, sigma_v=1.25, horizon=1.5)
GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.randn(4, 3, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.randn(3, 4, generator=GENERATOR, dtype=torch.float64)
NETWORKS = [draw_parameters(width=16, dimension=3, seed=seed) for seed in range(3)]
STACKED = Parameters(*(torch.stack([getattr(p, name) for p in NETWORKS]) for name in ("U", "W", "V")))
LAYERS = 3


@pytest.mark.parametrize("name", ["tanh", "relu", "hardtanh(1.5*x + 0.25)"])
@pytest.mark.parametrize(("target", "most"), [(0.05, 150), (1e-3, 25)])
def test_steps_are_those_of_gradient_descent(name: str, target: float, most: int) -> None:
    """One network at a time arrives after as many steps, with as much of its loss left."""
    phi = activation(name)
    found = steps_to_target(
        phi, MODEL, STACKED, INPUTS, LABELS, rates=lambda x: 0.5 / x, target=target, most=most, layers=LAYERS
    )
    for network, labels, steps, share in zip(NETWORKS, LABELS, found.steps, found.shares, strict=True):
        kernel = kernels_of(phi, MODEL, network, INPUTS, scheme="euler", steps=LAYERS).tangent
        trace = gradient_descent(
            phi,
            MODEL,
            network,
            INPUTS,
            labels,
            learning_rate=0.5 / float(torch.linalg.eigvalsh(kernel)[-1]),
            steps=most,
            scheme="euler",
            solver_steps=LAYERS,
            kernel_every=None,
        )
        shares = (trace.losses / trace.losses[0]).numpy()
        arrived = np.flatnonzero(shares <= target)
        assert steps == (max(int(arrived[0]), 1) if arrived.size else most)
        assert share == pytest.approx(shares[steps], rel=1e-7)


def test_nobody_arrives_at_nothing() -> None:
    """A target of 0 takes all the steps that are allowed."""
    found = steps_to_target(
        activation("tanh"), MODEL, STACKED, INPUTS, LABELS, rates=lambda x: 0.5 / x, target=0.0, most=7, layers=LAYERS
    )
    assert found.steps.tolist() == [7, 7, 7]
    assert ((found.shares > 0) & (found.shares < 1)).all()


def test_networks_are_left_as_they_were() -> None:
    """The next side of a pair starts from the same weights."""
    before = [getattr(STACKED, name).clone() for name in ("U", "W", "V")]
    test_nobody_arrives_at_nothing()
    assert all(torch.equal(a, b) for a, b in zip(before, (STACKED.U, STACKED.W, STACKED.V), strict=True))


def test_a_loss_that_is_not_finite_is_said_to_be_none() -> None:
    """A step far too large."""
    with pytest.raises(NonFiniteState, match="a loss after"):
        steps_to_target(
            activation("relu"), MODEL, STACKED, INPUTS, LABELS, rates=lambda x: 1e3 / x, target=0.0, most=500, layers=3
        )
