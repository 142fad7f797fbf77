"""An input of zero, and inputs near it: kernels with small bounds, continuous, as wide networks have them.

Both kernels are continuous there for every Lipschitz phi, kinked ones included. Let |x| = r. Where phi(0) = 0 the state
of x is at most r times a constant, so that E[phi(z) phi(z')], C and with them every term of both kernels are O(r); at
x = 0 the rows are 0, whatever phi' is taken to be at a kink. Where phi(0) != 0 the state moves off like s, and the
slopes' correlations differ from those of x = 0 while s is of the order of r, and beyond by O(r / s): in an integral
over time that is O(r log(1/r)), and O(r) where phi' does not jump.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import i0

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
from theory_check.neural_ode.limits.layers import layer_kernels
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.neural_ode.networks.tangent_kernel import kernels_of

LIPSCHITZ = [entry.name for entry in CATALOGUE.values() if entry.is_lipschitz]
# Kinks at 0 and beside it where phi(0) is not 0, so that the state leaves 0; ELU's phi'' jumps.
MOVING = ["relu(x) + 1", "abs(x) + 0.5*x - 0.3", "relu(x + 0.5)", "elu(x) + 1"]
KINDS = ("state", "nngp", "tangent")


def tolerance_of(name: str) -> float:
    """What kinked phi reach in a second or so."""
    phi = activation(name)
    return 1e-8 if phi.differentiable else 1e-4 if phi.is_smooth else 1e-3


def rows(size: float) -> np.ndarray:
    """A small input beside two of norm 1."""
    return np.array([[0.6 * size, 0.8 * size], [1.0, 1.0], [-1.0, 1.0]])


@pytest.mark.parametrize("name", [*LIPSCHITZ, *MOVING])
def test_rows_near_zero_differ_from_zero_by_their_size(name: str) -> None:
    """The tolerance is met at all sizes, and no entry moves by more than the size (times its logarithm) and bounds."""
    tolerance = tolerance_of(name)
    zero = limit_kernels(name, rows(0.0), NeuralODE(), tolerance)
    assert zero.error_bound <= tolerance
    for size in (1e-4, 1e-6, 1e-8):
        near = limit_kernels(name, rows(size), NeuralODE(), tolerance)
        assert near.error_bound <= tolerance
        reach = size * (1.0 + math.log(1.0 / size) if name in MOVING else 1.0)
        for kind in KINDS:
            bound = getattr(zero, f"{kind}_error") + getattr(near, f"{kind}_error")
            assert (np.abs(getattr(zero, kind) - getattr(near, kind)) <= 5.0 * reach + bound).all()


@pytest.mark.parametrize("name", ["softplus", "cos", "sigmoid", "tanh", "gelu"])
def test_for_smooth_phi_the_difference_is_the_size_itself(name: str) -> None:
    """A hundredth of the size moves every entry by a hundredth, the small input's own by a ten-thousandth."""
    kernels = [limit_kernels(name, rows(size), NeuralODE(), 1e-10) for size in (0.0, 1e-3, 1e-5)]
    for kind in ("nngp", "tangent"):
        zero, large, small = (getattr(found, kind) for found in kernels)
        np.testing.assert_allclose((small - zero)[0, 1:], 1e-2 * (large - zero)[0, 1:], rtol=2e-2)
        assert (small - zero)[0, 0] == pytest.approx(1e-4 * (large - zero)[0, 0], rel=2e-2)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs"])
@pytest.mark.parametrize("size", [1e-4, 1e-8])
def test_a_homogeneous_phi_scales_with_the_input(name: str, size: float) -> None:
    """phi(a x) = a phi(x): a row times a number, and the corner times its square. No digit is lost on the way."""
    one, small = (limit_kernels(name, rows(r), NeuralODE(), 1e-3) for r in (1.0, size))
    scale = np.array([size, 1.0, 1.0])
    for kind in KINDS:
        expected, found = getattr(one, kind) * np.outer(scale, scale), getattr(small, kind)
        allowed = getattr(one, f"{kind}_error") * np.outer(scale, scale) + getattr(small, f"{kind}_error")
        assert (np.abs(expected - found) <= allowed).all()
        # The corner is small, and so is its bound.
        assert getattr(small, f"{kind}_error")[0, 0] <= 1e-2 * abs(found[0, 0])


