"""Gradients of a user's module: against closed forms, and the continuous adjoint against the discrete one."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.own_model.descent import descend, symmetric_product
from theory_check.neural_ode.networks.own_model.gradients import (
    continuous_gradient,
    discrete_gradient,
    discrete_jacobian,
    slope_jacobian,
)
from theory_check.neural_ode.networks.own_model.vector_field import VectorField, solve

Load = Callable[..., VectorField]
START = torch.tensor([[1.0, -0.5], [0.25, 2.0]], dtype=torch.float64)
ONES = torch.ones(2, dtype=torch.float64)


def total(states: Tensor) -> Tensor:
    """The sum of all entries."""
    return states.sum()


def test_a_linear_field_has_the_exponential_as_flow_and_gradient(load: Load) -> None:
    """For h' = A h: h_T = exp(T A) h_0, dL/dh_0 = exp(T A)^T 1 for the sum, forward and backward in time."""
    field = load("double")
    A = field.vector.view(2, 2)
    exponential = torch.linalg.matrix_exp(1.5 * A)
    end = solve(field, START, duration=1.5, steps=64)[-1]
    torch.testing.assert_close(end, START @ exponential.mT, rtol=1e-8, atol=1e-8)
    back = solve(field, end, duration=-1.5, steps=64, begin=1.5)[-1]
    torch.testing.assert_close(back, START, rtol=1e-8, atol=1e-8)
    expected = (ONES @ exponential).repeat(2)
    discrete = discrete_gradient(field, START, total, duration=1.5, steps=64)
    continuous = continuous_gradient(field, START, total, times=[0.0, 0.7, 1.5], tolerance=1e-10)
    torch.testing.assert_close(discrete[:4], expected, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(continuous.gradient, discrete, rtol=1e-6, atol=1e-6)
    assert continuous.forward_evaluations > 0 < continuous.backward_evaluations


def test_the_gradient_with_respect_to_a_rate_is_known(load: Load) -> None:
    """In h' = a h + cos t a is the parameter: dh_T/da = T e^(a T) h_0 + the derivative of the convolution with cos."""
    field, horizon = load("timed"), 1.25
    gradient = discrete_gradient(field, START, total, duration=horizon, steps=64)[4:]

    def end(a: float, h: float) -> float:
        e = math.exp(a * horizon)
        return h * e + (a * e - a * math.cos(horizon) + math.sin(horizon)) / (1 + a * a)

    for k, a in enumerate((1.0, 0.5)):
        slope = sum((end(a + 1e-5, float(h)) - end(a - 1e-5, float(h))) / 2e-5 for h in START[:, k])
        assert float(gradient[k]) == pytest.approx(slope, rel=1e-6)


def test_jacobians_of_the_slope_are_those_of_each_row(load: Load) -> None:
    """dF/dh = A and dF/dtheta from h, row by row."""
    field, t = load("double"), torch.tensor(0.0, dtype=torch.float64)
    found = slope_jacobian(field, t, START, of_parameters=True)
    A = field.vector.view(2, 2)
    for row in range(2):
        torch.testing.assert_close(found[row, :, :2], A)
        torch.testing.assert_close(found[row, :, 2:], torch.block_diag(START[row], START[row]))
    torch.testing.assert_close(slope_jacobian(field, t, START, of_parameters=False), found[:, :, :2])


def test_descent_follows_the_gradient_of_the_loss(load: Load) -> None:
    """Its first step is eta times the gradient; a learning rate that is far too large is seen to diverge."""
    field, labels = load("timed"), torch.tensor([1.0, 2.0], dtype=torch.float64)
    settings = {"horizon": 1.0, "solver_steps": 8}
    trace = descend(field, START, ONES, labels, learning_rate=1e-3, steps=3, **settings)
    f, jacobian = discrete_jacobian(field, START, lambda h: h @ ONES, field.vector, duration=1.0, steps=8)
    torch.testing.assert_close(trace.kernels[0], symmetric_product(jacobian[:, 4:]))
    gradient = jacobian[:, 4:].mT @ (f - labels)
    moved = field.moved_to(field.vector - 1e-3 * gradient)
    torch.testing.assert_close(trace.outputs[1], solve(moved, START, duration=1.0, steps=8)[-1] @ ONES)
    assert trace.losses[-1] < trace.losses[0]
    wild = descend(field, START, ONES, labels, learning_rate=1e3, steps=6, **settings)
    assert wild.diverged_at is not None


def test_an_overflow_is_said(load: Load) -> None:
    """A state that is no number is an exception."""
    with pytest.raises(NonFiniteState, match="is not finite"):
        solve(load("double"), START * math.inf, duration=1.0, steps=4)
