"""Random activation functions: expression trees of a class, certified to be of it."""

import math
from types import MappingProxyType

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation as load
from theory_check.neural_ode.activations.mollification import is_piecewise_linear
from theory_check.neural_ode.activations.nonlinearity import is_certified_nonlinear

# Simplest first: Hypothesis shrinks towards the front of each list.
SMOOTH = ("tanh", "sin", "softplus", "erf", "sigmoid", "arctan", "silu", "gelu", "cos", "elu")
# Derivatives of every order: elu'' jumps.
DIFFERENTIABLE = tuple(name for name in SMOOTH if CATALOGUE[name].differentiable)
KINKED = ("relu", "abs", "leaky_relu", "hardtanh")
# The plainest kink there is, the same on both sides, goes first where there is nothing but kinks.
KINKED_FIRST = ("abs", "relu", "leaky_relu", "hardtanh")
GROWING = ("softplus", "relu", "gelu", "silu", "leaky_relu", "elu", "abs")
NOT_LIPSCHITZ = ("square", "sign_sqrt", "cube")
SLOPES = (1.0, 2.0, 0.5, -1.0, 1.5, 0.75, -0.5, 3.0, -2.0)
SHIFTS = (0.0, 1.0, -1.0, 0.5, -0.5, 0.25)
# A tree steeper than this is divided by a power of two: horizons would have to shrink to nothing otherwise.
STEEPEST = 8.0
# Within this range, four standard deviations of the widest states at the start, a polynomial of a weak flow has slopes
# of at most so much: with sigma_w T of up to 2 its limit does not blow up, and can be computed.
WEAK_RANGE, WEAK_SLOPE = 8.0, 0.25
# Slopes of functions whose orders can be read.
PLAIN = (0.25, 4.0)


@st.composite
def _inner(draw: DrawFn) -> str:
    slope, shift = draw(st.sampled_from(SLOPES)), draw(st.sampled_from(SHIFTS))
    term = "x" if slope == 1.0 else f"{slope!r}*x"
    return term if shift == 0.0 else f"{term} + {shift!r}"


@st.composite
def _tree(draw: DrawFn, names: tuple[str, ...], outer: tuple[str, ...], depth: int) -> str:
    """An expression over `names`; functions applied to a whole subtree come from `outer` (no kinks there)."""
    if depth == 0:
        return f"{draw(st.sampled_from(names))}({draw(_inner())})"
    shape = draw(st.sampled_from(("scale", "sum", "compose", "product")))
    if shape == "scale":
        return f"{draw(st.sampled_from(SLOPES))!r}*({draw(_tree(names, outer, depth - 1))})"
    if shape == "sum":
        other = draw(st.sampled_from(("x", "leaf")))
        right = "x" if other == "x" else draw(_tree(outer, outer, 0))
        return f"({draw(_tree(names, outer, depth - 1))}) + {draw(st.sampled_from(SLOPES))!r}*({right})"
    if shape == "compose":
        return f"{draw(st.sampled_from(outer))}({draw(_tree(names, outer, depth - 1))})"
    bounded = tuple(name for name in outer if math.isfinite(CATALOGUE[name].supremum))
    inner = draw(_tree(names, outer, depth - 1))
    # Only a product of bounded functions has bounds that follow from those of its factors.
    left = inner if math.isfinite(load(inner).supremum) else f"{draw(st.sampled_from(bounded))}({inner})"
    return f"({left})*({draw(_tree(bounded, bounded, 0))})"


def _tamed(expression: str) -> Activation:
    tree = load(expression)
    if tree.lipschitz > STEEPEST and math.isfinite(tree.lipschitz):
        factor = 0.5 ** math.ceil(math.log2(tree.lipschitz / STEEPEST))
        tree = load(f"{factor!r}*({expression})")
    return tree


@st.composite
def _trees(draw: DrawFn, names: tuple[str, ...], wanted: str, outer: tuple[str, ...] = SMOOTH) -> Activation:
    depth = draw(st.integers(0, 3))
    tree = _tamed(draw(_tree(names, outer, depth)))
    if tree.classification == wanted and tree.bounds == "proved" and is_certified_nonlinear(tree):
        return tree
    # A tree whose terms cancelled or that has no proved bound gives way to a leaf, never to a rejected draw.
    return load(draw(st.sampled_from(names)))


def smooth_activations() -> SearchStrategy[Activation]:
    """Smooth functions (phi and phi' Lipschitz) that are certified not to be affine, as expression trees."""
    return _trees(SMOOTH, "smooth")


def differentiable_activations() -> SearchStrategy[Activation]:
    """Smooth functions that have derivatives of every order, as the order of a scheme asks for; none is nearly flat.

    Where sup |phi'| overstates the slopes of a deep tree, or all are tiny, errors of a scheme are lost in rounding.
    """
    tree = _trees(DIFFERENTIABLE, "smooth", DIFFERENTIABLE)
    return tree.map(lambda phi: phi if PLAIN[0] <= phi.lipschitz <= PLAIN[1] else load(DIFFERENTIABLE[0]))


