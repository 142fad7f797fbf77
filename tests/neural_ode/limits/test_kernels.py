"""The limiting kernels: closed forms, stated bounds, wide networks, invariances, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import i0

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Digits, Sphere, materialise
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.neural_ode.networks.tangent_kernel import kernels_of
from theory_check.neural_ode.strategies import smooth_activations

FINITE = [name for name in CATALOGUE if name not in ("square", "cube", "sign_sqrt")]


def bessel_tangent(growth: float) -> float:
    """The integral of I_0(2 c sqrt(st)) I_0(2 c sqrt((1-s)(1-t))) over the unit square, by s = p^2, t = q^2.

    In p and q the first factor is analytic; the second has square roots of 1 - p^2, taken by sines: p = sin(angle).
    """
    x, w = np.polynomial.legendre.leggauss(60)
    angle, weight = 0.25 * np.pi * (x + 1), 0.25 * np.pi * w
    # s = sin^2, ds = 2 sin cos d(angle): both roots become products of sines and of cosines.
    sine, cosine = np.sin(angle), np.cos(angle)
    weight = weight * 2 * sine * cosine
    values = i0(2 * growth * np.outer(sine, sine)) * i0(2 * growth * np.outer(cosine, cosine))
    return float(weight @ values @ weight)


@given(
    st.tuples(st.floats(0.2, 3.0), st.floats(0.2, 3.0)), st.floats(0.05, 4.0), st.floats(0.1, 8.0), st.integers(0, 99)
)
@settings(max_examples=15, deadline=None)
def test_the_identity_has_closed_forms(scales: tuple[float, float], growth: float, horizon: float, seed: int) -> None:
    """Sigma = sigma_v^2 q I_0(2c) and Theta = Sigma + sigma_v^2 q (c^2 integral + I_0(2c)), to 1e-12 of their size."""
    sigma_u, sigma_v = scales
    inputs = np.random.default_rng(seed).normal(size=(3, 4))
    model = NeuralODE(sigma_u=sigma_u, sigma_v=sigma_v, sigma_w=growth / horizon, horizon=horizon)
    found = limit_kernels("identity", inputs, model, 1e-13)
    c = model.sigma_w * model.horizon
    size = sigma_u**2 * sigma_v**2 * inputs @ inputs.T / 4
    largest = np.abs(size).max() * i0(2 * c)
    np.testing.assert_allclose(found.nngp, size * i0(2 * c), rtol=0, atol=1e-12 * largest)
    covariance = found.state - size / sigma_v**2 * i0(2 * c)
    assert np.abs(covariance).max() <= 1e-12 * largest / sigma_v**2
    assert (np.abs(covariance) <= found.state_error).all()
    expected = size * (2 * i0(2 * c) + c * c * bessel_tangent(c))
    np.testing.assert_allclose(found.tangent, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert (np.abs(found.nngp - size * i0(2 * c)) <= found.nngp_error).all()
    assert (np.abs(found.tangent - expected) <= found.tangent_error).all()
    assert found.rigorous


@pytest.mark.parametrize("name", FINITE)
def test_bounds_hold_and_are_small(name: str, points: np.ndarray) -> None:
    """Kernels at two tolerances differ by no more than their bounds add up to; one input repeated, one opposite."""
    smooth = CATALOGUE[name].is_smooth
    inputs = np.vstack([points[:3], points[:1], -points[1:2]])
    if smooth:
        inputs = np.vstack([inputs, 0.6 * points[3:]])
    # Kinks take the finest solve there is at any small tolerance, and two tolerances would be one computation.
    tolerances = (1e-11, 1e-6) if smooth else (1e-5, 1e-3)
    fine, coarse = (limit_kernels(name, inputs, NeuralODE(), tolerance) for tolerance in tolerances)
    assert (np.abs(fine.nngp - coarse.nngp) <= fine.nngp_error + coarse.nngp_error).all()
    assert (np.abs(fine.tangent - coarse.tangent) <= fine.tangent_error + coarse.tangent_error).all()
    assert not np.array_equal(fine.tangent, coarse.tangent)
    assert coarse.error_bound <= (1e-6 if smooth else 1e-3)
    assert fine.error_bound <= coarse.error_bound
    assert fine.rigorous == (name == "identity")
    assert (fine.tangent == fine.tangent.T).all()
    assert (fine.tangent_error == fine.tangent_error.T).all()


@pytest.mark.parametrize("name", ["elu", "leaky_relu"])
def test_the_nngp_kernel_alone_is_the_same_kernel(name: str, points: np.ndarray) -> None:
    """Without the tangent kernel's tolerance its bound is larger, and both kernels lie within their bounds."""
    model = NeuralODE(sigma_w=1.5)
    both = limit_kernels(name, points, model, 1e-7)
    alone = limit_kernels(name, points, model, 1e-7, tangent=False)
    assert alone.nngp_error.max() <= 1e-7
    assert alone.tangent_error.max() > both.tangent_error.max()
    for kind in ("nngp", "tangent", "state"):
        bound = getattr(both, f"{kind}_error") + getattr(alone, f"{kind}_error")
        assert (np.abs(getattr(both, kind) - getattr(alone, kind)) <= bound).all()


