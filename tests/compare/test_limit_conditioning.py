"""The smallest eigenvalue of the limiting tangent kernel, and the rate that it promises."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from theory_check.compare import limit_conditioning as limit_conditioning_module
from theory_check.compare.comparison_text import evidence_text, value_text
from theory_check.compare.limit_conditioning import limit_conditioning
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Sphere, materialise
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.model import NeuralODE


def test_identity_with_more_inputs_than_dimensions_promises_no_rate() -> None:
    """Its kernel has rank d: nothing is certified, and the factor may be 1."""
    eigenvalue, factor = limit_conditioning(activation("identity"), materialise(Sphere(5, 3, 0)), NeuralODE())
    assert eigenvalue.low is None
    assert abs(eigenvalue.value or 1.0) < 1e-10
    assert "singular to the accuracy" in eigenvalue.note
    assert evidence_text(eigenvalue, "smallest_eigenvalue") == "singular to accuracy"
    assert value_text(eigenvalue, "smallest_eigenvalue") == "not above 0"
    assert factor.high == 1.0


@pytest.mark.parametrize("size", [0.5, 100.0, math.inf])
def test_a_bound_of_the_size_of_the_kernel_leaves_it_undecided(size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was called singular once: no number above zero is known, and none is known to be zero."""
    right = limit_conditioning_module.limit_kernels

    def blurred(*args: object) -> object:
        kernels = right(*args)
        return replace(kernels, tangent_error=np.full_like(kernels.tangent, size))

    monkeypatch.setattr(limit_conditioning_module, "limit_kernels", blurred)
    eigenvalue, factor = limit_conditioning(activation("softplus"), materialise(Sphere(3, 3, 0)), NeuralODE())
    assert eigenvalue.low is None
    assert "not seen to be singular" in eigenvalue.note
    assert evidence_text(eigenvalue, "smallest_eigenvalue").startswith("undecided")
    assert float(value_text(eigenvalue, "smallest_eigenvalue")) > 0
    assert factor.high == 1.0


def test_one_input_under_the_identity_has_a_closed_form() -> None:
    """Theta(x, x) = 2 I_0(2c) + c^2 times a double integral of Bessel functions, by SciPy; proved."""
    c, nodes = 0.7, np.polynomial.legendre.leggauss(40)
    t, weights = (nodes[0] + 1) / 2, nodes[1] / 2
    later, state = special.i0(2 * c * np.sqrt(np.outer(1 - t, 1 - t))), special.i0(2 * c * np.sqrt(np.outer(t, t)))
    expected = 2 * special.i0(2 * c) + c**2 * float(weights @ (later * state) @ weights)
    eigenvalue, factor = limit_conditioning(activation("identity"), np.array([[1.0, 1.0]]), NeuralODE(sigma_w=c))
    assert eigenvalue.value == pytest.approx(expected, rel=1e-10)
    assert eigenvalue.low is not None
    assert 0.98 * expected < eigenvalue.low <= expected <= (eigenvalue.high or 0) * (1 + 1e-12)
    assert factor.value == pytest.approx(0.0, abs=1e-12)
    assert eigenvalue.basis == "proved"


@pytest.mark.parametrize("name", ["softplus", "relu"])
def test_the_enclosure_holds_a_far_better_kernel(name: str) -> None:
    """Eigenvalue and factor of a kernel to a hundredth of the tolerance lie inside, and the bound is within 3 %."""
    inputs, model = materialise(Sphere(4, 6, 1)), NeuralODE()
    eigenvalue, factor = limit_conditioning(activation(name), inputs, model)
    values = np.linalg.eigvalsh(limit_kernels(name, inputs, model, 1e-8 if name == "softplus" else 1e-6).tangent)
    assert eigenvalue.low is not None
    assert eigenvalue.low <= values[0] <= (eigenvalue.high or 0.0)
    assert eigenvalue.low > 0.97 * values[0]
    assert (factor.low or 0.0) <= 1 - values[0] / values[-1] <= (factor.high or 0.0) < 1.0


def test_a_kernel_that_does_not_exist_is_a_finding() -> None:
    """An infinite slope in the mean, and a blow-up before the horizon."""
    inputs = materialise(Sphere(2, 3, 0))
    for name, said in (("sign_sqrt", "infinite"), ("square", "too large")):
        for cell in limit_conditioning(activation(name), inputs, NeuralODE(sigma_w=3.0)):
            assert (cell.basis, cell.value) == ("missing", None)
            assert said in cell.note
