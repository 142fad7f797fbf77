"""Adaptive solves and the continuous adjoint, against scipy, closed forms and the documented limits of the method."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from torchdiffeq import odeint_adjoint

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.continuous_adjoint import _integral
from theory_check.neural_ode.networks.flow import FlowGradient, solve_adjoint
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.parameters import Parameters, draw_parameters, initial_states
from theory_check.neural_ode.networks.schemes import gradient
from theory_check.neural_ode.networks.solver import SolverFailure


def _tanh_slope(h: np.ndarray) -> np.ndarray:
    return 1 / np.cosh(h) ** 2


def _relative(found: FlowGradient, wanted) -> float:
    """Error of all of U, W, V relative to the norm of the gradient."""
    pairs = [(found.gradient.U, wanted.U), (found.gradient.W, wanted.W), (found.gradient.V, wanted.V)]
    errors = [np.linalg.norm(a.numpy() - np.asarray(b)) for a, b in pairs]
    return float(np.linalg.norm(errors) / np.linalg.norm([np.linalg.norm(np.asarray(b)) for _, b in pairs]))


def test_adjoint_equals_scipys(network, scipy_flow) -> None:
    """Outputs, lambda_0 and U, W, V agree with the adjoint equation solved by scipy, two outputs included."""
    net = network("tanh", outputs=2, seed=6)
    wanted = scipy_flow(net, np.tanh, _tanh_slope)
    found = solve_adjoint(*net.model, net.inputs, net.cotangent)
    assert _relative(found, wanted) < 1e-6
    np.testing.assert_allclose(found.lambda_0.numpy(), wanted.lambda_0, rtol=0, atol=1e-6)
    outputs = net.neural_ode.sigma_v / math.sqrt(7) * np.tanh(wanted.final) @ net.parameters.V.numpy().T
    np.testing.assert_allclose(found.outputs.numpy(), outputs, rtol=0, atol=1e-7)


def test_errors_follow_the_tolerance(network, scipy_flow) -> None:
    """Six digits of tolerance gain at least three of the gradient, whose error stays below 1,000 tolerances."""
    net = network("tanh", width=12, seed=2)
    wanted = scipy_flow(net, np.tanh, _tanh_slope)
    tolerances = [1e-4, 1e-6, 1e-8, 1e-10]
    errors = [
        _relative(solve_adjoint(*net.model, net.inputs, net.cotangent, rtol=tol, atol=tol), wanted)
        for tol in tolerances
    ]
    assert errors[-1] < errors[0] / 1000
    assert all(error < 1000 * tol for error, tol in zip(errors, tolerances, strict=True))


def test_the_quadrature_is_booles_and_its_estimate_simpsons_error() -> None:
    """On [0, 2] in unequal steps: t^5 is integrated exactly, and for t^4 the estimate is Simpson's known error.

    Simpson's rule on a half step of length k errs by k^5/2880 times the fourth derivative, k^5/120 for t^4, and always
    to one side; Boole's rule is exact there.
    """
    mesh = (0.0, 0.5, 0.7, 2.0)
    points = [[a + x * (b - a) for x in (0, 0.25, 0.5, 0.75, 1)] for a, b in pairwise(mesh)]
    t = torch.tensor(points, dtype=torch.float64)[:, :, None, None]
    fifth, _error = _integral(mesh, t**3, t**2)
    assert float(fifth) == pytest.approx(2**6 / 6, rel=1e-14)
    sixth, _error = _integral(mesh, t**3, t**3)
    assert float(sixth) != pytest.approx(2**7 / 7, rel=1e-8)
    fourth, error = _integral(mesh, t**2, t**2)
    assert float(fourth) == pytest.approx(2**5 / 5, rel=1e-14)
    assert error == pytest.approx(sum(2 * ((b - a) / 2) ** 5 / 120 for a, b in pairwise(mesh)), rel=1e-10)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32), tolerance=st.sampled_from([1e-5, 1e-7]))
def test_the_quadrature_keeps_up_with_the_solver(seed: int, tolerance: float) -> None:
    """The error of dW against a solve a thousand times tighter, and its estimate, are of the tolerance's size."""
    p = draw_parameters(width=8, dimension=3, seed=seed)
    x = draw_parameters(width=2, dimension=3, seed=seed + 1).U
    arguments = (CATALOGUE["tanh"], NeuralODE(sigma_w=1.5), p, x, torch.ones(2, 1, dtype=torch.float64))
    loose = solve_adjoint(*arguments, rtol=tolerance, atol=tolerance)
    tight = solve_adjoint(*arguments, rtol=tolerance / 1000, atol=tolerance / 1000)
    error = float((loose.gradient.W - tight.gradient.W).norm())
    size = float(loose.gradient.W.norm())
    assert error < 1000 * tolerance * size
    assert 0 < loose.quadrature_error < 1000 * tolerance * size


