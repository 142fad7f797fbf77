"""Inputs and weights of figures: digits, and seeds by the rule of cases."""

from theory_check.case.record import Seeds
from theory_check.neural_ode.case import DIGITS_COUNT, Case, Digits


def digits(count: int) -> Digits:
    """The first so many of the digits that ship with scikit-learn.

    Raises:
        ValueError: a count below 1, or more than there are.
    """
    if not 1 <= count <= DIGITS_COUNT:
        raise ValueError(f"inputs must be between 1 and the {DIGITS_COUNT} digits there are, got {count!r}")
    return Digits(tuple(range(count)))


def network_seed(root: int, figure: str, *, inputs: int, width: int, replicate: int, stage: str = "") -> int:
    """The seed of one set of weights, in [0, 2^63).

    The activation has no say in it: all activations of a figure meet the same networks. `Case` must name one.
    """
    case = Case(activation="identity", data=digits(inputs), width=width)
    return Seeds(root, f"figure {figure}").of(case, stage=stage, replicate=replicate)
