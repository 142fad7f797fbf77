"""Decimals of a bound: what is certified from below is never shown larger than it is."""

import decimal


def rounded_down(value: float, digits: int) -> str:
    """`digits` significant digits, never more than the value."""
    exact = decimal.Context(prec=digits, rounding=decimal.ROUND_FLOOR).create_decimal_from_float(value)
    return f"{float(exact):.{digits}g}"
