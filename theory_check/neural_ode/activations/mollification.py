"""Piecewise linear functions, and what becomes of one when its kinks are smoothed and nothing else is changed.

The Gaussian mollification of phi is E[phi(x + eps Z)], Z ~ N(0, 1). With phi(x) = o + l x + sum_i J_i max(x - k_i, 0)
it is o + l x + sum_i J_i eps S((x - k_i) / eps), S(x) = E relu(x + Z) = x Phi(x) + p(x): "smooth_relu" of expressions.
It has the asymptotes of phi, differs from it by at most eps sum_i |J_i| / sqrt(2 pi), and is entire.
"""

from dataclasses import dataclass
from fractions import Fraction

from theory_check.neural_ode.activations import expression_tree as trees
from theory_check.neural_ode.activations import polynomial
from theory_check.neural_ode.activations.activation import Activation, ActivationError
from theory_check.neural_ode.activations.algebra import NAMES, from_text, from_tree
from theory_check.neural_ode.activations.expression_tree import Tree
from theory_check.neural_ode.activations.parsing import parse

SMOOTH = "smooth_relu"


@dataclass(frozen=True)
class PiecewiseLinear:
    """phi(x) = offset + left_slope x + sum_i jumps[i] max(x - kinks[i], 0), kinks ascending."""

    offset: float
    left_slope: float
    kinks: tuple[float, ...]
    jumps: tuple[float, ...]


def is_piecewise_linear(activation: Activation) -> bool:
    """Whether phi is proved to be linear between kinks, of which it has one at least."""
    return bool(activation.kinks) and activation.curvature == 0.0 and activation.bounds == "proved"


def pieces_of(activation: Activation) -> PiecewiseLinear:
    """The kinks of a piecewise linear phi and its slopes.

    Raises:
        ActivationError: it is not known to be piecewise linear with a kink.
    """
    if not is_piecewise_linear(activation):
        raise ActivationError(f"{activation.expression} must be piecewise linear with a kink: there is none to smooth")
    kinks = tuple(float(kink) for kink in activation.kinks)
    sides = [(activation.slope_at(kink, -1), activation.slope_at(kink, 1)) for kink in kinks]
    left_slope = sides[0][0]
    return PiecewiseLinear(
        offset=activation.value_at(kinks[0]) - left_slope * kinks[0],
        left_slope=left_slope,
        kinks=kinks,
        jumps=tuple(right - left for left, right in sides),
    )


def mollified(activation: Activation, width: float) -> Activation:
    """E[phi(x + width Z)], Z ~ N(0, 1), of a piecewise linear phi, as an expression.

    Args:
        activation: phi, piecewise linear with a kink.
        width: standard deviation of the noise, positive.

    Raises:
        ActivationError: phi is not known to be piecewise linear with a kink.
        ValueError: a width that is not a positive finite number.
    """
    if not 0 < width < float("inf"):
        raise ValueError(f"width must be a positive finite number, got {width!r}")
    pieces = pieces_of(activation)
    terms = [f"{pieces.left_slope!r}*x"] if pieces.left_slope else []
    rate = 1.0 / width
    for kink, jump in zip(pieces.kinks, pieces.jumps, strict=True):
        terms.append(f"{jump * width!r}*{SMOOTH}({rate!r}*x + {-kink * rate!r})")
    offset = f" + {pieces.offset!r}" if pieces.offset else ""
    return from_text(" + ".join(terms) + offset)


def unmollified(activation: Activation) -> tuple[Activation, float] | None:
    """The piecewise linear phi and the width of which `activation` is known to be the mollification, or None.

    It is one where its expression is a line plus multiples of smooth_relu(b x + c) with one |b| = 1 / width.
    """
    if SMOOTH not in activation.expression:
        return None
    widths: set[Fraction] = set()
    kinked = _with_kinks(parse(activation.expression, NAMES), widths)
    if kinked is None or len(widths) != 1:
        return None
    found = from_tree(kinked)
    return (found, float(widths.pop())) if is_piecewise_linear(found) else None


def _with_kinks(tree: Tree, widths: set[Fraction]) -> Tree | None:
    """The same with relu in the place of smooth_relu; None where it is no line plus multiples of these."""
    match tree:
        case trees.Variable() | trees.Number():
            return tree
        case trees.Call(name, argument) if name == SMOOTH:
            inner = polynomial.coefficients(argument)
            if inner is None or len(inner) != 2:
                return None
            # S(b x + c) = E relu(b x + c + Z): the noise in x is Z / |b|.
            widths.add(1 / abs(Fraction(inner[1])))
            return trees.Call("relu", argument)
        case trees.Scale(factor, term):
            within = _with_kinks(term, widths)
            return None if within is None else trees.scale(factor, within)
        case trees.Shift(term, offset):
            within = _with_kinks(term, widths)
            return None if within is None else trees.shift(within, offset)
        case trees.Sum(left, right):
            sides = (_with_kinks(left, widths), _with_kinks(right, widths))
            return None if sides[0] is None or sides[1] is None else trees.add(sides[0], sides[1])
    return None
