"""Limiting kernels: certified where they are definite, singular where they must be, undecided where nobody can tell."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import i0, i1

from theory_check.neural_ode.case import Case, Digits, Explicit, Sphere, correlations, materialise
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel
from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
from theory_check.neural_ode.measurements import definiteness
from theory_check.neural_ode.measurements.definiteness import TOLERANCES, certified_spectrum, limit_spectrum
from theory_check.neural_ode.measurements.width_ladder import Kind
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.strategies.activations import ACTIVATION_CLASSES

CROWDED = Sphere(8, 4, 3)
DISTINCT = {"sphere": Sphere(4, 3, 1), "crowded": CROWDED, "digits": Digits(tuple(range(32)))}
CORE = ["softplus(x)", "tanh(x)", "erf(x)", "gelu(x)", "silu(x)"]
BOTH = pytest.mark.parametrize("kind", ["nngp", "tangent"])


def of(expression: str, data: Sphere | Digits | Explicit, **scales: float) -> Case:
    """A case; its width plays no part."""
    return Case(activation=expression, data=data, width=8, neural_ode=NeuralODE(**scales))


def near(angle: float) -> Explicit:
    """Two inputs at a small angle."""
    return Explicit(((1.0, 0.0), (1.0, angle)))


def beside_a_large_one(angle: float) -> Explicit:
    """Two small inputs at a small angle, with small errors, and a large one with large errors."""
    return Explicit(((0.1, 0.0), (0.1, 0.1 * angle), (0.0, 10.0)))


def chosen(kernels: LimitKernels, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """The kernel of a kind and its error bounds."""
    return (kernels.nngp, kernels.nngp_error) if kind == "nngp" else (kernels.tangent, kernels.tangent_error)


@pytest.fixture
def tolerances(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The tolerances at which kernels are computed, as they come."""
    asked: list[float] = []

    def recorded(*args: object, **kwargs: object) -> LimitKernels:
        asked.append(args[3])
        return limit_kernels(*args, **kwargs)

    monkeypatch.setattr(definiteness, "limit_kernels", recorded)
    return asked


# --- definite kernels ------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("expression", [*CORE, "relu(x)", "cos(2*x)"])
@pytest.mark.parametrize("data", list(DISTINCT.values()), ids=list(DISTINCT))
def test_kernels_of_distinct_inputs_are_certified(
    expression: str, data: Sphere | Digits, kind: Kind, bench: object
) -> None:
    """The proved bound lies below the eigenvalue of a kernel that is known much better, and far above nothing."""
    case = of(expression, data)
    spectrum = limit_spectrum(case, bench, kind)
    certificate = spectrum.certificate
    assert certificate.certified
    assert spectrum.details["certified by"] == "Rump's test"
    kernel, bound = chosen(limit_kernels(expression, materialise(data), case.neural_ode, 1e-6), kind)
    finer, error = certified_spectrum(kernel, bound)
    assert 0.5 * finer.estimate < certificate.lower_bound < finer.estimate + finer.error_bound
    assert abs(certificate.estimate - finer.estimate) <= certificate.error_bound + finer.error_bound
    largest = spectrum.details["largest error of an entry"]
    assert error <= largest
    assert not certificate.singular


def test_what_is_certified_is_far_above_what_could_hide_it(bench: object) -> None:
    """Over kinds, activations and inputs, the least eigenvalue is more than ten times what the test cannot see."""
    ratios = {}
    for kind in ("nngp", "tangent"):
        for expression in CORE:
            for name, data in DISTINCT.items():
                certificate = limit_spectrum(of(expression, data), bench, kind).certificate
                ratios[kind, expression, name] = certificate.estimate / certificate.error_bound
    least = min(ratios, key=ratios.__getitem__)
    print(f"smallest lambda_min over its error bound: {ratios[least]:.3g} ({', '.join(least)})")
    assert ratios[least] > 10


@BOTH
def test_opposite_inputs_are_no_trouble_where_phi_is_not_odd(kind: Kind, bench: object) -> None:
    """Inputs x and -x under softplus."""
    data = Explicit(((1.0, 2.0), (-1.0, -2.0)))
    assert limit_spectrum(of("softplus(x)", data), bench, kind).certificate.certified


