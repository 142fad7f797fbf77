"""Where a function fails to be smooth: a quadrature has to be split there."""

from theory_check.neural_ode.activations import expression_tree as trees
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.algebra import NAMES, from_tree
from theory_check.neural_ode.activations.expression_tree import Tree
from theory_check.neural_ode.activations.measured_bounds import crossings
from theory_check.neural_ode.activations.parsing import parse

# Arguments at which a function of the catalogue, or one of its derivatives, is not smooth.
_SINGULAR = {
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "abs": (0.0,),
    "elu": (0.0,),
    "sign_sqrt": (0.0,),
    "hardtanh": (-1.0, 1.0),
}


def breakpoints(activation: Activation) -> list[float]:
    """Points, ascending, off which phi is smooth: its kinks, and those of derivatives further up (ELU, relu(x)^2).

    For a user's function only its kinks are known. Beyond |x| = 64 only kinks are found.
    """
    points = {float(kink) for kink in activation.kinks}
    if activation.ball is not None:
        _collect(parse(activation.expression, NAMES), points)
    return sorted(points)


def _collect(tree: Tree, points: set[float]) -> None:
    match tree:
        case trees.Call(name, argument):
            for place in _SINGULAR.get(name, ()):
                points.update(_solutions(argument, place))
            _collect(argument, points)
        case trees.Scale(_, term) | trees.Shift(term, _) | trees.Power(term, _):
            _collect(term, points)
        case trees.Sum(left, right) | trees.Product(left, right) | trees.Quotient(left, right):
            _collect(left, points)
            _collect(right, points)


def _solutions(argument: Tree, place: float) -> list[float]:
    """Where the argument crosses `place`."""
    if isinstance(argument, trees.Variable):
        return [place]
    inner = from_tree(argument)
    return [_snapped(zero) for zero in crossings(lambda x: inner(x) - place)]


def _snapped(zero: float) -> float:
    """A crossing within rounding of 0 is 0: nodes can then be shared by all variances."""
    return 0.0 if abs(zero) < 1e-15 else zero
