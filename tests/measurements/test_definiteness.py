"""Kernels: certified where they are definite, singular where they must be, undecided where nobody can tell."""

from collections.abc import Callable

import numpy as np
import pytest

from theory_check.case import Case, Digits, Explicit, Sphere, correlations, materialise
from theory_check.limits.dual_activation import InfiniteKernel
from theory_check.measurements.definiteness import certified_spectrum, nngp_limit_spectrum, tangent_spectrum
from theory_check.networks.tangent_kernel import kernels_of
from theory_check.neural_ode import NeuralODE

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


SINGULAR = pytest.mark.parametrize(
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


@SINGULAR
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


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "erf(x)", "gelu(x)", "silu(x)"])
@pytest.mark.parametrize(
    "data", [Sphere(4, 3, 1), CROWDED, Digits(tuple(range(32)))], ids=["sphere", "crowded", "digits"]
)
def test_limiting_kernels_of_distinct_inputs_are_certified(
    expression: str, data: Sphere | Digits, bench: object
) -> None:
    """The proved bound lies below the eigenvalue; what the kernel's own error hides is far below both."""
    spectrum = nngp_limit_spectrum(Case(activation=expression, data=data, width=8), bench)
    assert spectrum.certificate.certified
    assert 0 < spectrum.certificate.lower_bound < spectrum.certificate.estimate
    assert spectrum.certificate.estimate > 10 * spectrum.singular_below


@SINGULAR
def test_singular_limits_are_not_certified_and_look_singular(
    expression: str, data: Sphere | Explicit, bench: object
) -> None:
    """The same cases as for the tangent kernel of a finite network, but for a single input without features."""
    spectrum = nngp_limit_spectrum(Case(activation=expression, data=data, width=8), bench)
    assert not spectrum.certificate.certified
    assert spectrum.certificate.estimate <= spectrum.singular_below


def test_the_limit_of_the_identity_is_the_correlation_of_the_inputs(bench: object) -> None:
    """The closed form sigma_v^2 sigma_u^2 (x . x' / d) I_0(2 sigma_w T), normalised: both scales cancel."""
    data = Sphere(4, 5, 2)
    spectrum = nngp_limit_spectrum(Case(activation="x", data=data, width=8), bench)
    expected = float(np.linalg.eigvalsh(correlations(materialise(data)))[0])
    assert spectrum.certificate.estimate == pytest.approx(expected, abs=1e-7)
    assert spectrum.details["parts of that error which are estimated"] == "none"


def test_the_limit_of_the_sine_without_recurrence_has_a_closed_form(bench: object) -> None:
    """E[sin z sin z'] = exp(-s) sinh(s rho) with s = sigma_u^2, normalised sinh(s rho) / sinh(s); no tangent part."""
    data = Sphere(4, 5, 2)
    case = Case(activation="sin(x)", data=data, width=8, neural_ode=NeuralODE(sigma_u=1.5, sigma_w=0.0))
    kernel = np.sinh(2.25 * correlations(materialise(data))) / np.sinh(2.25)
    spectrum = nngp_limit_spectrum(case, bench)
    assert spectrum.certificate.estimate == pytest.approx(float(np.linalg.eigvalsh(kernel)[0]), abs=1e-9)


def test_a_limit_that_does_not_exist_raises(bench: object) -> None:
    """The square of a state grows beyond all bounds before the horizon."""
    case = Case(activation="x**2", data=CROWDED, width=8, neural_ode=NeuralODE(sigma_w=9.0))
    with pytest.raises(InfiniteKernel, match="too large"):
        nngp_limit_spectrum(case, bench)
