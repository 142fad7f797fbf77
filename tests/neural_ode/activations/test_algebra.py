"""Bounds, slopes and kinks of combined activations."""

import math
import re
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.neural_ode.activations import expression_tree as trees
from theory_check.neural_ode.activations.activation import Activation, ActivationError
from theory_check.neural_ode.activations.algebra import NAMES, from_text
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.expression_tree import Tree
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.activations.parsing import parse

SMOOTH = ("softplus", "tanh", "erf", "sin", "cos", "arctan", "gelu", "silu", "sigmoid", "elu")
BOUNDED = ("tanh", "erf", "sin", "cos", "arctan", "sigmoid")
KINKED = ("relu", "leaky_relu", "abs", "hardtanh")

_factors = st.sampled_from([-3.0, -2.0, -1.0, -0.5, -0.1, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0])
_offsets = st.sampled_from([-2.0, -1.0, -0.3, 0.0, 0.0, 0.7, 1.0])


def _tree(f: Activation) -> Tree:
    return parse(f.expression, NAMES)


def _read(tree: Tree) -> Activation:
    """As its text gives it."""
    return from_text(trees.canonical(tree))


def scale_and_shift(f: Activation, a: float = 1.0, b: float = 1.0, c: float = 0.0, e: float = 0.0) -> Activation:
    """The activation a f(b x + c) + e."""
    inner = trees.shift(trees.scale(b, trees.Variable()), c)
    return _read(trees.shift(trees.scale(a, trees.substitute(_tree(f), inner)), e))


def add(f: Activation, g: Activation) -> Activation:
    """The sum f + g."""
    return _read(trees.add(_tree(f), _tree(g)))


def multiply(f: Activation, g: Activation) -> Activation:
    """The product f g."""
    return _read(trees.multiply(_tree(f), _tree(g)))


def compose(f: Activation, g: Activation) -> Activation:
    """The composition f(g(x))."""
    return _read(trees.substitute(_tree(f), _tree(g)))


def _leaves(names: tuple[str, ...]) -> st.SearchStrategy[Activation]:
    return st.builds(
        scale_and_shift, st.sampled_from([CATALOGUE[name] for name in names]), _factors, _factors, _offsets, _offsets
    )


def smooth_trees() -> st.SearchStrategy[Activation]:
    """Sums, compositions and products of bounded parts; proved smooth by the rules."""
    bounded = st.recursive(
        _leaves(BOUNDED),
        lambda part: st.builds(multiply, part, part) | st.builds(compose, _leaves(BOUNDED), part),
        max_leaves=3,
    )
    return st.recursive(
        _leaves(SMOOTH) | bounded,
        lambda part: st.builds(add, part, part) | st.builds(compose, _leaves(SMOOTH), part),
        max_leaves=4,
    )


def kinked_trees() -> st.SearchStrategy[Activation]:
    """Kinked functions of affine ones, under smooth functions, in sums."""
    kinked = _leaves(KINKED)
    return st.recursive(
        kinked | st.builds(compose, _leaves(SMOOTH), kinked),
        lambda part: st.builds(add, part, part | _leaves(SMOOTH)),
        max_leaves=4,
    )


Certifier = Callable[..., tuple[float, float] | None]
EPS = torch.finfo(torch.float64).eps
STEP = 2.5e-3
GRID = (torch.arange(-6400, 6401, dtype=torch.float64) + math.sqrt(2.0) - 1.0) * STEP