def test_the_pieces_behind_a_solve_are_handed_out(network, scipy_flow) -> None:
    """Together they last T, none longer than 1/L, from (h_T, an adjoint of unit size) to h_0."""
    net = network("tanh", seed=6)
    found = solve_adjoint(*net.model, net.inputs, net.cotangent)
    rate = net.neural_ode.sigma_w / math.sqrt(7) * float(torch.linalg.svdvals(net.parameters.W)[0])
    lengths = [piece.mesh[-1] for piece in found.pieces]
    assert sum(lengths) == pytest.approx(net.neural_ode.horizon, rel=1e-14)
    assert len(lengths) > 1
    assert max(lengths) <= 1.001 / rate
    first, last = found.pieces[0].samples[0, 0], found.pieces[-1].samples[-1, -1]
    np.testing.assert_allclose(first[0].numpy(), scipy_flow(net, np.tanh, _tanh_slope).final, rtol=0, atol=1e-7)
    torch.testing.assert_close(first[1].square().mean(-1), torch.ones(4, dtype=torch.float64))
    start = initial_states(net.neural_ode, net.parameters, net.inputs)
    torch.testing.assert_close(last[0], start, rtol=0, atol=1e-7)
    directions = last[1] / last[1].norm(dim=1, keepdim=True)
    torch.testing.assert_close(directions, found.lambda_0 / found.lambda_0.norm(dim=1, keepdim=True))


def test_small_cotangents_keep_their_digits(network) -> None:
    """A cotangent of 1e-12 gives 1e-12 times the gradient: the absolute tolerance does not swallow it."""
    net = network("tanh")
    whole = solve_adjoint(*net.model, net.inputs, net.cotangent)
    tiny = solve_adjoint(*net.model, net.inputs, 1e-12 * net.cotangent)
    torch.testing.assert_close(tiny.gradient.W * 1e12, whole.gradient.W, rtol=1e-9, atol=1e-12)


def test_cotangents_may_be_made_from_the_outputs(network) -> None:
    """A function of f is called with f, and gives what the tensor would."""
    net = network("gelu")
    by_function = solve_adjoint(*net.model, net.inputs, lambda f: f - 2)
    by_tensor = solve_adjoint(*net.model, net.inputs, by_function.outputs - 2)
    assert torch.equal(by_function.gradient.W, by_tensor.gradient.W)


def test_evaluations_of_adaptive_steps_are_counted(network) -> None:
    """The count equals the calls of phi' by the backward solve plus those of phi by the forward one."""
    calls = {"phi": 0, "slope": 0}
    tanh = CATALOGUE["tanh"]

    def phi(h: torch.Tensor) -> torch.Tensor:
        calls["phi"] += 1
        return tanh.function(h)

    def slope(h: torch.Tensor, side: int) -> torch.Tensor:
        calls["slope"] += 1
        return tanh.one_sided_derivative(h, side)

    net = network()
    counting = replace(tanh, function=phi, one_sided_derivative=slope)
    found = solve_adjoint(counting, net.neural_ode, net.parameters, net.inputs, net.cotangent)
    # phi once more for f, for dV and for the integral over each piece; phi' once at h_T.
    assert found.evaluations == calls["phi"] - 2 - len(found.pieces)
    backward = calls["slope"] - 1
    assert 0 < backward < found.evaluations
    loose = solve_adjoint(*net.model, net.inputs, net.cotangent, rtol=1e-4, atol=1e-4)
    assert loose.evaluations < found.evaluations