@pytest.mark.parametrize("name", ["softplus", "tanh"])
def test_wide_networks_agree_within_sampling_error(name: str, points: np.ndarray) -> None:
    """Mean of eight networks of width 2,048 within six standard errors; half the sigma_w is outside."""
    model = NeuralODE(sigma_u=1.2, sigma_w=1.5, sigma_v=0.8, horizon=1.0)
    inputs = points * np.array([[1.0], [1.0], [1.4], [0.7]])
    limit = limit_kernels(name, inputs, model, 1e-7)
    phi = activation(name)
    samples = []
    for seed in range(8):
        parameters = draw_parameters(width=2048, dimension=4, seed=seed)
        kernels = kernels_of(phi, model, parameters, torch.from_numpy(inputs), steps=8)
        samples.append(np.stack([kernels.nngp.numpy(), kernels.tangent.numpy()]))
    mean, spread = np.mean(samples, axis=0), np.std(samples, axis=0, ddof=1) / math.sqrt(8)
    true = np.stack([limit.nngp, limit.tangent])
    assert (np.abs(mean - true) <= 6 * spread + limit.error_bound).all()
    shallower = limit_kernels(name, inputs, NeuralODE(sigma_u=1.2, sigma_w=0.75, sigma_v=0.8), 1e-7)
    for kind, wrong in enumerate((shallower.nngp, shallower.tangent)):
        assert not (np.abs(mean[kind] - wrong) <= 6 * spread[kind]).all()


def test_only_the_product_of_scale_and_horizon_counts(points: np.ndarray) -> None:
    """sigma_w T = 3/2 in three ways gives the same kernels to the last bit."""
    found = [
        limit_kernels("gelu", points, NeuralODE(sigma_w=w, horizon=t)) for w, t in ((1.5, 1.0), (0.5, 3.0), (6.0, 0.25))
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].nngp, other.nngp)
        np.testing.assert_array_equal(found[0].tangent, other.tangent)


def test_output_scale_multiplies_and_no_depth_is_closed(points: np.ndarray) -> None:
    """sigma_v^2 is a factor; with sigma_w = 0 both kernels are those of one hidden layer (arc-cosine)."""
    one, three = (limit_kernels("relu", points, NeuralODE(sigma_v=v, sigma_w=0.0)) for v in (1.0, 3.0))
    np.testing.assert_allclose(three.tangent, 9 * one.tangent, rtol=1e-14)
    q = points @ points.T / 4
    angle = np.arccos(np.clip(q, -1, 1))
    nngp = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
    np.testing.assert_allclose(one.nngp, nngp, atol=1e-8)
    np.testing.assert_allclose(one.tangent, nngp + q * (np.pi - angle) / (2 * np.pi), atol=1e-7)


def test_repeated_and_opposite_inputs(points: np.ndarray) -> None:
    """A repeated input repeats its row to the bit; for an odd phi, -x gives minus the row of x."""
    inputs = np.vstack([points, points[:1], -points[:1]])
    even, odd = limit_kernels("softplus", inputs, NeuralODE()), limit_kernels("tanh", inputs, NeuralODE())
    np.testing.assert_array_equal(even.tangent[0], even.tangent[4])
    np.testing.assert_allclose(odd.tangent[0], -odd.tangent[5], atol=2 * odd.error_bound)
    np.testing.assert_allclose(odd.nngp[0], -odd.nngp[5], atol=2 * odd.error_bound)


@pytest.mark.parametrize("name", ["softplus", "tanh", "relu", "cos"])
def test_a_zero_input_is_an_input(name: str, points: np.ndarray) -> None:
    """h_0 = 0: nothing is divided by zero, and a tiny input gives nearly the same kernels."""
    zero = limit_kernels(name, np.vstack([np.zeros(4), points[:2]]), NeuralODE(), 1e-8)
    tiny = limit_kernels(name, np.vstack([np.full(4, 1e-5), points[:2]]), NeuralODE(), 1e-8)
    assert np.isfinite(zero.error_bound)
    np.testing.assert_allclose(zero.nngp, tiny.nngp, atol=1e-4)
    np.testing.assert_allclose(zero.tangent, tiny.tangent, atol=1e-4)


