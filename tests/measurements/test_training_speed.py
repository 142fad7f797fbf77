"""Claim smooth-trains-faster: what is counted, against what, and who comes out ahead."""

from typing import Any

import numpy as np
import pytest
import torch

from theory_check.activations.loading import activation
from theory_check.case import Case, Sphere
from theory_check.measurements import training_speed
from theory_check.measurements.training_speed import RIVAL, compared_evaluations, compared_steps, counterpart
from theory_check.networks.descent import gradient_descent
from theory_check.networks.parameters import Parameters
from theory_check.networks.tangent_kernel import kernels_of
from theory_check.neural_ode import NeuralODE

POINTS = torch.linspace(-9.0, 9.0, 20_001, dtype=torch.float64)


def case_of(expression: str, width: int = 64) -> Case:
    """Six points of the sphere in four dimensions."""
    return Case(activation=expression, data=Sphere(6, 4, 0), width=width)


@pytest.mark.parametrize("expression", ["tanh(x)", "sigmoid(x)", "cos(x)", "sin(3.0*x)", "softplus(x)", "gelu(x)"])
def test_the_counterpart_has_range_and_steepness_of_the_function(expression: str) -> None:
    """And a kink."""
    phi = activation(expression)
    kinked = activation(counterpart(phi))
    assert kinked.classification == "kinked"
    assert kinked.lipschitz == pytest.approx(phi.lipschitz, rel=1e-12)
    if np.isfinite(phi.supremum):
        values = kinked(POINTS)
        assert (float(values.min()), float(values.max())) == pytest.approx((phi.lower, phi.upper), abs=1e-12)


def test_a_kinked_function_beside_itself_ties(bench: Any) -> None:
    """ReLU is its own counterpart, the rival its own rival: every network costs the same, to the last evaluation."""
    assert not compared_evaluations(case_of("relu(x)"), bench, 0).log_ratios.any()
    assert not compared_steps(case_of(RIVAL, 16), bench, 0).log_ratios.any()


def test_smooth_functions_take_fewer_evaluations_and_more_steps(bench: Any) -> None:
    """In every network, and in nine of ten."""
    evaluations = compared_evaluations(case_of("tanh(x)"), bench, 0)
    assert (evaluations.log_ratios < 0).all()
    assert evaluations.details["median evaluations"] < evaluations.details["median evaluations of the counterpart"]
    steps = compared_steps(case_of("softplus(x)"), bench, 0)
    assert (steps.log_ratios > 0).mean() >= 0.9
    assert steps.details["median steps"] <= steps.details["cap on steps"]


def test_samples_are_fresh_and_reproducible(bench: Any) -> None:
    """Three that agree must be independent; the same one is the same again."""
    first, again, second = (compared_steps(case_of("tanh(x)", 16), bench, k).log_ratios for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_steps_are_those_of_gradient_descent(bench: Any) -> None:
    """The engine's own descent, one network at a time, arrives after as many steps."""
    instance = bench.instance(case_of("tanh(x)", 16))
    networks = [instance.parameters(replicate=k) for k in range(2)]
    stacked = Parameters(*(torch.stack([getattr(p, name) for p in networks]) for name in ("U", "W", "V")))
    targets = torch.randn(2, 6, generator=instance.generator("targets"), dtype=torch.float64)
    counted = training_speed._steps(instance.activation, instance, stacked, targets)
    for network, y, steps in zip(networks, targets, counted, strict=True):
        setting = {"scheme": "euler"}
        kernel = kernels_of(
            instance.activation, NeuralODE(), network, instance.inputs, steps=training_speed.SOLVER_STEPS, **setting
        ).tangent
        trace = gradient_descent(
            instance.activation,
            NeuralODE(),
            network,
            instance.inputs,
            y,
            learning_rate=1 / float(torch.linalg.eigvalsh(kernel)[-1]),
            steps=training_speed.MOST_STEPS,
            solver_steps=training_speed.SOLVER_STEPS,
            kernel_every=None,
            **setting,
        )
        arrived = np.flatnonzero(trace.losses.numpy() <= training_speed.TARGET * float(trace.losses[0]))
        assert steps == (arrived[0] if arrived.size else training_speed.MOST_STEPS)
