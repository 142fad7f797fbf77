"""Claim ntk-positive-definite: certified where it holds, singular where it must be, undecided where nobody can tell."""

from collections.abc import Callable

import numpy as np
import pytest

from theory_check.case import Case, Digits, Explicit, Sphere
from theory_check.measurements.definiteness import certified_spectrum, tangent_spectrum
from theory_check.networks.tangent_kernel import kernels_of

CROWDED = Sphere(8, 4, 3)


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "gelu(x)", "relu(x)", "cos(2*x)"])
@pytest.mark.parametrize("data", [Sphere(4, 3, 1), CROWDED, Digits((0, 1, 2, 3, 40))])
def test_kernels_of_distinct_inputs_are_certified(expression: str, data: Sphere | Digits, bench: object) -> None:
    """The proved bound lies below the eigenvalue and above what rounding hides; width is 16 N or more."""
    spectrum = tangent_spectrum(Case(activation=expression, data=data, width=64), bench)
    assert spectrum.certificate.certified
    assert 0 < spectrum.certificate.lower_bound < spectrum.certificate.estimate
    assert spectrum.certificate.estimate > 100 * spectrum.singular_below
    assert spectrum.details["width"] >= 16 * spectrum.details["inputs"]


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("x", CROWDED),
        ("2*x + 1", CROWDED),
        ("softplus(x)", Explicit(((1.0, 2.0), (0.5, 1.0), (1.0, 2.0)))),
        ("tanh(x)", Explicit(((1.0, 2.0), (-1.0, -2.0)))),
        ("tanh(x)", Explicit(((0.0, 0.0), (-1.0, -2.0)))),
        ("sin(x)", Explicit(((0.0, 0.0),))),
    ],
)
def test_singular_kernels_are_not_certified_and_look_singular(
    expression: str, data: Sphere | Explicit, bench: object
) -> None:
    """Affine with N > d + 1, repeated, x and -x under an odd phi, and an input whose gradient vanishes."""
    spectrum = tangent_spectrum(Case(activation=expression, data=data, width=64), bench)
    assert not spectrum.certificate.certified
    assert spectrum.certificate.estimate <= spectrum.singular_below


def test_opposite_inputs_are_no_trouble_where_phi_is_not_odd(bench: object) -> None:
    """Inputs x and -x under softplus."""
    data = Explicit(((1.0, 2.0), (-1.0, -2.0)))
    assert tangent_spectrum(Case(activation="softplus(x)", data=data, width=64), bench).certificate.certified


def test_nearly_affine_functions_are_never_certified_falsely(bench: object) -> None:
    """tanh(a x) for a from 1/2 to 1e-5, 8 points in 4 dimensions: certified while the eigenvalue is above rounding.

    The part of degree three is a^2 of the whole, so the least eigenvalue falls with a^4.
    """
    estimates = []
    for a in (0.5, 0.05, 0.005, 0.00001):
        spectrum = tangent_spectrum(Case(activation=f"tanh({a}*x)", data=CROWDED, width=64), bench)
        certificate = spectrum.certificate
        assert certificate.certified == (certificate.lower_bound >= 0)
        assert certificate.certified or certificate.estimate <= 100 * spectrum.singular_below
        estimates.append((certificate.certified, certificate.estimate))
    assert [certified for certified, _ in estimates[:2]] == [True, True]
    assert estimates[-1][0] is False
    assert estimates[1][1] == pytest.approx(estimates[0][1] * 1e-4, rel=0.9)


def test_the_certificate_is_that_of_the_normalised_kernel(bench: object) -> None:
    """Against eigvalsh of D K D, D = diag(K)^(-1/2)."""
    case = Case(activation="tanh(x)", data=CROWDED, width=128)
    instance = bench.instance(case)
    kernels = kernels_of(instance.activation, case.neural_ode, instance.parameters(), instance.inputs, steps=16)
    kernel = kernels.tangent.numpy()
    root = np.sqrt(np.diagonal(kernel))
    certificate, error = certified_spectrum(kernel, kernels.rounding.numpy())
    assert certificate.estimate == pytest.approx(np.linalg.eigvalsh(kernel / root[:, None] / root)[0], rel=1e-9)
    assert certificate == tangent_spectrum(case, bench).certificate
    assert 0 < error < 1e-10
    assert tangent_spectrum(case, bench).singular_below == 10 * 8 * error


def test_the_network_is_as_wide_as_the_case_or_the_inputs_ask_for(bench: object, changed: Callable[..., Case]) -> None:
    """64 at least, 16 N, or the case's own width."""
    case = Case(activation="tanh(x)", data=Sphere(2, 3, 0), width=8)
    assert tangent_spectrum(case, bench).details["width"] == 64
    assert tangent_spectrum(changed(case, width=100), bench).details["width"] == 100
    assert tangent_spectrum(changed(case, data=CROWDED), bench).details["width"] == 128
