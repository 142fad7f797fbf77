"""The activation that an expression describes, with bounds that follow from those of its parts."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from theory_check.neural_ode.activations import expression_tree as trees
from theory_check.neural_ode.activations import polynomial, propagation
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE, FUNCTIONS
from theory_check.neural_ode.activations.composition import composed
from theory_check.neural_ode.activations.corners import beside, locations, without_smooth_points
from theory_check.neural_ode.activations.expression_tree import Tree
from theory_check.neural_ode.activations.measured_bounds import measure
from theory_check.neural_ode.activations.parsing import parse
from theory_check.neural_ode.activations.propagation import Pieces

NAMES = frozenset(FUNCTIONS)


def from_text(text: str) -> Activation:
    """The activation an expression in x describes."""
    return from_tree(parse(text, NAMES))


@lru_cache(maxsize=4096)
def from_tree(tree: Tree) -> Activation:
    """The activation of an expression tree, its parts first."""
    if isinstance(tree, trees.Variable):
        return CATALOGUE["identity"]
    if isinstance(tree, trees.Call) and isinstance(tree.argument, trees.Variable):
        return FUNCTIONS[tree.name]
    pieces, known = _pieces(tree), polynomial.coefficients(tree)
    return _assembled(tree, *(_completed(pieces) if known is None else _of_polynomial(pieces, known)))


def _pieces(tree: Tree) -> Pieces:
    """The rule for the top operator."""
    match tree:
        case trees.Number(value):
            return propagation.constant(value)
        case trees.Call(name, argument):
            return composed(FUNCTIONS[name], from_tree(argument), polynomial.coefficients(argument))
        case trees.Scale(factor, term):
            return propagation.scaled(factor, from_tree(term))
        case trees.Shift(term, offset):
            return propagation.shifted(from_tree(term), offset)
        case trees.Sum(left, right):
            return propagation.added(from_tree(left), from_tree(right))
        case trees.Product(left, right):
            return propagation.multiplied(from_tree(left), from_tree(right))
        case trees.Quotient(left, right):
            return propagation.divided(from_tree(left), from_tree(right))
        case trees.Power(base, exponent):
            return propagation.raised(from_tree(base), exponent)
    raise TypeError(f"no rule for {tree!r}")


def _of_polynomial(pieces: Pieces, known: polynomial.Coefficients) -> tuple[Pieces, int]:
    """Exact coefficients bound more tightly than rules, and see leading terms cancel."""
    lower, upper = polynomial.value_range(known)
    exact = replace(
        pieces,
        lipschitz=polynomial.lipschitz(known),
        curvature=polynomial.curvature(known),
        lower=max(lower, pieces.lower),
        upper=min(upper, pieces.upper),
        corners=(),
        analytic=True,
        differentiable=True,
        proved=True,
    )
    return exact, polynomial.degree(known)


def _completed(pieces: Pieces) -> tuple[Pieces, int | None]:
    """Drop corners without a jump; measure what the rules leave open; recognise what is affine by value."""
    corners, all_proved = without_smooth_points(pieces.corners)
    pieces = replace(pieces, corners=corners, proved=pieces.proved and all_proved)
    if not pieces.settled and math.inf in (pieces.lipschitz, pieces.curvature):
        pieces = _measured(pieces)
    # phi'' = 0 between corners and no corners: phi' is constant.
    affine = pieces.proved and not corners and pieces.curvature == 0.0
    pieces = replace(pieces, differentiable=pieces.differentiable or affine)
    return pieces, (0 if pieces.lipschitz == 0.0 else 1) if affine else None


def _measured(pieces: Pieces) -> Pieces:
    """Measured values in place of the infinite ones; a finite bound from a rule stays."""
    seen = measure(pieces.function, lambda x: pieces.slope(x, 1), known_kinks=True)
    return replace(
        pieces,
        lipschitz=min(pieces.lipschitz, seen.lipschitz),
        curvature=min(pieces.curvature, seen.curvature),
        lower=seen.lower if math.isinf(pieces.lower) else pieces.lower,
        upper=seen.upper if math.isinf(pieces.upper) else pieces.upper,
        proved=False,
    )


def _assembled(tree: Tree, pieces: Pieces, degree: int | None) -> Activation:
    text = trees.canonical(tree)
    return Activation(
        name=text,
        expression=text,
        function=pieces.function,
        one_sided_derivative=_showing_jumps(pieces),
        lipschitz=pieces.lipschitz,
        derivative_lipschitz=math.inf if pieces.corners else pieces.curvature,
        lower=pieces.lower,
        upper=pieces.upper,
        kinks=locations(pieces.corners),
        degree=degree,
        analytic=pieces.analytic,
        differentiable=pieces.differentiable,
        ball=pieces.ball,
        bounds="proved" if pieces.proved else "measured",
        operators=trees.operators(tree),
        curvature=pieces.curvature,
        corners=pieces.corners,
    )


def _showing_jumps(pieces: Pieces) -> Callable[[Tensor, int], Tensor]:
    """The slope, with both sides visible at the nearest double of every kink: 3 x - 1 need not vanish at 1/3."""
    kinks = locations(pieces.corners)
    hidden = torch.zeros(len(kinks), dtype=torch.bool)
    for dtype in (torch.float64, torch.float32):
        points = torch.tensor(kinks, dtype=dtype)
        hidden |= pieces.slope(points, -1) == pieces.slope(points, 1)
    return beside(pieces.slope, tuple(kink for kink, hides in zip(kinks, hidden, strict=True) if hides))
