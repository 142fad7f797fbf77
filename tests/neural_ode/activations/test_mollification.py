"""Mollified piecewise linear functions: values, bounds, what they are recognised by, what is refused."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from theory_check.neural_ode.activations.activation import ActivationError
from theory_check.neural_ode.activations.catalogue import CATALOGUE, FUNCTIONS, SMOOTH_RELU
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.activations.mollification import is_piecewise_linear, mollified, pieces_of, unmollified

Certifier = Callable[..., tuple[float, float] | None]
POINTS = torch.linspace(-4.0, 4.0, 161, dtype=torch.float64)
PIECEWISE = [
    "relu(x)",
    "leaky_relu(x)",
    "abs(x)",
    "hardtanh(x)",
    "hardtanh(1.5*x + 0.75)",
    "2.0*relu(-2.0*x + 0.25) - 0.5*abs(x + 1.0) + 0.75*x - 3.0",
]


def expectation(phi: Callable[[torch.Tensor], torch.Tensor], kinks: tuple[float, ...], width: float) -> torch.Tensor:
    """E phi(x + width Z) at POINTS by Gauss-Legendre panels that end at the kinks."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    found = []
    for x in POINTS.tolist():
        inside = [(kink - x) / width for kink in kinks if abs(kink - x) < 10 * width]
        edges = np.array(sorted({*np.linspace(-10.0, 10.0, 21), *inside}))
        middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
        z = (middle[:, None] + half[:, None] * nodes).ravel()
        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (half[:, None] * weights).ravel()
        found.append(float(phi(torch.from_numpy(x + width * z)) @ torch.from_numpy(density)))
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("expression", PIECEWISE)
@pytest.mark.parametrize("width", [0.03, 0.3, 1.0])
def test_values_are_expectations(expression: str, width: float) -> None:
    """Against a quadrature; smooth, proved, and the same from its own text."""
    phi = activation(expression)
    smooth = mollified(phi, width)
    assert torch.allclose(smooth(POINTS), expectation(phi, phi.kinks, width), rtol=1e-11, atol=1e-11)
    assert (smooth.classification, smooth.bounds, smooth.kinks) == ("smooth", "proved", ())
    assert smooth.differentiable
    assert torch.equal(activation(smooth.expression)(POINTS), smooth(POINTS))
    grid = POINTS + 1e-3
    steps = (smooth(grid + 1e-5) - smooth(grid - 1e-5)) / 2e-5
    assert torch.allclose(smooth.derivative(grid), steps, atol=1e-6)


def test_it_tends_to_phi() -> None:
    """Off by at most width sum |J| / sqrt(2 pi), and by that at a kink of its own."""
    phi = activation("abs(x)")
    for width in (1.0, 0.1, 0.01):
        apart = (mollified(phi, width)(POINTS) - phi(POINTS)).abs()
        assert float(apart.max()) == pytest.approx(2 * width / math.sqrt(2 * math.pi), rel=1e-12)


@pytest.mark.parametrize("expression", PIECEWISE)
def test_a_mollification_is_recognised(expression: str) -> None:
    """Its phi and its width come back; so do those of one written otherwise."""
    phi = activation(expression)
    found = unmollified(mollified(phi, 0.3))
    assert found is not None
    assert found[1] == pytest.approx(0.3, rel=1e-15)
    assert torch.allclose(found[0](POINTS), phi(POINTS), rtol=0, atol=1e-13)
    one = unmollified(activation("0.5*smooth_relu(2*x + 1) - smooth_relu(1 - 2*x) + x"))
    assert one is not None
    assert one[1] == 0.5


@pytest.mark.parametrize(
    "expression",
    ["tanh(x)", "smooth_relu(x) + smooth_relu(2*x)", "smooth_relu(x)**2", "smooth_relu(x*x)", "sin(smooth_relu(x))"],
)
def test_what_is_no_mollification_is_not_taken_for_one(expression: str) -> None:
    """Two widths, products and compositions are not sums of shifted kinks."""
    assert unmollified(activation(expression)) is None


@pytest.mark.parametrize("expression", ["tanh(x)", "x", "relu(x)**2", "elu(x)", "relu(x) - relu(-x)", "sin(relu(x))"])
def test_only_kinks_between_straight_pieces_can_be_smoothed(expression: str) -> None:
    """One line that names the function."""
    phi = activation(expression)
    assert not is_piecewise_linear(phi)
    with pytest.raises(ActivationError, match="must be piecewise linear with a kink"):
        mollified(phi, 0.1)


@pytest.mark.parametrize("width", [0.0, -1.0, math.inf, math.nan])
def test_a_width_that_is_none_is_refused(width: float) -> None:
    """With the value."""
    with pytest.raises(ValueError, match=f"width must be a positive finite number, got {width!r}"):
        mollified(activation("relu"), width)


def test_pieces_add_up_to_phi() -> None:
    """Offset, slope on the left, kinks and jumps."""
    phi = activation(PIECEWISE[-1])
    pieces = pieces_of(phi)
    total = pieces.offset + pieces.left_slope * POINTS
    for kink, jump in zip(pieces.kinks, pieces.jumps, strict=True):
        total = total + jump * torch.clamp(POINTS - kink, min=0.0)
    assert torch.allclose(total, phi(POINTS), rtol=0, atol=1e-13)


# --- smooth_relu, of which they are made -------------------------------------------------------------------------


def test_bounds_of_smooth_relu_are_certified(certifier: Certifier) -> None:
    """By balls over [-20, 20], and not one part in a thousand less."""
    edges = [k / 4 for k in range(-80, 81)]
    bounds = (SMOOTH_RELU.lipschitz, SMOOTH_RELU.derivative_lipschitz)
    assert certifier(SMOOTH_RELU.ball, *bounds, edges, taylor=True, slack=1e-9) is None
    for factors in ((0.999, 1.0), (1.0, 0.999)):
        smaller = tuple(bound * factor for bound, factor in zip(bounds, factors, strict=True))
        assert certifier(SMOOTH_RELU.ball, *smaller, edges, taylor=True, slack=0.0) is not None


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_smooth_relu_is_positive_and_finite_everywhere(dtype: torch.dtype) -> None:
    """Far to the left, where its terms cancel, and far to the right."""
    x = torch.cat([torch.linspace(-60, 60, 4001), torch.tensor([-1e4, 1e4])]).to(dtype)
    values = SMOOTH_RELU(x)
    assert torch.isfinite(values).all()
    assert float(values.min()) >= SMOOTH_RELU.lower == 0.0
    assert float((values - torch.relu(x)).min()) >= -1e-3 * torch.finfo(dtype).eps * 1e4
    (slope,) = torch.autograd.grad(SMOOTH_RELU.function(y := x.clone().requires_grad_()).sum(), y)
    assert torch.allclose(SMOOTH_RELU.derivative(x), slope, atol=64 * torch.finfo(dtype).eps)


def test_it_is_for_expressions_alone() -> None:
    """No list of activations and no search has it, so that cases stay what they were."""
    assert "smooth_relu" in FUNCTIONS
    assert "smooth_relu" not in CATALOGUE
