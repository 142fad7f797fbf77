"""Hypothesis strategies: activations, widths, horizons, scales, data, whole cases. Valid by construction.

An audit searches one part of the space of cases at a time. `narrowed` fixes an activation, a stratum or the
data for the duration of a trial; the strategies of a property then draw from that part only, so a property
is written once and no stratum is left to luck.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from theory_check.activations.activation import Activation
from theory_check.activations.catalogue import CATALOGUE
from theory_check.activations.loading import activation as load
from theory_check.activations.nonlinearity import is_certified_nonlinear
from theory_check.case import (
    DIGITS_COUNT,
    MAX_CORRELATION,
    Case,
    Data,
    Digits,
    Explicit,
    Sphere,
    Structure,
    Weights,
    correlations,
    materialise,
    parallel_rows,
)
from theory_check.neural_ode import NeuralODE

Class = Literal["smooth", "kinked", "polynomial", "not-lipschitz"]

# Simplest first: Hypothesis shrinks towards the front of each list.
SMOOTH = ("tanh", "sin", "softplus", "erf", "sigmoid", "arctan", "silu", "gelu", "cos", "elu")
# Derivatives of every order: elu'' jumps.
DIFFERENTIABLE = tuple(name for name in SMOOTH if CATALOGUE[name].differentiable)
KINKED = ("relu", "abs", "leaky_relu", "hardtanh")
GROWING = ("softplus", "relu", "gelu", "silu", "leaky_relu", "elu", "abs")
NOT_LIPSCHITZ = ("square", "sign_sqrt", "cube")
SLOPES = (1.0, 2.0, 0.5, -1.0, 1.5, 0.75, -0.5, 3.0, -2.0)
SHIFTS = (0.0, 1.0, -1.0, 0.5, -0.5, 0.25)
SCALES = (1.0, 0.5, 2.0, 0.75, 1.5, 1.25)
HORIZONS = (1.0, 0.5, 2.0, 0.25, 1.5, 0.1, 3.0, 4.0)
STRUCTURES: tuple[Structure, ...] = ("gaussian", "symmetric", "antisymmetric", "rank-one", "zero")
GAINS = (1.0, 0.5, 2.0, 0.25, 3.0)
# A tree steeper than this is divided by a power of two: horizons would have to shrink to nothing otherwise.
STEEPEST = 8.0
# Slopes of functions whose orders can be read.
PLAIN = (0.25, 4.0)
WHOLE_GIVEN_DATA = 32
# In which more than d + 1 points on the sphere can be kept apart.
CROWDED_DIMENSIONS = range(2, 5)


@dataclass(frozen=True)
class Narrowing:
    """What a trial fixes; None leaves a part free.

    activations: a class, by its name in `ACTIVATION_CLASSES`, that activations come from in place of a property's own.
    model: "package.module:build" and the dimension of its states.
    """

    activation: Activation | None = None
    activations: str | None = None
    stratum: str | None = None
    given: Explicit | None = None
    model: tuple[str, int] | None = None


_narrowing: ContextVar[Narrowing | None] = ContextVar("narrowing", default=None)


@contextmanager
def narrowed(narrowing: Narrowing) -> Iterator[None]:
    """Draw from one part of the space of cases only, while the context lasts."""
    token = _narrowing.set(narrowing)
    try:
        yield
    finally:
        _narrowing.reset(token)


# --- activations -------------------------------------------------------------------------------------------------


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


ACTIVATION_CLASSES = MappingProxyType(
    {
        "smooth": smooth_activations,
        "kinked": kinked_activations,
        "affine": affine_activations,
        "bounded": bounded_activations,
        "not-lipschitz": not_lipschitz_activations,
    }
)


# --- scalars -----------------------------------------------------------------------------------------------------


def widths(least: int = 1, most: int = 32) -> SearchStrategy[int]:
    """Widths of the hidden state, shrinking to the least."""
    return st.integers(least, most)


def horizons(most: float = 4.0) -> SearchStrategy[float]:
    """Horizons with short decimals, shrinking to 1."""
    return st.sampled_from([h for h in HORIZONS if h <= most])


@st.composite
def neural_odes(draw: DrawFn, most: float = 4.0, least: float = 0.0) -> NeuralODE:
    """Scales and horizon with short decimals, `least` <= sigma_w x horizon <= `most`; least is at most half of most."""
    horizon = draw(horizons())
    fitting = [s for s in SCALES if least <= s * horizon <= most] or [2.0 ** math.floor(math.log2(most / horizon))]
    return NeuralODE(
        sigma_u=draw(st.sampled_from(SCALES)),
        sigma_w=draw(st.sampled_from(fitting)),
        sigma_v=draw(st.sampled_from(SCALES)),
        horizon=horizon,
    )


def standard_scales() -> SearchStrategy[NeuralODE]:
    """Horizon 1 and all scales 1: for claims whose answer depends on the scales themselves."""
    return st.just(NeuralODE())


@st.composite
def arbitrary_weights(draw: DrawFn) -> Weights:
    """Weights that need not be typical: W scaled, symmetric, antisymmetric, of rank one or zero."""
    structure = draw(st.sampled_from(STRUCTURES))
    return Weights(structure, draw(st.sampled_from(GAINS)))


# --- data --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sizes:
    """How many inputs a claim's cases have, and of which dimension."""

    inputs: tuple[int, int] = (1, 4)
    dimensions: tuple[int, int] = (2, 6)


