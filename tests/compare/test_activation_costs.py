"""What activations cost on shared networks, against closed forms where there are any."""

import math

import numpy as np
import pytest

from theory_check.compare.activation_costs import (
    STEPS,
    SharedNetworks,
    evaluations,
    gradient_error,
    observed_factor,
    shared_networks,
)
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Data, Explicit, Sphere
from theory_check.neural_ode.model import NeuralODE

DATA = Sphere(3, 4, 0)


def shared(bench: object, data: Data = DATA, *, width: int = 16, networks: int = 8, **scales: float) -> SharedNetworks:
    """Networks of the tests' own setting."""
    return shared_networks(bench, data, NeuralODE(**scales), width, networks)  # type: ignore[arg-type]


def test_gradient_error_of_one_linear_neuron_has_a_closed_form(bench: object) -> None:
    """With f = v e^w u x the scheme's gradient has R(w / 8)^8, R the Taylor polynomial of order four, for e^w."""
    one = shared(bench, Explicit(((1.0,),), (0.5,)), width=1)
    expected = []
    for network in one.networks:
        u, w, v = (float(p) for p in (network.U, network.W, network.V))
        z = w / STEPS
        taylor, slope = (sum(z**k / math.factorial(k) for k in range(n)) for n in (5, 4))
        pairs = ((taylor**STEPS, taylor ** (STEPS - 1) * slope), (math.exp(w), math.exp(w)))
        own, true = (np.array([v * g, u * v * dg, u * g]) * (u * v * g - 0.5) for g, dg in pairs)
        expected.append(float(np.linalg.norm(own - true) / np.linalg.norm(true)))
    cell = gradient_error(one, activation("identity"))
    # Errors go down to 1e-9, so that rounding is at most 1e-6 of them.
    assert cell.value == pytest.approx(float(np.median(expected)), rel=1e-4)
    assert (cell.low, cell.high) == pytest.approx((min(expected), max(expected)), rel=1e-2)


def test_a_kink_costs_accuracy_and_evaluations(bench: object) -> None:
    """ReLU errs a hundred times as much as softplus at equal cost, and takes more evaluations of the solver."""
    networks = shared(bench, width=32)
    smooth, kinked = activation("softplus"), activation("relu")
    assert gradient_error(networks, kinked).low > 100 * gradient_error(networks, smooth).high  # type: ignore[operator]
    assert evaluations(networks, kinked).low > evaluations(networks, smooth).high  # type: ignore[operator]


def test_the_reference_is_far_better_than_what_it_judges(bench: object) -> None:
    """Its own error is measured and stands beside the number."""
    for name in ("softplus", "relu", "elu"):
        cell = gradient_error(shared(bench), activation(name))
        assert cell.details["largest error of a reference over the error measured"] <= 0.1  # type: ignore[operator]
        assert not cell.note


def test_training_follows_its_kernel_where_networks_are_wide(bench: object) -> None:
    """The observed factor is within two per cent of that of the linearised run; the narrow network's is further off."""
    softplus = activation("softplus")

    def departure(width: int) -> float:
        cell = observed_factor(shared(bench, width=width), softplus)
        return abs(float(cell.value or math.nan) - float(cell.details["median factor of the linearised run"] or 0))

    assert departure(512) < min(0.02, departure(4))


def test_a_solution_that_blows_up_is_a_finding(bench: object) -> None:
    """Every column says in how many networks, and has no number."""
    networks = shared(bench, sigma_w=9.0)
    for measure in (gradient_error, evaluations, observed_factor):
        cell = measure(networks, activation("square"))
        assert (cell.basis, cell.value, cell.low) == ("missing", None, None)
        assert "of 8 networks" in cell.note


def test_a_phi_that_passes_nothing_on_is_a_finding(bench: object) -> None:
    """Phi = 0 has neither a gradient nor a kernel to divide by."""
    networks, nothing = shared(bench), activation("0*x")
    assert "phi passes nothing on" in gradient_error(networks, nothing).note
    assert "the tangent kernel is zero" in observed_factor(networks, nothing).note
