"""A case: everything that fixes one instance of a claim about Neural ODEs, but for the weights (case.record.Seeds).

A case is data. Its canonical JSON names it: the verdict of a case is a pure function of that text and
the root seed, so a case can be replayed from a report in another process (docs/judgement.md#two-kinds-of-randomness).
"""

import math
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from theory_check.neural_ode.model import NeuralODE

MAX_CORRELATION = 0.95
DIGITS_COUNT = 1797
DIGITS_DIMENSION = 64

Count = Annotated[int, msgspec.Meta(ge=1)]


class Sphere(msgspec.Struct, frozen=True, tag="sphere", tag_field="kind", forbid_unknown_fields=True):
    """`count` points with |x| = sqrt(dimension) and |correlation| <= 0.95 for every two of them."""

    count: Count
    dimension: Count
    seed: Annotated[int, msgspec.Meta(ge=0)]


class Digits(msgspec.Struct, frozen=True, tag="digits", tag_field="kind", forbid_unknown_fields=True):
    """Rows of the 8 x 8 digits that ship with scikit-learn, scaled to |x| = 8; labels are the digit's parity."""

    rows: tuple[Annotated[int, msgspec.Meta(ge=0, lt=DIGITS_COUNT)], ...]


class Explicit(msgspec.Struct, frozen=True, tag="explicit", tag_field="kind", forbid_unknown_fields=True):
    """Inputs written out, one row each; `labels`, where given, holds one number for each row."""

    rows: tuple[tuple[float, ...], ...]
    labels: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows}
        if len(widths) != 1 or 0 in widths:
            raise ValueError(f"rows must be non-empty and of one length, got lengths {sorted(widths)}")
        if not all(math.isfinite(value) for row in self.rows for value in row):
            raise ValueError("inputs must be finite, got a NaN or an infinity")
        if self.labels is not None and len(self.labels) != len(self.rows):
            raise ValueError(f"labels must be one for each row, got {len(self.labels)} for {len(self.rows)} rows")
        if self.labels is not None and not all(map(math.isfinite, self.labels)):
            raise ValueError("labels must be finite, got a NaN or an infinity")


Data = Sphere | Digits | Explicit
Structure = Literal["gaussian", "zero", "symmetric", "antisymmetric", "rank-one"]


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How U, W, V are laid down: independent N(0, 1) entries, then changed as the fields say.

    structure: what W becomes: itself, zero, its symmetric or antisymmetric part, or rank one.
    gain: a factor on W. Theorems on uniqueness and gradients speak of every W, not of typical ones.
    pinned: when set, coordinate 0 of the first input's state stays at this value for all t
        (row 0 of W is zero and row 0 of U is parallel to that input). The probe for kinks.
    """

    structure: Structure = "gaussian"
    gain: float = 1.0
    pinned: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("gain", self.gain), ("pinned", self.pinned)):
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value!r}")


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One instance: an activation, a model, data, a width and a rule for the weights.

    activation: canonical expression, or "package.module:name" for a user's function.
    stratum: the part of the space of cases it was drawn from.
    eta_factor: learning rate in units of 1 / lambda_max(Theta_0); used by training claims only.
    model: "module" where `activation` names a user's torch.nn.Module ("package.module:build") that is the whole vector
        field, on states of dimension `width`; of the scales only the horizon counts then, and `weights` says nothing.
        Left out where it is not set, so that other cases are spelt as if there were no such field.
    """

    activation: str
    data: Data
    width: Count
    neural_ode: NeuralODE = NeuralODE()
    weights: Weights = Weights()
    stratum: str = "sphere"
    eta_factor: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    model: Literal["module"] | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_model(self) -> bool:
        """Whether the case is one of a user's own module."""
        return self.model == "module"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.eta_factor) and self.eta_factor > 0):
            raise ValueError(f"eta_factor must be a positive finite number, got {self.eta_factor!r}")


def materialise(data: Data) -> NDArray[np.float64]:
    """The inputs of a case, shape (inputs, dimension), float64."""
    match data:
        case Sphere():
            return _separated_points(data.count, data.dimension, data.seed)
        case Digits():
            return to_sphere(_digits()[0][list(data.rows)])
        case Explicit():
            return np.array(data.rows, dtype=np.float64)


def labels_of(data: Data, seed: int) -> NDArray[np.float64]:
    """Targets for training, shape (inputs,): given ones, the parity of digits as +-1, else N(0, 1) from `seed`."""
    if isinstance(data, Explicit) and data.labels is not None:
        return np.array(data.labels, dtype=np.float64)
    if isinstance(data, Digits):
        return np.where(_digits()[1][list(data.rows)] % 2 == 0, 1.0, -1.0)
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(count_of(data))


def count_of(data: Data) -> int:
    """Number of inputs, without making them."""
    return data.count if isinstance(data, Sphere) else len(data.rows)


def to_sphere(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows scaled to |x| = sqrt(dimension); a zero row stays zero."""
    rows = _of_size_one(rows)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = rows * (math.sqrt(rows.shape[1]) / np.where(norms > 0, norms, 1.0))
    return scaled


def correlations(inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines between the rows, shape (inputs, inputs); a zero row has cosine 0 with all others."""
    unit = to_sphere(inputs) / math.sqrt(inputs.shape[1])
    cosines: NDArray[np.float64] = np.clip(unit @ unit.T, -1.0, 1.0)
    return cosines


def parallel_rows(inputs: NDArray[np.float64]) -> tuple[int, int] | None:
    """The first two rows that are parallel to rounding (x = -x' and zero rows count), or None.

    Returns indices (i, j) with i < j; a zero row i alone is reported as (i, i).
    """
    inputs = _of_size_one(inputs)
    norms = np.linalg.norm(inputs, axis=1)
    if (norms == 0).any():
        zero = int(np.argmax(norms == 0))
        return zero, zero
    unit = inputs / norms[:, None]
    # Rounding of a normalised row is a few ulps an entry; |x -+ x'| is first order in the angle, the cosine second.
    threshold = 8 * np.finfo(np.float64).eps * math.sqrt(inputs.shape[1])
    for i in range(len(unit) - 1):
        gaps = np.minimum(
            np.linalg.norm(unit[i + 1 :] - unit[i], axis=1), np.linalg.norm(unit[i + 1 :] + unit[i], axis=1)
        )
        if (gaps <= threshold).any():
            return i, i + 1 + int(np.argmax(gaps <= threshold))
    return None


def _of_size_one(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every row times the power of two that brings its largest entry to [1/2, 1): exact, and its square is a double."""
    _, exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True))
    scaled: NDArray[np.float64] = np.ldexp(rows, -exponents)
    return scaled


@lru_cache(maxsize=1)
def _digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from sklearn.datasets import load_digits  # slow to import, needed by few cases

    bunch = load_digits()
    return bunch.data, bunch.target


@lru_cache(maxsize=4096)
def _separated_points(count: int, dimension: int, seed: int) -> NDArray[np.float64]:
    if count > 2 * dimension or (dimension == 1 and count > 1):
        raise ValueError(f"at most 2 d inputs (one where d = 1) can be kept apart, got {count} with d = {dimension}")
    generator = np.random.Generator(np.random.PCG64(seed))
    points: list[NDArray[np.float64]] = []
    while len(points) < count:
        candidate = generator.standard_normal(dimension)
        candidate *= math.sqrt(dimension) / np.linalg.norm(candidate)
        if all(abs(candidate @ point) <= MAX_CORRELATION * dimension for point in points):
            points.append(candidate)
    return np.array(points)