@settings(max_examples=60, deadline=None)
@given(tree=smooth_trees() | kinked_trees())
def test_grids_never_exceed_the_bounds(tree: Activation) -> None:
    """Slopes, difference quotients of slopes, and values on a dense grid stay within L1, L2 and the range."""
    left, right = tree.one_sided_derivative(GRID, -1), tree.one_sided_derivative(GRID, 1)
    slack = 1e3 * EPS * max(1.0, tree.lipschitz)
    assert float(torch.maximum(left.abs(), right.abs()).max()) <= tree.lipschitz + slack
    assert tree.lower - slack * 20 <= float(tree(GRID).min())
    assert float(tree(GRID).max()) <= tree.upper + slack * 20
    change = (left[1:] - right[:-1]).abs()
    inside = torch.ones_like(change, dtype=torch.bool)
    for kink in tree.kinks:
        inside &= ~((GRID[:-1] <= kink) & (kink <= GRID[1:]))
    assert tree.curvature < math.inf
    assert float((change * inside).max()) <= tree.curvature * STEP * (1 + 1e-9) + slack


@settings(max_examples=40, deadline=None)
@given(tree=smooth_trees())
def test_smooth_bounds_are_certified(tree: Activation, certifier: Certifier) -> None:
    """Ball evaluation over [-8, 8] proves the declared L1 and L2 of random smooth trees."""
    assert tree.bounds == "proved"
    assert tree.is_smooth
    assert tree.ball is not None
    # ELU's second derivative jumps, so no Taylor step and the slack of first-order enclosures.
    taylor = re.search(r"\belu", tree.expression) is None
    edges = [k / 2 for k in range(-16, 17)]
    slack, corners = (1e-9, 0) if taylor else (1e-4, 16)
    assert (
        certifier(
            tree.ball, tree.lipschitz, tree.derivative_lipschitz, edges, taylor=taylor, slack=slack, corners=corners
        )
        is None
    )


@settings(max_examples=60, deadline=None)
@given(tree=smooth_trees() | kinked_trees())
def test_canonical_expression_gives_the_function_back(tree: Activation) -> None:
    """The text of a tree is a fixed point, and gives the same values, bounds and kinks."""
    again = activation(tree.expression)
    assert again.expression == tree.expression
    assert torch.equal(again(GRID), tree(GRID))
    assert (again.lipschitz, again.derivative_lipschitz, again.kinks) == (
        tree.lipschitz,
        tree.derivative_lipschitz,
        tree.kinks,
    )


@settings(max_examples=60, deadline=None)
@given(tree=smooth_trees() | kinked_trees())
def test_balls_enclose_values(tree: Activation) -> None:
    """The ball of a tree and its float64 values agree to rounding."""
    assert tree.ball is not None
    for x in (-5.3, -1.0, -0.25, 0.0, 0.7, 3.0):
        enclosure = tree.ball(arb(x))
        assert float(abs(enclosure - tree.value_at(x)).upper()) <= 1e3 * EPS * (20 * tree.lipschitz + 10)


@settings(max_examples=60, deadline=None)
@given(tree=smooth_trees() | kinked_trees(), side=st.sampled_from([-1, 1]))
def test_one_sided_derivatives_are_one_sided_limits(tree: Activation, side: int) -> None:
    """At kinks and elsewhere the slope is the limit of quotients from its own side, within curvature * h / 2."""
    for x in (*tree.kinks, -1.3, 0.0, 0.4):
        h = 1e-6
        if any(kink != x and abs(kink - x) <= 2 * h for kink in tree.kinks):
            continue
        start = x + side * 1e-9  # past a kink whose nearest double lies on its other side
        quotient = (tree.value_at(start + side * h) - tree.value_at(start)) / (side * h)
        noise = 1e2 * EPS * (20 * tree.lipschitz + 10) / h
        assert abs(quotient - tree.slope_at(x, side)) <= 2 * tree.curvature * h + noise