# --- singular kernels ------------------------------------------------------------------------------------------------


@BOTH
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
    expression: str, data: Sphere | Explicit, kind: Kind, bench: object
) -> None:
    """Affine with N > d + 1, repeated, x and -x under an odd phi, and an input whose features vanish."""
    spectrum = limit_spectrum(of(expression, data), bench, kind)
    assert not spectrum.certificate.certified
    assert spectrum.certificate.lower_bound < 0
    assert spectrum.certificate.singular
    assert not spectrum.certificate.open_because
    assert spectrum.details["certified by"] == "nothing"


@BOTH
def test_nearly_affine_functions_are_never_certified_falsely(kind: Kind, bench: object) -> None:
    """tanh(a x), 8 points in 4 dimensions, is certified for a of 1/2 to 1/200 and lost in rounding at 1e-5.

    The part of degree three is a^2 of the whole, so the least eigenvalue falls with a^4.
    """
    half, small, smaller, lost = (
        limit_spectrum(of(f"tanh({a}*x)", CROWDED), bench, kind) for a in (0.5, 0.05, 0.005, 0.00001)
    )
    assert small.certificate.estimate == pytest.approx(half.certificate.estimate * 1e-4, rel=0.9)
    assert smaller.certificate.estimate == pytest.approx(small.certificate.estimate * 1e-4, rel=0.1)
    assert all(0 < found.certificate.lower_bound < found.certificate.estimate for found in (half, small, smaller))
    assert not lost.certificate.certified
    assert lost.certificate.singular


@pytest.mark.parametrize("diagonal", [0.0, -1e-3])
def test_a_kernel_that_vanishes_somewhere_is_not_normalised(diagonal: float) -> None:
    """A diagonal entry of zero, known without error, counts as singular; with an error of 1 % it says nothing."""
    kernel = np.array([[1.0, 0.0], [0.0, diagonal]])
    certificate, error = certified_spectrum(kernel, np.zeros((2, 2)))
    assert (certificate.certified, certificate.singular, certificate.indefinite, error) == (False, True, False, 0.0)
    certificate, error = certified_spectrum(kernel, np.full((2, 2), 1e-2))
    assert (certificate.certified, certificate.singular, error) == (False, False, 1e-2)
    assert "mean diagonal entry of 0.5" in certificate.open_because
    small, _ = certified_spectrum(kernel, np.full((2, 2), 1e-9))
    assert small.singular


@BOTH
@pytest.mark.parametrize("expression", ["x**2", "x**2/2"])
@pytest.mark.parametrize("strength", [0.05, 0.1, 0.3])
def test_a_polynomial_of_degree_two_is_certified_where_the_flow_is_weak(
    expression: str, strength: float, kind: Kind, bench: object
) -> None:
    """Six inputs in five dimensions: a depth that is continuous makes the kernel of a square positive definite."""
    spectrum = limit_spectrum(of(expression, Sphere(6, 5, 1), sigma_w=strength), bench, kind)
    assert spectrum.certificate.certified


@BOTH
@pytest.mark.parametrize("phi", ["affine", "polynomial"])
@pytest.mark.parametrize("inputs", ["crowded", "independent"])
def test_both_halves_of_nonlinear_is_needed(
    phi: str, inputs: str, kind: Kind, drawn: Callable[..., list[Case]], bench: object
) -> None:
    """Affine phi fails with dependent inputs alone, and a polynomial of degree two or three with neither."""
    found = [
        limit_spectrum(case, bench, kind).certificate
        for case in drawn(ACTIVATION_CLASSES[phi](), inputs, 12, seed=1, most_growth=2.0)
    ]
    fails = phi == "affine" and inputs == "crowded"
    assert all(certificate.singular is fails for certificate in found)
    assert all(certificate.certified is not fails for certificate in found)


