"""Claim resnet-limit at finite width: states and gradients of L layers against the ODE, with the same weights."""

import math
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from theory_check.judge.profile import PROFILES
from theory_check.judge.rates import MOST_AFRESH
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.measurements.depth_ladder import DEPTHS
from theory_check.neural_ode.measurements.resnet_limit import LADDER, ResidualNetworks
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.planted.defects import planted

EXPRESSIONS = ["softplus(x)", "tanh(x)", "gelu(x)"]
NARROW = msgspec.structs.replace(PROFILES["quick"], kernel_rungs=(4, 8, 16, 32, 64))
MODEL = NeuralODE(sigma_u=1.25, sigma_w=0.5, sigma_v=1.5, horizon=1.5)


def on_sphere(expression: str, *, width: int = 16, neural_ode: NeuralODE = MODEL) -> Case:
    """Two points in three dimensions, typical weights."""
    return Case(activation=expression, data=Sphere(2, 3, 0), width=width, neural_ode=neural_ode)


def linear_pass(parameters: Parameters, inputs: Tensor, power: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Final states of the linear network, h_T = power(A) h_0, and by autograd the gradient of its summed output."""
    U, W, V = (x.clone().requires_grad_() for x in (parameters.U, parameters.W, parameters.V))
    unit = 1 / math.sqrt(W.shape[0])
    start = MODEL.sigma_u / math.sqrt(inputs.shape[1]) * inputs @ U.T
    final = start @ power(MODEL.sigma_w * unit * W).T
    output = MODEL.sigma_v * unit * (final @ V.T).sum()
    gradient = torch.autograd.grad(output, (U, W, V))
    return final.detach(), torch.cat([part.ravel() for part in gradient])


def layered(depth: int) -> Callable[[Tensor], Tensor]:
    """(I + A T / L)^L."""
    return lambda A: torch.linalg.matrix_power(torch.eye(len(A), dtype=A.dtype) + A * (MODEL.horizon / depth), depth)


@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_states_and_gradients_approach_those_of_the_ode_at_first_order(
    expression: str, width: int, bench: object
) -> None:
    """Slope -1 within a twentieth, supported; with a step ten per cent too long the error stays, refuted."""
    networks = ResidualNetworks(on_sphere(expression, width=width), bench)
    assert networks.unusable() == ""
    result = networks.depth_ladder(0)
    assert result.verdict is Verdict.SUPPORTED
    assert abs(result.slope + 1.0) <= 0.05
    assert (result.sizes, result.replicates) == (DEPTHS, LADDER.networks)
    with planted("euler-step-off"):
        wrong = networks.depth_ladder(0)
    assert wrong.verdict is Verdict.REFUTED
    assert abs(wrong.slope) <= 0.3


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)"])
def test_the_error_of_sixteen_layers_does_not_grow_with_the_width(expression: str, bench: object) -> None:
    """Widths 32 to 512: supported; with W scaled by n^(-1/4) it grows, refuted."""
    networks = ResidualNetworks(on_sphere(expression), bench)
    result = networks.width_ladder(0)
    assert result.verdict is Verdict.SUPPORTED
    assert abs(result.slope) <= 0.1
    assert result.sizes == bench.profile.kernel_rungs
    with planted("weights-scaled-too-little"):
        wrong = networks.width_ladder(0)
    assert wrong.verdict is Verdict.REFUTED
    assert wrong.slope > 0.3


def test_errors_of_the_identity_are_those_of_matrix_powers(bench: object) -> None:
    """(I + A T / L)^L against exp(A T), states and gradients of each network; the ladder's values are their means."""
    width = 12
    networks = ResidualNetworks(on_sphere("x", width=width), bench)
    expected = np.empty((len(DEPTHS), LADDER.networks))
    for k in range(LADDER.networks):
        parameters = networks._parameters("depths 3", width, k)
        final, gradient = linear_pass(
            parameters, networks.instance.inputs, lambda A: torch.linalg.matrix_exp(A * MODEL.horizon)
        )
        for row, depth in enumerate(DEPTHS):
            states, slopes = linear_pass(parameters, networks.instance.inputs, layered(depth))
            solved, _ = networks._solved(parameters, "euler", depth)
            torch.testing.assert_close(solved, states, rtol=0, atol=1e-12 * float(states.abs().max()))
            expected[row, k] = math.hypot(
                float(torch.linalg.vector_norm(states - final) / torch.linalg.vector_norm(final)),
                float(torch.linalg.vector_norm(slopes - gradient) / torch.linalg.vector_norm(gradient)),
            )
    # RK4 in sixteen steps leaves about 1e-6, a thousandth of the least error.
    np.testing.assert_allclose(networks.depth_ladder(3).values, np.exp(np.log(expected).mean(axis=1)), rtol=2e-3)


def test_a_reference_that_is_too_coarse_is_said_to_be(bench: object) -> None:
    """RK4 in a single step over a growth of two is no better than 128 layers; in sixteen it is."""
    case = on_sphere("tanh(x)", neural_ode=NeuralODE(sigma_w=2.0))
    assert ResidualNetworks(case, bench).unusable() == ""
    coarse = replace(LADDER, references=(1, 2))
    assert "the error of the reference" in ResidualNetworks(case, bench, coarse).unusable()


def test_the_order_is_one_at_kinks_that_no_neuron_changes_sides_of(
    bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two inputs, width 32: -1; RK4 takes more steps than for smooth phi; read from all networks it is less clear."""
    depths = (16, 24, 32, 48, 64)
    networks = ResidualNetworks(on_sphere("relu(x)", width=32), bench, replace(LADDER, kinked_depths=depths))
    assert networks.unusable() == ""
    result = networks.depth_ladder(0)
    assert result.sizes == depths
    assert abs(result.slope + 1.0) <= 0.1
    assert networks._resolution(depths[-1])[0] > LADDER.references[0]
    drawn = networks.found["networks drawn"]
    assert networks.found["networks with a neuron on another side"] == drawn - result.replicates > 0
    spread = result.standard_error * math.sqrt(result.replicates)
    monkeypatch.setattr(ResidualNetworks, "_on_the_same_sides", lambda *_: True)
    all_networks = networks._depth_slope(networks._errors_over_depths(0, drawn))
    assert all_networks.standard_error * math.sqrt(drawn) > 1.5 * spread


def test_kinks_that_nearly_all_networks_have_a_neuron_at_are_said_to_be(
    bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No slope is read where networks cannot be had: undecided at first, an error where later stages lack them."""
    monkeypatch.setattr(ResidualNetworks, "_on_the_same_sides", lambda *_: False)
    ladder = replace(LADDER, drawn=1, kinked_depths=(8, 12, 16, 24, 32))
    networks = ResidualNetworks(on_sphere("relu(x)"), bench, ladder)
    assert networks.unusable() == "in most of 12 networks a neuron ends on another side of a kink than in the ODE"
    with pytest.raises(ArithmeticError, match="in most of 12 networks a neuron changes sides of a kink"):
        networks.depth_ladder(1)


def test_the_error_of_layers_with_kinks_does_not_grow_with_the_width(another: Callable[..., object]) -> None:
    """Read from all networks, most of them narrow, as a one-sided slope: no growth that they could see."""
    ladder = replace(LADDER, kinked_neurons=800, kinked_fewest=24)
    profile = msgspec.structs.replace(PROFILES["quick"], kernel_rungs=(8, 12, 16, 24, 32))
    networks = ResidualNetworks(on_sphere("relu(x)"), another(profile=profile), ladder)
    assert networks.unusable(LADDER.depth) == ""
    result = networks._width_ladder(0, LADDER.networks)
    assert result.limit == LADDER.growth_margin
    assert result.interval[0] <= 0.0 <= result.interval[1]
    assert result.replicates == 800 / 8


def test_gradients_count_beside_states(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients of the layers one per cent off, states right: their error stays, refuted, and so for the states."""
    right = ResidualNetworks._solved

    def off(part: int) -> Callable[..., object]:
        def wrong(self: ResidualNetworks, parameters: Parameters, scheme: str, steps: int) -> object:
            found = right(self, parameters, scheme, steps)
            if scheme == "rk4":
                return found
            states, gradient = found
            scaled = Parameters(*(1.1 * x for x in (gradient.U, gradient.W, gradient.V)))
            return (1.1 * states, gradient) if part == 0 else (states, scaled)

        return wrong

    networks = ResidualNetworks(on_sphere("tanh(x)"), bench)
    for part in (0, 1):
        monkeypatch.setattr(ResidualNetworks, "_solved", off(part))
        result = networks.depth_ladder(0)
        assert result.verdict is Verdict.REFUTED
        assert result.values[-1] == pytest.approx(0.1, rel=0.1)


def test_every_rung_and_stage_has_networks_of_its_own(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over widths; over depths one and the same; the same again for the same stage; all of sixteen layers and RK4."""
    right, seen = ResidualNetworks._solved, []

    def recorded(self: ResidualNetworks, parameters: Parameters, scheme: str, steps: int) -> object:
        seen.append((parameters.W.shape[-1], scheme, steps, float(parameters.W[0, 0])))
        return right(self, parameters, scheme, steps)

    monkeypatch.setattr(ResidualNetworks, "_solved", recorded)
    ladder = replace(LADDER, growth_margin=1.0)  # every ladder of twelve settles that
    networks = ResidualNetworks(on_sphere("tanh(x)"), another(profile=NARROW), ladder)
    assert networks.unusable() == networks.unusable(LADDER.depth) == ""
    seen.clear()
    first = networks.width_ladder(0)
    assert first.looks == 2
    assert [(width, scheme, steps) for width, scheme, steps, _ in seen] == [
        call
        for n in NARROW.kernel_rungs
        for _ in range(LADDER.networks)
        for call in ((n, "rk4", 16), (n, "euler", LADDER.depth))
    ]
    networks.width_ladder(1)
    assert len({entry for *_, entry in seen}) == 10 * LADDER.networks
    seen.clear()
    assert networks.width_ladder(0).values == first.values
    seen.clear()
    networks.depth_ladder(0)
    assert [(scheme, steps) for _, scheme, steps, _ in seen] == [
        call for _ in range(LADDER.networks) for call in (("rk4", 16), *(("euler", depth) for depth in DEPTHS))
    ]
    assert len({entry for *_, entry in seen}) == LADDER.networks


def test_a_width_ladder_that_cannot_decide_takes_more_networks(another: Callable[..., object]) -> None:
    """A margin at the slope itself: measured afresh, once; a wide one is settled at once."""
    networks = ResidualNetworks(on_sphere("tanh(x)"), another(profile=NARROW), replace(LADDER, growth_margin=1.0))
    wide = networks.width_ladder(0)
    assert (wide.verdict, wide.replicates) == (Verdict.SUPPORTED, LADDER.networks)
    networks.ladder = replace(LADDER, growth_margin=max(wide.slope, 1e-9))
    near = networks.width_ladder(0)
    assert near.replicates == MOST_AFRESH * LADDER.networks
