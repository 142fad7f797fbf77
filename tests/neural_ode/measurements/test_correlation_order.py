"""Claims structure-kept and spread-reduced: falls are seen and equal correlations are not; who gains, who loses."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.case import Case, Explicit, Sphere, correlations, materialise
from theory_check.neural_ode.limits.kernels import LimitKernels
from theory_check.neural_ode.measurements import correlation_order
from theory_check.neural_ode.measurements.correlation_order import TIED, spread_discrepancies, structure_discrepancies
from theory_check.neural_ode.planted.defects import planted

LIPSCHITZ = [entry.expression for entry in CATALOGUE.values() if entry.is_lipschitz]
NEGATIVE = "fall among negative correlations (not claimed)"
ANGLE = 0.3


def in_plane(expression: str, *angles: float) -> Case:
    """Points on the circle of radius sqrt 2."""
    rows = tuple((math.sqrt(2) * math.cos(angle), math.sqrt(2) * math.sin(angle)) for angle in angles)
    return Case(activation=expression, data=Explicit(rows), width=8)


def on_sphere(expression: str, *, inputs: int = 4) -> Case:
    """Points in three dimensions, correlated positively and negatively."""
    return Case(activation=expression, data=Sphere(inputs, 3, 1), width=8)


def with_kernel(monkeypatch: pytest.MonkeyPatch, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replace the NNGP kernel that the measurement gets."""
    right = correlation_order.limit_kernels

    def wrong(*args: object, **kwargs: object) -> LimitKernels:
        kernels = right(*args, **kwargs)
        return replace(kernels, nngp=change(kernels.nngp.copy()))

    monkeypatch.setattr(correlation_order, "limit_kernels", wrong)


def raised(i: int, j: int, amount: float) -> Callable[[np.ndarray], np.ndarray]:
    """A kernel whose entry (i, j) exceeds the right one by a share of its diagonal."""

    def change(kernel: np.ndarray) -> np.ndarray:
        kernel[i, j] += amount * kernel[i, i]
        kernel[j, i] = kernel[i, j]
        return kernel

    return change


@pytest.mark.parametrize("expression", LIPSCHITZ)
def test_structure_is_kept_by_every_lipschitz_function(expression: str, bench: object) -> None:
    """No fall of either kernel, by a comparison that could have failed."""
    for found in structure_discrepancies(on_sphere(expression), bench):
        assert found.powerless == ""
        assert found.error == 0.0
        assert found.details["pairs"] == 3


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "relu(x)"])
def test_a_shuffled_kernel_falls(expression: str, bench: object) -> None:
    """The kernels of other pairs: both fall by far more than their bounds."""
    with planted("kernel-shuffled"):
        for found in structure_discrepancies(on_sphere(expression), bench):
            assert found.powerless == ""
            assert found.error > 0.1 * found.scale


def test_the_identity_keeps_correlations_as_they_are(bench: object) -> None:
    """The scale of the order is the range of the inputs' own correlations; their spread is neither more nor less."""
    case = on_sphere("x")
    cosines = correlations(materialise(case.data))
    for found in structure_discrepancies(case, bench):
        assert found.scale == pytest.approx(1.0 - cosines[cosines >= 0].min(), abs=1e-9)
    for found in spread_discrepancies(case, bench):
        assert "equals that of the inputs" in found.unusable
        assert found.details["limiting correlation"] == pytest.approx(found.details["correlation of the inputs"])


def test_tanh_spreads_two_inputs_and_softplus_gathers_them(bench: object) -> None:
    """From 0.9553 to 0.9530 for h_T and 0.9425 for f under tanh: beyond the bound; softplus takes both above 0.9553."""
    of_tanh = spread_discrepancies(in_plane("tanh(x)", 0.0, ANGLE), bench)
    for found, limit in zip(of_tanh, (0.9530, 0.9425), strict=True):
        assert found.powerless == ""
        assert found.details["correlation of the inputs"] == pytest.approx(math.cos(ANGLE), abs=1e-12)
        assert found.details["limiting correlation"] == pytest.approx(limit, abs=1e-4)
        assert found.error == pytest.approx(math.cos(ANGLE) - limit, abs=1e-4)
        assert found.error > 1000 * found.bound
    for found in spread_discrepancies(in_plane("softplus(x)", 0.0, ANGLE), bench):
        assert found.powerless == ""
        assert found.error == 0.0
        assert found.details["limiting correlation"] > math.cos(ANGLE) + 0.01


def test_opposite_inputs_are_told_apart_by_odd_functions_only(bench: object) -> None:
    """A pair x, -x stays at -1 under tanh, which decides nothing; softplus takes it up, by far."""
    for found in spread_discrepancies(in_plane("tanh(x)", 0.0, math.pi), bench):
        assert "equals that of the inputs" in found.unusable
        assert found.details["limiting correlation"] == pytest.approx(-1.0, abs=1e-6)
    for found in spread_discrepancies(in_plane("softplus(x)", 0.0, math.pi), bench):
        assert found.powerless == ""
        assert found.error == 0.0
        assert found.details["limiting correlation"] > -0.5