@settings(max_examples=60, deadline=None)
@given(tree=kinked_trees())
def test_kinks_are_where_the_sides_differ(tree: Activation) -> None:
    """The sides agree on a grid without kinks, and differ by the declared jump across every kink."""
    away = torch.ones_like(GRID, dtype=torch.bool)
    for kink in tree.kinks:
        away &= (GRID - kink).abs() > 1e-9
    left, right = tree.one_sided_derivative(GRID, -1), tree.one_sided_derivative(GRID, 1)
    assert torch.equal(left[away], right[away])
    for corner in tree.corners:
        at = float(corner.location)
        jump = tree.slope_at(at + 1e-9, 1) - tree.slope_at(at - 1e-9, -1)
        # 0.1*x + 0.7 reaches 1 a rounding away from 3: corners closer than the step are crossed together.
        expected = float(sum(c.jump for c in tree.corners if abs(c.location - corner.location) < 1e-9))
        assert abs(jump - expected) <= 4e-9 * tree.curvature + 1e3 * EPS * tree.lipschitz
    assert tree.is_affine or (tree.derivative_lipschitz == math.inf) == bool(tree.kinks)


@settings(max_examples=60, deadline=None)
@given(tree=smooth_trees() | kinked_trees())
def test_derivative_is_that_of_autograd(tree: Activation) -> None:
    """Away from kinks phi' is what torch.autograd makes of phi."""
    x = GRID[::37].clone().requires_grad_()
    (expected,) = torch.autograd.grad(tree(x).sum(), x)
    away = torch.ones_like(x, dtype=torch.bool)
    for kink in tree.kinks:
        away &= (x - kink).abs() > 1e-9
    assert torch.allclose(tree.derivative(x.detach())[away], expected[away], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("text", "kinks"),
    [
        ("relu(2*x-1)+abs(-x)", (0.0, 0.5)),
        ("relu(3*x-1)", (1 / 3,)),
        ("hardtanh(-2*x+0.5)", (-0.25, 0.75)),
        ("tanh(relu(7*x-1)) + sin(x)", (1 / 7,)),
        ("tanh(x)*abs(x-1)", (1.0,)),
        ("relu(x)-relu(x)", ()),
        ("relu(x)-relu(-x)", ()),
        ("abs(x)-2*relu(x)", ()),
        ("relu(3*x-1) - 3*relu(x-0.3333333333333333)", (1 / 3,)),
        ("0.1*relu(x)+0.2*relu(x)-0.3*relu(x)", (0.0,)),
        ("relu(softplus(x))", ()),
        ("relu(abs(x))", (0.0,)),
        ("relu(-abs(x))", ()),
        ("square(relu(x))", ()),
        ("x*relu(x)", ()),
        ("abs(relu(x)-1)", (0.0, 1.0)),
        ("relu(tanh(x)-0.5)", (math.atanh(0.5),)),
        ("hardtanh(x**3)", (-1.0, 1.0)),
        ("tanh(relu(2.0))+relu(x-1)", (1.0,)),
        ("abs(x)/(1+abs(x))", (0.0,)),
        ("x/(1+abs(x))", ()),
    ],
)
def test_kinks_are_enumerated(text: str, kinks: tuple[float, ...]) -> None:
    """Kinks of compositions are found, those that cancel are not; 0.1 + 0.2 - 0.3 is not zero in doubles."""
    assert activation(text).kinks == pytest.approx(kinks, abs=1e-15, rel=4 * EPS)


