"""Random inputs: on the sphere, digits, short vectors, degenerate sets, rows of the user's own data."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from theory_check.neural_ode.case import (
    DIGITS_COUNT,
    MAX_CORRELATION,
    Data,
    Digits,
    Explicit,
    Sphere,
    correlations,
    materialise,
    parallel_rows,
)

WHOLE_GIVEN_DATA = 32
# In which more than d + 1 points on the sphere can be kept apart.
CROWDED_DIMENSIONS = range(2, 5)
# Simplest first.
LABELS = (0.0, 1.0, -1.0, 0.5, -0.5, 0.25)


@dataclass(frozen=True)
class Sizes:
    """How many inputs a claim's cases have, and of which dimension."""

    inputs: tuple[int, int] = (1, 4)
    dimensions: tuple[int, int] = (2, 6)


ANY_SIZE = Sizes()


@st.composite
def sphere_data(draw: DrawFn, sizes: Sizes = ANY_SIZE) -> Sphere:
    """Points on the sphere, kept apart (|correlation| <= 0.95), at most 2 d of them."""
    least, most = sizes.inputs
    dimension = draw(st.integers(max(sizes.dimensions[0], (least + 1) // 2, 2), sizes.dimensions[1]))
    return Sphere(draw(st.integers(least, min(most, 2 * dimension))), dimension, draw(st.integers(0, 9999)))


@st.composite
def digits_data(draw: DrawFn, sizes: Sizes = ANY_SIZE) -> Digits:
    """Digits that ship with scikit-learn, |correlation| <= 0.95 for every two."""
    count = draw(st.integers(*sizes.inputs))
    rows: list[int] = []
    for _ in range(count):
        row = draw(st.integers(0, DIGITS_COUNT - 1))
        while rows and np.abs(correlations(materialise(Digits((*rows, row))))[-1, :-1]).max() > MAX_CORRELATION:
            row = (row + 1) % DIGITS_COUNT
        rows.append(row)
    return Digits(tuple(rows))


_ENTRIES = st.integers(-6, 6).map(lambda k: k / 2)


@st.composite
def _short_rows(draw: DrawFn, sizes: Sizes, *, non_zero: bool) -> tuple[tuple[float, ...], ...]:
    dimension = draw(st.integers(1, sizes.dimensions[1]))
    rows = []
    for _ in range(draw(st.integers(*sizes.inputs))):
        row = [draw(_ENTRIES) for _ in range(dimension)]
        if non_zero and not any(row):
            row[0] = 1.0
        rows.append(tuple(row))
    return tuple(rows)


@st.composite
def arbitrary_data(
    draw: DrawFn, sizes: Sizes = ANY_SIZE, *, first: Literal["any", "zero", "non-zero"] = "any"
) -> Explicit:
    """Any vectors with short entries, zero included; the first may be forced to be zero or not to be."""
    rows = draw(_short_rows(sizes, non_zero=first == "non-zero"))
    return Explicit((tuple(0.0 for _ in rows[0]), *rows[1:]) if first == "zero" else rows)


@st.composite
def rows_of_dimension(draw: DrawFn, sizes: Sizes, *, first_zero: bool) -> Explicit:
    """Short rows of the largest dimension of `sizes`; the first may be forced to be zero."""
    dimension = sizes.dimensions[1]
    rows = [tuple(draw(_ENTRIES) for _ in range(dimension)) for _ in range(draw(st.integers(*sizes.inputs)))]
    return Explicit(((0.0,) * dimension, *rows[1:])) if first_zero else Explicit(tuple(rows))


@st.composite
def crowded_data(draw: DrawFn, sizes: Sizes = ANY_SIZE) -> Sphere:
    """More than d + 1 points in d dimensions: an affine model cannot tell them apart."""
    dimension = draw(st.integers(2, max(2, min(4, sizes.dimensions[1]))))
    return Sphere(draw(st.integers(dimension + 2, 2 * dimension)), dimension, draw(st.integers(0, 9999)))


@st.composite
def independent_data(draw: DrawFn, sizes: Sizes = ANY_SIZE) -> Sphere:
    """Two to d points in d dimensions, linearly independent: an affine model can tell them apart."""
    least = max(2, sizes.inputs[0])
    dimension = draw(st.integers(max(least, sizes.dimensions[0]), max(least, sizes.dimensions[1])))
    count = draw(st.integers(least, max(least, min(sizes.inputs[1], dimension))))
    return Sphere(count, dimension, draw(st.integers(0, 9999)))


@st.composite
def degenerate_data(
    draw: DrawFn, sizes: Sizes = ANY_SIZE, *, kind: Literal["repeated", "antipodal", "contradictory"] = "repeated"
) -> Explicit:
    """Inputs of which one occurs twice, or with both signs; `contradictory` gives the repeated one two labels."""
    rows = draw(_short_rows(sizes, non_zero=True))
    copy = tuple(-value for value in rows[0]) if kind == "antipodal" else rows[0]
    if kind != "contradictory":
        return Explicit((*rows, copy))
    labels = tuple(draw(st.sampled_from(LABELS)) for _ in rows)
    return Explicit((*rows, copy), (*labels, labels[0] + draw(st.sampled_from((1.0, 2.0, -1.0)))))


@st.composite
def _given_rows(draw: DrawFn, given: Explicit, sizes: Sizes) -> Explicit:
    """All rows of the user's data where a claim can take them, else some; rows that are parallel always among them."""
    offending = parallel_rows(materialise(given))
    fixed = sorted(set(offending)) if offending else []
    total = len(given.rows)
    # The claims on kernels take all rows; the others are on single inputs or small sets, so they take a few at a time.
    most = total if sizes.inputs[1] >= 4 and total <= WHOLE_GIVEN_DATA else min(total, max(sizes.inputs[1], len(fixed)))
    start = draw(st.integers(0, total - 1))
    count = draw(st.integers(min(total, max(sizes.inputs[0], len(fixed), 1)), most))
    rest = [k % total for k in range(start, start + total) if k % total not in fixed]
    chosen = fixed + rest[: count - len(fixed)]
    labels = None if given.labels is None else tuple(given.labels[k] for k in chosen)
    return Explicit(tuple(given.rows[k] for k in chosen), labels)


def data_of_stratum(stratum: str, sizes: Sizes, given: Explicit | None) -> SearchStrategy[Data]:
    """Inputs of a stratum: those of its name, the user's own where it is `given`, the sphere for all others."""
    match stratum:
        case "digits":
            return digits_data(sizes)
        case "given" if given is not None:
            return _given_rows(given, sizes)
        case "pinned":
            return _given_rows(given, sizes) if given is not None else arbitrary_data(sizes, first="non-zero")
        case "arbitrary":
            return arbitrary_data(sizes)
        case "zero-input":
            return arbitrary_data(sizes, first="zero")
        case "crowded":
            return crowded_data(sizes)
        case "independent":
            return independent_data(sizes)
        case "repeated" | "antipodal" | "contradictory":
            return degenerate_data(sizes, kind=stratum)
        case _:
            return sphere_data(sizes)
