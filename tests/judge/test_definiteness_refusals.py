"""What the judges of definiteness refuse to look at."""

import math
from collections.abc import Callable

import flint
import numpy as np
import pytest
from numpy.typing import NDArray

from theory_check.judge.definiteness import (
    certified_by_balls,
    certified_lower_bound,
    indefinite_certificate,
    normalise_to_unit_diagonal,
    verified_positive_definite,
)
from theory_check.judge.error_budget import NonFiniteEvidence

Matrix = NDArray[np.float64]
JUDGES = [
    verified_positive_definite,
    certified_lower_bound,
    indefinite_certificate,
    normalise_to_unit_diagonal,
    lambda a, e=0.0: certified_by_balls((a, e)),
]


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_entries_that_are_not_finite_raise(judge: Callable[..., object], bad: float) -> None:
    """In the matrix or in its error, alone or in a symmetric pair."""
    matrix = np.eye(3)
    matrix[0, 1] = matrix[1, 0] = bad
    with pytest.raises(NonFiniteEvidence, match="2 entries of the matrix"):
        judge(matrix)
    with pytest.raises(NonFiniteEvidence, match="1 entries of the error"):
        judge(np.eye(3), bad)


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (np.array([[1.0, 0.1], [0.1 + 1e-17 * 2, 1.0]]), 0.0, "exactly symmetric"),
        (np.ones((2, 3)), 0.0, "square"),
        (np.empty((0, 0)), 0.0, "square"),
        (np.ones(4), 0.0, "square"),
        (np.eye(2), -1e-9, "at least 0"),
        (np.eye(2), np.zeros(2), "shape"),
    ],
)
def test_what_is_no_symmetric_matrix_is_refused(
    judge: Callable[..., object], matrix: Matrix, error: float | Matrix, message: str
) -> None:
    """One line with the value and what would be right."""
    with pytest.raises(ValueError, match=message):
        judge(matrix, error)


def test_balls_out_of_range_are_refused() -> None:
    """A ball without bound, a matrix that is not square, no bits of precision."""
    with pytest.raises(NonFiniteEvidence, match="1 balls"):
        certified_by_balls(flint.arb_mat([[1, 0], [0, flint.arb("nan")]]))
    with pytest.raises(ValueError, match="1 by 2"):
        certified_by_balls(flint.arb_mat([[1, 2]]))
    with pytest.raises(ValueError, match="precision"):
        certified_by_balls(flint.arb_mat([[1]]), 1)
    with pytest.raises(NonFiniteEvidence, match="delta"):
        verified_positive_definite(np.eye(2), 0.0, math.nan)
