"""Bounds of a polynomial and its derivatives under N(0, a) for all variances up to a given one."""

import math
from dataclasses import dataclass

from theory_check.activations import polynomial
from theory_check.activations.activation import Activation
from theory_check.activations.algebra import NAMES
from theory_check.activations.parsing import parse


@dataclass(frozen=True)
class PolynomialSizes:
    """Root mean squares: value of p, slope of p', curvature of p'', third of p'''."""

    value: float
    slope: float
    curvature: float
    third: float

    @classmethod
    def of(cls, activation: Activation, variance: float) -> "PolynomialSizes":
        """For all variances at most `variance`.

        E p(sqrt(a) Z)^2 <= sum_ij |p_i p_j| a^((i+j)/2) E|Z|^(i+j), which increases in a.

        Raises:
            ValueError: the activation is not a polynomial by its expression.
        """
        exact = polynomial.coefficients(parse(activation.expression, NAMES))
        if exact is None:
            raise ValueError(f"{activation.expression} is not a polynomial")
        powers = [abs(float(c)) for c in exact]
        sizes = []
        for _ in range(4):
            sizes.append(_root_mean_square(powers, variance))
            powers = [j * p for j, p in enumerate(powers)][1:]
        return cls(*sizes)


def _root_mean_square(powers: list[float], variance: float) -> float:
    # A single term keeps its exact moment; the sum of several pairs odd powers with even ones.
    total = math.fsum(
        p * q * variance ** ((i + j) / 2) * _absolute_moment(i + j)
        for i, p in enumerate(powers)
        for j, q in enumerate(powers)
    )
    return math.sqrt(total)


def _absolute_moment(order: int) -> float:
    """E|Z|^order."""
    return 2 ** (order / 2) * math.gamma((order + 1) / 2) / math.sqrt(math.pi)