@pytest.mark.parametrize(
    "text",
    [
        "relu(0.3*x - 0.3) - hardtanh(0.3*x - 0.3)",
        "relu(7*x - 1)",
        "abs(3*x - 1) + relu(x - 0.1)",
        "relu(3*x - 0.1)",
        "relu(tanh(x) - 0.3)",
        "relu(-7*x + 3)",
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_both_slopes_show_at_every_kink(text: str, dtype: torch.dtype) -> None:
    """At the nearest double (or single) of a kink the sides differ by its jump, although arithmetic misses the kink."""
    tree = activation(text)
    for corner in tree.corners:
        x = torch.tensor([float(corner.location)], dtype=dtype)
        jump = float(tree.one_sided_derivative(x, 1) - tree.one_sided_derivative(x, -1))
        assert jump == pytest.approx(float(corner.jump), rel=64 * torch.finfo(dtype).eps)


def test_infinitely_many_kinks_are_found_in_the_window_and_measured() -> None:
    """The kinks of relu(sin(x)) are the multiples of pi, and the enumeration is not called proved."""
    tree = activation("relu(sin(x))")
    assert tree.kinks == pytest.approx([k * math.pi for k in range(-20, 21)], rel=2 * EPS)
    assert tree.bounds == "measured"


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("relu(x)-relu(-x)", "proved"),  # exact jumps cancel
        ("tanh(relu(x))-tanh(relu(x))", "measured"),  # rounded jumps only seem to
        ("relu(tanh(x))", "measured"),  # located numerically
        ("relu(softplus(x))", "proved"),  # the kink is at the edge of the range
        ("sin(x)*tanh(x)", "proved"),
        ("x*tanh(x)", "measured"),
        ("exp(tanh(x))", "proved"),
        ("tanh(exp(x))", "measured"),
        ("x**2 + tanh(x)", "proved"),
        ("relu(x)/2", "proved"),
        ("1/(2+sin(x))", "measured"),
    ],
)
def test_only_what_follows_from_rules_is_proved(text: str, bounds: str) -> None:
    """A bound or a kink that rests on sampling or rounding is marked as measured."""
    assert activation(text).bounds == bounds


@pytest.mark.parametrize(
    ("text", "degree", "lipschitz", "curvature", "lower"),
    [
        ("x**2 - x*x + 3*x", 1, 3.0, 0.0, -math.inf),
        ("(x+1)**2 - (x-1)**2", 1, 4.0, 0.0, -math.inf),
        ("x - x", 0, 0.0, 0.0, 0.0),
        ("2*(x-1)**2 + 3", 2, math.inf, 4.0, 3.0),
        ("square(x) - cube(x)", 3, math.inf, math.inf, -math.inf),
        ("(x**3)**2", 6, math.inf, math.inf, 0.0),
        ("pi", 0, 0.0, 0.0, math.pi),
        ("relu(2.0)", 0, 0.0, 0.0, 2.0),
        ("relu(x) - relu(-x)", 1, 2.0, 0.0, -math.inf),
    ],
)
def test_polynomials_are_tracked_exactly(
    text: str, degree: int, lipschitz: float, curvature: float, lower: float
) -> None:
    """Degrees and bounds come from exact coefficients, after cancellation."""
    tree = activation(text)
    assert (tree.degree, tree.lipschitz, tree.derivative_lipschitz) == (degree, lipschitz, curvature)
    assert tree.lower == pytest.approx(lower, rel=1e-14)
    assert tree.bounds == "proved"


@pytest.mark.parametrize("text", ["softplus(x)-softplus(-x)", "tanh(x)", "relu(x)+0.1*sin(x)", "sin(x)**2+cos(x)**2"])
def test_degree_is_unknown_where_it_does_not_follow(text: str) -> None:
    """No degree is claimed for what is no polynomial by its syntax and not piecewise linear."""
    assert activation(text).degree is None


def test_operations_agree_with_expressions() -> None:
    """The algebra's functions give what the same expression gives."""
    tanh, relu = CATALOGUE["tanh"], CATALOGUE["relu"]
    assert scale_and_shift(tanh, 3.0, 2.0, -1.0, 0.5).expression == "3.0*tanh(2.0*x - 1.0) + 0.5"
    assert add(tanh, scale_and_shift(relu, a=-2.0)).expression == "tanh(x) - 2.0*relu(x)"
    assert (
        compose(add(tanh, relu), scale_and_shift(CATALOGUE["identity"], a=2.0)).expression
        == "tanh(2.0*x) + relu(2.0*x)"
    )
    assert multiply(tanh, CATALOGUE["sin"]) is from_text("tanh(x)*sin(x)")
    assert scale_and_shift(tanh, 3.0, 2.0).lipschitz == 6.0
    assert scale_and_shift(tanh, 3.0, 2.0).derivative_lipschitz == pytest.approx(12.0 * tanh.derivative_lipschitz)


