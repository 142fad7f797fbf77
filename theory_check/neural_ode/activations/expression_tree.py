"""Expressions as trees, and their canonical text.

A tree keeps the shape a person wrote; only units and zeros are folded, and signs move into constants. So the text of
a tree, parsed, is the same tree, and what is computed from a text is what was computed from the tree.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Variable:
    """x."""


@dataclass(frozen=True)
class Number:
    """A constant, finite."""

    value: float


@dataclass(frozen=True)
class Call:
    """A function of the catalogue, or exp, of an argument."""

    name: str
    argument: "Tree"


@dataclass(frozen=True)
class Scale:
    """factor * term, with factor not 0 or 1."""

    factor: float
    term: "Tree"


@dataclass(frozen=True)
class Shift:
    """term + offset, with offset not 0."""

    term: "Tree"
    offset: float


@dataclass(frozen=True)
class Sum:
    """left + right, neither a Number."""

    left: "Tree"
    right: "Tree"


@dataclass(frozen=True)
class Product:
    """left * right, neither a Number."""

    left: "Tree"
    right: "Tree"


@dataclass(frozen=True)
class Quotient:
    """left / right, right not a Number."""

    left: "Tree"
    right: "Tree"


@dataclass(frozen=True)
class Power:
    """base ** exponent, exponent at least 2, base not a Number."""

    base: "Tree"
    exponent: int


Tree = Variable | Number | Call | Scale | Shift | Sum | Product | Quotient | Power


def number(value: float) -> Number:
    """A constant; -0 is 0, so that it has one spelling."""
    return Number(float(value) + 0.0)


def scale(factor: float, term: Tree) -> Tree:
    """The tree of factor * term."""
    match term:
        case Number(value):
            return number(factor * value)
        case Scale(inner, rest) if factor == -1.0:  # a sign moves into the constant, exactly
            return scale(-inner, rest)
    if factor == 0.0:
        return number(0.0)
    return term if factor == 1.0 else Scale(factor, term)


def shift(term: Tree, offset: float) -> Tree:
    """The tree of term + offset."""
    if isinstance(term, Number):
        return number(term.value + offset)
    return term if offset == 0.0 else Shift(term, offset)


def add(left: Tree, right: Tree) -> Tree:
    """The tree of left + right; a constant goes to the right."""
    if isinstance(right, Number):
        return shift(left, right.value)
    if isinstance(left, Number):
        return shift(right, left.value)
    return Sum(left, right)


def multiply(left: Tree, right: Tree) -> Tree:
    """The tree of left * right; a constant goes to the left."""
    if isinstance(left, Number):
        return scale(left.value, right)
    if isinstance(right, Number):
        return scale(right.value, left)
    return Product(left, right)


def divide(left: Tree, right: Tree) -> Tree:
    """The tree of left / right; by a constant: times its reciprocal, rounded once.

    Raises:
        ZeroDivisionError: `right` is the constant 0.
    """
    if not isinstance(right, Number):
        return Quotient(left, right)
    return number(left.value / right.value) if isinstance(left, Number) else scale(1.0 / right.value, left)


def power(base: Tree, exponent: int) -> Tree:
    """The tree of base ** exponent, exponent zero or more."""
    if exponent == 0:
        return number(1.0)
    if isinstance(base, Number):
        return number(math.prod([base.value] * exponent))  # overflows to inf, where ** would raise
    return base if exponent == 1 else Power(base, exponent)


def substitute(tree: Tree, inner: Tree) -> Tree:
    """The tree with x replaced by `inner`, folded again."""
    match tree:
        case Variable():
            return inner
        case Number():
            return tree
        case Call(name, argument):
            return Call(name, substitute(argument, inner))
        case Scale(factor, term):
            return scale(factor, substitute(term, inner))
        case Shift(term, offset):
            return shift(substitute(term, inner), offset)
        case Sum(left, right):
            return add(substitute(left, inner), substitute(right, inner))
        case Product(left, right):
            return multiply(substitute(left, inner), substitute(right, inner))
        case Quotient(left, right):
            return divide(substitute(left, inner), substitute(right, inner))
        case Power(base, exponent):
            return power(substitute(base, inner), exponent)


def operators(tree: Tree) -> int:
    """Number of operators: every node but x and constants."""
    match tree:
        case Variable() | Number():
            return 0
        case Call(_, only) | Scale(_, only) | Shift(only, _) | Power(only, _):
            return 1 + operators(only)
        case Sum(left, right) | Product(left, right) | Quotient(left, right):
            return 1 + operators(left) + operators(right)


class _Printed(NamedTuple):
    """A text and how tightly its top operator binds: 1 sums, 2 products, 3 signs, 4 powers, 5 atoms."""

    text: str
    binding: int

    def at_least(self, binding: int) -> str:
        return self.text if self.binding >= binding else f"({self.text})"


def canonical(tree: Tree) -> str:
    """The canonical text: Python syntax, shortest decimals, no needless parentheses."""
    return _print(tree).text


def _print(tree: Tree) -> _Printed:
    match tree:
        case Variable():
            return _Printed("x", 5)
        case Number(value):
            return _Printed(repr(value), 5 if value >= 0 else 3)
        case Call(name, argument):
            return _Printed(f"{name}({canonical(argument)})", 5)
        case Scale(factor, term):
            if factor == -1.0:
                return _Printed(f"-{_print(term).at_least(4)}", 3)
            return _Printed(f"{factor!r}*{_print(term).at_least(4)}", 2)
        case Shift(term, offset):
            sign = "-" if offset < 0 else "+"
            return _Printed(f"{_print(term).at_least(1)} {sign} {abs(offset)!r}", 1)
        case Power(base, exponent):
            return _Printed(f"{_print(base).at_least(5)}**{exponent}", 4)
        case Sum() | Product() | Quotient():
            return _print_pair(tree)


def _print_pair(tree: Sum | Product | Quotient) -> _Printed:
    left, right = _print(tree.left), tree.right
    if not isinstance(tree, Sum):
        sign = "*" if isinstance(tree, Product) else "/"
        return _Printed(f"{left.at_least(2)}{sign}{_print(right).at_least(4)}", 2)
    if isinstance(right, Scale) and right.factor < 0:
        return _Printed(f"{left.at_least(1)} - {_print(scale(-right.factor, right.term)).at_least(2)}", 1)
    return _Printed(f"{left.at_least(1)} + {_print(right).at_least(2)}", 1)
