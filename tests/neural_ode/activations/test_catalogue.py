"""Every number the catalogue declares, against independent references."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from flint import arb, ctx
from torch import Tensor
from torch.nn import functional

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE, FUNCTIONS

Certifier = Callable[..., tuple[float, float] | None]
EPS = torch.finfo(torch.float64).eps
SMOOTH = ["softplus", "tanh", "erf", "sin", "cos", "arctan", "gelu", "silu", "sigmoid", "elu"]
LIPSCHITZ = [*SMOOTH, "relu", "leaky_relu", "abs", "hardtanh", "identity"]
NAMES = [*LIPSCHITZ, "square", "cube", "sign_sqrt"]
REFERENCES: dict[str, Callable[[Tensor], Tensor]] = {
    "softplus": lambda x: functional.softplus(x, threshold=1000.0),
    "tanh": torch.tanh,
    "erf": torch.special.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "arctan": torch.arctan,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "sigmoid": torch.special.expit,
    "elu": functional.elu,
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "abs": torch.abs,
    "hardtanh": functional.hardtanh,
    "identity": lambda x: x,
    "square": torch.square,
    "cube": lambda x: x**3,
    "sign_sqrt": lambda x: torch.where(x < 0, -torch.sqrt(-x.clamp(max=0)), torch.sqrt(x.clamp(min=0))),
}
GRID = torch.arange(-20000, 20001, dtype=torch.float64) / 1000.0


def test_the_catalogue_is_complete() -> None:
    """All names, each under its own, in smooth, kinked and control groups."""
    assert set(CATALOGUE) == set(NAMES)
    assert all(name == entry.name and entry.bounds == "proved" for name, entry in CATALOGUE.items())
    classes = {name: CATALOGUE[name].classification for name in NAMES}
    assert all(classes[name] == "smooth" for name in SMOOTH)
    assert all(classes[name] == "kinked" for name in ("relu", "leaky_relu", "abs", "hardtanh"))
    assert all(classes[name] == "not-lipschitz" for name in ("square", "cube", "sign_sqrt"))
    assert classes["identity"] == "affine"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_values_are_those_of_torch(name: str, dtype: torch.dtype) -> None:
    """Values agree with torch's own function, and keep shape and dtype."""
    x = GRID.to(dtype).reshape(41, -1) if GRID.numel() % 41 == 0 else GRID.to(dtype)[:-1].reshape(40, -1)
    values = CATALOGUE[name](x)
    assert values.dtype == dtype
    assert values.shape == x.shape
    assert torch.allclose(
        values, REFERENCES[name](x), rtol=16 * torch.finfo(dtype).eps, atol=16 * torch.finfo(dtype).eps
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_derivatives_are_those_of_autograd(name: str, dtype: torch.dtype) -> None:
    """Away from kinks and the infinite slope phi' is autograd's derivative of torch's own function."""
    x = (GRID + 0.0003).to(dtype).requires_grad_()
    (expected,) = torch.autograd.grad(REFERENCES[name](x).sum(), x)
    tolerance = 64 * torch.finfo(dtype).eps
    seen = CATALOGUE[name].derivative(x.detach())
    assert seen.dtype == dtype
    assert torch.allclose(seen, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_large_arguments_neither_overflow_nor_turn_into_nan(name: str, dtype: torch.dtype) -> None:
    """Values and slopes at 1,000 and 10,000 are finite and within the bounds."""
    entry = CATALOGUE[name]
    x = torch.tensor([-1e4, -1e3, -100.0, 100.0, 1e3, 1e4], dtype=dtype)
    assert torch.isfinite(entry(x)).all()
    assert torch.isfinite(entry.derivative(x)).all()
    assert float(entry.derivative(x).abs().max()) <= entry.lipschitz * (1 + torch.finfo(dtype).eps)


@pytest.mark.parametrize("name", [*SMOOTH, "identity"])
def test_bounds_are_certified(name: str, certifier: Certifier) -> None:
    """Balls over [-20, 20], and geometrically growing ones to 1,310, prove L1 and L2 to one part in 1e9.

    Beyond, |phi''| of every entry decreases or is constant, so phi' is monotone and between its value there and its
    limit, 0 or 1. sin and cos, which have no such tail, are periodic.
    """
    entry = CATALOGUE[name]
    assert entry.ball is not None
    edges = [k / 4 for k in range(-80, 81)]
    slack = 1e-8 if name == "elu" else 1e-9  # the radius of a union of two branches has 30 bits
    bounds = (entry.lipschitz, entry.derivative_lipschitz)
    assert certifier(entry.ball, *bounds, edges, taylor=name != "elu", slack=slack) is None
    if name in ("sin", "cos"):
        return
    tail = [20.0 * 1.0625**k for k in range(70)]
    tail = [math.ldexp(round(math.ldexp(t, 20)), -20) for t in tail]
    assert certifier(entry.ball, *bounds, tail, taylor=False, slack=slack) is None
    assert certifier(entry.ball, *bounds, [-t for t in reversed(tail)], taylor=False, slack=slack) is None


@pytest.mark.parametrize("name", SMOOTH)
def test_the_certificate_can_fail(name: str, certifier: Certifier) -> None:
    """A bound that is one part in a thousand too small is not certified."""
    entry = CATALOGUE[name]
    edges = [k / 4 for k in range(-80, 81)]
    for factors in ((0.999, 1.0), (1.0, 0.999)):
        bounds = (entry.lipschitz * factors[0], entry.derivative_lipschitz * factors[1])
        assert certifier(entry.ball, *bounds, edges, taylor=name != "elu", slack=0.0) is not None


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("square", "cube", "sign_sqrt")])
def test_bounds_are_kept_and_reached_on_grids(name: str) -> None:
    """A grid over [-20, 20] never exceeds L1, L2 or the range, and reaches 0.999 of L1 and L2."""
    entry = CATALOGUE[name]
    left, right = entry.one_sided_derivative(GRID, -1), entry.one_sided_derivative(GRID, 1)
    greatest = float(torch.maximum(left.abs(), right.abs()).max())
    assert 0.999 * entry.lipschitz <= greatest <= entry.lipschitz * (1 + 4 * EPS)
    quotients = (left[1:] - right[:-1]).abs() / 1e-3
    rounding = 16 * EPS / 1e-3
    assert 0.999 * entry.curvature <= float(quotients.max()) <= entry.curvature * (1 + 1e-9) + rounding
    values = entry(GRID)
    assert entry.lower <= float(values.min())
    assert float(values.max()) <= entry.upper


