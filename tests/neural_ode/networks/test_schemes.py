"""Fixed-step schemes and their exact adjoints, against autograd through the scheme written out, scipy, closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import Parameters, draw_parameters, pin_first_state
from theory_check.neural_ode.networks.schemes import (
    SCHEMES,
    NonFiniteState,
    adjoint,
    forward,
    gradient,
    integrate,
    tangent_flow,
)

NAMES = sorted(SCHEMES)


def _scaled_matrix(net) -> np.ndarray:
    """(sigma_w / sqrt n) W as NumPy array."""
    W = net.parameters.W.numpy()
    return net.neural_ode.sigma_w / math.sqrt(len(W)) * W


@pytest.mark.parametrize("scheme", NAMES)
def test_tables_satisfy_the_order_conditions(scheme: str) -> None:
    """Row sums are c, and all conditions up to the stated order hold (Hairer, Norsett, Wanner, table II.2.1)."""
    tableau = SCHEMES[scheme]
    stages = len(tableau.b)
    a, b, c = np.zeros((stages, stages)), np.array(tableau.b), np.array(tableau.c)
    for i, row in enumerate(tableau.a):
        a[i, : len(row)] = row
    np.testing.assert_allclose(a.sum(1), c, atol=1e-15)
    conditions = [
        (1, b.sum(), 1),
        (2, b @ c, 1 / 2),
        (3, b @ c**2, 1 / 3),
        (3, b @ a @ c, 1 / 6),
        (4, b @ c**3, 1 / 4),
        (4, (b * c) @ a @ c, 1 / 8),
        (4, b @ a @ c**2, 1 / 12),
        (4, b @ a @ a @ c, 1 / 24),
    ]
    for order, value, wanted in conditions:
        if order <= tableau.order:
            assert value == pytest.approx(wanted, abs=1e-15)
    beyond = [abs(value - wanted) for order, value, wanted in conditions if order == tableau.order + 1]
    assert not beyond or max(beyond) > 0.01


@pytest.mark.parametrize("scheme", NAMES)
@pytest.mark.parametrize("name", ["softplus", "tanh", "gelu", "relu"])
def test_gradient_equals_autograd_through_the_scheme(name: str, scheme: str, network, plain_outputs) -> None:
    """U, W, V and the outputs agree with autograd through the scheme written out, two outputs included."""
    net = network(name, outputs=2, seed=3)
    leaves = [x.clone().requires_grad_() for x in (net.parameters.U, net.parameters.W, net.parameters.V)]
    outputs = plain_outputs(net, *leaves, scheme, 5)
    expected = torch.autograd.grad((net.cotangent * outputs).sum(), leaves)
    trajectory = forward(*net.model, net.inputs, scheme=scheme, steps=5)
    torch.testing.assert_close(trajectory.outputs, outputs.detach(), rtol=1e-13, atol=1e-14)
    found = gradient(*net.model, net.inputs, net.cotangent, scheme=scheme, steps=5)
    for part, wanted in zip((found.U, found.W, found.V), expected, strict=True):
        assert not part.requires_grad
        torch.testing.assert_close(part, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("scheme", NAMES)
def test_adjoint_at_the_start_equals_autograd(scheme: str, network, plain_states) -> None:
    """lambda_0 is the gradient with respect to the initial state of each input, row by row."""
    net = network("tanh", seed=4)
    trajectory = forward(*net.model, net.inputs, scheme=scheme, steps=3)
    found = adjoint(*net.model, trajectory, net.cotangent)
    scale = net.neural_ode.sigma_v / math.sqrt(len(net.parameters.W))
    U = net.parameters.U.clone().requires_grad_()
    for row, (initial, final) in enumerate(plain_states(net, U, net.parameters.W, scheme, 3)):
        output = scale * (net.parameters.V @ torch.tanh(final)) @ net.cotangent[row]
        (wanted,) = torch.autograd.grad(output, initial, retain_graph=True)
        torch.testing.assert_close(found.lambda_0[row], wanted, rtol=1e-12, atol=1e-14)


def test_rows_of_the_adjoint_are_independent(network) -> None:
    """Scaling one input's cotangent scales that row of the weights and leaves the others."""
    net = network("softplus")
    trajectory = forward(*net.model, net.inputs, steps=4)
    once = adjoint(*net.model, trajectory, net.cotangent)
    factors = torch.tensor([2.0, 1.0, 0.0, 1.0], dtype=torch.float64)[:, None]
    scaled = adjoint(*net.model, trajectory, net.cotangent * factors)
    torch.testing.assert_close(scaled.weights, once.weights * factors, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("name", ["softplus", "erf"])
def test_forward_equals_scipy(name: str, network) -> None:
    """Many small steps agree with scipy's solution of the equation itself, at every grid point asked."""
    net = network(name)
    A, phi = _scaled_matrix(net), CATALOGUE[name].function
    trajectory = forward(*net.model, net.inputs, steps=200)
    for row in range(len(net.inputs)):
        solution = solve_ivp(
            lambda _t, h: A @ phi(torch.from_numpy(h)).numpy(),
            (0, net.neural_ode.horizon),
            trajectory.grid[0, row].numpy(),
            method="DOP853",
            rtol=1e-12,
            atol=1e-13,
            t_eval=[net.neural_ode.horizon / 2, net.neural_ode.horizon],
        )
        np.testing.assert_allclose(trajectory.grid[[100, 200], row].numpy(), solution.y.T, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("scheme", "first", "margin"), [("euler", 16, 0.1), ("midpoint", 16, 0.1), ("rk4", 16, 0.2), ("dop853", 2, 0.3)]
)
def test_order_of_convergence_is_the_stated_one(scheme: str, first: int, margin: float, network) -> None:
    """Errors of the state and of dW against the matrix exponential fall at the stated order over a ladder of steps.

    For phi(x) = x: h_T = exp(A T) h_0 and lambda_0 = exp(A^T T) lambda_T.
    """
    # A long horizon, so that eight steps of order eight are not yet exact to rounding.
    net = network("identity", width=6, neural_ode=NeuralODE(sigma_u=1.3, sigma_w=1.7, sigma_v=0.8, horizon=2.7))
    A, T = _scaled_matrix(net), net.neural_ode.horizon
    errors = []
    for steps in (first, 2 * first, 4 * first, 8 * first):
        trajectory = forward(*net.model, net.inputs, scheme=scheme, steps=steps)
        exact = trajectory.grid[0].numpy() @ expm(A * T).T
        lambda_T = net.cotangent.numpy() @ net.parameters.V.numpy() * net.neural_ode.sigma_v / math.sqrt(6)
        found = adjoint(*net.model, trajectory, net.cotangent)
        errors.append(
            (
                np.linalg.norm(trajectory.final.numpy() - exact),
                np.linalg.norm(found.lambda_0.numpy() - lambda_T @ expm(A * T)),
            )
        )
    for of_quantity in np.array(errors).T:
        slopes = -np.diff(np.log(of_quantity)) / math.log(2)
        assert abs(slopes[-1] - SCHEMES[scheme].order) < margin


@settings(deadline=None)
@given(factor=st.floats(0.25, 4), scheme=st.sampled_from(NAMES), seed=st.integers(0, 2**32))
def test_only_sigma_w_times_horizon_matters(factor: float, scheme: str, seed: int) -> None:
    """Trading sigma_w for horizon at a fixed number of steps changes outputs and gradients by rounding only."""
    p = draw_parameters(width=6, dimension=2, seed=seed)
    x = draw_parameters(width=3, dimension=2, seed=seed + 1).U
    c = torch.ones(3, 1, dtype=torch.float64)
    odes = NeuralODE(sigma_w=1.2, horizon=0.8), NeuralODE(sigma_w=1.2 * factor, horizon=0.8 / factor)
    outputs = [forward(CATALOGUE["tanh"], ode, p, x, scheme=scheme, steps=6).outputs for ode in odes]
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-12, atol=1e-13)
    gradients = [gradient(CATALOGUE["tanh"], ode, p, x, c, scheme=scheme, steps=6).W for ode in odes]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("scheme", NAMES)
