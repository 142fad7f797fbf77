"""What claims structure-kept and spread-reduced share: the error of a limiting correlation."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from theory_check.neural_ode.measurements.correlation_order import pairs_of


@given(
    diagonal=st.tuples(st.floats(0.1, 10.0), st.floats(0.1, 10.0)),
    rho=st.floats(-1.0, 1.0),
    shares=st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.floats(0.0, 0.5)),
    signs=st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3),
)
def test_the_error_of_a_correlation_holds_those_of_three_entries(
    diagonal: tuple[float, float], rho: float, shares: tuple[float, float, float], signs: tuple[float, float, float]
) -> None:
    """Entries off by up to half the diagonal, in the worst corners of their intervals, stay within the error."""
    root = math.sqrt(diagonal[0] * diagonal[1])
    kernel = np.array([[diagonal[0], rho * root], [rho * root, diagonal[1]]])
    error = np.array([[shares[0] * diagonal[0], shares[2] * root], [shares[2] * root, shares[1] * diagonal[1]]])
    pairs = pairs_of(np.eye(2), kernel, error)
    assert pairs.given.tolist() == [0.0]
    true = kernel + error * np.array([[signs[0], signs[2]], [signs[2], signs[1]]])
    found = true[0, 1] / math.sqrt(true[0, 0] * true[1, 1])
    assert abs(found - pairs.limit[0]) <= pairs.error[0] + 1e-15
