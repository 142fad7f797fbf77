"""What a case becomes: its weights, its growth, its propagator."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Case, Explicit, Sphere, Weights
from theory_check.neural_ode.measurements.descent_ladder import DescentLadder
from theory_check.neural_ode.measurements.gaussian_output import OutputLaw
from theory_check.neural_ode.measurements.independent_outputs import OutputIndependence
from theory_check.neural_ode.measurements.instance import (
    field_growth,
    propagator_bound,
    with_bounded_growth,
    without_moments,
)
from theory_check.neural_ode.measurements.limits_commute import JointLadder
from theory_check.neural_ode.measurements.width_ladder import WidthLadder
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks import gaussian_matrix
from theory_check.neural_ode.networks.parameters import Parameters, WideNetwork
from theory_check.neural_ode.networks.schemes import forward, tangent_flow
from theory_check.neural_ode.strategies import kinked_activations, lipschitz_activations, smooth_activations


def test_pinned_cases_keep_the_state_where_it_is_pinned(drawn: Callable[..., list[Case]], bench: object) -> None:
    """Coordinate 0 of the first input, integrated: it starts at the value, to the last bit or an ulp, and stays."""
    exact = 0
    found = drawn(kinked_activations(), "pinned", 40) + drawn(smooth_activations(), "pinned", 20)
    for case in found:
        instance = bench.instance(case)
        run = forward(instance.activation, case.neural_ode, instance.parameters(), instance.inputs, steps=8)
        states = run.stages[:, :, 0, 0]
        assert (states == states[0, 0]).all()
        assert abs(float(states[0, 0]) - case.weights.pinned) <= 2 * math.ulp(case.weights.pinned)
        exact += float(states[0, 0]) == case.weights.pinned
    assert exact >= 0.9 * len(found)


def test_weights_depend_on_the_case_the_stage_and_the_replicate_only(
    bench: object, changed: Callable[..., Case]
) -> None:
    """The same again for the same, others for others, and the width of a ladder replaces that of the case."""
    case = Case(activation="tanh(x)", data=Sphere(2, 3, 0), width=5)
    first = bench.instance(case).parameters()
    assert (first.W == bench.instance(case).parameters().W).all()
    for other in (
        bench.instance(case).parameters(replicate=1),
        bench.instance(case).parameters(stage="descent"),
        bench.instance(changed(case, data=Sphere(2, 3, 1))).parameters(),
    ):
        assert (first.W != other.W).all()
    assert bench.instance(case).parameters(width=7).W.shape == (7, 7)


def test_structure_and_gain_reach_the_weights(bench: object) -> None:
    """Antisymmetric and scaled, as the case says."""
    weights = Weights(structure="antisymmetric", gain=3.0)
    instance = bench.instance(Case(activation="tanh(x)", data=Sphere(1, 3, 0), width=6, weights=weights))
    W = instance.parameters().W
    assert (W == -W.T).all()
    assert float(W.abs().max()) > 0.5


def test_growth_is_the_lipschitz_constant_of_the_field(bench: object) -> None:
    """L = sigma_w |W|_2 L1 / sqrt n; 0 for W = 0, infinite for phi without a constant, also then."""
    case = Case(activation="2*tanh(x)", data=Sphere(1, 3, 0), width=6, neural_ode=NeuralODE(sigma_w=0.5))
    instance = bench.instance(case)
    W = instance.parameters().W.numpy()
    expected = 0.5 * np.linalg.svd(W)[1][0] * 2.0 / math.sqrt(6)
    assert field_growth(instance, instance.parameters()) == pytest.approx(expected, rel=1e-12)
    zero = bench.instance(Case(activation="square", data=Sphere(1, 3, 0), width=6, weights=Weights(structure="zero")))
    assert field_growth(zero, zero.parameters()) == 0.0
    square = bench.instance(Case(activation="square", data=Sphere(1, 3, 0), width=6))
    assert math.isinf(field_growth(square, square.parameters()))


def test_growth_is_bounded_by_scaling_the_weights_down(bench: object, changed: Callable[..., Case]) -> None:
    """L T is at most what was asked for, exactly that where W had to be scaled, and untouched where not."""
    case = Case(activation="tanh(3*x)", data=Sphere(1, 3, 0), width=6, neural_ode=NeuralODE(horizon=4.0))
    instance = bench.instance(case)
    scaled, rate = with_bounded_growth(instance, instance.parameters(), 3.0)
    assert rate * 4.0 == pytest.approx(3.0)
    assert field_growth(instance, scaled) * 4.0 == pytest.approx(3.0, rel=1e-12)
    short = bench.instance(changed(case, neural_ode=NeuralODE(horizon=0.01)))
    untouched, rate = with_bounded_growth(short, short.parameters(), 3.0)
    assert (untouched.W == short.parameters().W).all()
    assert rate == field_growth(short, untouched)


@pytest.mark.parametrize("seed", range(2))
def test_the_propagator_bound_is_a_bound_and_no_more_than_twice_the_truth(
    seed: int, drawn: Callable[..., list[Case]], bench: object
) -> None:
    """|dh_t / dh_s| over a grid that the bound's own does not share, six drawn cases a seed."""
    above = []
    for case in drawn(lipschitz_activations(), "arbitrary", 6, seed=seed, width=(1, 8), inputs=(1, 2)):
        instance = bench.instance(case)
        parameters, rate = with_bounded_growth(instance, instance.parameters(), 3.0)
        bound = propagator_bound(instance, parameters, rate)
        points, horizon, largest = 13, case.neural_ode.horizon, 1.0
        run = forward(instance.activation, case.neural_ode, parameters, instance.inputs, steps=points)
        for start in run.grid[0]:
            state, flows = start, []
            for _ in range(points):
                state, step = tangent_flow(
                    instance.activation, case.neural_ode, parameters, state, duration=horizon / points, steps=8
                )
                flows = [step @ flow for flow in flows] + [step]
                largest = max(largest, float(torch.linalg.matrix_norm(torch.stack(flows), ord=2).max()))
        # Both follow schemes of fourth order with steps of L t <= 1/32: they agree to 1e-6.
        assert largest <= bound * (1 + 1e-6)
        above.append(bound / largest)
    assert max(above) <= 2.0


