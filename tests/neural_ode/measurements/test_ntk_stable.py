"""Does the tangent kernel keep half of its smallest eigenvalue: where it does, where it cannot, and what is seen."""

from dataclasses import replace

import numpy as np
import pytest

from theory_check.neural_ode.case import Case, Digits, Explicit, Sphere
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements import ntk_stable
from theory_check.neural_ode.measurements.ntk_stable import WIDTHS, stability_discrepancies
from theory_check.neural_ode.planted.defects import planted


def case_on(expression: str, data: Sphere | Digits | Explicit, width: int = 64) -> Case:
    """A case for training."""
    return Case(activation=expression, data=data, width=width)


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)"])
@pytest.mark.parametrize("data", [Sphere(3, 3, 1), Digits((0, 1, 7))])
def test_the_smallest_eigenvalue_is_kept(expression: str, data: Sphere | Digits, bench: object) -> None:
    """From a width of the ladder on, by a comparison with power whose bound is 1 but for the limit's error."""
    (found,) = stability_discrepancies(case_on(expression, data), bench)
    assert (found.quantity, found.powerless) == (q.KEPT_EIGENVALUE, "")
    assert 0.25 < found.error <= found.bound < 1.001
    assert found.details["stated width"] in WIDTHS
    half = found.details["lambda_min(Theta_inf)"] / 2
    assert found.error == pytest.approx(half / found.details["least lambda_min(Theta_k)"])


@pytest.mark.parametrize("width", [2, 4])
def test_narrow_networks_lose_it(width: int, bench: object) -> None:
    """At their own width."""
    (found,) = stability_discrepancies(case_on("softplus(x)", Sphere(5, 4, 1), width), bench)
    assert found.details["stated width"] == width
    assert found.error > 2 * found.bound


@pytest.mark.parametrize(
    ("expression", "data"),
    [("x", Sphere(5, 3, 2)), ("softplus(x)", Explicit(((1.0, 0.5), (-0.5, 1.0), (1.0, 0.5))))],
)
def test_a_singular_kernel_has_nothing_to_keep(expression: str, data: Sphere | Explicit, bench: object) -> None:
    """More inputs than an affine function can tell apart, and a repeated input."""
    (found,) = stability_discrepancies(case_on(expression, data), bench)
    assert found.powerless == ""
    assert found.error > 1000 * found.bound


def test_singular_to_rounding_alone_is_undecided(bench: object) -> None:
    """A function that is nearly affine."""
    (found,) = stability_discrepancies(case_on("tanh(0.00001*x)", Sphere(5, 3, 2)), bench)
    assert found.powerless.startswith("uninformative")


def test_a_bound_larger_than_the_kernel_keeps_nothing_and_loses_nothing(
    bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An affine phi and too many inputs, but errors of the size of the limit: undecided where it failed once."""
    right = ntk_stable.limit_kernels

    def blurred(*args: object) -> object:
        limit = right(*args)
        return replace(limit, tangent_error=np.abs(limit.tangent))

    monkeypatch.setattr(ntk_stable, "limit_kernels", blurred)
    (found,) = stability_discrepancies(case_on("x", Sphere(5, 3, 2)), bench)
    assert found.powerless.startswith("uninformative: eigenvalues are known to")


def test_a_run_that_overflows_is_not_seen_to_keep_it(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels before the overflow keep their eigenvalue, those after it are not known."""
    right = ntk_stable.gradient_descent
    monkeypatch.setattr(ntk_stable, "gradient_descent", lambda *a, **k: replace(right(*a, **k), diverged_at=5))
    (found,) = stability_discrepancies(case_on("softplus(x)", Sphere(3, 3, 1)), bench)
    assert found.error <= found.bound
    assert found.powerless == "a run is not finite after 5 steps"


def test_a_diagonal_ten_per_cent_too_small_is_seen(bench: object) -> None:
    """At the widest networks, where the eigenvalue is small against the diagonal."""
    with planted("kernel-diagonal-too-small"):
        (found,) = stability_discrepancies(case_on("softplus(x)", Sphere(5, 3, 1)), bench)
    assert found.details["stated width"] == WIDTHS[-1]
    assert found.error > found.bound