@pytest.mark.parametrize(
    ("name", "lower", "upper"),
    [
        ("softplus", 0.0, math.inf),
        ("gelu", -0.169971207479903661693868470982, math.inf),
        ("silu", -0.278464542761073795109358739023, math.inf),
        ("arctan", -math.pi / 2, math.pi / 2),
        ("elu", -1.0, math.inf),
        ("tanh", -1.0, 1.0),
        ("relu", 0.0, math.inf),
        ("square", 0.0, math.inf),
    ],
)
def test_ranges_are_tight_from_outside(name: str, lower: float, upper: float) -> None:
    """Ends of the range are the known numbers, rounded outwards by a few units in the last place at most."""
    entry = CATALOGUE[name]
    assert entry.lower <= lower
    assert entry.upper >= upper
    assert entry.lower == pytest.approx(lower, rel=8 * EPS)
    assert entry.upper == pytest.approx(upper, rel=8 * EPS)


def test_the_minimum_of_gelu_is_enclosed() -> None:
    """Balls over [-20, 0] prove that x Phi(x) is nowhere below the declared lower end."""
    entry = CATALOGUE["gelu"]
    pending = [(-20.0, 0.0)]
    with ctx.workprec(128):
        while pending:
            left, right = pending.pop()
            middle, radius = arb((left + right) / 2), arb((right - left) / 2)
            jet = entry.ball(_jet(middle)), entry.ball(_jet(arb((left + right) / 2, (right - left) / 2)))
            second_order = jet[0][0] - abs(jet[0][1]) * radius - abs(jet[1][2]) * radius**2
            if second_order >= entry.lower or jet[1][0] >= entry.lower:
                continue
            assert right - left > 1e-9
            pending += [(left, (left + right) / 2), ((left + right) / 2, right)]


def _jet(constant: arb) -> object:
    from flint import arb_series

    return arb_series([constant, 1], 3)


@pytest.mark.parametrize("name", [*LIPSCHITZ, "square", "cube"])
@pytest.mark.parametrize("side", [-1, 1])
def test_one_sided_derivatives_are_one_sided_limits(name: str, side: int) -> None:
    """Quotients from one side, at kinks and elsewhere, within half the curvature times the step, plus rounding."""
    entry, h = CATALOGUE[name], 2.0**-20
    for x in (*entry.kinks, -1.0, 0.0, 1.0, 0.3, -2.7):
        quotient = (entry.value_at(x + side * h) - entry.value_at(x)) / (side * h)
        curvature = min(entry.curvature, 30.0)  # 30: the cube's on [-5, 5]
        assert abs(quotient - entry.slope_at(x, side)) <= 0.5 * curvature * h + 64 * EPS / h


