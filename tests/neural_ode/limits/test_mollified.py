"""The dual of a mollification: that of phi at variances a + eps^2, against a Hermite series and a quadrature."""

import numpy as np
import pytest

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.activations.mollification import mollified
from theory_check.neural_ode.limits import dual_activation
from theory_check.neural_ode.limits.dual_activation import DualActivation, dual_of, dual_values
from theory_check.neural_ode.limits.hermite import HermiteDual
from theory_check.neural_ode.limits.layers import layer_kernels
from theory_check.neural_ode.limits.mollified import MollifiedDual
from theory_check.neural_ode.model import NeuralODE

KINKED = ["relu(x)", "abs(x)", "hardtanh(1.5*x + 0.75)", "relu(-2.0*x + 0.25) + 0.75*x"]
LEFT = np.array([1.0, 0.4, 2.0, 1.0, 1.0])
RIGHT = np.array([1.0, 1.5, 0.1, 1.0, 1.0])
RHO = np.array([0.5, -0.3, 0.9, 1.0, -1.0])


def by_series(phi: Activation, *, derivative: bool) -> HermiteDual:
    """The general way, which knows nothing of kinks."""
    function = phi.derivative if derivative else phi.function
    return HermiteDual(dual_activation._on_arrays(function), (), "series", precision=1e-15)


@pytest.mark.parametrize("expression", KINKED)
@pytest.mark.parametrize("derivative", [False, True])
def test_it_is_the_dual_of_phi_with_noise_added(expression: str, derivative: bool) -> None:  # noqa: FBT001
    """The identity, in both ways it can be computed: from the closed form of phi, and from the smooth function."""
    phi, width = activation(expression), 0.3
    smooth = mollified(phi, width)
    found = dual_values(smooth, LEFT, RIGHT, RHO, derivative=derivative)
    assert found.proved
    a, b = LEFT + width**2, RIGHT + width**2
    damped = RHO * np.sqrt(LEFT * RIGHT / (a * b))
    identity = dual_values(phi, a, b, damped, derivative=derivative)
    np.testing.assert_allclose(found.values, identity.values, rtol=1e-13, atol=1e-14)
    series = by_series(smooth, derivative=derivative)
    finer = series
    while finer is not None:
        series, finer = finer, finer.refined()
    left, right = series.marginals(LEFT[:, None]), series.marginals(RIGHT[:, None])
    values = series.values(left, right, RHO[:, None, None]).ravel()
    error = series.error(left, right, RHO[:, None, None]).ravel()
    assert (np.abs(found.values - values) <= error + found.error_bound + 1e-12).all()
    assert error.max() < 1e-3


@pytest.mark.parametrize("expression", KINKED)
def test_second_moments_are_those_of_the_smooth_function(expression: str) -> None:
    """Of one input at one time: no noise is shared, so that the moment is less than that of phi at a + eps^2."""
    smooth = mollified(activation(expression), 0.3)
    for derivative in (False, True):
        duals = dual_of(smooth)
        dual = duals.slope if derivative else duals.value
        assert isinstance(dual, MollifiedDual)
        moment = dual.marginals(LEFT[:, None]).second_moment.ravel()
        same = dual_values(smooth, LEFT, LEFT, np.ones_like(LEFT), derivative=derivative)
        np.testing.assert_allclose(moment, same.values, rtol=1e-12)
        z = np.linspace(-12, 12, 48_001)
        function = smooth.derivative if derivative else smooth.function
        values = dual_activation._on_arrays(function)(np.sqrt(LEFT)[:, None] * z)
        density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
        np.testing.assert_allclose(moment, (values**2) @ density, rtol=1e-9)


def test_at_variance_zero_it_is_the_value_at_zero() -> None:
    """No input, no noise but the mollifier's own."""
    smooth = mollified(activation("abs"), 0.3)
    zero = np.zeros(1)
    assert dual_values(smooth, zero, zero, zero).values[0] == pytest.approx(smooth.value_at(0.0) ** 2, rel=1e-12)


@pytest.mark.parametrize("expression", ["relu(x)", "hardtanh(1.5*x + 0.75)"])
def test_kernels_are_those_of_the_general_way(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the sum of both bounds, and with a bound that is much smaller."""
    smooth, inputs = mollified(activation(expression), 0.3), np.array([[1.0, 0.5], [-0.25, 1.25]])
    closed = layer_kernels(smooth, inputs, NeuralODE(), 4, 1e-8)
    monkeypatch.setattr(dual_activation, "unmollified", lambda _phi: None)
    assert isinstance(dual_of(smooth), DualActivation)
    assert isinstance(dual_of(smooth).value, HermiteDual)
    general = layer_kernels(smooth, inputs, NeuralODE(), 4, 1e-6)
    for name in ("nngp", "tangent"):
        apart = np.abs(getattr(closed, name) - getattr(general, name))
        assert (apart <= getattr(closed, f"{name}_error") + getattr(general, f"{name}_error")).all()
    assert closed.error_bound < 1e-8


def test_degrees_are_damped() -> None:
    """So the kernel of the smooth function is worse conditioned, the more the wider the noise."""
    angles = np.arange(6) * np.pi / 6 + 0.1
    inputs = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    conditions = []
    for phi in (activation("relu"), *(mollified(activation("relu"), width) for width in (0.03, 0.3, 1.0))):
        values = np.linalg.eigvalsh(layer_kernels(phi, inputs, NeuralODE(), 4, 1e-8).tangent)
        conditions.append(values[-1] / values[0])
    assert conditions == sorted(conditions)
    assert conditions[2] > 1.1 * conditions[0]