@given(phi=smooth_activations(), growth=st.sampled_from([0.25, 0.5, 1.0]), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_random_smooth_activations_have_limits(phi: Activation, growth: float, seed: int) -> None:
    """Any tree: bounds hold between two tolerances, and both kernels are positive semidefinite within them."""
    steepness = max(1.0, phi.lipschitz)
    model = NeuralODE(sigma_w=growth / steepness)
    inputs = materialise(Sphere(3, 3, seed))
    coarse, fine = (limit_kernels(phi, inputs, model, tolerance) for tolerance in (1e-4, 1e-8))
    assert (np.abs(fine.nngp - coarse.nngp) <= fine.nngp_error + coarse.nngp_error).all()
    assert (np.abs(fine.tangent - coarse.tangent) <= fine.tangent_error + coarse.tangent_error).all()
    assert fine.error_bound <= 1e-3 * max(1.0, np.abs(fine.tangent).max())
    for kernel, error in ((fine.nngp, fine.nngp_error), (fine.tangent, fine.tangent_error)):
        assert np.linalg.eigvalsh(kernel)[0] >= -np.linalg.norm(error) - 1e-13 * np.abs(kernel).max()


def test_real_digits_give_a_positive_definite_kernel() -> None:
    """Sixteen digits, softplus: the smallest eigenvalue exceeds what the bounds could move it by."""
    found = limit_kernels("softplus", materialise(Digits(tuple(range(16)))), NeuralODE())
    assert found.error_bound <= 1e-10
    assert np.linalg.eigvalsh(found.tangent)[0] > 1e3 * 16 * found.error_bound


def test_measured_bounds_are_never_called_proved(points: np.ndarray) -> None:
    """A polynomial whose constants are measured rests on a measurement."""
    phi = replace(CATALOGUE["identity"], bounds="measured")
    assert limit_kernels(phi, points, NeuralODE()).estimated == ("activation",)
    assert limit_kernels("relu", points[:1], NeuralODE(), 1e-3).estimated == ("collocation",)


def test_an_unreachable_tolerance_returns_a_larger_bound(points: np.ndarray) -> None:
    """A steep function is not cut short: the bound says what was reached."""
    found = limit_kernels("tanh(8*x)", points[:2], NeuralODE(sigma_w=0.5), 1e-12)
    assert 1e-12 < found.error_bound < 1.0


def test_kernels_that_do_not_exist_are_errors(points: np.ndarray) -> None:
    """Blow-up and an infinite tangent kernel, in one line each."""
    with pytest.raises(InfiniteKernel, match="sigma_w T is too large") as blow_up:
        limit_kernels("square", points, NeuralODE(sigma_w=2.0))
    with pytest.raises(InfiniteKernel, match=r"tangent kernel of sign_sqrt\(x\) is infinite") as infinite:
        limit_kernels("sign_sqrt", points, NeuralODE())
    assert "\n" not in str(blow_up.value) + str(infinite.value)
    assert isinstance(blow_up.value, ArithmeticError)


@pytest.mark.parametrize("name", ["softplus", "relu", "3*sin(40*x)"])
def test_a_lipschitz_phi_is_never_said_to_blow_up(name: str, points: np.ndarray) -> None:
    """Its covariance exists at every horizon; what fails is the computation, and the message says so."""
    with pytest.raises(InfiniteKernel, match=r"not resolved at sigma_w T = 5000: .* as phi is Lipschitz") as failed:
        limit_kernels(name, points[:1], NeuralODE(sigma_w=5e3), 1e-4)
    assert "blow" not in str(failed.value)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros(3), "must have shape"),
        (np.zeros((0, 3)), r"got \(0, 3\)"),
        (np.array([[1.0, np.nan]]), "in row 0"),
        (np.array([[1.0 + 1j]]), "real numbers, got complex128"),
    ],
)
def test_inputs_that_are_no_matrix_are_refused(inputs: np.ndarray, message: str) -> None:
    """The message shows what is wrong."""
    with pytest.raises(ValueError, match=message):
        limit_kernels("tanh", inputs, NeuralODE())


@pytest.mark.parametrize("tolerance", [0.0, -1.0, math.nan, math.inf])
def test_a_tolerance_must_be_positive(tolerance: float, points: np.ndarray) -> None:
    """Zero, negative and non-finite tolerances are refused."""
    with pytest.raises(ValueError, match="tolerance must be a positive finite number"):
        limit_kernels("tanh", points, NeuralODE(), tolerance)
