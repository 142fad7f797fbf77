"""Claim forward-unique: non-uniqueness and blow-up are found where they are, and nowhere else."""

import math
from collections.abc import Callable

import pytest
import torch

from theory_check.claims.quantity import Quantity
from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.case import Case, Explicit, Weights
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements import forward_unique
from theory_check.neural_ode.measurements.blow_up import follow
from theory_check.neural_ode.measurements.forward_unique import NetworkField, forward_discrepancies
from theory_check.neural_ode.measurements.instance import Instance
from theory_check.neural_ode.measurements.uniqueness import existence, separation, severity
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.model import recurrent_matrix
from theory_check.neural_ode.networks.parameters import Parameters, initial_states
from theory_check.neural_ode.strategies import kinked_activations, lipschitz_activations, smooth_activations

LIPSCHITZ = sorted(name for name, phi in CATALOGUE.items() if phi.is_lipschitz)
AGREE, RETURN, TANGENT = q.AGREEMENT, q.REVERSAL, q.TANGENT_FLOW


def without_constant(instance: Instance, parameters: Parameters) -> tuple[Discrepancy, ...]:
    """What is measured of a field that has no Lipschitz constant."""
    model = instance.case.neural_ode
    start = initial_states(model, parameters, instance.inputs)
    field = NetworkField(instance, parameters, math.inf, start, model.horizon)
    return existence(field, instance.generator("direction"), refined=False)[0]


def neuron(weight: float, start: float) -> Parameters:
    """One neuron with h_0 = start for x = 1 and dh/dt = weight phi(h)."""
    one = torch.ones(1, 1, dtype=torch.float64)
    return Parameters(U=start * one, W=weight * one, V=one)


def reached(instance: Instance, parameters: Parameters, steps: int) -> float | None:
    """The time that a network reaches before its state has grown out of bounds."""
    model = instance.case.neural_ode
    A_T = recurrent_matrix(model, parameters).mT
    start = initial_states(model, parameters, instance.inputs)
    found = follow(lambda _t, h: instance.activation(h) @ A_T, start, model.horizon, steps)
    return None if found.ended == "steps" else found.time


def failing(found: tuple[Discrepancy, ...]) -> list[str]:
    """Quantities that exceed their bound."""
    return [d.quantity for d in found if not d.powerless and d.error > d.bound]


@pytest.mark.parametrize("horizon", [0.25, 1.0, 4.0])
def test_the_square_root_is_not_unique_at_zero_where_it_pushes_away(
    horizon: float, one_neuron: Callable[..., Case], bench: object
) -> None:
    """From 0, h' = sign(h) sqrt|h| has two solutions; h' = -sign(h) sqrt|h| has one, and stays at 0."""
    instance = bench.instance(one_neuron("sign_sqrt", horizon=horizon))
    (away,) = without_constant(instance, neuron(1.0, 0.0))
    assert (away.quantity, away.powerless) == (q.SEPARATION, "")
    assert away.error > 2 * away.bound
    (towards,) = without_constant(instance, neuron(-1.0, 0.0))
    assert towards.quantity == q.SEPARATION
    assert towards.error <= towards.bound
    assert not towards.powerless
    (elsewhere,) = without_constant(instance, neuron(1.0, 2.0))
    assert elsewhere.error <= elsewhere.bound
    assert not elsewhere.powerless


@pytest.mark.parametrize(("expression", "power"), [("square", 2), ("cube", 3)])
@pytest.mark.parametrize("horizon", [0.25, 2.0])
def test_a_blow_up_is_met_where_it_is(
    expression: str, power: int, horizon: float, one_neuron: Callable[..., Case], bench: object
) -> None:
    """From h_0, h' = h^p blows up at 1 / ((p - 1) h_0^(p-1)): the time is met within 1 %, the verdict on each side."""
    instance = bench.instance(one_neuron(expression, horizon=horizon))
    for factor in (0.5, 0.9, 0.98, 1.02, 1.5):
        exact = factor * horizon
        start = ((power - 1) * exact) ** (-1 / (power - 1))
        (found,) = without_constant(instance, neuron(1.0, start))
        if factor < 1:
            assert (found.quantity, found.powerless) == (q.BLOW_UP, "")
            assert found.error == horizon > found.bound
            assert reached(instance, neuron(1.0, start), 4000) == pytest.approx(exact, rel=0.01)
        else:
            assert found.quantity == q.SEPARATION
            assert found.error <= found.bound