ANY_SIZE = Sizes()


@st.composite
def sphere_data(draw: DrawFn, sizes: Sizes = ANY_SIZE) -> Sphere:
    """Points on the sphere, kept apart (|correlation| <= 0.95), at most 2 d of them."""
    least, most = sizes.inputs
    dimension = draw(st.integers(max(sizes.dimensions[0], (least + 1) // 2, 2), sizes.dimensions[1]))
    return Sphere(draw(st.integers(least, min(most, 2 * dimension))), dimension, draw(st.integers(0, 9999)))


@st.composite
def digits_data(draw: DrawFn, sizes: Sizes = ANY_SIZE) -> Digits:
    """Digits that ship with scikit-learn, |correlation| <= 0.95 for every two."""
    count = draw(st.integers(*sizes.inputs))
    rows: list[int] = []
    for _ in range(count):
        row = draw(st.integers(0, DIGITS_COUNT - 1))
        while rows and np.abs(correlations(materialise(Digits((*rows, row))))[-1, :-1]).max() > MAX_CORRELATION:
            row = (row + 1) % DIGITS_COUNT
        rows.append(row)
    return Digits(tuple(rows))


_ENTRIES = st.integers(-6, 6).map(lambda k: k / 2)


@st.composite
def _short_rows(draw: DrawFn, sizes: Sizes, *, non_zero: bool) -> tuple[tuple[float, ...], ...]:
    dimension = draw(st.integers(1, sizes.dimensions[1]))
    rows = []
    for _ in range(draw(st.integers(*sizes.inputs))):
        row = [draw(_ENTRIES) for _ in range(dimension)]
        if non_zero and not any(row):
            row[0] = 1.0
        rows.append(tuple(row))
    return tuple(rows)


@st.composite
def arbitrary_data(
    draw: DrawFn, sizes: Sizes = ANY_SIZE, *, first: Literal["any", "zero", "non-zero"] = "any"
) -> Explicit:
    """Any vectors with short entries, zero included; the first may be forced to be zero or not to be."""
    rows = draw(_short_rows(sizes, non_zero=first == "non-zero"))
    return Explicit((tuple(0.0 for _ in rows[0]), *rows[1:]) if first == "zero" else rows)


@st.composite
def crowded_data(draw: DrawFn, sizes: Sizes = ANY_SIZE) -> Sphere:
    """More than d + 1 points in d dimensions: an affine model cannot tell them apart."""
    dimension = draw(st.integers(2, max(2, min(4, sizes.dimensions[1]))))
    return Sphere(draw(st.integers(dimension + 2, 2 * dimension)), dimension, draw(st.integers(0, 9999)))


@st.composite
def degenerate_data(
    draw: DrawFn, sizes: Sizes = ANY_SIZE, *, kind: Literal["repeated", "antipodal", "contradictory"] = "repeated"
) -> Explicit:
    """Inputs of which one occurs twice, or with both signs; `contradictory` gives the repeated one two labels."""
    rows = draw(_short_rows(sizes, non_zero=True))
    copy = tuple(-value for value in rows[0]) if kind == "antipodal" else rows[0]
    if kind != "contradictory":
        return Explicit((*rows, copy))
    labels = tuple(draw(st.sampled_from(SHIFTS)) for _ in rows)
    return Explicit((*rows, copy), (*labels, labels[0] + draw(st.sampled_from((1.0, 2.0, -1.0)))))


@st.composite
def _given_rows(draw: DrawFn, given: Explicit, sizes: Sizes) -> Explicit:
    """All rows of the user's data where a claim can take them, else some; rows that are parallel always among them."""
    offending = parallel_rows(materialise(given))
    fixed = sorted(set(offending)) if offending else []
    total = len(given.rows)
    # The claims on kernels take all rows; the others are on single inputs or small sets, so they take a few at a time.
    most = total if sizes.inputs[1] >= 4 and total <= WHOLE_GIVEN_DATA else min(total, max(sizes.inputs[1], len(fixed)))
    start = draw(st.integers(0, total - 1))
    count = draw(st.integers(min(total, max(sizes.inputs[0], len(fixed), 1)), most))
    rest = [k % total for k in range(start, start + total) if k % total not in fixed]
    chosen = fixed + rest[: count - len(fixed)]
    labels = None if given.labels is None else tuple(given.labels[k] for k in chosen)
    return Explicit(tuple(given.rows[k] for k in chosen), labels)


def _data(stratum: str, sizes: Sizes, given: Explicit | None) -> SearchStrategy[Data]:
    match stratum:
        case "digits":
            return digits_data(sizes)
        case "given" if given is not None:
            return _given_rows(given, sizes)
        case "pinned":
            return _given_rows(given, sizes) if given is not None else arbitrary_data(sizes, first="non-zero")
        case "arbitrary":
            return arbitrary_data(sizes)
        case "zero-input":
            return arbitrary_data(sizes, first="zero")
        case "crowded":
            return crowded_data(sizes)
        case "repeated" | "antipodal" | "contradictory":
            return degenerate_data(sizes, kind=stratum)
        case _:
            return sphere_data(sizes)


# --- cases -------------------------------------------------------------------------------------------------------


@st.composite
def _pinned_at(draw: DrawFn, activation: Activation) -> float:
    """A kink of the activation, or any short decimal where it has none; on it or at a short distance from it."""
    points = activation.kinks or (0.0, 1.0, -1.0, 0.5)
    offset = draw(st.sampled_from((0.0, 1e-12, 1e-9, 1e-6, -1e-12, -1e-9, -1e-6)))
    return draw(st.sampled_from(points)) + offset


@st.composite
def cases(
    draw: DrawFn,
    activations: SearchStrategy[Activation] | None = None,
    *,
    width: SearchStrategy[int] | None = None,
    sizes: Sizes = ANY_SIZE,
    most_growth: float = 4.0,
    strong: bool = False,
    any_weights: bool = False,
    scales: SearchStrategy[NeuralODE] | None = None,
) -> Case:
    """Whole cases of the stratum under trial.

    Args:
        draw: supplied by Hypothesis.
        activations: where the activation comes from, unless the trial names one; any Lipschitz one by default.
        width: strategy for the width, 1 to 32 by default.
        sizes: numbers and dimensions of inputs.
        most_growth: largest sigma_w x horizon, or sigma_w x horizon x L1 where phi is steeper than 1.
        strong: for claims that a flow which hardly moves says nothing about: half of `most_growth` at least.
        any_weights: for claims about every W: structured and scaled weights beside typical ones.
        scales: strategy for scales and horizon, in place of `most_growth` and `strong`.
    """
    narrowing = _narrowing.get() or Narrowing()
    stratum = narrowing.stratum or draw(st.sampled_from(("sphere", "digits")))
    chosen = lipschitz_activations() if activations is None else activations
    if narrowing.activations is not None:
        chosen = ACTIVATION_CLASSES[narrowing.activations]()
    activation = narrowing.activation or draw(chosen)
    data = draw(_data(stratum, sizes, narrowing.given))
    weights = draw(arbitrary_weights()) if any_weights else Weights()
    if stratum == "pinned" and any(materialise(data)[0]):
        weights = Weights(weights.structure, weights.gain, draw(_pinned_at(activation)))
    most = most_growth / (max(1.0, activation.lipschitz) if activation.is_lipschitz else 1.0)
    if stratum == "narrow":
        width = st.sampled_from((2, 4))
    return Case(
        activation=activation.expression,
        data=data,
        width=draw(widths() if width is None else width),
        neural_ode=draw(neural_odes(most, most / 2 if strong else 0.0) if scales is None else scales),
        weights=weights,
        stratum=stratum,
        eta_factor=draw(st.sampled_from((2.5, 3.0, 4.0))) if stratum == "large-step" else 1.0,
    )


@st.composite
def _rows_of(draw: DrawFn, sizes: Sizes, *, first_zero: bool) -> Explicit:
    """Short rows of one dimension; the first may be forced to be zero."""
    dimension = sizes.dimensions[1]
    rows = [tuple(draw(_ENTRIES) for _ in range(dimension)) for _ in range(draw(st.integers(*sizes.inputs)))]
    return Explicit(((0.0,) * dimension, *rows[1:])) if first_zero else Explicit(tuple(rows))


@st.composite
def model_cases(draw: DrawFn, *, inputs: tuple[int, int] = (1, 3), most: float = 4.0) -> Case:
    """Whole cases of the user's own module that is on trial, of the stratum under trial.

    Args:
        draw: supplied by Hypothesis.
        inputs: how many, from and to; fewer where so many points cannot be kept apart.
        most: the longest horizon.

    Raises:
        ValueError: no model is on trial.
    """
    narrowing = _narrowing.get() or Narrowing()
    if narrowing.model is None:
        raise ValueError("no model is on trial: cases of a model are drawn for --model alone")
    reference, dimension = narrowing.model
    stratum = narrowing.stratum or "sphere"
    sizes = Sizes(inputs=inputs, dimensions=(dimension, dimension))
    data: Data
    if stratum in {"arbitrary", "zero-input"}:
        data = draw(_rows_of(sizes, first_zero=stratum == "zero-input"))
    elif stratum == "crowded":
        data = Sphere(draw(st.integers(dimension + 2, 2 * dimension)), dimension, draw(st.integers(0, 9999)))
    elif stratum == "sphere":
        # On the line all points but one are parallel to another.
        most_apart = min(inputs[1], 2 * dimension if dimension > 1 else 1)
        count = draw(st.integers(min(inputs[0], most_apart), most_apart))
        data = Sphere(count, dimension, draw(st.integers(0, 9999)))
    else:
        data = draw(_data(stratum, sizes, narrowing.given))
    return Case(
        activation=reference,
        data=data,
        width=dimension,
        neural_ode=NeuralODE(horizon=draw(horizons(most))),
        stratum=stratum,
        model="module",
    )
