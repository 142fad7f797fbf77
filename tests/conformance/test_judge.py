"""What becomes of numbers that are none: a library's own fail it, those of the reference say nothing."""

import math

import pytest

from theory_check.conformance.judge import _fails, _finite
from theory_check.judge.discrepancy import Discrepancy


@pytest.mark.parametrize("error", [math.nan, math.inf])
@pytest.mark.parametrize("bound", [1e-6, math.nan, math.inf])
def test_a_result_that_is_not_finite_beside_a_finite_reference_fails(error: float, bound: float) -> None:
    """The bound may be made of the result, and is none then either."""
    assert _fails(_finite(Discrepancy("distance", error, bound, 1.0)))


@pytest.mark.parametrize("scale", [math.nan, math.inf])
@pytest.mark.parametrize("error", [0.0, 1.0, math.nan, math.inf])
def test_a_reference_that_is_not_finite_decides_nothing(error: float, scale: float) -> None:
    """Whatever the library gave: neither a failure nor a pass."""
    found = _finite(Discrepancy("distance", error, 1e-6, scale))
    assert not _fails(found)
    assert found.powerless == "the reference is not finite"


def test_a_bound_that_is_none_decides_nothing() -> None:
    """Beside a finite error."""
    found = _finite(Discrepancy("distance", 5.0, math.inf, 1.0))
    assert (_fails(found), found.powerless) == (False, "the bound is not finite")