def test_bounds_are_rounded_outwards() -> None:
    """0.1 + 0.2 and 0.1 * 3 as bounds are not below the exact sum and product of the doubles."""
    tenths = [k / 10 for k in range(1, 10)]
    for a, b in ((a, b) for a in tenths for b in tenths):
        for text, exact in (
            (f"{a}*sin({b}*x)", Fraction(a) * Fraction(b)),
            (f"{a}*sin(x) + {b}*sin(x)", Fraction(a) + Fraction(b)),
        ):
            bound = Fraction(activation(text).lipschitz)
            assert exact <= bound <= exact * (1 + Fraction(2 * EPS))
    assert activation("2*sin(0.5*x)").lipschitz == 1.0


def test_products_and_powers_have_the_bounds_of_their_rules() -> None:
    """(fg)'' = f''g + 2f'g' + fg'' and (f^n)'' = n f^(n-1) f'' + n (n-1) f^(n-2) f'^2, with suprema of 1 or known."""
    bend = 4 / (3 * math.sqrt(3))
    product, cube = activation("sin(x)*tanh(x)"), activation("(2*tanh(x))**3")
    assert (product.lipschitz, product.derivative_lipschitz) == pytest.approx((2.0, 3.0 + bend))
    assert (cube.lipschitz, cube.derivative_lipschitz) == pytest.approx((24.0, 12.0 * 2 * bend + 6 * 2 * 4))
    assert (cube.lower, cube.upper) == (-8.0, 8.0)


@pytest.mark.parametrize(
    ("text", "jump"),
    [
        ("1/(1+abs(x))", -2.0),
        ("abs(x)/(2+abs(x))", 1.0),
        ("tanh(x+1)*abs(x)", 2 * math.tanh(1)),
        ("(1+relu(x))**3", 3.0),
        ("sin(1+abs(x))", 2 * math.cos(1)),
        ("hardtanh(2*abs(x)-1)", 4.0),
        ("hardtanh(-2*abs(x)-1)", 0.0),
        ("hardtanh(abs(2*x))", 4.0),
    ],
)
def test_jumps_follow_the_rules_of_differentiation(text: str, jump: float) -> None:
    """The jump at 0 of quotients, products, powers and compositions."""
    jumps = {float(c.location): float(c.jump) for c in activation(text).corners}
    assert jumps.get(0.0, 0.0) == pytest.approx(jump)


def test_results_beyond_the_limits_are_refused() -> None:
    """A result whose expression could not be read again, or overflows, is an error in one line."""
    tree = CATALOGUE["tanh"]
    for _ in range(49):
        tree = compose(CATALOGUE["tanh"], tree)
    with pytest.raises(ActivationError, match="51 nested parentheses"):
        compose(CATALOGUE["tanh"], tree)
    with pytest.raises(ActivationError, match="out of range"):
        activation("1e300*1e300")


@pytest.mark.parametrize(
    ("expression", "differentiable"),
    [
        ("tanh(gelu(x)) * erf(x)", True),
        ("sin(x) / (1.5 + cos(x))", True),
        ("erf(x)**3 - 2*x + 1", True),
        ("3.0", True),
        ("relu(x) - relu(-x)", True),
        ("tanh(elu(x))", False),
        ("elu(sin(x))", False),
        ("0.5*elu(x) + x", False),
        ("sin(x)*elu(tanh(x))", False),
        ("elu(x)**2", False),
        ("1 / (2 + elu(x))", False),
    ],
)
def test_derivatives_of_every_order_are_inherited(expression: str, *, differentiable: bool) -> None:
    """By sums, products, powers, quotients that do not blow up, compositions; and whatever is affine has them."""
    assert activation(expression).differentiable is differentiable
