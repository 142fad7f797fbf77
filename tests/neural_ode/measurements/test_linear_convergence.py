"""Claim linear-convergence: who converges, who stalls, who diverges, and what the comparison cannot see."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
import torch

from theory_check.judge.profile import PROFILES
from theory_check.neural_ode.case import Case, Digits, Explicit, Sphere
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements import linear_convergence
from theory_check.neural_ode.measurements.linear_convergence import convergence_discrepancies

BRIEF = msgspec.structs.replace(PROFILES["quick"], descent_steps=12)
CROWDED = Sphere(5, 3, 2)
ROWS = ((1.0, 0.5), (-0.5, 1.0), (0.7, -1.2))
CONTRADICTORY = Explicit((*ROWS, ROWS[0]), (0.0, 1.0, -1.0, 2.0))


def case_on(expression: str, data: Sphere | Digits | Explicit, eta_factor: float = 1.0) -> Case:
    """A case for training."""
    return Case(activation=expression, data=data, width=64, eta_factor=eta_factor)


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "relu(x)"])
@pytest.mark.parametrize("data", [Sphere(3, 3, 1), Digits((0, 1, 7))])
def test_descent_converges_at_the_stated_rate(
    expression: str, data: Sphere | Digits, another: Callable[..., object]
) -> None:
    """One comparison, made and held, with the width from which it holds and how little the kernel moved."""
    (found,) = convergence_discrepancies(case_on(expression, data), another(profile=BRIEF))
    assert (found.quantity, found.powerless) == (q.DECREASE, "")
    assert 0 < found.error <= found.bound <= 1 + 1e-9
    assert found.details["stated width"] in {64, 256, 1024}
    assert found.details["least lambda_min over lambda_0 along the runs"] >= 0.5
    assert found.details["loss at the end over the start"] < 1


@pytest.mark.parametrize("eta_factor", [2.5, 4.0])
def test_too_large_a_learning_rate_fails(eta_factor: float, another: Callable[..., object]) -> None:
    """With eta > 2 / lambda_max the early loss grows."""
    (found,) = convergence_discrepancies(case_on("softplus(x)", Sphere(3, 3, 1), eta_factor), another(profile=BRIEF))
    assert (found.quantity, found.powerless) == (q.DECREASE, "")
    assert found.error > 1.5 * found.bound


@pytest.mark.parametrize(
    ("expression", "data"), [("x", CROWDED), ("softplus(x)", CONTRADICTORY), ("2*x - 1", Sphere(6, 3, 0))]
)
def test_a_singular_kernel_stalls(expression: str, data: Sphere | Explicit, another: Callable[..., object]) -> None:
    """Affine phi with N > d + 1, and one input asked for two labels: part of the loss cannot be reached."""
    (found,) = convergence_discrepancies(case_on(expression, data), another(profile=BRIEF))
    assert (found.quantity, found.powerless) == (q.STALL, "")
    assert 1e-6 < found.error <= 1
    # What stays along the null direction is still in the loss at the end.
    assert found.details["loss at the end over the start"] >= 0.99 * found.error


def test_a_nearly_affine_function_is_undecided(another: Callable[..., object]) -> None:
    """tanh(1e-5 x): singular to rounding with no reason to be, so nothing is said; tanh(0.05 x) still converges."""
    (found,) = convergence_discrepancies(case_on("tanh(0.00001*x)", CROWDED), another(profile=BRIEF))
    assert found.powerless.startswith("uninformative")
    (found,) = convergence_discrepancies(case_on("tanh(0.05*x)", CROWDED), another(profile=BRIEF))
    assert (found.quantity, found.powerless) == (q.DECREASE, "")
    assert found.error <= found.bound


def test_an_input_without_a_gradient_stalls(another: Callable[..., object]) -> None:
    """Input 0 under tanh with a label of 1: the kernel has a zero row, and the label is never reached."""
    data = Explicit(((0.0, 0.0), (1.0, 1.0)), (1.0, 0.0))
    (found,) = convergence_discrepancies(case_on("tanh(x)", data), another(profile=BRIEF))
    assert (found.quantity, found.powerless) == (q.STALL, "")
    assert found.error > 0.01


@pytest.mark.parametrize("eta_factor", [0.9, 1.1])
def test_a_learning_rate_off_by_ten_per_cent_is_not_seen(eta_factor: float, another: Callable[..., object]) -> None:
    """The claim bounds the decrease from above, and both rates keep it: such an error is not seen here."""
    (found,) = convergence_discrepancies(case_on("softplus(x)", Sphere(3, 3, 1), eta_factor), another(profile=BRIEF))
    assert found.error <= found.bound


def test_a_gradient_of_the_wrong_sign_fails(another: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ascent in place of descent."""
    right = linear_convergence.gradient_descent
    monkeypatch.setattr(
        linear_convergence,
        "gradient_descent",
        lambda *a, learning_rate, **k: right(*a, learning_rate=-learning_rate, **k),
    )
    (found,) = convergence_discrepancies(case_on("softplus(x)", Sphere(3, 3, 1)), another(profile=BRIEF))
    assert found.powerless or found.error > found.bound
    assert found.details["loss at the end over the start"] > 1


