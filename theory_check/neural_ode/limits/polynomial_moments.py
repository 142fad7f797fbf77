"""Bounds of a polynomial and its derivatives under N(0, a) for all variances up to given ones."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.neural_ode.activations import polynomial
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.algebra import NAMES
from theory_check.neural_ode.activations.parsing import parse

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PolynomialSizes:
    """Root mean squares of p and of its first, second and third derivative; one for each variance."""

    value: Float[Array, " *variances"]
    slope: Float[Array, " *variances"]
    curvature: Float[Array, " *variances"]
    third: Float[Array, " *variances"]

    @classmethod
    def of(cls, activation: Activation, variances: Float[Array, " *variances"]) -> "PolynomialSizes":
        """For all variances at most those given, one by one.

        E p(sqrt(a) Z)^2 <= sum_ij |p_i p_j| a^((i+j)/2) E|Z|^(i+j), which increases in a.

        Raises:
            ValueError: the activation is not a polynomial by its expression.
        """
        powers = [abs(power) for power in _powers(activation)]
        sizes = []
        for _ in range(4):
            sizes.append(_root_mean_square(powers, variances))
            powers = [j * p for j, p in enumerate(powers)][1:]
        return cls(*sizes)


def bounds_in_time(
    activation: Activation, variances: Float[Array, "*groups times"], room: float, greatest: float
) -> Float[Array, "*groups times"]:
    """Bounds of the true variances, each for all times up to its own.

    Let p have coefficients of one sign among its even powers, and of one among its odd ones. Then no c_k(a) changes
    sign, so that E[p(u) p(v)] = sum_k rho^k c_k(a) c_k(b) >= 0 for rho >= 0: the covariance of an input with itself
    stays >= 0, and its variance never falls. For other polynomials the greatest variance is the bound.

    Args:
        activation: p.
        variances: as computed at ascending times.
        room: for their errors.
        greatest: bound of all at all times.
    """
    powers = _powers(activation)
    of_one_sign = all(min(same) >= 0 or max(same) <= 0 for same in (powers[::2], powers[1::2]) if same)
    if not of_one_sign:
        return np.full_like(variances, greatest)
    bounds: Array = np.minimum(np.maximum.accumulate(variances, axis=-1) + room, greatest)
    return bounds


def _powers(activation: Activation) -> list[float]:
    """Coefficients, from that of 1 on."""
    exact = polynomial.coefficients(parse(activation.expression, NAMES))
    if exact is None:
        raise ValueError(f"{activation.expression} is not a polynomial")
    return [float(c) for c in exact]


def _root_mean_square(powers: list[float], variances: Array) -> Array:
    # A single term keeps its exact moment; the sum of several pairs odd powers with even ones.
    total = np.zeros_like(variances)
    for i, p in enumerate(powers):
        for j, q in enumerate(powers):
            total = total + p * q * variances ** ((i + j) / 2) * _absolute_moment(i + j)
    root: Array = np.sqrt(total)
    return root


def _absolute_moment(order: int) -> float:
    """E|Z|^order."""
    return 2 ** (order / 2) * math.gamma((order + 1) / 2) / math.sqrt(math.pi)
