"""Claim smooth-trains-faster: what is counted, what a pair differs in, what is predicted, and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.activations.mollification import mollified
from theory_check.neural_ode.case import Case, Digits, Explicit, Sphere
from theory_check.neural_ode.measurements import smooth_trains_faster
from theory_check.neural_ode.measurements.instance import prepare
from theory_check.neural_ode.measurements.smooth_trains_faster import (
    COARSE,
    FINE,
    LEAST_EVALUATIONS,
    PILOT_EVALUATIONS,
    PILOT_STEPS,
    TOLERANCE,
    Comparison,
    Pair,
    compared_evaluations,
    compared_steps,
    pair_of,
    solver_evaluations,
    state_deviation,
    trained,
)
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.planted.defects import planted


def case_of(expression: str, width: int = 64, **more: Any) -> Case:
    """Six points of the sphere in four dimensions."""
    return Case(**{"activation": expression, "data": Sphere(6, 4, 0), "width": width, **more})


@pytest.mark.parametrize(
    ("data", "sigma_u", "deviation"),
    [
        (Sphere(6, 4, 0), 1.0, 1.0),
        (Sphere(6, 4, 0), 1.5, 1.5),
        (Digits((0, 1, 2)), 1.0, 1.0),
        (Explicit(((3.0, 4.0), (0.0, 0.0))), 2.0, 2.0 * (12.5 / 2) ** 0.5),
    ],
)
def test_smoothing_is_relative_to_the_state_at_the_start(
    bench: Any, data: Any, sigma_u: float, deviation: float
) -> None:
    """The standard deviation that many neurons show; the partner is the mollification over so much of it."""
    case = case_of("relu(x)", data=data, neural_ode=NeuralODE(sigma_u=sigma_u), width=20_000)
    instance = prepare(case, bench)
    assert state_deviation(instance) == pytest.approx(deviation, rel=1e-12)
    states = instance.inputs @ torch.randn(instance.inputs.shape[1], 20_000, dtype=torch.float64).mul(
        sigma_u / instance.inputs.shape[1] ** 0.5
    )
    assert float(states.square().mean().sqrt()) == pytest.approx(deviation, rel=0.05)
    pair = pair_of(case, bench, COARSE)
    assert isinstance(pair, Pair)
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    assert torch.equal(pair.smooth(x), mollified(activation("relu"), COARSE * state_deviation(instance))(x))


def test_smoothed_kinks_take_a_fraction_of_the_evaluations(bench: Any) -> None:
    """In every network, the less the more they are smoothed; whole steps are fine."""
    ratios = []
    for smoothing in (FINE, COARSE):
        found = compared_evaluations(case_of("relu(x)"), bench, smoothing).sample(0)
        assert (found.subject < found.reference).all()
        assert found.details["tolerance"] < TOLERANCE
        assert found.reference.mean() >= LEAST_EVALUATIONS
        ratios.append(found.subject.sum() / found.reference.sum())
    assert ratios[1] < ratios[0] < 0.6


def test_the_tolerance_is_the_loosest_that_takes_enough_evaluations(bench: Any) -> None:
    """The next looser one takes fewer in the network that chose."""
    case = case_of("relu(x)")
    found = compared_evaluations(case, bench, COARSE).sample(0).details["tolerance"]
    instance = prepare(case, bench)
    pilot = instance.parameters(stage="tolerance")
    counts = [
        solver_evaluations(instance.activation, instance, pilot, tolerance)
        for tolerance in smooth_trains_faster.TOLERANCES
        if tolerance >= float(found)
    ]
    assert counts[-1] >= PILOT_EVALUATIONS > LEAST_EVALUATIONS
    assert all(count < PILOT_EVALUATIONS for count in counts[:-1])


def test_steps_are_compared_on_one_target_of_a_hundred_and_more(bench: Any) -> None:
    """Slight smoothing makes no difference, more costs steps; both sides have the same networks and targets."""
    case = case_of("abs(x)")
    fine, coarse = (compared_steps(case, bench, smoothing).sample(0) for smoothing in (FINE, COARSE))
    np.testing.assert_array_equal(fine.reference, coarse.reference)
    assert fine.reference.mean() >= 100
    assert abs(fine.subject.sum() / fine.reference.sum() - 1) < 0.06
    assert coarse.subject.sum() > 1.1 * coarse.reference.sum()
    assert np.corrcoef(fine.subject, fine.reference)[0, 1] > 0.9


def test_the_prediction_has_the_sign_of_what_is_seen(bench: Any) -> None:
    """By the dual at variances a + eps^2: hardly more steps at the fine smoothing, many more at the coarse one."""
    ratios = []
    for smoothing in (FINE, COARSE):
        found = compared_steps(case_of("abs(x)"), bench, smoothing).sample(0)
        ratios.append(found.predicted)
    assert 1.0 < ratios[0] < 1.05
    assert ratios[1] > 1.2


def test_samples_are_fresh_and_reproducible(bench: Any) -> None:
    """Three that agree must be independent; the same one is the same again; a larger one is no superset."""
    compared = compared_steps(case_of("hardtanh(x)", 16), bench, FINE)
    first, again, second = (compared.sample(k).reference for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    larger = compared.larger(0).reference
    assert len(larger) == smooth_trains_faster.MORE * len(first)
    assert not np.array_equal(first, larger[: len(first)])


@pytest.mark.parametrize("compare", [compared_evaluations, compared_steps])
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (case_of("softplus(x)"), "softplus has no kinks between straight pieces that could be smoothed"),
        (case_of("relu(x)**2"), r"has no kinks between straight pieces"),
        (case_of("relu(x)", data=Explicit(((0.0, 0.0),))), "all inputs are zero"),
    ],
)
def test_what_has_no_partner_is_not_measured(bench: Any, compare: Any, case: Case, reason: str) -> None:
    """And the reason says what is missing."""
    compared = compare(case, bench, FINE)
    assert isinstance(compared, Comparison)
    assert reason in compared.unusable
    with pytest.raises(ValueError, match="there is nothing to compare"):
        compared.sample(0)


def test_a_flow_that_does_not_move_is_not_measured(bench: Any) -> None:
    """Too few evaluations at every tolerance: six more or less would decide."""
    still = case_of("relu(x)", neural_ode=NeuralODE(sigma_w=1e-9))
    assert "fewer than 300 evaluations even to 1e-12" in compared_evaluations(still, bench, COARSE).unusable


def test_runs_that_do_not_arrive_are_counted_and_too_many_decide_nothing(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cap that most runs meet leaves nothing to compare."""
    cap = PILOT_STEPS // 2

    def capped(*args: Any, most: int = cap, **kwargs: Any) -> Any:
        return trained(*args, most=most, **kwargs)

    monkeypatch.setattr(smooth_trains_faster, "MOST_STEPS", cap)
    monkeypatch.setattr(smooth_trains_faster, "trained", capped)
    found = compared_steps(case_of("relu(x)"), bench, COARSE).sample(0)
    assert f"have not arrived after {cap} steps" in found.unusable
    assert int(found.details["runs stopped at the cap"]) > 2


def test_defects_change_the_costs_as_they_say(bench: Any) -> None:
    """A side against itself and ten per cent; fewer steps of a larger size; kinks smoothed ten times as much."""
    case = case_of("relu(x)", 16)
    with planted("subject-charged-more"):
        found = compared_evaluations(case, bench, COARSE).sample(0)
    np.testing.assert_allclose(found.subject, 1.1 * found.reference)
    right = compared_steps(case, bench, FINE).sample(0)
    with planted("subject-learns-slower"):
        slower = compared_steps(case, bench, FINE).sample(0)
    np.testing.assert_array_equal(slower.reference, right.reference)
    assert 1.05 < slower.subject.sum() / right.subject.sum() < 1.2
    with planted("kinks-smoothed-too-much"):
        wider = pair_of(case, bench, FINE)
    coarse = pair_of(case, bench, 10 * FINE)
    assert isinstance(wider, Pair)
    assert isinstance(coarse, Pair)
    assert wider.smooth.expression == coarse.smooth.expression
