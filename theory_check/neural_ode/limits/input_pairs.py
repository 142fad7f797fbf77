"""Inputs as the limit sees them: norms, inner products, and which pairs are one input twice."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from theory_check.neural_ode.limits.marginals import UNIT_ROUNDOFF
from theory_check.neural_ode.limits.pair_kernels import Pairs

Array = NDArray[np.float64]

# Norms within this many units of rounding are one: those of inputs scaled to a sphere differ in the last places.
_ROUNDINGS = 64


@dataclass(frozen=True)
class InputPairs:
    """The upper triangle of pairs of inputs, sorted into problems.

    Attributes:
        group_start: sigma_u^2 |x|^2 / d for each group of inputs of one norm, (groups,).
        group: of each input, (inputs,).
        same: one pair for each group: an input with itself.
        different: all other pairs of distinct inputs.
        rounding: relative error of C(0, 0), from inner products and from taking close norms as equal.
    """

    group_start: Float[Array, " groups"]
    group: Int[NDArray[np.intp], " inputs"]
    same: Pairs
    different: Pairs
    rounding: float
    _coincide: Bool[NDArray[np.bool_], "inputs inputs"]
    _rows: Int[NDArray[np.intp], " pairs"]
    _columns: Int[NDArray[np.intp], " pairs"]

    def assemble(self, on_groups: Float[Array, " groups"], on_pairs: Float[Array, " pairs"]) -> Array:
        """A symmetric matrix over the inputs."""
        matrix = np.zeros((len(self.group), len(self.group)))
        matrix[self._rows, self._columns] = on_pairs
        matrix[self._columns, self._rows] = on_pairs
        by_row = np.broadcast_to(on_groups[self.group][:, None], matrix.shape)
        matrix[self._coincide] = by_row[self._coincide]
        return matrix


def input_pairs(inputs: NDArray[np.number[Any]], sigma_u: float) -> InputPairs:
    """Sort the pairs of rows.

    Raises:
        ValueError: not a finite real matrix with at least one row and one column.
    """
    rows = _checked(inputs)
    dimension = rows.shape[1]
    start = sigma_u**2 * (rows @ rows.T) / dimension
    norms = np.diagonal(start).copy()
    tolerance = _ROUNDINGS * UNIT_ROUNDOFF * (1 + dimension / _ROUNDINGS)
    group, group_start = _grouped(norms, tolerance)
    repeated = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
    coincide = repeated[:, None] == repeated[None, :]
    row, column = np.nonzero(np.triu(~coincide, 1))
    groups = np.arange(len(group_start))
    return InputPairs(
        group_start,
        group,
        Pairs(groups, groups, group_start, same=True),
        Pairs(group[row], group[column], start[row, column], same=False),
        2 * tolerance + (dimension + 4) * UNIT_ROUNDOFF,
        coincide,
        row,
        column,
    )


def _grouped(norms: Float[Array, " inputs"], tolerance: float) -> tuple[NDArray[np.intp], Array]:
    """Groups of norms that differ by rounding only, each represented by its least."""
    order = np.argsort(norms)
    group = np.empty(len(norms), dtype=np.intp)
    representatives: list[float] = []
    for index in order:
        if not representatives or norms[index] > representatives[-1] * (1 + tolerance):
            representatives.append(float(norms[index]))
        group[index] = len(representatives) - 1
    return group, np.array(representatives)


def _checked(inputs: NDArray[np.number[Any]]) -> Float[Array, "inputs dimension"]:
    rows = np.asarray(inputs)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(
            f"inputs must have shape (inputs, dimension) with at least one of each, got {tuple(rows.shape)}"
        )
    if not (np.issubdtype(rows.dtype, np.floating) or np.issubdtype(rows.dtype, np.integer)):
        raise ValueError(f"inputs must be real numbers, got {rows.dtype}")
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise ValueError(f"inputs must be finite, got a NaN or an infinity in row {int(np.argmin(finite))}")
    return rows.astype(np.float64)
