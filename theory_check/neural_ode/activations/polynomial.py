"""Polynomials with exact coefficients: degree after cancellation, and bounds that are exact for degree two and less."""

import math
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from theory_check.neural_ode.activations import expression_tree as trees
from theory_check.neural_ode.activations.expression_tree import Tree
from theory_check.neural_ode.activations.rounding import at_least, at_most

MAX_DEGREE = 256

# Of 1, x, x^2, ...; no zero at the end; () is the zero polynomial. A plain tuple at run time: see `corners`.
if TYPE_CHECKING:
    Coefficients = tuple[Fraction, ...]
else:
    Coefficients = tuple


@lru_cache(maxsize=8192)
def coefficients(tree: Tree) -> Coefficients | None:
    """Exact coefficients, or None for what is no polynomial by its syntax or has a degree above 256."""
    match tree:
        case trees.Variable():
            return Fraction(0), Fraction(1)
        case trees.Number(value):
            return _trimmed((Fraction(value),))
        case trees.Call("square" | "cube" as name, argument):
            return _raised(coefficients(argument), 2 if name == "square" else 3)
        case trees.Scale(factor, term):
            return _multiplied(_trimmed((Fraction(factor),)), coefficients(term))
        case trees.Shift(term, offset):
            return _added(coefficients(term), _trimmed((Fraction(offset),)))
        case trees.Sum(left, right):
            return _added(coefficients(left), coefficients(right))
        case trees.Product(left, right):
            return _multiplied(coefficients(left), coefficients(right))
        case trees.Power(base, exponent):
            return _raised(coefficients(base), exponent)
    return None


def degree(polynomial: Coefficients) -> int:
    """Degree; 0 for the zero polynomial."""
    return max(len(polynomial) - 1, 0)


def lipschitz(polynomial: Coefficients) -> float:
    """The supremum of |p'|: the slope of an affine function, infinite above degree one."""
    if degree(polynomial) > 1:
        return math.inf
    return at_least(abs(polynomial[1])) if degree(polynomial) == 1 else 0.0


def curvature(polynomial: Coefficients) -> float:
    """The supremum of |p''|: constant up to degree two, infinite above."""
    if degree(polynomial) > 2:
        return math.inf
    return at_least(2 * abs(polynomial[2])) if degree(polynomial) == 2 else 0.0


def value_range(polynomial: Coefficients) -> tuple[float, float]:
    """Infimum and supremum up to degree two and for odd degrees; beyond, the infinite side is exact only."""
    if degree(polynomial) == 0:
        value = polynomial[0] if polynomial else Fraction(0)
        return at_most(value), at_least(value)
    if degree(polynomial) % 2:
        return -math.inf, math.inf
    if degree(polynomial) == 2:
        constant, slope, leading = polynomial
        vertex = constant - slope * slope / (4 * leading)
        return (at_most(vertex), math.inf) if leading > 0 else (-math.inf, at_least(vertex))
    return -math.inf, math.inf


def _added(left: Coefficients | None, right: Coefficients | None) -> Coefficients | None:
    if left is None or right is None:
        return None
    size = max(len(left), len(right))
    padded = [[*p, *[Fraction(0)] * (size - len(p))] for p in (left, right)]
    return _trimmed(tuple(u + v for u, v in zip(*padded, strict=True)))


def _multiplied(left: Coefficients | None, right: Coefficients | None) -> Coefficients | None:
    if left is None or right is None or len(left) + len(right) > MAX_DEGREE + 2:
        return None
    product = [Fraction(0)] * max(len(left) + len(right) - 1, 0)
    for i, u in enumerate(left):
        for j, v in enumerate(right):
            product[i + j] += u * v
    return _trimmed(tuple(product))


def _raised(base: Coefficients | None, exponent: int) -> Coefficients | None:
    product: Coefficients | None = (Fraction(1),)
    for _ in range(exponent):
        product = _multiplied(product, base)
    return product


def _trimmed(terms: Coefficients) -> Coefficients:
    values = list(terms)
    while values and not values[-1]:
        values.pop()
    return tuple(values)
