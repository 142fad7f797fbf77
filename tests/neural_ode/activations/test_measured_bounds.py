"""Measured bounds against known ones."""

import math

import pytest
import torch
from torch import Tensor

from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.activations.measured_bounds import measure

# sup of |(x tanh x)'| is that of silu's derivative in other units: phi'(x) = tanh x + x sech^2 x, u* tanh u* = 1.
U_STAR = 1.1996786402577337


@pytest.mark.parametrize(
    ("text", "lipschitz", "curvature", "lower", "upper"),
    [
        ("x*tanh(x)", U_STAR, 2.0, 0.0, math.inf),
        ("x/(1+abs(x))", 1.0, 2.0, -1.0, 1.0),
        ("1/(1+x**2)", 3 * math.sqrt(3) / 8, 2.0, 0.0, 1.0),
        ("exp(-x**2)", math.sqrt(2 / math.e), 2.0, 0.0, 1.0),
        ("exp(x)/(1+exp(x))", 0.25, 1 / (6 * math.sqrt(3)), 0.0, 1.0),
        ("x*sigmoid(x)", (1 + U_STAR) / 2, 0.5, -0.2784645427610738, math.inf),
        ("x*sin(x)", math.inf, math.inf, -math.inf, math.inf),
        ("x*x*tanh(x)", math.inf, None, -math.inf, math.inf),
        ("x*exp(x)", math.inf, math.inf, -math.exp(-1), math.inf),
        ("sign_sqrt(tanh(x))", math.inf, math.inf, -1.0, 1.0),
        ("x*sign_sqrt(x)", math.inf, math.inf, 0.0, math.inf),
        ("tanh(x*sign_sqrt(x))", None, math.inf, None, 1.0),
        ("exp(-100*(x-0.3)**2)", math.sqrt(200 / math.e), 200.0, 0.0, 1.0),
        ("1000*x/(1000+abs(x))", 1.0, 2e-3, -1000.0, 1000.0),
        ("sin(x**2)", math.inf, math.inf, -1.0, 1.0),
    ],
)
def test_measured_bounds_are_the_known_ones(
    text: str, lipschitz: float | None, curvature: float | None, lower: float | None, upper: float | None
) -> None:
    """Suprema that no rule gives are found to one part in a thousand, or to be infinite; and marked as measured."""
    found = activation(text)
    assert found.bounds == "measured"
    seen = (found.lipschitz, found.derivative_lipschitz, found.lower, found.upper)
    for value, known in zip(seen, (lipschitz, curvature, lower, upper), strict=True):
        assert known is None or value == pytest.approx(known, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_measurements_agree_with_proofs(name: str) -> None:
    """What is measured of a catalogue entry, told nothing but its values, is what is proved of it."""
    entry = CATALOGUE[name]
    seen = measure(entry.function, lambda x: entry.one_sided_derivative(x, 1))
    assert seen.lipschitz == pytest.approx(entry.lipschitz, rel=1e-4)
    assert seen.curvature == pytest.approx(entry.derivative_lipschitz, rel=1e-4, abs=1e-6)
    assert seen.kinks == entry.kinks
    assert (seen.lower, seen.upper) == pytest.approx((entry.lower, entry.upper), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("kink", [0.0, 0.3, 1 / 3, -math.pi, 17.25, 300.0])
@pytest.mark.parametrize("jump", [1.0, -0.2])
def test_kinks_are_located(kink: float, jump: float) -> None:
    """A jump of the slope is found to the last bits, near and far."""

    def slope(x: Tensor) -> Tensor:
        return jump * (x > kink).to(x.dtype) + torch.cos(x)

    seen = measure(lambda x: jump * torch.relu(x - kink) + torch.sin(x), slope)
    assert seen.kinks == pytest.approx((kink,), rel=4 * torch.finfo(torch.float64).eps, abs=1e-300)
    assert seen.curvature == math.inf


@pytest.mark.parametrize("size", [1e-9, 1e-4])
def test_a_jump_below_one_part_in_1e8_is_rounding(size: float) -> None:
    """A step of the value of 1e-9 is taken for an approximation by the implementation, one of 1e-4 is none."""
    step = measure(lambda x: torch.sin(x) + size * (x > 1.0), torch.cos)
    assert (step.lipschitz == math.inf) == (size > 1e-8)


def test_an_infinite_second_derivative_is_no_kink() -> None:
    """A slope sign(x) sqrt|x| / (1 + |x|) is continuous, at most 1/2, not Lipschitz: L2 is infinite, without a kink."""
    seen = measure(
        lambda x: 2 * (x.abs().sqrt() - torch.atan(x.abs().sqrt())), lambda x: x.sign() * x.abs().sqrt() / (1 + x.abs())
    )
    assert (seen.lipschitz, seen.curvature, seen.kinks) == (pytest.approx(0.5), math.inf, ())


def test_overflow_counts_as_growth() -> None:
    """The slope of exp overflows within the windows; its bounds are infinite, not the largest double."""
    seen = measure(torch.exp, torch.exp)
    assert (seen.lipschitz, seen.curvature, seen.upper) == (math.inf, math.inf, math.inf)


def test_steep_is_not_kinked() -> None:
    """A slope that turns within 1e-5 is smooth, with its large curvature."""
    scale = 1e5
    seen = measure(lambda x: torch.tanh(scale * x) / scale, lambda x: 1 - torch.tanh(scale * x) ** 2)
    assert seen.kinks == ()
    assert math.isfinite(seen.curvature)


def test_slow_growth_is_seen() -> None:
    """|x|^1.2 has no Lipschitz constant although its slope grows like |x|^0.2; |x| has one."""
    for exponent, infinite in ((1.2, True), (1.0, False)):
        seen = measure(
            lambda x, p=exponent: (1 + x * x) ** (p / 2), lambda x, p=exponent: p * x * (1 + x * x) ** (p / 2 - 1)
        )
        assert (seen.lipschitz == math.inf) == infinite