def test_what_is_reached_after_all_is_no_stall(another: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends at the labels has nothing left along any direction, whatever the kernel at the start said."""
    right = linear_convergence.gradient_descent

    def reaching(*args: object, **kwargs: object) -> object:
        trace, labels = right(*args, **kwargs), args[4]
        outputs = torch.cat([trace.outputs[:-1], labels[None]])
        return type(trace)(trace.losses, outputs, trace.kernel_times, trace.kernels, trace.parameters)

    monkeypatch.setattr(linear_convergence, "gradient_descent", reaching)
    (found,) = convergence_discrepancies(case_on("x", CROWDED), another(profile=BRIEF))
    assert found.quantity == q.STALL
    assert found.error <= found.bound


def test_a_run_that_overflows_at_once_shows_nothing(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No loss after the first is finite: no step was seen to decrease too little, and none to decrease enough."""
    right = linear_convergence.gradient_descent

    def exploding(*args: object, **kwargs: object) -> object:
        trace = right(*args, **{**kwargs, "steps": 1})
        return type(trace)(trace.losses[:1], trace.outputs[:1], (0,), trace.kernels[:1], trace.parameters, 1)

    monkeypatch.setattr(linear_convergence, "gradient_descent", exploding)
    (found,) = convergence_discrepancies(case_on("softplus(x)", Sphere(3, 3, 1), 2.5), another(profile=BRIEF))
    assert found.powerless == "the run is not finite after 1 steps"


def test_a_run_that_grows_before_it_overflows_fails(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finite losses that grow are evidence, whatever becomes of the run after them."""
    right = linear_convergence.gradient_descent

    def cut_short(*args: object, **kwargs: object) -> object:
        trace = right(*args, **{**kwargs, "steps": 2})
        return type(trace)(trace.losses, trace.outputs, (0, 1, 2), trace.kernels, trace.parameters, 3)

    monkeypatch.setattr(linear_convergence, "gradient_descent", cut_short)
    (found,) = convergence_discrepancies(case_on("softplus(x)", Sphere(3, 3, 1), 4.0), another(profile=BRIEF))
    assert (found.quantity, found.powerless) == (q.DECREASE, "")
    assert found.error > found.bound


def test_an_overflow_after_steps_that_hold_does_not_hold(
    another: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps that were seen decrease enough, and the run ends in an overflow: undecided."""
    right = linear_convergence.gradient_descent

    def cut_short(*args: object, **kwargs: object) -> object:
        return replace(right(*args, **kwargs), diverged_at=13)

    monkeypatch.setattr(linear_convergence, "gradient_descent", cut_short)
    (found,) = convergence_discrepancies(case_on("softplus(x)", Sphere(3, 3, 1)), another(profile=BRIEF))
    assert found.error <= found.bound
    assert found.powerless == "the run is not finite after 13 steps"


def test_a_stall_needs_a_kernel_that_is_known(another: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """An affine phi and too many inputs, and a rounding bound as large as the kernel: nothing is said."""
    right = linear_convergence.kernels_of

    def blurred(*args: object, **kwargs: object) -> object:
        kernels = right(*args, **kwargs)
        return replace(kernels, rounding=kernels.tangent.abs())

    monkeypatch.setattr(linear_convergence, "kernels_of", blurred)
    (found,) = convergence_discrepancies(case_on("x", CROWDED), another(profile=BRIEF))
    assert found.quantity == q.STALL
    assert found.powerless.startswith("uninformative: eigenvalues are known to")


def test_a_kernel_that_moves_is_no_evidence(another: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """At no width does it stay above lambda_0 / 2: not wide enough for the claim to speak, whatever the loss did."""
    right = linear_convergence.gradient_descent

    def moving(*args: object, **kwargs: object) -> object:
        trace = right(*args, **kwargs)
        kernels = (*trace.kernels[:-1], 0.4 * torch.eye(len(trace.kernels[0]), dtype=torch.float64) * 0)
        return type(trace)(trace.losses, trace.outputs, trace.kernel_times, kernels, trace.parameters)

    monkeypatch.setattr(linear_convergence, "gradient_descent", moving)
    (found,) = convergence_discrepancies(
        case_on("softplus(x)", Sphere(3, 3, 1)), another(profile=BRIEF), widths=(64, 128)
    )
    assert "not wide enough" in found.powerless