def test_slopes_at_kinks() -> None:
    """Clarke intervals at the kinks are the known ones, and `clarke` walks through them."""
    known = {"relu": {0.0: (0, 1)}, "leaky_relu": {0.0: (0.01, 1)}, "abs": {0.0: (-1, 1)}}
    known["hardtanh"] = {-1.0: (0, 1), 1.0: (1, 0)}
    for name, kinks in known.items():
        entry = CATALOGUE[name]
        assert entry.kinks == tuple(kinks)
        for at, (left, right) in kinks.items():
            assert (entry.slope_at(at, -1), entry.slope_at(at, 1)) == (left, right)
            assert entry.corners[list(kinks).index(at)].jump == Fraction(right) - Fraction(left)
            x = torch.tensor([at], dtype=torch.float64)
            for clarke in (0.0, 0.25, 0.5, 1.0):
                assert float(entry.derivative(x, clarke)) == pytest.approx((1 - clarke) * left + clarke * right)


def test_clarke_outside_its_interval_is_refused() -> None:
    """A weight that is no point of the Clarke interval is a usage error."""
    with pytest.raises(ValueError, match=r"clarke must lie in \[0, 1\], got 1.5"):
        CATALOGUE["relu"].derivative(torch.zeros(1), 1.5)


def test_sign_sqrt_has_an_infinite_slope_without_a_jump() -> None:
    """From both sides the slope at 0 is infinite, whatever point of the interval is asked for."""
    entry = CATALOGUE["sign_sqrt"]
    for clarke in (0.0, 0.5, 1.0):
        assert float(entry.derivative(torch.zeros(1, dtype=torch.float64), clarke)) == math.inf
    assert entry.kinks == ()


@pytest.mark.parametrize("name", [name for name in [*NAMES, "exp"] if FUNCTIONS[name].analytic])
def test_analytic_entries_take_a_complex_step(name: str) -> None:
    """Im phi(x + ih) / h with h = 1e-30 is phi' to rounding."""
    entry: Activation = FUNCTIONS[name]
    x = GRID[::50]
    step = entry(torch.complex(x, torch.full_like(x, 1e-30))).imag / 1e-30
    assert torch.allclose(step, entry.derivative(x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs", "hardtanh", "elu", "sign_sqrt"])
def test_entries_with_corners_are_not_called_analytic(name: str) -> None:
    """ELU's second derivative jumps, the others' first does or is infinite."""
    assert not CATALOGUE[name].analytic


@pytest.mark.parametrize("name", [*NAMES, "exp"])
@pytest.mark.parametrize("radius", [1.0, 30.0, 1e4])
@pytest.mark.parametrize("centre", [-7.0, 0.0, 7.0])
def test_wide_balls_are_answered(name: str, radius: float, centre: float) -> None:
    """However wide a ball or jet, there is an answer that encloses the values inside, or says nothing (not finite)."""
    entry = FUNCTIONS[name]
    assert entry.ball is not None
    for answer in (entry.ball(arb(centre, radius)), entry.ball(_jet(arb(centre, radius)))[0]):
        for x in (centre - radius, centre, centre + 0.5 * radius, centre + radius):
            value = entry.value_at(x)
            assert (
                not answer.is_finite()
                or not math.isfinite(value)
                or answer.overlaps(arb(value, 1e-13 * (1 + abs(value))))
            )


@pytest.mark.parametrize("name", [*NAMES, "exp"])
def test_balls_enclose_values_and_slopes(name: str) -> None:
    """The jet at a point encloses value and slope; across a kink the slope is not finite."""
    entry = FUNCTIONS[name]
    assert entry.ball is not None
    for x in (-9.5, -0.6, 0.4, 3.0, 12.0):
        jet = entry.ball(_jet(arb(x)))
        assert float(abs(jet[0] - entry.value_at(x)).upper()) <= 16 * EPS * (1 + abs(entry.value_at(x)))
        assert float(abs(jet[1] - entry.slope_at(x)).upper()) <= 64 * EPS * (1 + abs(entry.slope_at(x)))
        assert float(abs(entry.ball(arb(x)) - entry.value_at(x)).upper()) <= 16 * EPS * (1 + abs(entry.value_at(x)))
    for kink in (*entry.kinks, *((0.0,) if name == "sign_sqrt" else ())):
        jet = entry.ball(_jet(arb(kink, 0.125)))
        assert not jet[1].is_finite()
        assert jet[0].contains(arb(entry.value_at(kink + 0.125)))


def test_differentiable_entries_are_those_without_a_jump_of_any_derivative() -> None:
    """Analytic ones, and erf and gelu, which torch does not take complex numbers for; elu'' jumps."""
    rough = {"elu", "relu", "leaky_relu", "abs", "hardtanh", "sign_sqrt"}
    assert {name for name, entry in FUNCTIONS.items() if not entry.differentiable} == rough