def test_integrate_is_the_bare_flow_both_ways(scheme: str, network) -> None:
    """From h_0 it reaches the final state of `forward`; backward it solves the reversed equation."""
    net = network("softplus")
    trajectory = forward(*net.model, net.inputs, scheme=scheme, steps=9)
    there = integrate(*net.model, trajectory.grid[0], duration=net.neural_ode.horizon, scheme=scheme, steps=9)
    torch.testing.assert_close(there, trajectory.final, rtol=1e-14, atol=1e-14)
    mirrored = Parameters(net.parameters.U, -net.parameters.W, net.parameters.V)
    back = integrate(*net.model, there, duration=-0.4, scheme=scheme, steps=9)
    forth = integrate(net.activation, net.neural_ode, mirrored, there, duration=0.4, scheme=scheme, steps=9)
    torch.testing.assert_close(back, forth, rtol=1e-14, atol=1e-14)
    assert float((back - there).norm()) > 0.1


def test_forward_and_back_returns(network) -> None:
    """RK4 with small steps comes back to its start."""
    net = network("tanh")
    start = forward(*net.model, net.inputs, steps=1).grid[0]
    end = integrate(*net.model, start, duration=0.9, steps=200)
    torch.testing.assert_close(integrate(*net.model, end, duration=-0.9, steps=200), start, rtol=0, atol=1e-9)


