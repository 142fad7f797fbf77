"""Training over stretched and over longer horizons: equal to the last bit, and diverging as predicted."""

from dataclasses import replace

import msgspec
import pytest

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.case import Case, Digits, Sphere
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements import horizon_training
from theory_check.neural_ode.measurements.horizon_training import (
    BEYOND,
    DESCENT_STEPS,
    WITHIN,
    divergence_discrepancies,
    stretched,
    stretching_discrepancies,
)
from theory_check.neural_ode.measurements.instance import Instance
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.planted.defects import planted

GROWING = ["x", "softplus(x)", "relu(x)", "-0.5*x + (cos(x))"]


def case_on(expression: str, data: Sphere | Digits | None = None, *, sigma_w: float = 0.5) -> Case:
    """Three inputs, at a horizon of 1.5."""
    model = NeuralODE(sigma_u=1.25, sigma_w=sigma_w, sigma_v=0.75, horizon=1.5)
    return Case(activation=expression, data=data or Sphere(3, 3, 1), width=12, neural_ode=model)


def by_quantity(found: tuple[Discrepancy, ...]) -> dict[str, Discrepancy]:
    """The comparisons by what they compare."""
    return {one.quantity: one for one in found}


@pytest.mark.parametrize("expression", [*GROWING, "tanh(x)"])
@pytest.mark.parametrize("sigma_w", [0.5, 0.3])
def test_a_stretched_run_is_the_same_to_the_last_bit(expression: str, sigma_w: float, bench: object) -> None:
    """For scales that are no powers of two, too; with power."""
    (found,) = stretching_discrepancies(case_on(expression, sigma_w=sigma_w), bench)
    assert (found.error, found.bound, found.powerless) == (0.0, 0.0, "")
    assert found.scale > 0.01


def test_stretching_keeps_the_product() -> None:
    """And everything else."""
    assert stretched(NeuralODE(sigma_u=1.25, sigma_w=0.5, sigma_v=0.75, horizon=1.5)) == NeuralODE(
        sigma_u=1.25, sigma_w=0.125, sigma_v=0.75, horizon=6.0
    )


@pytest.mark.parametrize("defect", ["horizon-ignored-in-training", "stretched-five-per-cent-off"])
def test_another_horizon_is_another_run(defect: str, bench: object) -> None:
    """By far more than rounding."""
    with planted(defect):
        (found,) = stretching_discrepancies(case_on("softplus(x)"), bench)
    assert found.error > 1e-4 * found.scale


@pytest.mark.parametrize("expression", [*GROWING, "tanh(x)"])
@pytest.mark.parametrize("data", [Sphere(3, 3, 1), Digits((0, 1))])
def test_the_residual_grows_as_predicted(expression: str, data: Sphere | Digits, bench: object) -> None:
    """Beyond 2 / lambda_max, by eta lambda_max - 1 in every step; real labels train at the case's own horizon."""
    found = by_quantity(divergence_discrepancies(case_on(expression, data), bench))
    assert set(found) == {q.BEYOND_STABILITY, q.DIVERGENCE}
    details = found[q.DIVERGENCE].details
    assert abs(details["eta lambda_max at the longest horizon"] - BEYOND) <= WITHIN
    assert details["growth of the residual in a step"] == pytest.approx(details["predicted"], rel=1e-4)
    assert all(one.error <= one.bound for one in found.values())
    assert details["loss at the end over the start, horizon that of the case"] < 1.0


def test_a_rate_ten_per_cent_too_small_does_not_diverge(bench: object) -> None:
    """The growth that was asked for is missing."""
    with planted("learning-rate-ten-per-cent-too-small"):
        found = by_quantity(divergence_discrepancies(case_on("softplus(x)"), bench))[q.DIVERGENCE]
    assert found.error > found.bound
    assert found.details["growth of the residual in a step"] < 1.0


def test_a_kernel_that_does_not_grow_is_said(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """No horizon is long enough: 2 / eta is not passed, and nothing is trained beyond it."""
    monkeypatch.setattr("theory_check.neural_ode.measurements.horizon_training.LONGEST", 1.0)
    found = by_quantity(divergence_discrepancies(case_on("tanh(x)"), bench))
    assert set(found) == {q.BEYOND_STABILITY}
    assert found[q.BEYOND_STABILITY].error > 1.0


def test_a_phi_that_grows_faster_than_linearly_is_followed_to_its_horizon(bench: object) -> None:
    """Under x^2 a horizon was never looked for, and training was said not to diverge: it does, as predicted."""
    found = by_quantity(divergence_discrepancies(case_on("x**2", sigma_w=0.05), bench))
    assert abs(found[q.BEYOND_STABILITY].details["eta lambda_max at the longest horizon"] - BEYOND) <= WITHIN
    assert all(one.error <= one.bound for one in found.values())


def test_a_horizon_that_cannot_be_bracketed_is_undecided(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """States overflow at every horizon but the first: no eta lambda_max beyond it was seen."""
    right = horizon_training._top

    def overflowing(instance: Instance, network: object) -> object:
        if instance.case.neural_ode.horizon > 1.5:
            raise NonFiniteState("too large")
        return right(instance, network)

    monkeypatch.setattr(horizon_training, "_top", overflowing)
    (found,) = divergence_discrepancies(case_on("softplus(x)"), bench)
    assert found.powerless.startswith("no horizon was found between one that is stable and one")


@pytest.mark.parametrize("ended", [0, 3])
def test_a_run_that_overflows_is_no_other_run(ended: int, bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two ends earlier, and they are equal as far as both go: undecided, no difference."""
    right, calls = horizon_training._trained, []

    def cut_short(*args: object, **kwargs: object) -> object:
        trace = right(*args, **kwargs)
        calls.append(trace)
        if len(calls) == 1:
            return trace
        return replace(trace, losses=trace.losses[:ended], outputs=trace.outputs[:ended], diverged_at=ended)

    monkeypatch.setattr(horizon_training, "_trained", cut_short)
    (found,) = stretching_discrepancies(case_on("softplus(x)"), bench)
    assert found.powerless == ("a run is not finite after 3 steps" if ended else "a run is not finite at its start")


def test_runs_that_diverge_together_are_judged_by_the_steps_they_took(bench: object) -> None:
    """Far beyond 2 / lambda_max both overflow after the same step, and are one to the last bit until then."""
    case = msgspec.structs.replace(case_on("softplus(x)"), eta_factor=1e3)
    (found,) = stretching_discrepancies(case, bench)
    assert (found.error, found.powerless) == (0.0, "")
    assert 1 <= found.details["steps compared"] < DESCENT_STEPS
