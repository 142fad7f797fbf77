"""Certificates by value."""

import math
from dataclasses import replace

import pytest
import torch
from flint import arb, ctx

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.activations.nonlinearity import (
    is_certified_nonlinear,
    second_difference_certificate,
)

AFFINE_BY_VALUE = [
    "x",
    "2*x - 1",
    "pi",
    "x - x",
    "softplus(x) - softplus(-x)",
    "relu(x) - relu(-x)",
    "relu(x) - relu(x)",
    "abs(x) - 2*relu(x)",
    "silu(x) - silu(-x) - x",
    "gelu(x) - gelu(-x)",
    "sigmoid(x) + sigmoid(-x)",
    "sin(x)**2 + cos(x)**2",
    "tanh(x) - 2*sigmoid(2*x) + 1",
    "(x+1)**2 - (x-1)**2",
    "relu(x + 100)*0",
]
NONLINEAR = [
    *(name for name in CATALOGUE if name != "identity"),
    "tanh(0.001*x)",
    "x + 1e-9*tanh(x)",
    "x + 1e-18*tanh(x)",
    "softplus(x) - 0.99*softplus(-x)",
    "relu(x - 6)",
    "hardtanh(x/7)",
    "sin(pi*x)",
    "cos(2*pi*x)",
]


@pytest.mark.parametrize("text", AFFINE_BY_VALUE)
def test_affine_functions_get_no_certificate(text: str) -> None:
    """Whatever the syntax, a function that is affine by value is not certified nonlinear."""
    assert second_difference_certificate(activation(text)) is None
    assert not is_certified_nonlinear(activation(text))


@pytest.mark.parametrize("text", NONLINEAR)
def test_certificates_hold_at_a_higher_precision(text: str) -> None:
    """The second difference at the certified pair excludes zero in 400 bits too."""
    found = activation(text)
    pair = second_difference_certificate(found)
    assert pair is not None
    assert found.ball is not None
    a, h = pair
    with ctx.workprec(400):
        assert (found.ball(arb(a + h)) - 2 * found.ball(arb(a)) + found.ball(arb(a - h))).contains(0) is False
    assert is_certified_nonlinear(found)


@pytest.mark.parametrize("text", ["silu(x) - silu(-x) - x", "gelu(x) - gelu(-x)", "softplus(x) - softplus(-x)"])
def test_values_without_balls_are_judged_with_a_rounding_margin(text: str) -> None:
    """Without a ball, rounding of an affine function is not taken for curvature."""
    assert second_difference_certificate(replace(activation(text), ball=None)) is None


@pytest.mark.parametrize("text", ["tanh(x)", "relu(x)", "x + 1e-9*tanh(x)", "square(x)"])
def test_values_without_balls_certify_too(text: str) -> None:
    """Without a ball, curvature above the rounding margin is certified."""
    assert is_certified_nonlinear(replace(activation(text), ball=None))


def test_precision_is_restored() -> None:
    """The certificate leaves python-flint's precision as it was."""
    before = ctx.prec
    is_certified_nonlinear(CATALOGUE["tanh"])
    assert ctx.prec == before


def test_margin_covers_the_assumed_evaluation_error() -> None:
    """Values wrong by 60 ulps of the largest, in the worst directions, certify nothing."""
    base = activation("x + 3")

    def shaken(x: torch.Tensor) -> torch.Tensor:
        values = base(x)
        worst = 60.0 * torch.finfo(torch.float64).eps * values.abs()
        return values + torch.where((x * 1024).round() % 2 == 0, worst, -worst)

    unsure: Activation = replace(base, function=shaken, ball=None)
    assert second_difference_certificate(unsure) is None
    assert math.isfinite(unsure.lipschitz)