def test_the_paper_of_the_control_blows_up_half_way(one_neuron: Callable[..., Case], bench: object) -> None:
    """x^2 with n = 1, W = 1, h_0 = 2 / (sigma_w T): at T / 2."""
    case = one_neuron("square", horizon=3.0)
    assert reached(bench.instance(case), neuron(1.0, 2 / 3), 4000) == pytest.approx(1.5, rel=0.01)


def test_what_is_neither_reached_nor_blown_up_is_not_judged(one_neuron: Callable[..., Case], bench: object) -> None:
    """A fast rotation under x^3 needs more steps than there are: undecided, never supported."""
    instance = bench.instance(one_neuron("cube", horizon=50.0))
    pair = torch.tensor([[0.0, 100.0], [-100.0, 0.0]], dtype=torch.float64)
    rotating = Parameters(U=torch.tensor([[30.0], [0.0]], dtype=torch.float64), W=pair, V=torch.ones(1, 2).double())
    assert reached(instance, rotating, 200) is None
    (found,) = without_constant(instance, rotating)
    assert found.powerless.startswith("neither a blow-up nor the horizon")


@pytest.mark.parametrize("name", LIPSCHITZ)
def test_every_lipschitz_function_of_the_catalogue_has_one_solution(
    name: str, drawn: Callable[..., list[Case]], changed: Callable[..., Case], bench: object
) -> None:
    """Drawn and zero inputs, structured weights; every comparison is made and none exceeds its bound."""
    for stratum in ("arbitrary", "zero-input"):
        for case in drawn(smooth_activations(), stratum, 1, seed=LIPSCHITZ.index(name), width=(2, 10)):
            found = forward_discrepancies(changed(case, activation=CATALOGUE[name].expression), bench)
            assert [d.quantity for d in found] == [AGREE, RETURN, TANGENT]
            assert not failing(found)
            assert not any(d.powerless for d in found)


def test_kinks_of_narrow_and_rank_one_networks_are_no_refutation(
    drawn: Callable[..., list[Case]], changed: Callable[..., Case], bench: object
) -> None:
    """Errors of several kinks can cancel in every difference of step sizes: the defect bounds them all the same."""
    for case in drawn(kinked_activations(), "arbitrary", 3, seed=3, width=(2, 4)):
        for structure in ("rank-one", "gaussian"):
            found = forward_discrepancies(changed(case, weights=Weights(structure=structure)), bench)
            assert not failing(found), case
            assert not any(d.powerless for d in found), case


def test_kinks_do_not_take_the_power_from_the_tangent_flow(bench: object) -> None:
    """Halving shows an error of 4 % there; what a step of the scheme can do at all is less than 1 %."""
    case = Case(
        activation="abs(x)",
        data=Explicit(((0.0, -1.5), (2.5, 0.5), (3.0, -0.5))),
        width=6,
        neural_ode=NeuralODE(sigma_u=0.75, sigma_w=0.75, sigma_v=2.0, horizon=1.5),
        weights=Weights(structure="symmetric", gain=3.0),
        stratum="arbitrary",
    )
    tangent = forward_discrepancies(case, bench)[2]
    assert (tangent.quantity, tangent.powerless) == (TANGENT, "")
    assert tangent.error <= tangent.bound


def test_long_horizons_are_cut_into_pieces_and_the_report_says_how_many(bench: object) -> None:
    """L T of about 25: twelve pieces are looked at, every bound still means something."""
    case = Case(
        activation="tanh(2*x)",
        data=Explicit(((1.0, -2.0),)),
        width=12,
        neural_ode=NeuralODE(horizon=4.0),
        weights=Weights(gain=2.0),
    )
    found = forward_discrepancies(case, bench)
    assert not failing(found)
    assert not any(d.powerless for d in found)
    assert found[0].details["pieces of the horizon"] > 15
    assert found[0].details["pieces looked at"] == 12