def test_rebuilding_the_state_fails_under_contraction(network) -> None:
    """W = -sqrt(n) I and T = 20 contract by exp(-20): odeint_adjoint loses all digits, checkpoints do not.

    docs/theory.md#adjoint-accuracy: a limit of that method, seen with torchdiffeq's own. Every coordinate solves
    h' = -tanh(h): sinh(h_T) = exp(-T) sinh(h_0) and lambda_0 = lambda_T tanh(h_T) / tanh(h_0).
    """
    base = network("tanh", seed=5)
    W = -math.sqrt(7) * torch.eye(7, dtype=torch.float64)
    net = replace(base, parameters=replace(base.parameters, W=W), neural_ode=NeuralODE(horizon=20.0))
    start = initial_states(net.neural_ode, net.parameters, net.inputs)
    end = np.arcsinh(math.exp(-20) * np.sinh(start.numpy()))
    lambda_T = _tanh_slope(end) * (net.cotangent.numpy() @ net.parameters.V.numpy()) / math.sqrt(7)
    exact = lambda_T * np.tanh(end) / np.tanh(start.numpy())

    def error(lambda_0: torch.Tensor) -> float:
        return float(np.linalg.norm(lambda_0.numpy() - exact) / np.linalg.norm(exact))

    checkpoints = solve_adjoint(*net.model, net.inputs, net.cotangent, rtol=1e-6, atol=1e-6)
    assert error(checkpoints.lambda_0) < 1e-3
    initial, times = start.clone().requires_grad_(), torch.tensor([0.0, 20.0], dtype=torch.float64)
    final = odeint_adjoint(lambda _t, h: -torch.tanh(h), initial, times, rtol=1e-6, atol=1e-6, adjoint_params=())[-1]
    (rebuilt,) = torch.autograd.grad(final, initial, torch.from_numpy(lambda_T))
    assert error(rebuilt) > 0.1


@pytest.mark.parametrize("clarke", [0.0, 0.5, 1.0])
def test_the_value_at_a_kink_enters_every_adjoint(clarke: float, network) -> None:
    """ReLU at a zero input stays at its kink: lambda_0 = exp(clarke A^T T) lambda_T, whoever supplies the state."""
    net = network("relu", inputs=1)
    zero = torch.zeros(1, 3, dtype=torch.float64)
    found = solve_adjoint(*net.model, zero, net.cotangent, clarke=clarke)
    A = net.neural_ode.sigma_w / math.sqrt(7) * net.parameters.W.numpy()
    lambda_T = clarke * net.neural_ode.sigma_v / math.sqrt(7) * net.cotangent.numpy() @ net.parameters.V.numpy()
    exact = lambda_T @ expm(clarke * net.neural_ode.horizon * A)
    np.testing.assert_allclose(found.lambda_0.numpy(), exact, rtol=0, atol=1e-6)


def test_both_adjoints_agree_for_fixed_small_steps(network) -> None:
    """The discrete adjoint of RK4 and the continuous one meet as the step falls."""
    net = network("softplus", width=16)
    discrete = gradient(*net.model, net.inputs, net.cotangent, steps=200)
    continuous = solve_adjoint(*net.model, net.inputs, net.cotangent).gradient
    torch.testing.assert_close(discrete.W, continuous.W, rtol=0, atol=1e-7)


def test_a_blow_up_is_a_failure_in_one_line() -> None:
    """x^2 from 2 blows up at t = 1/2: the solver gives up with one line, for every source of the state."""
    one = torch.ones(1, 1, dtype=torch.float64)
    arguments = (CATALOGUE["square"], NeuralODE(), Parameters(one, one, one), 2 * one, one)
    with pytest.raises((SolverFailure, NonFiniteState)) as caught:
        solve_adjoint(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rtol": 0.0}, r"rtol must be a positive finite number, got 0\.0"),
        ({"atol": math.nan}, "atol must be a positive finite number, got nan"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, object], message: str, network) -> None:
    """Each bad value is shown with what would be right."""
    net = network()
    with pytest.raises(ValueError, match=message):
        solve_adjoint(*net.model, net.inputs, net.cotangent, **change)
