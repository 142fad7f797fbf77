"""Adapters say what their library computes: states and gradients beside closed forms; phi in JAX beside torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from scipy.linalg import expm

from theory_check.conformance import Accuracy, Problem
from theory_check.conformance.libraries.loading import solvers_of
from theory_check.conformance.reference import Reference
from theory_check.conformance.solver import SolverUnderTest, name_of
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.strategies import lipschitz_activations

A = np.array([[0.3, -0.8], [0.5, 0.1]])
LINEAR = Problem("x", A, np.array([[1.0, -0.5], [0.25, 2.0]]), np.array([0.6, -0.2]), None, (0.0, 1.5))
# One adaptive and one fixed member for each way of taking gradients; of diffrax, which compiles each, its default.
CHOSEN = [
    solver
    for library, methods in {
        "scipy": ("DOP853",),
        "torchdiffeq": ("dopri5", "rk4"),
        "torchode": ("tsit5",),
        "diffrax": ("Tsit5",),
    }.items()
    for solver in solvers_of(library)
    if solver.method in methods and not (library == "diffrax" and solver.stepping == "fixed")
    if library != "diffrax" or solver.gradient == "RecursiveCheckpointAdjoint"
]


@pytest.mark.parametrize("solver", CHOSEN, ids=name_of)
def test_a_linear_problem_has_its_closed_form(solver: SolverUnderTest) -> None:
    """exp(A T) h_0; the gradient of v . h_T with respect to h_0 is exp(A T)^T v."""
    accuracy = Accuracy(tolerance=1e-9) if solver.stepping == "adaptive" else Accuracy(steps=64)
    flow = expm(1.5 * A)
    assert solver.solve(LINEAR, accuracy).states == pytest.approx(LINEAR.initial @ flow.T, abs=1e-6)
    gradient = solver.gradient_of(LINEAR, accuracy)
    assert gradient.initial == pytest.approx(np.tile(flow.T @ LINEAR.readout, (2, 1)), abs=1e-6)
    back = replace(LINEAR, initial=LINEAR.initial @ flow.T, times=(1.5, 0.0))
    assert solver.solve(back, accuracy).states == pytest.approx(LINEAR.initial, abs=1e-6)


def test_the_reference_has_its_closed_form_within_its_own_bound() -> None:
    """States, and the gradient with respect to h_0."""
    reference = Reference(LINEAR)
    flow = expm(1.5 * A)
    assert np.linalg.norm(reference.final - LINEAR.initial @ flow.T) <= reference.final_error < 1e-11
    wrong = np.linalg.norm(reference.gradient.initial - np.tile(flow.T @ LINEAR.readout, (2, 1)))
    assert wrong <= reference.gradient_error < 1e-10


# Each new expression is compiled by XLA, which is slow and not what is tested.
@settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(phi=lipschitz_activations())
def test_an_expression_in_jax_is_that_in_torch(phi: Activation) -> None:
    """Drawn ones, to a few ulps of the largest value inside."""
    _agree(phi)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_function_of_the_catalogue_in_jax_is_that_in_torch(name: str) -> None:
    """Every one, by its own name."""
    _agree(activation(name))


def _agree(phi: Activation) -> None:
    import jax

    jax.config.update("jax_enable_x64", True)  # noqa: FBT003 (the signature is JAX's)
    from theory_check.conformance.libraries.jax_activation import jax_activation

    x = np.linspace(-6.0, 6.0, 481)
    here = phi(torch.from_numpy(x)).numpy()
    there = np.array(jax_activation(phi.expression)(jax.numpy.asarray(x)))
    assert there == pytest.approx(here, rel=1e-11, abs=1e-11 * (1.0 + float(np.abs(here).max())))


@pytest.mark.parametrize("solver", CHOSEN, ids=name_of)
def test_the_default_dtype_of_torch_is_left_alone(solver: SolverUnderTest) -> None:
    """Adapters ask for float64 themselves."""
    accuracy = Accuracy(tolerance=1e-3) if solver.stepping == "adaptive" else Accuracy(steps=4)
    solver.gradient_of(LINEAR, accuracy)
    assert torch.get_default_dtype() is torch.float32
