"""Claim structure-kept: falls are seen, and equal correlations have no order."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.case import Case, Explicit, Sphere, correlations, materialise
from theory_check.neural_ode.limits.kernels import LimitKernels
from theory_check.neural_ode.measurements import structure_kept
from theory_check.neural_ode.measurements.correlation_order import TIED
from theory_check.neural_ode.measurements.structure_kept import structure_discrepancies
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
    right = structure_kept.limit_kernels

    def wrong(*args: object, **kwargs: object) -> LimitKernels:
        kernels = right(*args, **kwargs)
        return replace(kernels, nngp=change(kernels.nngp.copy()))

    monkeypatch.setattr(structure_kept, "limit_kernels", wrong)


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


def test_the_scale_of_the_order_is_the_range_of_the_inputs(bench: object) -> None:
    """The identity keeps correlations as they are."""
    case = on_sphere("x")
    cosines = correlations(materialise(case.data))
    for found in structure_discrepancies(case, bench):
        assert found.scale == pytest.approx(1.0 - cosines[cosines >= 0].min(), abs=1e-9)


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
    ("case", "reason"),
    [
        (in_plane("tanh(x)", 0.0, 2.5), "no two inputs have a correlation of 0 or more"),
        (in_plane("tanh(x)", 0.0), "no two inputs have a correlation of 0 or more"),
        (
            Case(activation="tanh(x)", data=Explicit(((0.0, 0.0), (1.0, 1.0))), width=8),
            "of an input with itself is not positive",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_to_be(case: Case, reason: str, bench: object) -> None:
    """Both quantities say why: no pair that the claim speaks of, or a kernel that vanishes."""
    found = structure_discrepancies(case, bench)
    assert len(found) == 2
    for one in found:
        assert reason in one.unusable
        assert one.error == 0.0
