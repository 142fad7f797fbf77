"""The five claims on modules: right ones hold within their bounds, planted wrongs exceed them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.case import Explicit, Sphere
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.definiteness import certified_spectrum
from theory_check.neural_ode.measurements.own_model import adjoint_gradient, ntk_positive_definite
from theory_check.neural_ode.measurements.own_model.adjoint_gradient import gradient_discrepancies
from theory_check.neural_ode.measurements.own_model.backward_unique import backward_discrepancies
from theory_check.neural_ode.measurements.own_model.forward_unique import forward_discrepancies
from theory_check.neural_ode.measurements.own_model.linear_convergence import convergence_discrepancies
from theory_check.neural_ode.measurements.own_model.ntk_positive_definite import empirical_spectrum
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.own_model.descent import symmetric_product
from theory_check.neural_ode.networks.own_model.gradients import discrete_jacobian

Failing = Callable[[tuple[Discrepancy, ...]], set[str]]
# Shapes are checked where the reached set is tested.
pytestmark = pytest.mark.usefixtures("without_shape_checks")
ZERO = Explicit(((0.0, 0.0), (1.0, 0.5)))


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("smooth", forward_discrepancies),
        ("smooth", backward_discrepancies),
        ("rough", gradient_discrepancies),
    ],
)
def test_right_modules_hold_with_power(
    name: str, measure: Callable[..., tuple[Discrepancy, ...]], models: Any, failing: Failing
) -> None:
    """Every comparison is executed and holds; its outcome says what its bounds rest on, and draws its picture."""
    found = measure(models.case(name, horizon=2.0), models)
    assert [d.powerless for d in found] == [""] * len(found)
    assert failing(found) == set()
    assert str(found[0].details["bounds"]).startswith("certified given the estimate")
    assert "seed of build()" in found[0].details
    assert all(d.sketch() is not None for d in found if d.sketch)


def test_the_rounding_of_a_loss_is_not_left_to_a_measurement(
    models: Any, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the noise of nine losses is small by luck, what the solve's roundings can make of the loss still counts."""
    measured = adjoint_gradient.low_order_difference
    lucky = lambda *args, **kwargs: replace(measured(*args, **kwargs), rounding=0.0)  # noqa: E731 - one line is enough
    monkeypatch.setattr(adjoint_gradient, "low_order_difference", lucky)
    found = gradient_discrepancies(models.case("rough", horizon=2.0), models)
    assert failing(found) == set()
    for d in found:
        assert d.powerless == ""
        assert 1e-14 < float(d.details["rounding of the difference"]) < 1e-3 * (d.scale or 0.0)