def test_a_pair_that_spreads_is_seen_beside_one_that_decides_nothing(bench: object) -> None:
    """x, -x and a third input under tanh: the loss of the pair at an angle of 0.3, and no excuse."""
    alone = spread_discrepancies(in_plane("tanh(x)", 0.0, ANGLE), bench)
    beside = spread_discrepancies(in_plane("tanh(x)", 0.0, math.pi, ANGLE), bench)
    for found, expected in zip(beside, alone, strict=True):
        assert found.unusable == ""
        assert found.details["pairs"] == 3
        assert found.error == pytest.approx(expected.error, rel=1e-3)
        assert found.error > found.bound


def test_equal_correlations_have_no_order(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pairs at one angle, one kernel 1e-3 higher: no fall; at angles a hair apart it is one."""
    step = 0.4
    tied, near = (in_plane("softplus(x)", 0.0, step, 2 * step + extra) for extra in (0.0, -1e-6))
    cosines = correlations(materialise(tied.data))
    assert abs(cosines[0, 1] - cosines[1, 2]) <= TIED / 100
    for first, second in ((0, 1), (1, 2)):
        with monkeypatch.context() as patch:
            with_kernel(patch, raised(first, second, 1e-3))
            assert structure_discrepancies(tied, bench)[0].error == 0.0
    with_kernel(monkeypatch, raised(0, 1, 1e-3))
    found = structure_discrepancies(near, bench)[0]
    assert found.error == pytest.approx(1e-3, rel=1e-2)
    assert found.error > found.bound


def test_an_input_with_itself_is_the_end_of_the_range(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limiting correlation of 1.01 falls by a hundredth towards that of an input with itself, which is 1."""
    for factor, fall in ((1.01, 0.01), (1.0, 0.0)):

        def change(kernel: np.ndarray, factor: float = factor) -> np.ndarray:
            diagonal = np.diagonal(kernel).copy()
            kernel[0, 1] = kernel[1, 0] = factor * math.sqrt(diagonal[0] * diagonal[1])
            return kernel

        with monkeypatch.context() as patch:
            with_kernel(patch, change)
            found = structure_discrepancies(in_plane("tanh(x)", 0.0, ANGLE), bench)[0]
        assert found.error == pytest.approx(fall, abs=1e-12)
        assert found.details["pairs"] == 1


@pytest.mark.parametrize("expression", ["cos(x)", "cos(2*x) + 0.1*x"])
def test_a_fall_among_negative_correlations_is_reported_and_not_claimed(expression: str, bench: object) -> None:
    """Even parts make -1 nearer to 1 than -0.5 is; on [0, 1] nothing falls. A monotone function has no such fall."""
    angles = (0.0, 1.2, 1.8, 3.0)
    for found in structure_discrepancies(in_plane(expression, *angles), bench):
        assert found.powerless == ""
        assert found.error == 0.0
        assert found.details["pairs"] == 3
        assert found.details[NEGATIVE] > 1e-3
    for found in structure_discrepancies(in_plane("softplus(x)", *angles), bench):
        assert found.details[NEGATIVE] == 0.0


@pytest.mark.parametrize(
    ("measure", "case", "reason"),
    [
        (structure_discrepancies, in_plane("tanh(x)", 0.0, 2.5), "no two inputs have a correlation of 0 or more"),
        (structure_discrepancies, in_plane("tanh(x)", 0.0), "no two inputs have a correlation of 0 or more"),
        (
            structure_discrepancies,
            Case(activation="tanh(x)", data=Explicit(((0.0, 0.0), (1.0, 1.0))), width=8),
            "of an input with itself is not positive",
        ),
        (spread_discrepancies, in_plane("tanh(x)", 0.0), "no two inputs whose limiting kernel is positive"),
        (
            spread_discrepancies,
            Case(activation="tanh(x)", data=Explicit(((0.0, 0.0), (1.0, 1.0))), width=8),
            "no two inputs whose limiting kernel is positive",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_to_be(
    measure: Callable[..., tuple[Discrepancy, ...]], case: Case, reason: str, bench: object
) -> None:
    """Both quantities say why: no pair that the claim speaks of, or a kernel that vanishes."""
    found = measure(case, bench)
    assert len(found) == 2
    for one in found:
        assert reason in one.unusable
        assert one.error == 0.0


@given(
    diagonal=st.tuples(st.floats(0.1, 10.0), st.floats(0.1, 10.0)),
    rho=st.floats(-1.0, 1.0),
    shares=st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.floats(0.0, 0.5)),
    signs=st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3),
)
def test_the_error_of_a_correlation_holds_those_of_three_entries(
    diagonal: tuple[float, float], rho: float, shares: tuple[float, float, float], signs: tuple[float, float, float]
) -> None:
    """Entries off by up to half the diagonal, in the worst corners of their intervals, stay within the error."""
    root = math.sqrt(diagonal[0] * diagonal[1])
    kernel = np.array([[diagonal[0], rho * root], [rho * root, diagonal[1]]])
    error = np.array([[shares[0] * diagonal[0], shares[2] * root], [shares[2] * root, shares[1] * diagonal[1]]])
    pairs = correlation_order._pairs(np.eye(2), kernel, error)
    assert pairs.given.tolist() == [0.0]
    true = kernel + error * np.array([[signs[0], signs[2]], [signs[2], signs[1]]])
    found = true[0, 1] / math.sqrt(true[0, 0] * true[1, 1])
    assert abs(found - pairs.limit[0]) <= pairs.error[0] + 1e-15