def test_inputs_are_those_of_the_case(bench: object) -> None:
    """Rows written out arrive as float64, in order."""
    rows = ((1.0, -2.0), (0.0, 0.0))
    instance = bench.instance(Case(activation="x", data=Explicit(rows), width=2))
    assert instance.inputs.dtype == torch.float64
    assert instance.inputs.tolist() == [list(row) for row in rows]


def test_wide_weights_are_revealed_unless_the_case_shapes_them(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the bound the stored weights of `parameters`; beyond it revealed, from the same seeds each time."""
    monkeypatch.setattr(gaussian_matrix, "DENSE_UP_TO", 10)
    case = Case(activation="tanh", data=Sphere(2, 3, 0), width=10)
    plain, shaped = bench.instance(case), bench.instance(case, weights=Weights(structure="symmetric"))
    assert torch.equal(plain.network(stage="a").W, plain.parameters(stage="a").W)
    wide = [plain.network(width=11, stage=stage, replicate=k) for stage, k in (("a", 0), ("a", 0), ("a", 1), ("b", 0))]
    assert all(isinstance(network, WideNetwork) for network in wide)
    products = [network.W.times(torch.ones(1, 11, dtype=torch.float64)) for network in wide]
    assert torch.equal(products[0], products[1])
    assert not torch.equal(products[0], products[2])
    assert not torch.equal(products[0], products[3])
    assert isinstance(shaped.network(width=11), Parameters)


@pytest.mark.parametrize(
    ("expression", "has_moments"),
    [
        ("x", True),
        ("softplus(x)", True),
        ("relu(x)", True),
        ("sign_sqrt(x)", True),
        ("sign_sqrt(x) + 3*softplus(x)", True),
        ("x**2", False),
        ("cube(x) - x", False),
        ("square(x) + 2*tanh(x)", False),
        ("0.001*x**2 + 5*x", False),
    ],
)
def test_averages_over_networks_need_a_phi_that_grows_linearly(
    expression: str,
    has_moments: bool,  # noqa: FBT001
) -> None:
    """Whatever the slope at 0: a root has an infinite one there, and moments of all orders."""
    assert (without_moments(activation(expression)) == "") is has_moments


@pytest.mark.parametrize("expression", ["x**2/2", "softplus(x)"])
def test_no_average_over_networks_that_nearly_blow_up_is_judged(expression: str, bench: object) -> None:
    """Slopes of -12 for x^2 were taken for a rate once; every measurement of such an average gives the reason."""
    case = Case(activation=expression, data=Sphere(2, 3, 0), width=8, neural_ode=NeuralODE(sigma_w=0.1))
    reasons = [
        OutputIndependence(case, bench).unusable(),
        OutputLaw(case, bench).unusable(case.width),
        WidthLadder(case, bench, "nngp").unusable(),
        WidthLadder(case, bench, "tangent").unusable(),
        DescentLadder(case, bench, "kernel").unusable(),
        JointLadder(case, bench).unusable(),
    ]
    if expression == "softplus(x)":
        assert set(reasons) == {""}
    else:
        assert all(reason.startswith("phi grows faster than linearly") for reason in reasons)