@BOTH
@pytest.mark.parametrize(("last", "fails"), [((1.0, 2.0), True), ((1.0, 2.5), False)])
def test_a_repeated_input_has_an_exact_null_vector_whatever_the_errors(
    last: tuple[float, float],
    fails: bool,  # noqa: FBT001
    kind: Kind,
    bench: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two rows of the kernel are equal because the inputs are: errors of a tenth leave that, and nothing else."""

    def blurred(*args: object, **kwargs: object) -> LimitKernels:
        kernels = limit_kernels(*args, **kwargs)
        return replace(kernels, nngp_error=0.1 * np.abs(kernels.nngp), tangent_error=0.1 * np.abs(kernels.tangent))

    monkeypatch.setattr(definiteness, "limit_kernels", blurred)
    certificate = limit_spectrum(of("relu(x)", Explicit(((1.0, 2.0), (0.5, 1.5), last))), bench, kind).certificate
    assert not certificate.well_known
    assert (certificate.certified, certificate.indefinite, certificate.singular) == (False, fails, fails)


@BOTH
def test_a_bound_larger_than_the_kernel_shows_nothing(kind: Kind, bench: object) -> None:
    """One digit under x^2, the kernel normalised to 1 and known to 100: it was called singular to rounding once."""
    case = of("x**2", Digits((0,)), sigma_u=2.0, sigma_w=0.75, horizon=0.5)
    certificate = limit_spectrum(case, bench, kind).certificate
    assert certificate.certified or not certificate.singular


# --- closed forms ----------------------------------------------------------------------------------------------------


@BOTH
def test_kernels_of_the_identity_are_multiples_of_the_correlation(kind: Kind, bench: object) -> None:
    """Sigma = sigma_v^2 q I_0(2c) and Theta = Sigma + sigma_v^2 q (c I_1(2c) + I_0(2c)), c = sigma_w T, q of inputs.

    The double integral of the tangent kernel, of both series term by term: c^2 sum m c^(2m-2) / m!^2 = c I_1(2c).
    """
    inputs = materialise(Sphere(4, 5, 2))
    spectrum = limit_spectrum(of("x", Sphere(4, 5, 2), sigma_u=1.5, sigma_w=0.4, sigma_v=0.7, horizon=2.0), bench, kind)
    least, *_, greatest = np.linalg.eigvalsh(correlations(inputs))
    factor = i0(1.6) if kind == "nngp" else 2 * i0(1.6) + 0.8 * i1(1.6)
    assert spectrum.certificate.estimate == pytest.approx(least, abs=1e-7)
    largest = 1.5**2 * 0.7**2 * factor * greatest  # |x|^2 / d = 1
    assert spectrum.details["largest eigenvalue before it is normalised"] == pytest.approx(largest, rel=1e-6)
    assert spectrum.details["parts of that error which are estimated"] == "none"


@BOTH
def test_kernels_of_the_sine_without_recurrence_have_closed_forms(kind: Kind, bench: object) -> None:
    """E[sin z sin z'] = exp(-s) sinh(s rho), s = sigma_u^2; the term of U is s rho E[cos z cos z'], cosh for sinh."""
    s, rho = 2.25, correlations(materialise(Sphere(4, 5, 2)))
    kernel = np.sinh(s * rho) + (s * rho * np.cosh(s * rho) if kind == "tangent" else 0.0)
    least = np.linalg.eigvalsh(kernel / kernel[0, 0])[0]
    spectrum = limit_spectrum(of("sin(x)", Sphere(4, 5, 2), sigma_u=1.5, sigma_w=0.0), bench, kind)
    assert spectrum.certificate.estimate == pytest.approx(least, abs=1e-9)


@BOTH
def test_a_limit_that_does_not_exist_raises(kind: Kind, bench: object) -> None:
    """The square of a state grows beyond all bounds before the horizon."""
    with pytest.raises(InfiniteKernel, match="too large"):
        limit_spectrum(of("x**2", CROWDED, sigma_w=9.0), bench, kind)


# --- escalation ------------------------------------------------------------------------------------------------------


@BOTH
def test_a_tighter_tolerance_is_tried_where_the_first_does_not_decide(
    kind: Kind, bench: object, tolerances: list[float]
) -> None:
    """Under tanh, inputs at a right angle take the first tolerance, at an angle of 1e-4 the second as well."""
    apart = limit_spectrum(of("tanh(x)", Explicit(((1.0, 0.0), (0.0, 1.0)))), bench, kind)
    (first,) = tolerances
    tolerances.clear()
    crowded = limit_spectrum(of("tanh(x)", near(1e-4)), bench, kind)
    assert apart.certificate.certified
    assert crowded.certificate.certified
    assert tolerances == pytest.approx([first, first * TOLERANCES[1] / TOLERANCES[0]], rel=1e-6)
    assert apart.details["tolerance of an entry"] == first
    assert crowded.details["tolerance of an entry"] == tolerances[-1]
    kernel, bound = chosen(limit_kernels("tanh", materialise(near(1e-4)), NeuralODE(), first), kind)
    assert not certified_spectrum(kernel, bound)[0].certified


def test_tolerances_are_relative_to_the_largest_input(bench: object) -> None:
    """For relu, sigma_v^2 E[phi(h_0)^2] is sigma_v^2 sigma_u^2 |x|^2 / (2 d)."""
    case = of("relu(x)", Explicit(((1.0, 0.0), (0.0, 4.0))), sigma_u=0.5, sigma_v=3.0)
    expected = TOLERANCES[0] * 9.0 * 0.25 * 16.0 / 4.0
    assert limit_spectrum(case, bench, "nngp").details["tolerance of an entry"] == pytest.approx(expected, rel=1e-6)


@BOTH
@pytest.mark.parametrize(
    ("errors", "solves"), [([0.3, 0.2, 0.1, 0.01], 2), ([0.3, 0.1, 0.06, 0.01], 3), ([0.3, 0.1, 0.04, 0.01], 4)]
)
def test_tightening_goes_on_while_it_halves_the_error(
    errors: list[float], solves: int, kind: Kind, bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted are the solves of a kernel of ones, which is never certified, with bounds far above any tolerance."""
    asked: list[float] = []

    def fake(*args: object, tangent: bool) -> LimitKernels:
        assert tangent == (kind == "tangent")
        asked.append(args[3])
        ones, bound = np.ones((2, 2)), np.full((2, 2), errors[len(asked) - 1])
        # The kernel that is not on trial does not improve: its error must not be looked at.
        names = ("nngp", "tangent") if kind == "nngp" else ("tangent", "nngp")
        parts = {names[0]: ones, f"{names[0]}_error": bound, names[1]: ones, f"{names[1]}_error": bound * 0 + 0.5}
        return replace(limit_kernels(*args[:3], 1e-3), **parts)

    monkeypatch.setattr(definiteness, "limit_kernels", fake)
    spectrum = limit_spectrum(of("tanh(x)", near(1.0)), bench, kind)
    assert len(asked) == solves
    assert asked == sorted(asked, reverse=True)
    assert not spectrum.certificate.certified
    assert spectrum.details["largest error of an entry"] == pytest.approx(errors[solves - 1])


@BOTH
def test_ball_arithmetic_certifies_what_rumps_test_cannot(kind: Kind, bench: object, tolerances: list[float]) -> None:
    """A large input has an error above the least eigenvalue, which two small ones with small errors make.

    Rump's test subtracts the norm of all errors; balls know which entry has which. At a tenth of the angle the
    eigenvalue is below the errors of the small ones as well.
    """
    case = of("gelu(x)", beside_a_large_one(1e-6), sigma_w=0.01)
    spectrum = limit_spectrum(case, bench, kind)
    assert len(tolerances) == len(TOLERANCES)
    certificate = spectrum.certificate
    assert certificate.certified
    assert spectrum.details["certified by"] == "ball arithmetic"
    assert certificate.lower_bound == 0
    assert 0 < certificate.estimate < certificate.error_bound / 5
    kernel, bound = chosen(limit_kernels("gelu", materialise(case.data), case.neural_ode, tolerances[-1]), kind)
    assert not certified_spectrum(kernel, bound)[0].certified
    singular = limit_spectrum(of("gelu(x)", beside_a_large_one(1e-7), sigma_w=0.01), bench, kind)
    assert singular.details["certified by"] == "nothing"
    assert not singular.certificate.certified