def test_a_refined_measurement_has_smaller_bounds(bench: object) -> None:
    """Twice the steps and a hundredth of the tolerance."""
    case = Case(activation="softplus(2*x)", data=Explicit(((1.0, -2.0),)), width=5)
    plain, refined = forward_discrepancies(case, bench), forward_discrepancies(case, bench, refined=True)
    assert refined[0].bound < 0.1 * plain[0].bound
    assert refined[1].bound < plain[1].bound


@pytest.mark.parametrize(("target", "quantity"), [("recurrent_matrix", AGREE), ("tangent_flow", TANGENT)])
def test_a_wrong_solver_is_seen(
    target: str, quantity: Quantity, bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One solver with W off by 1e-4, a tangent flow that expands by 0.1 % more than it may."""
    right = getattr(forward_unique, target)
    wrong = {
        "recurrent_matrix": lambda *a: right(*a) * 1.0001,
        "tangent_flow": lambda *a, **k: _stretched(*right(*a, **k)),
    }
    case = Case(activation="x", data=Explicit(((1.0, -2.0),)), width=1)
    assert not failing(forward_discrepancies(case, bench))
    monkeypatch.setattr(forward_unique, target, wrong[target])
    assert failing(forward_discrepancies(case, bench)) == [quantity]


def _stretched(state: torch.Tensor, flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A flow of one neuron that expands or contracts by a thousandth more."""
    return state, flow * (1.001 if float(flow) > 1 else 0.999)


def test_a_failing_piece_counts_before_one_that_could_not_be_judged() -> None:
    """The worst of the pieces is a failure, then a comparison without power, then the one nearest to its bound."""
    near, far = Discrepancy("x", 0.9, 1.0, 1000.0), Discrepancy("x", 0.1, 1.0, 1000.0)
    powerless, broken = Discrepancy("x", 0.0, 1.0, 1.0), Discrepancy("x", 2.0, 1.0, 1000.0)
    pieces = [far, near, powerless, broken]
    assert max(pieces, key=severity) is broken
    assert max(pieces[:3], key=severity) is powerless
    assert max(pieces[:2], key=severity) is near


def test_solutions_that_meet_are_no_evidence_against_uniqueness(one_neuron: Callable[..., Case], bench: object) -> None:
    """Solutions of h' = -sqrt h reach 0 in finite time: what is apart at T is the scheme's noise alone."""
    instance = bench.instance(one_neuron("sign_sqrt", horizon=2.0))
    (found,) = without_constant(instance, neuron(-1.0, 0.5))
    assert found.error <= found.bound
    assert math.isfinite(found.details["noise of the scheme"])


def test_random_lipschitz_cases_hold_on_digits_and_pinned(drawn: Callable[..., list[Case]], bench: object) -> None:
    """The two remaining strata, four cases each."""
    for stratum in ("digits", "pinned"):
        for case in drawn(lipschitz_activations(), stratum, 4, seed=11, width=(1, 12)):
            assert not failing(forward_discrepancies(case, bench)), case


def test_distances_that_overflow_are_no_evidence_of_one_solution() -> None:
    """Perturbations that end 1e200 apart, whose distance overflows: small ones must not be measured by them."""

    def run(states: torch.Tensor, _steps: int) -> torch.Tensor:
        both = states.chunk(2)
        far = float((both[0] - both[1]).abs().max()) > 1e-3
        return states * (1e200 if far else 1.0)

    start = torch.zeros(1, 2, dtype=torch.float64)
    found = separation(run, start, torch.Generator().manual_seed(0), 8)
    assert {name for name in found.details if name.startswith("apart")} == {
        "apart at T from 0.0001",
        "apart at T from 1e-05",
        "apart at T from 1e-06",
    }
    assert math.isfinite(found.bound)
    everything = separation(lambda states, _steps: states * 1e200, start + 1.0, torch.Generator().manual_seed(0), 8)
    assert everything.powerless == "too few perturbed solutions stay finite"