@pytest.mark.parametrize("duration", [0.7, -0.7])
def test_tangent_flow_of_a_linear_field_is_the_matrix_exponential(duration: float, network) -> None:
    """For phi(x) = x the derivative of the flow is exp(A t), both ways in time."""
    net = network("identity")
    state = torch.linspace(-1, 1, 7, dtype=torch.float64)
    final, J = tangent_flow(*net.model, state, duration=duration, steps=64)
    exact = expm(_scaled_matrix(net) * duration)
    np.testing.assert_allclose(J.numpy(), exact, rtol=0, atol=1e-7)
    np.testing.assert_allclose(final.numpy(), exact @ state.numpy(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("scheme", NAMES)
def test_tangent_flow_is_the_jacobian_of_the_scheme(scheme: str, network) -> None:
    """J equals central differences of `integrate`, column by column."""
    net = network("gelu")
    state, eps = torch.linspace(-1, 2, 7, dtype=torch.float64), 1e-5
    final, J = tangent_flow(*net.model, state, duration=0.7, scheme=scheme, steps=3)
    shifts = eps * torch.eye(7, dtype=torch.float64)
    plus, minus = (integrate(*net.model, state + s * shifts, duration=0.7, scheme=scheme, steps=3) for s in (1.0, -1.0))
    torch.testing.assert_close(J, ((plus - minus) / (2 * eps)).T, rtol=0, atol=1e-8)
    wanted = integrate(*net.model, state[None], duration=0.7, scheme=scheme, steps=3)[0]
    torch.testing.assert_close(final, wanted, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("clarke", [0.0, 0.5, 1.0])
def test_the_value_at_a_kink_enters_the_adjoint(clarke: float, network) -> None:
    """ReLU at a zero input stays at its kink, so lambda solves a linear equation with phi' = clarke."""
    net = network("relu", inputs=1)
    zero = torch.zeros(1, 3, dtype=torch.float64)
    trajectory = forward(*net.model, zero, steps=64)
    found = adjoint(*net.model, trajectory, net.cotangent, clarke).lambda_0.numpy()
    scale = net.neural_ode.sigma_v / math.sqrt(7)
    lambda_T = clarke * scale * net.cotangent.numpy() @ net.parameters.V.numpy()
    exact = lambda_T @ expm(clarke * net.neural_ode.horizon * _scaled_matrix(net))
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-7)


def test_a_pinned_kink_makes_the_gradient_ambiguous(network) -> None:
    """With a coordinate held at hard tanh's kink, dW depends on the value chosen there; held beside it, not."""
    net = network("hardtanh", seed=1)

    def spread(value: float) -> float:
        p = pin_first_state(net.parameters, net.inputs, net.neural_ode, value)
        a, b = (
            gradient(net.activation, net.neural_ode, p, net.inputs, net.cotangent, clarke=clarke).W
            for clarke in (0.0, 1.0)
        )
        return float((a - b).norm())

    assert spread(1.0) > 1e-3
    assert spread(0.9) == 0.0


def test_zero_recurrence_keeps_the_state(network) -> None:
    """With sigma_w = 0 the final state is the initial one and dW is zero."""
    net = network("tanh", neural_ode=NeuralODE(sigma_w=0.0))
    trajectory = forward(*net.model, net.inputs)
    assert torch.equal(trajectory.final, trajectory.grid[0])
    assert not gradient(*net.model, net.inputs, net.cotangent).W.any()


def test_a_blow_up_names_its_step() -> None:
    """x^2 with n = 1, W = 1 and h_0 = 2 blows up at t = 1/2: the message names a step after that, within [1/2, 1]."""
    one = torch.ones(1, 1, dtype=torch.float64)
    arguments = (CATALOGUE["square"], NeuralODE(), Parameters(one, one, one), 2 * one)
    with pytest.raises(NonFiniteState, match=r"in step (\d+) of 4096, between t = (\S+) and t = (\S+)$") as caught:
        forward(*arguments, steps=4096)
    step = int(str(caught.value).split("step ")[1].split()[0])
    assert 0.5 <= step / 4096 <= 1
    before = forward(arguments[0], NeuralODE(horizon=(step - 1) / 4096), arguments[2], arguments[3], steps=step - 1)
    assert torch.isfinite(before.final).all()
    with pytest.raises(NonFiniteState, match=r"the state after a time of 1\.0"):
        integrate(*arguments[:3], 2 * one, duration=1.0, steps=4096)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scheme": "rk5"}, "scheme must be one of euler, midpoint, rk4, dop853, got 'rk5'"),
        ({"steps": 0}, "steps must be an integer of at least 1, got 0"),
    ],
)
def test_unknown_settings_are_refused(change: dict[str, object], message: str, network) -> None:
    """Each bad value is shown with what would be right."""
    net = network()
    with pytest.raises(ValueError, match=message):
        forward(*net.model, net.inputs, **change)


def test_dtype_is_that_of_the_parameters(network) -> None:
    """In float32 everything stays float32 and agrees with float64 to single precision."""
    net = network("tanh")
    p = Parameters(net.parameters.U.float(), net.parameters.W.float(), net.parameters.V.float())
    single = gradient(net.activation, net.neural_ode, p, net.inputs.float(), net.cotangent.float(), steps=4)
    double = gradient(*net.model, net.inputs, net.cotangent, steps=4)
    assert single.W.dtype == torch.float32
    torch.testing.assert_close(single.W.double(), double.W, rtol=1e-4, atol=1e-5)
