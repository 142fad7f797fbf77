"""Numbers for JSON."""

import math

import msgspec
import numpy as np
import pytest

from theory_check.judge.plain_numbers import finite, plain


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_is_no_number_is_none(value: float | None) -> None:
    """NaN, infinities and None."""
    assert finite(value) is None


def test_finite_numbers_become_pythons_floats() -> None:
    """Those of NumPy and whole ones too."""
    assert [type(finite(value)) for value in (1, 2.5, np.float64(3.0), np.int64(4))] == [float] * 4


def test_details_are_plain_and_finite() -> None:
    """Every scalar of NumPy turns into Python's; a NaN or an infinity of either is left out; order is kept."""
    details = {
        "a": np.float64(1.5),
        "b": np.float32(0.5),
        "c": np.int32(3),
        "d": np.bool_(True),  # noqa: FBT003
        "e": np.str_("word"),
        "f": np.float32("inf"),
        "g": math.nan,
        "h": None,
        "i": 7,
    }
    found = plain(details)
    assert found == {"a": 1.5, "b": 0.5, "c": 3, "d": True, "e": "word", "h": None, "i": 7}
    assert {type(value) for value in found.values()} <= {float, int, bool, str, type(None)}
    assert msgspec.json.decode(msgspec.json.encode(found)) == found
