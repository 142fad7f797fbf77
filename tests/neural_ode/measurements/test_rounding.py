"""Rounding bounds, made visible: the same solve in float32 errs 2^29 times as much, float64 is its reference."""

import math
from collections.abc import Callable

import pytest
import torch
from flint import arb, arb_series, ctx
from torch import Tensor

from theory_check.neural_ode.case import Case, Explicit
from theory_check.neural_ode.measurements.bounds import evaluation_bound, growth
from theory_check.neural_ode.measurements.instance import Instance, field_growth, slope_bounds
from theory_check.neural_ode.measurements.rounding import adjoint_rounding, start_rounding, state_rounding
from theory_check.neural_ode.networks.parameters import Parameters, initial_states
from theory_check.neural_ode.networks.schemes import Trajectory, adjoint, forward
from theory_check.neural_ode.strategies import kinked_activations, smooth_activations

COARSER = 2.0**29
EXPRESSIONS = ["tanh(x)", "softplus(2*x) - 0.5*sin(3*x + 1)", "gelu(x)*tanh(x)", "0.25*cos(2*x)", "elu(x - 0.5)", "x"]


def both(instance: Instance, parameters: Parameters, steps: int) -> tuple[list[Trajectory], list[Tensor]]:
    """Trajectory and adjoint in float64, and in float32 from the same rounded numbers."""
    singles = Parameters(*(p.to(torch.float32) for p in (parameters.U, parameters.W, parameters.V)))
    inputs = instance.inputs.to(torch.float32)
    trajectories, adjoints = [], []
    for dtype in (torch.float64, torch.float32):
        given = Parameters(*(p.to(dtype) for p in (singles.U, singles.W, singles.V)))
        run = forward(instance.activation, instance.case.neural_ode, given, inputs.to(dtype), steps=steps)
        back = adjoint(instance.activation, instance.case.neural_ode, given, run, torch.ones_like(run.outputs))
        trajectories.append(run)
        adjoints.append(back.lambda_0)
    return trajectories, adjoints


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_states_and_adjoint_round_within_their_bounds(
    expression: str, drawn: Callable[..., list[Case]], changed: Callable[..., Case], bench: object
) -> None:
    """Drawn inputs, widths, weights and scales; the bound is above the error and below a thousand times it once."""
    shares = []
    for case in drawn(smooth_activations(), "arbitrary", 12, seed=4, most_growth=1.0):
        instance = bench.instance(changed(case, activation=expression))
        parameters = instance.parameters()
        horizon, steps = case.neural_ode.horizon, 32
        rate = field_growth(instance, parameters)
        grown = growth(rate, horizon)
        (double, single), (lambda_64, lambda_32) = both(instance, parameters, steps)
        start = start_rounding(instance, parameters)
        states = grown * (start + state_rounding(instance, parameters, double.grid, steps=steps, duration=horizon))
        error = float(torch.linalg.vector_norm(double.final - single.final))
        assert error <= COARSER * states
        steep, bend = slope_bounds(instance.activation)
        flat = float(torch.linalg.vector_norm(parameters.V)) * case.neural_ode.sigma_v
        flat *= math.sqrt(len(instance.inputs) / case.width)
        own = adjoint_rounding(
            instance,
            parameters,
            double.grid,
            final=flat * steep,
            flat=flat,
            carried=grown,
            steps=steps,
            duration=horizon,
        )
        # The adjoint runs along states that are rounded as well.
        through = grown * flat * bend * states * (1 + rate * horizon * grown)
        difference = float(torch.linalg.vector_norm(lambda_64 - lambda_32))
        assert difference <= COARSER * (own + through)
        shares.append(error / (COARSER * states) if states else 0.0)
    assert max(shares) > 1e-3


@pytest.mark.parametrize("seed", range(2))
def test_an_evaluation_rounds_within_its_bound(seed: int, drawn: Callable[..., list[Case]], bench: object) -> None:
    """Drawn trees at twenty points against ball arithmetic of 200 bits, phi and, where smooth, phi'."""
    trees = {c.activation for c in drawn(smooth_activations(), "arbitrary", 25, seed=seed)}
    trees |= {c.activation for c in drawn(kinked_activations(), "arbitrary", 10, seed=seed)}
    x = torch.linspace(-7.3, 8.1, 20, dtype=torch.float64)
    for expression in sorted(trees):
        phi = bench.load(expression)
        steep, bend = slope_bounds(phi)
        with ctx.workprec(200):
            exact = [phi.ball(arb_series([arb(v), 1], 2)) for v in x.tolist()]
            for at, value, slope, jet in zip(
                x.tolist(), phi(x).tolist(), phi.derivative(x).tolist(), exact, strict=True
            ):
                bound = evaluation_bound(phi.operators, abs(value), steep, abs(at))
                assert abs(arb(value) - jet[0]) <= bound, (expression, at)
                if not phi.kinks:
                    bound = evaluation_bound(phi.operators, steep, max(bend, steep), abs(at))
                    assert abs(arb(slope) - jet[1]) <= bound, (expression, at)


def test_a_start_rounds_within_its_bound(bench: object) -> None:
    """h_0 in float32 against float64 for 100 random U and x."""
    case = Case(activation="x", data=Explicit(((0.1, -2.7, 3.3, 1.0),)), width=9)
    shares = []
    for replicate in range(100):
        instance = bench.instance(case)
        parameters = instance.parameters(replicate=replicate)
        single = Parameters(*(p.to(torch.float32) for p in (parameters.U, parameters.W, parameters.V)))
        x = instance.inputs.to(torch.float32)
        coarse = initial_states(case.neural_ode, single, x).to(torch.float64)
        exact = initial_states(
            case.neural_ode, Parameters(*(p.to(torch.float64) for p in (single.U, single.W, single.V))), x.double()
        )
        shares.append(
            float(torch.linalg.vector_norm(coarse - exact)) / (COARSER * start_rounding(instance, parameters))
        )
    assert 1e-3 < max(shares) <= 1