def test_bounds_that_are_too_wide_are_tried_with_tighter_numerics(models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tolerance at which the continuous adjoint could hide an error, and a tenth of it, at which it cannot."""
    case, tolerance = models.case("smooth", horizon=2.0), 1e-5
    monkeypatch.setattr(adjoint_gradient, "TOLERANCE", 10 * tolerance)
    assert any(d.powerless for d in gradient_discrepancies(case, models))
    monkeypatch.setattr(adjoint_gradient, "TOLERANCE", tolerance)
    loose = adjoint_gradient._Comparison.of(models.instance(case), refined=False).compared()
    assert any(d.powerless for d in loose)
    assert not any(d.powerless for d in gradient_discrepancies(case, models))


@pytest.mark.parametrize("name", ["wrong_sign", "drops_bias"])
def test_wrong_backward_passes_are_refuted(name: str, models: Any, failing: Failing) -> None:
    """A wrong sign, and the gradient of one parameter lost: differences of the loss say so."""
    case = models.case(name)
    found = gradient_discrepancies(case, models)
    assert failing(found) == {q.DISCRETE}
    if name == "drops_bias":
        wrong = [d.details["direction"] for d in found if d.error > d.bound]
        assert wrong == ["bias"]


def test_the_square_root_is_not_unique_at_zero_where_it_pushes_away(models: Any, failing: Failing) -> None:
    """From 0 h' = sign(h) sqrt|h| has many solutions, h' = -sign(h) sqrt|h| has one."""
    (away,) = forward_discrepancies(models.case("square_root", ZERO), models)
    assert failing((away,)) == {q.SEPARATION}
    (towards,) = forward_discrepancies(models.case("towards", ZERO), models)
    assert (towards.quantity, failing((towards,))) == (q.SEPARATION, set())


def test_a_blow_up_fails_to_exist(models: Any, failing: Failing) -> None:
    """The solution of h' = h^2 from 1 reaches t = 1 only."""
    (found,) = forward_discrepancies(models.case("square", ZERO, horizon=2.0), models)
    assert failing((found,)) == {q.BLOW_UP}
    assert found.bound == pytest.approx(1.0, rel=0.01)


def test_a_state_at_rest_at_a_kink_has_two_adjoints(models: Any, failing: Failing) -> None:
    """The field relu(h) from 0: lambda_0 is lambda_T on one side, e^T lambda_T on the other."""
    found = backward_discrepancies(models.case("relu_at_rest", ZERO), models)
    assert q.JUMP in failing(found)
    assert failing(backward_discrepancies(models.case("relu_at_rest", Sphere(1, 2, 3)), models)) <= {q.JUMP}


def test_without_a_constant_nothing_is_compared(models: Any) -> None:
    """An exception, which the judge makes an undecided case whose assumptions are not met."""
    for measure in (backward_discrepancies, gradient_discrepancies, convergence_discrepancies, empirical_spectrum):
        with pytest.raises(NonFiniteState, match="no Lipschitz constant"):
            measure(models.case("square_root", ZERO), models)


def test_gradients_without_parameters_are_those_of_the_start(models: Any, failing: Failing) -> None:
    """Frozen parameters are constants: one direction is left."""
    found = gradient_discrepancies(models.case("fixed"), models)
    assert failing(found) == set()
    assert {d.details["direction"] for d in found} == {"start"}


def test_the_empirical_kernel_is_certified_and_singular_for_a_repeated_input(models: Any) -> None:
    """Proved positive for distinct inputs; for a repeated one its smallest eigenvalue cannot be told from zero."""
    distinct = empirical_spectrum(models.case("smooth", Sphere(3, 2, 1)), models)
    assert distinct.certificate.certified
    assert 0 < distinct.certificate.lower_bound <= distinct.certificate.estimate
    repeated = empirical_spectrum(models.case("smooth", Explicit(((1.0, 0.5), (0.5, 1.0), (1.0, 0.5)))), models)
    assert not repeated.certificate.certified
    assert repeated.certificate.singular


def test_balls_of_the_entries_certify_where_rumps_test_is_left_open(
    models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for limiting kernels; a kernel with a repeated input is certified by neither."""
    open_ones = lambda *given: (replace(certified_spectrum(*given)[0], certified=False), 1e-9)  # noqa: E731 - one line is enough
    monkeypatch.setattr(ntk_positive_definite, "certified_spectrum", open_ones)
    distinct = empirical_spectrum(models.case("smooth", Sphere(3, 2, 1)), models)
    assert (distinct.certificate.certified, distinct.details["certified by"]) == (True, "ball arithmetic")
    repeated = empirical_spectrum(models.case("smooth", Explicit(((1.0, 0.5), (0.5, 1.0), (1.0, 0.5)))), models)
    assert (repeated.certificate.certified, repeated.details["certified by"]) == (False, "nothing")


def test_the_error_of_the_kernel_covers_a_finer_scheme(models: Any) -> None:
    """The least eigenvalue for 512 steps differs by no more than the bound allows, and by more than rounding."""
    case = models.case("turning", Explicit(((1.0, 0.5), (0.25, 1.0))), horizon=2.0)
    instance, spectrum = models.instance(case), empirical_spectrum(case, models)
    _, jacobian = discrete_jacobian(
        instance.field,
        instance.inputs,
        lambda h: h @ instance.readout,
        instance.field.vector,
        duration=instance.part(4.0),
        steps=512,
    )
    finer = symmetric_product(jacobian[:, instance.inputs.numel() :]).numpy()
    scale = np.sqrt(np.diagonal(finer))
    least = float(np.linalg.eigvalsh(finer / np.outer(scale, scale))[0])
    missed = abs(least - spectrum.certificate.estimate)
    assert 1e-12 < missed <= 2 * float(spectrum.details["largest error of an entry"])


def test_the_kernel_of_a_rate_is_known(models: Any) -> None:
    """For h' = a h and f = r . h_T the gradient with respect to a_k is r_k T e^(a_k T) x_k."""
    case = models.case("deaf", Explicit(((1.0, 0.5), (0.5, 2.0))), horizon=1.5)
    instance = models.instance(case)
    gradients = (instance.readout * 1.5 * instance.inputs).numpy()
    expected = float(np.linalg.eigvalsh(gradients @ gradients.T)[-1])
    spectrum = empirical_spectrum(case, models)
    assert spectrum.details["largest eigenvalue before it is normalised"] == pytest.approx(expected, rel=1e-9)


def test_descent_decreases_as_predicted_and_too_large_a_step_does_not(models: Any, failing: Failing) -> None:
    """A rate of 1 / lambda_max keeps the bound, three times that breaks it; a repeated input with two labels stalls."""
    (right,) = convergence_discrepancies(models.case("smooth"), models)
    assert (right.quantity, failing((right,)), right.powerless) == (q.DECREASE, set(), "")
    assert 0 < float(right.details["loss at the end over the start"]) < 1
    (large,) = convergence_discrepancies(models.case("smooth", eta_factor=3.0), models)
    assert failing((large,)) == {q.DECREASE}
    torn = Explicit(((1.0, 0.5), (0.5, 1.0), (1.0, 0.5)), (0.0, 1.0, 1.0))
    (stalled,) = convergence_discrepancies(models.case("smooth", torn), models)
    assert failing((stalled,)) == {q.STALL}


def test_outputs_that_no_parameter_moves_are_not_decided(models: Any) -> None:
    """A rate of 0 times a state of 0: the kernel is 0, never a pass."""
    (found,) = convergence_discrepancies(models.case("deaf", Explicit(((0.0, 0.0),))), models)
    assert found.powerless == "no output depends on a parameter: the kernel is 0"
    assert not empirical_spectrum(models.case("deaf", Explicit(((0.0, 0.0),))), models).certificate.certified
    assert torch.equal(models.instance(models.case("deaf")).field.vector, torch.zeros(2, dtype=torch.float64))