@pytest.mark.parametrize("name", ["tanh", "relu", "abs", "hardtanh", "identity", "square", "cube"])
def test_under_an_odd_start_a_zero_row_is_exactly_zero(name: str) -> None:
    """phi(0) = 0: the state stays 0 and moves nothing, without an error; the other rows are what they are alone."""
    model = NeuralODE(sigma_w=0.1)
    found = limit_kernels(name, rows(0.0), model, 1e-3)
    alone = limit_kernels(name, rows(0.0)[1:], model, 1e-3)
    for kind in KINDS:
        assert (getattr(found, kind)[0] == 0.0).all()
        assert getattr(found, f"{kind}_error")[0, 0] == 0.0
        difference = np.abs(getattr(found, kind)[1:, 1:] - getattr(alone, kind))
        assert (difference <= getattr(found, f"{kind}_error")[1:, 1:] + getattr(alone, f"{kind}_error")).all()
    assert found.error_bound <= 1e-3


def test_an_affine_phi_has_a_closed_form() -> None:
    """With phi = x + 1: C + 1 = (q + 1) I_0(2 c sqrt(st)), also where q = 0 and the state leaves zero."""
    found = limit_kernels("x + 1", rows(0.0), NeuralODE(sigma_w=1.3), 1e-11)
    start = rows(0.0) @ rows(0.0).T / 2
    np.testing.assert_allclose(found.nngp, (start + 1.0) * i0(2.6), rtol=1e-13)
    assert found.rigorous


@pytest.mark.parametrize("name", ["softplus", "relu(x) + 1"])
def test_wide_networks_have_the_same_zero_row(name: str) -> None:
    """Mean of eight networks of width 2,048 within six standard errors; half the sigma_w is outside in that row."""
    model, phi = NeuralODE(sigma_w=1.5), activation(name)
    limit = limit_kernels(phi, rows(0.0), model, 1e-3)
    shallower = limit_kernels(phi, rows(0.0), NeuralODE(sigma_w=0.75), 1e-3)
    samples = []
    for seed in range(8):
        parameters = draw_parameters(width=2048, dimension=2, seed=seed)
        kernels = kernels_of(phi, model, parameters, torch.from_numpy(rows(0.0)), steps=16)
        samples.append(np.stack([kernels.nngp.numpy(), kernels.tangent.numpy()]))
    mean, spread = np.mean(samples, axis=0), np.std(samples, axis=0, ddof=1) / math.sqrt(8)
    for kind, (right, wrong) in enumerate(((limit.nngp, shallower.nngp), (limit.tangent, shallower.tangent))):
        allowed = 6 * spread[kind] + limit.error_bound
        assert (np.abs(mean[kind] - right) <= allowed).all()
        assert not (np.abs(mean[kind] - wrong) <= allowed)[0].all()


@pytest.mark.parametrize("name", ["softplus", "cos"])
def test_deep_networks_approach_the_zero_row_at_first_order(name: str) -> None:
    """Extrapolated twice, the kernels of 16, 32 and 64 layers are the limit: another solver, the same row."""
    limit = limit_kernels(name, rows(0.0), NeuralODE(), 1e-10)
    ladder = [layer_kernels(name, rows(0.0), NeuralODE(), layers) for layers in (16, 32, 64)]
    for kind in ("nngp", "tangent"):
        values, true = [getattr(rung, kind)[0] for rung in ladder], getattr(limit, kind)[0]
        errors = [np.abs(value - true).max() for value in values]
        assert math.log2(errors[1] / errors[2]) == pytest.approx(1.0, abs=0.06)
        assert np.abs((8 * values[2] - 6 * values[1] + values[0]) / 3 - true).max() < 2e-3 * errors[2]


@pytest.mark.parametrize("name", [*LIPSCHITZ, *MOVING])
def test_networks_of_layers_have_zero_rows_too(name: str) -> None:
    """The bound is small, and a tiny row gives nearly the same kernels."""
    zero, near = (layer_kernels(name, rows(size), NeuralODE(), 8, 1e-6) for size in (0.0, 1e-8))
    assert max(zero.error_bound, near.error_bound) <= 1e-5
    for kind in KINDS:
        bound = getattr(zero, f"{kind}_error") + getattr(near, f"{kind}_error")
        assert (np.abs(getattr(zero, kind) - getattr(near, kind)) <= 1e-6 + bound).all()


def test_a_function_of_unknown_expression_is_no_exception() -> None:
    """A user's own: no ball, no expression that says that phi(0) = 0 exactly."""
    phi = replace(CATALOGUE["tanh"], ball=None, bounds="measured", name="mine", expression="mine")
    found: LimitKernels = limit_kernels(phi, rows(0.0), NeuralODE(), 1e-8)
    assert found.error_bound <= 1e-8
    assert (found.tangent[0] == 0.0).all()


def test_a_small_input_alone_is_solved_to_its_own_scale() -> None:
    """No large input takes the sweeps along: a tolerance of 1e-3 is one of the variance, not of 1."""
    found = limit_kernels("relu", rows(1e-8)[:1], NeuralODE(), 1e-3)
    assert found.tangent_error[0, 0] <= 1e-2 * found.tangent[0, 0]
