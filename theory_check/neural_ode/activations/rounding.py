"""Arithmetic on bounds that never rounds inwards.

Upper bounds are rounded up and lower bounds down, and an operation whose result is a double is exact, so that
2 * 0.5 stays 1. Zero times infinity is zero: a factor that is exactly zero makes the product zero.
"""

import math
from fractions import Fraction


def at_least(value: Fraction) -> float:
    """The least double that is not below `value`; inf beyond the largest double."""
    try:
        nearest = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.nextafter(math.inf, 0.0)
    return math.nextafter(nearest, math.inf) if Fraction(nearest) < value else nearest


def at_most(value: Fraction) -> float:
    """The greatest double that is not above `value`."""
    return 0.0 - at_least(-value)


def product_up(*factors: float) -> float:
    """An upper bound of the product of non-negative bounds."""
    if 0.0 in factors:
        return 0.0
    if math.inf in factors:
        return math.inf
    return at_least(math.prod(map(Fraction, factors), start=Fraction(1)))


def sum_up(*terms: float) -> float:
    """An upper bound of the sum; inf when a term is inf."""
    return math.inf if math.inf in terms else at_least(sum(map(Fraction, terms), Fraction(0)))


def widened(value: float, ulps: int = 4) -> float:
    """A closed form rounded away from zero: 4 ulps exceed the rounding of the few library calls it takes."""
    return value + math.copysign(ulps * math.ulp(value), value)


Interval = tuple[float, float]


def interval_sum(left: Interval, right: Interval) -> Interval:
    """Enclosure of {u + v}; ends may be infinite."""
    return 0.0 - sum_up(-left[0], -right[0]), sum_up(left[1], right[1])


def interval_product(left: Interval, right: Interval) -> Interval:
    """Enclosure of {u v}; ends may be infinite."""
    pairs = [(u, v) for u in left for v in right]
    return min(_end(u, v, up=False) for u, v in pairs), max(_end(u, v, up=True) for u, v in pairs)


def _end(u: float, v: float, *, up: bool) -> float:
    """One corner of a product of intervals."""
    if u == 0 or v == 0:
        return 0.0
    if math.isinf(u) or math.isinf(v):
        return u * v
    exact = Fraction(u) * Fraction(v)
    return at_least(exact) if up else at_most(exact)
