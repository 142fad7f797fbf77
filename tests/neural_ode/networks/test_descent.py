"""Gradient descent and its trace, against autograd's."""

from dataclasses import replace

import pytest
import torch

from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.descent import gradient_descent
from theory_check.neural_ode.networks.parameters import inner
from theory_check.neural_ode.networks.schemes import forward
from theory_check.neural_ode.networks.tangent_kernel import kernels_of


@pytest.mark.parametrize("scheme", ["euler", "rk4"])
def test_the_trace_equals_autograds(scheme: str, network, plain_outputs) -> None:
    """Losses, outputs and final parameters agree with plain gradient descent by autograd through the scheme."""
    net = network("tanh", width=12)
    labels = net.cotangent[:, 0]
    trace = gradient_descent(
        *net.model, net.inputs, labels, learning_rate=0.1, steps=6, scheme=scheme, solver_steps=4, kernel_every=None
    )
    leaves = [x.clone().requires_grad_() for x in (net.parameters.U, net.parameters.W, net.parameters.V)]
    for k in range(7):
        outputs = plain_outputs(net, *leaves, scheme, 4)[:, 0]
        value = ((outputs - labels) ** 2).sum() / 2
        torch.testing.assert_close(trace.losses[k], value.detach(), rtol=1e-11, atol=1e-13)
        torch.testing.assert_close(trace.outputs[k], outputs.detach(), rtol=1e-11, atol=1e-12)
        if k < 6:
            with torch.no_grad():
                for leaf, slope in zip(leaves, torch.autograd.grad(value, leaves), strict=True):
                    leaf.sub_(0.1 * slope)
    for part, leaf in zip((trace.parameters.U, trace.parameters.W, trace.parameters.V), leaves, strict=True):
        torch.testing.assert_close(part, leaf.detach(), rtol=1e-11, atol=1e-12)
    assert trace.kernels == ()
    assert trace.diverged_at is None


def test_a_small_rate_decreases_the_loss(network) -> None:
    """With eta = 1 / lambda_max(Theta_0) every loss is below the one before, for a wide network."""
    net = network("softplus", width=128)
    theta = kernels_of(*net.model, net.inputs, scheme="euler", steps=16).tangent
    eta = 1 / float(torch.linalg.eigvalsh(theta)[-1])
    trace = gradient_descent(*net.model, net.inputs, net.cotangent[:, 0], learning_rate=eta, steps=20)
    assert (trace.losses.diff() < 0).all()
    assert len(trace.losses) == len(trace.kernels) == 21


def test_kernels_are_those_of_the_parameters_then(network) -> None:
    """The first and the last kernel are the tangent kernels of the first and the last parameters."""
    net = network("gelu")
    trace = gradient_descent(
        *net.model, net.inputs, net.cotangent[:, 0], learning_rate=0.05, steps=6, solver_steps=5, kernel_every=3
    )
    assert trace.kernel_times == (0, 3, 6)
    for at, p in ((0, net.parameters), (-1, trace.parameters)):
        wanted = kernels_of(net.activation, net.neural_ode, p, net.inputs, scheme="euler", steps=5).tangent
        torch.testing.assert_close(trace.kernels[at], wanted, rtol=1e-13, atol=1e-14)
    assert not torch.equal(trace.kernels[0], trace.kernels[1])


def test_the_start_is_left_alone(network) -> None:
    """The parameters passed in do not change."""
    net = network()
    before = inner(net.parameters, net.parameters)
    gradient_descent(*net.model, net.inputs, net.cotangent[:, 0], learning_rate=1.0, steps=3)
    assert inner(net.parameters, net.parameters) == before


def test_divergence_ends_the_run(network) -> None:
    """A rate of 1e6 on x^2 overflows: the trace stops before, says when, and keeps finite parameters."""
    net = network("square", neural_ode=NeuralODE(sigma_w=0.3, horizon=0.2))
    trace = gradient_descent(*net.model, net.inputs, net.cotangent[:, 0], learning_rate=1e6, steps=30)
    assert trace.diverged_at is not None
    assert 0 < trace.diverged_at < 30
    assert len(trace.losses) == len(trace.outputs) == trace.diverged_at
    assert torch.isfinite(trace.losses).all()
    last = forward(net.activation, net.neural_ode, trace.parameters, net.inputs, scheme="euler", steps=16).outputs[:, 0]
    torch.testing.assert_close(last, trace.outputs[-1])


def test_divergence_at_the_start_is_reported(network) -> None:
    """Where even the first pass overflows, nothing is recorded and diverged_at is 0."""
    net = network("cube")
    wild = replace(net.parameters, U=1e200 * net.parameters.U)
    trace = gradient_descent(
        net.activation, net.neural_ode, wild, net.inputs, net.cotangent[:, 0], learning_rate=1.0, steps=3
    )
    assert trace.diverged_at == 0
    assert trace.losses.shape == (0,)
    assert trace.outputs.shape == (0, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": -1}, "steps must be an integer of at least 0, got -1"),
        ({"kernel_every": 0}, "kernel_every must be None or an integer of at least 1, got 0"),
        ({"solver_steps": 0}, "steps must be an integer of at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, int], message: str, network) -> None:
    """Each bad value is shown with what would be right."""
    net = network()
    with pytest.raises(ValueError, match=message):
        gradient_descent(*net.model, net.inputs, net.cotangent[:, 0], **({"learning_rate": 0.1, "steps": 1} | change))