def kinked_activations() -> SearchStrategy[Activation]:
    """Lipschitz functions whose derivative jumps; every kink is enumerated."""
    return _trees(KINKED, "kinked")


@st.composite
def piecewise_linear_activations(draw: DrawFn) -> Activation:
    """Piecewise linear functions with a kink: one or two of KINKED under affine maps, and sometimes a line."""
    terms = [f"{draw(st.sampled_from(KINKED_FIRST))}({draw(_inner())})"]
    more = draw(st.sampled_from(("", "line", "kinks")))
    if more:
        other = "x" if more == "line" else f"{draw(st.sampled_from(KINKED_FIRST))}({draw(_inner())})"
        terms.append(f"{draw(st.sampled_from(SLOPES))!r}*{other}")
    found = _tamed(" + ".join(terms))
    # relu(x) - relu(-x) is a line.
    return found if is_piecewise_linear(found) else load(terms[0])


def not_lipschitz_activations() -> SearchStrategy[Activation]:
    """Functions with unbounded slope: polynomials of degree two or more, sign(x) sqrt|x|, and sums with smooth ones."""
    plain = st.sampled_from(NOT_LIPSCHITZ).map(load)
    term = st.tuples(st.sampled_from(NOT_LIPSCHITZ), st.sampled_from(SLOPES), st.sampled_from(SMOOTH))
    return st.one_of(plain, term.map(lambda t: load(f"{t[0]}(x) + {t[1]!r}*{t[2]}(x)")))


def polynomial_activations(max_degree: int = 3) -> SearchStrategy[Activation]:
    """Polynomials of degree 1 to `max_degree` with short coefficients; degree 1 is affine."""
    coefficients = st.lists(st.sampled_from(SLOPES), min_size=2, max_size=max_degree + 1)
    return coefficients.map(lambda c: load(" + ".join(f"{a!r}*x**{k}" if k else repr(a) for k, a in enumerate(c))))


@st.composite
def weak_polynomial_activations(draw: DrawFn) -> Activation:
    """Polynomials of degree 2 or 3 times a power of two that keeps the flow weak: none of them is Lipschitz."""
    degree = draw(st.integers(2, 3))
    lower = [draw(st.sampled_from((0.0, *SLOPES))) for _ in range(degree)]
    coefficients = [*lower, draw(st.sampled_from(SLOPES))]
    steepest = sum(k * abs(a) * WEAK_RANGE ** (k - 1) for k, a in enumerate(coefficients))
    factor = 0.5 ** math.ceil(math.log2(steepest / WEAK_SLOPE))
    terms = [(f"x**{k}" if k > 1 else "x" if k else "1", a) for k, a in enumerate(coefficients) if a]
    return load(f"{factor!r}*({' + '.join(f'{a!r}*{power}' if power != '1' else repr(a) for power, a in terms)})")


@st.composite
def bounded_activations(draw: DrawFn) -> Activation:
    """Bounded Lipschitz functions, smooth or kinked."""
    names = tuple(name for name in SMOOTH + KINKED if math.isfinite(CATALOGUE[name].supremum))
    outer = tuple(name for name in SMOOTH if math.isfinite(CATALOGUE[name].supremum))
    tree = _tamed(draw(_tree(names, outer, draw(st.integers(0, 2)))))
    if math.isfinite(tree.supremum) and tree.is_lipschitz and tree.bounds == "proved":
        return tree
    # A sum may hold a line of its own, which could cancel the one that is to be added.
    return load(f"{draw(st.sampled_from(names))}(x)")


def growing_activations() -> SearchStrategy[Activation]:
    """Lipschitz functions that grow linearly on a half-line: unbounded leaves, and a line plus a bounded tree."""
    leaf = st.tuples(st.sampled_from(SLOPES), st.sampled_from(GROWING), _inner()).map(
        lambda t: load(f"{t[0]!r}*{t[1]}({t[2]})")
    )
    sloped = st.tuples(st.sampled_from(SLOPES), bounded_activations()).map(
        lambda t: load(f"{t[0]!r}*x + ({t[1].expression})")
    )
    return st.one_of(st.just(load("identity")), leaf, sloped)


def lipschitz_activations() -> SearchStrategy[Activation]:
    """The identity, smooth and kinked functions: everything the forward solution needs."""
    return st.one_of(st.just(load("identity")), smooth_activations(), kinked_activations())


def affine_activations() -> SearchStrategy[Activation]:
    """Functions a x + b with short coefficients, a other than 0."""
    return polynomial_activations(1)


# What a random phi gives way to where a claim cannot be seen with it: the plainest of its class that grows.
PLAIN_OF_CLASS: MappingProxyType[str, str] = MappingProxyType({"smooth": "softplus", "kinked": "relu"})

ACTIVATION_CLASSES = MappingProxyType(
    {
        "smooth": smooth_activations,
        "kinked": kinked_activations,
        "affine": affine_activations,
        "polynomial": weak_polynomial_activations,
        "bounded": bounded_activations,
        "not-lipschitz": not_lipschitz_activations,
    }
)
