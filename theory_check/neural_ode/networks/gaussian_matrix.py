"""An n x n Gaussian matrix W that is known by its products only: stored whole, or revealed as it is asked about.

W enters the model through W p and W^T q alone. Of a Gaussian W these can be drawn when they are needed, exactly in law
(docs/theory.md#wide-networks-without-their-matrix).
Let P and Q hold orthonormal rows, the directions asked about from the right and from the left
so far, and Y = P W^T, Z = Q W their images. For a new unit direction e orthogonal to P,

    W e = Q^T (Z e) + (I - Q^T Q) g,     g ~ N(0, I_n) fresh,

since W e has the components Q W e = Z e along Q, which are known, and independent N(0, 1) ones elsewhere; and likewise
W^T e for e orthogonal to Q. What is asked may depend on what was answered. A product costs O(n (a + b)) for a and b
directions known; no n x n array exists. Vectors are rows throughout.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import solve_triangular
from torch import Tensor

from theory_check.neural_ode.networks.device import require_device
from theory_check.neural_ode.networks.memory import require_memory

Engine = Literal["dense", "revealed"]
ENGINES: tuple[Engine, ...] = ("dense", "revealed")

# Up to this width W is stored: 128 MiB in float64.
DENSE_UP_TO = 4096

# A part of a vector below this share of it counts as known: the product is then wrong by that share of |W| |p|.
TOLERANCE = 1e-9

# Directions are stored in blocks of so many, which are never moved.
_BLOCK = 32

# Rows from this length on are multiplied in so many pieces, and drawn by threads.
_LONG = 2**16
_PIECES = 64

# Rows of a query are taken so many at a time.
_AT_ONCE = 64


@runtime_checkable
class Products(Protocol):
    """A matrix by its products with rows of vectors."""

    def times(self, rows: Float[Tensor, "*networks rows width"]) -> Float[Tensor, "*networks rows width"]:
        """The product with each row."""

    def transposed_times(self, rows: Float[Tensor, "*networks rows width"]) -> Float[Tensor, "*networks rows width"]:
        """The product of the transposed with each row."""


@runtime_checkable
class GaussianMatrix(Products, Protocol):
    """W, at the start of a run or after some steps of one."""

    @property
    def width(self) -> int:
        """The n of n x n."""

    def plus_products(
        self,
        left: Float[Tensor, "rows width"],
        right: Float[Tensor, "rows width"],
        factor: float,
        *,
        storage: Float[Tensor, "width width"] | None = None,
    ) -> "GaussianMatrix":
        """W + factor sum_i left_i^T right_i, where W^T left_i and W right_i have been asked for before.

        A result that is stored is stored in `storage`, where that is given.
        """


class DenseMatrix:
    """A matrix that is stored, or many of them behind leading dimensions."""

    def __init__(self, matrix: Float[Tensor, "*networks width width"]) -> None:
        self.matrix = matrix
        self._transposed = matrix.mT

    @property
    def width(self) -> int:
        """The n of n x n."""
        return self.matrix.shape[-1]

    def times(self, rows: Float[Tensor, "*networks rows width"]) -> Float[Tensor, "*networks rows width"]:
        """W p for each row p."""
        return rows @ self._transposed

    def transposed_times(self, rows: Float[Tensor, "*networks rows width"]) -> Float[Tensor, "*networks rows width"]:
        """W^T q for each row q."""
        return rows @ self.matrix

    def plus_products(
        self,
        left: Float[Tensor, "rows width"],
        right: Float[Tensor, "rows width"],
        factor: float,
        *,
        storage: Float[Tensor, "width width"] | None = None,
    ) -> "DenseMatrix":
        """W + factor sum_i left_i^T right_i, in `storage` where that is given."""
        return DenseMatrix(torch.addmm(self.matrix, left.T, right, alpha=factor, out=storage))


class ScaledMatrix:
    """A multiple of a matrix, for its products."""

    def __init__(self, matrix: Products, factor: float) -> None:
        self._matrix, self._factor = matrix, factor

    def times(self, rows: Float[Tensor, "*networks rows width"]) -> Float[Tensor, "*networks rows width"]:
        """The product with each row."""
        return self._matrix.times(rows).mul_(self._factor)

    def transposed_times(self, rows: Float[Tensor, "*networks rows width"]) -> Float[Tensor, "*networks rows width"]:
        """The product of the transposed with each row."""
        return self._matrix.transposed_times(rows).mul_(self._factor)


class RevealedGaussian:
    """A Gaussian matrix whose products are drawn when they are asked for, consistent with all that was drawn before.

    The fresh numbers of a direction depend on the seed, the side and the number of the query and row that first needed
    it, not on how many others were needed, and are drawn by a CPU generator in float64: a seed means the same matrix
    on every device.

    Args:
        width: n, at least 1.
        seed: an integer in [0, 2^64).
        device: where products are computed.
        dtype: their floating-point type.
        tolerance: a part of a vector below this share of it counts as known; at least what rounding leaves of a known
            one, which is 1e-12 in float64 and 1.2e-5 in float32. None is 1e-9, or the least that there is.

    Raises:
        ValueError: a width below 1, a tolerance out of range, or an absent device.
        MemoryShortage: from a product, when the directions outgrow the memory.
    """

    def __init__(
        self,
        width: int,
        seed: int,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
        tolerance: float | None = None,
    ) -> None:
        if width < 1:
            raise ValueError(f"width must be an integer of at least 1, got {width!r}")
        least = max(1e-12, 100 * torch.finfo(dtype).eps)
        self.tolerance = max(TOLERANCE, least) if tolerance is None else tolerance
        if not least <= self.tolerance < 1:
            raise ValueError(f"tolerance must lie in [{least:.2g}, 1), got {tolerance!r}")
        self._width = width
        place = require_device(device)
        self.right = Side(width, f"{seed} right", place, dtype)
        self.left = Side(width, f"{seed} left", place, dtype)

    @property
    def width(self) -> int:
        """The n of n x n."""
        return self._width

    @property
    def directions(self) -> tuple[int, int]:
        """How many directions are known from the right and from the left."""
        return self.right.directions.count, self.left.directions.count

    def times(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """W p for each row p."""
        return self.right.images.combined(self.reveal(rows))

    def transposed_times(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """W^T q for each row q."""
        return self.left.images.combined(self.reveal_transposed(rows))

    def plus_products(
        self,
        left: Float[Tensor, "rows width"],
        right: Float[Tensor, "rows width"],
        factor: float,
        *,
        storage: Float[Tensor, "width width"] | None = None,
    ) -> "ChangedGaussian":
        """W + factor sum_i left_i^T right_i; `storage` is not used."""
        del storage
        nothing = left.new_zeros(self.left.directions.count, self.right.directions.count)
        return ChangedGaussian(self, nothing).plus_products(left, right, factor)

    def reveal(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows directions"]:
        """Coefficients of the rows in the directions known from the right, new ones among them included."""
        return _revealed(self.right, self.left, rows, self.tolerance)

    def reveal_transposed(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows directions"]:
        """Coefficients of the rows in the directions known from the left, new ones among them included."""
        return _revealed(self.left, self.right, rows, self.tolerance)


class ChangedGaussian:
    """W + Q^T M P, a revealed Gaussian matrix and a change between directions that are known of it.

    Args:
        base: W. Questions about the sum are questions about W.
        change: M, (directions from the left, directions from the right) when it was made.
    """

    def __init__(self, base: RevealedGaussian, change: Float[Tensor, "left right"]) -> None:
        self.base, self._change = base, change

    @property
    def width(self) -> int:
        """The n of n x n."""
        return self.base.width

    def times(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """The product with each row."""
        coefficients = self.base.reveal(rows)
        result = self.base.right.images.combined(coefficients)
        right = self._change.shape[1]
        self.base.left.directions.subtract(result, -coefficients[:, :right] @ self._change.T)
        return result

    def transposed_times(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """The product of the transposed with each row."""
        coefficients = self.base.reveal_transposed(rows)
        result = self.base.left.images.combined(coefficients)
        left = self._change.shape[0]
        self.base.right.directions.subtract(result, -coefficients[:, :left] @ self._change)
        return result

    def plus_products(
        self,
        left: Float[Tensor, "rows width"],
        right: Float[Tensor, "rows width"],
        factor: float,
        *,
        storage: Float[Tensor, "width width"] | None = None,
    ) -> "ChangedGaussian":
        """The sum and factor sum_i left_i^T right_i; `storage` is not used."""
        del storage
        # Both were asked about, so that the known directions hold them to the tolerance.
        on_left, on_right = self.base.left.directions.coefficients(left), self.base.right.directions.coefficients(right)
        change = on_left.T @ on_right * factor
        change[: self._change.shape[0], : self._change.shape[1]] += self._change
        return ChangedGaussian(self.base, change)


class RowStore:
    """Rows that are appended, in blocks, and multiplied with."""

    def __init__(self, width: int, device: torch.device, dtype: torch.dtype) -> None:
        self.count = 0
        self._width, self._device, self._dtype = width, device, dtype
        self._blocks: list[Tensor] = []

    def __iter__(self) -> Iterator[Float[Tensor, "some width"]]:
        """Its blocks, as far as they are filled."""
        left = self.count
        for block in self._blocks:
            yield block[: min(left, _BLOCK)]
            left -= _BLOCK

    def append(self, rows: Float[Tensor, "rows width"]) -> None:
        """Add rows at the end."""
        for row in rows:
            if self.count == _BLOCK * len(self._blocks):
                self._blocks.append(torch.empty(_BLOCK, self._width, device=self._device, dtype=self._dtype))
            self._blocks[-1][self.count % _BLOCK] = row
            self.count += 1

    def coefficients(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows count"]:
        """Inner products of given rows with those stored."""
        if not self.count:
            return rows.new_zeros(len(rows), 0)
        return torch.cat([inner_products(rows, block) for block in self], dim=1)

    def combined(self, coefficients: Float[Tensor, "rows count"]) -> Float[Tensor, "rows width"]:
        """Sums of the stored rows with given coefficients."""
        total = coefficients.new_zeros(len(coefficients), self._width)
        self.subtract(total, -coefficients)
        return total

    def subtract(self, rows: Float[Tensor, "rows width"], coefficients: Float[Tensor, "rows first"]) -> None:
        """Take the sums of the first stored rows with given coefficients from given rows, in place."""
        for block, factors in zip(self, torch.split(coefficients, _BLOCK, dim=1), strict=False):
            rows.addmm_(factors, block[: factors.shape[1]], alpha=-1.0)

    def bytes_for(self, rows: int) -> int:
        """What so many more rows would take beyond the blocks that are there."""
        blocks = math.ceil((self.count + rows) / _BLOCK) - len(self._blocks)
        return blocks * _BLOCK * self._width * torch.empty(0, dtype=self._dtype).element_size()


class Side:
    """What was asked from one side: orthonormal directions, their images, and how fresh numbers are drawn."""

    def __init__(self, width: int, name: str, device: torch.device, dtype: torch.dtype) -> None:
        self.directions = RowStore(width, device, dtype)
        self.images = RowStore(width, device, dtype)
        self._name, self._width, self._device = name, width, device
        self._queries = 0

    def next_query(self) -> int:
        """The number of a new query."""
        self._queries += 1
        return self._queries

    def require_room(self, rows: int) -> None:
        """Raise MemoryShortage where so many more directions and their images would not fit."""
        require_memory(
            2 * self.directions.bytes_for(rows),
            f"a revealed matrix of width {self._width} with {self.directions.count + rows} directions on a side",
            device=self._device,
        )

    def fresh(self, query: int, rows: Sequence[int]) -> Float[Tensor, "rows width"]:
        """Independent N(0, 1) numbers, those of a row of a query its own whatever the others are."""
        result = torch.empty(len(rows), self._width, dtype=torch.float64)

        def fill(k: int) -> None:
            digest = hashlib.blake2b(f"{self._name} {query} {rows[k]}".encode(), digest_size=8).digest()
            torch.randn(
                self._width,
                generator=torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little")),
                out=result[k],
            )

        if self._width < _LONG:
            for k in range(len(rows)):
                fill(k)
        else:
            # Drawing releases the interpreter; each row has a generator of its own, so that threads change nothing.
            with ThreadPoolExecutor(torch.get_num_threads()) as pool:
                list(pool.map(fill, range(len(rows))))
        return result


def _revealed(own: Side, other: Side, rows: Tensor, tolerance: float) -> Float[Tensor, "rows directions"]:
    """Coefficients of rows in the directions of `own`, to which those that they need are added with their images."""
    query = own.next_query()
    parts = [
        _add_directions(own, other, some, tolerance, (query, start * _AT_ONCE))
        for start, some in enumerate(torch.split(rows, _AT_ONCE))
    ]
    coefficients = rows.new_zeros(len(rows), own.directions.count)
    for start, part in enumerate(parts):
        coefficients[start * _AT_ONCE : start * _AT_ONCE + len(part), : part.shape[1]] = part
    return coefficients


def _add_directions(
    own: Side, other: Side, rows: Tensor, tolerance: float, name: tuple[int, int]
) -> Float[Tensor, "rows directions"]:
    query, first = name
    known = own.directions
    least = tolerance * torch.linalg.vector_norm(rows, dim=1)
    coefficients = known.coefficients(rows)
    residual = rows.clone()
    known.subtract(residual, coefficients)
    while True:
        left = torch.linalg.vector_norm(residual, dim=1)
        unknown = torch.nonzero(left > least)[:, 0]
        if not len(unknown):
            return coefficients
        units = residual[unknown].div_(left[unknown, None])
        # Always: what one pass leaves is small only beside the whole row, and would grow from query to query.
        known.subtract(units, known.coefficients(units))
        taken, new = _orthonormal(units)
        own.require_room(len(new))
        images = own.fresh(query, [first + int(unknown[k]) for k in taken]).to(new)
        # Q^T (Z e) + (I - Q^T Q) g in one: what g has of Q is replaced by what is known.
        other.directions.subtract(images, other.directions.coefficients(images) - other.images.coefficients(new))
        own.images.append(images)
        known.append(new)
        # The residual shrinks by its part along the new directions, which is found from the residual itself.
        added = inner_products(residual, new)
        residual.addmm_(added, new, alpha=-1.0)
        coefficients = torch.cat([coefficients, added], dim=1)


def _orthonormal(units: Float[Tensor, "rows width"]) -> tuple[list[int], Float[Tensor, "taken width"]]:
    """Which unit rows are clear of the span of those before them, and these made orthonormal, in order."""
    gram = inner_products(units, units).cpu().numpy()
    # The first pass leaves roundings over the square of this, the second then roundings.
    separated = torch.finfo(units.dtype).eps ** 0.2
    taken: list[int] = []
    factor = np.zeros_like(gram)
    for k in range(len(gram)):
        known = len(taken)
        entries = solve_triangular(factor[:known, :known], gram[taken, k], lower=True) if known else np.zeros(0)
        square = gram[k, k] - entries @ entries
        if square > separated**2:
            factor[known, :known], factor[known, known] = entries, math.sqrt(square)
            taken.append(k)
    new = units if len(taken) == len(units) else units[taken]
    inverse = solve_triangular(factor[: len(taken), : len(taken)], np.eye(len(taken)), lower=True)
    new = torch.from_numpy(inverse).to(new) @ new
    factor = torch.linalg.cholesky(inner_products(new, new))
    return taken, torch.linalg.solve_triangular(factor, torch.eye(len(new)).to(new), upper=False) @ new


def inner_products(
    rows: Float[Tensor, "rows width"], others: Float[Tensor, "others width"]
) -> Float[Tensor, "rows others"]:
    """All inner products; of long rows in pieces, since a product with a long inner dimension uses one core badly."""
    width = rows.shape[1]
    if width < _LONG:
        return rows @ others.T
    whole = width // _PIECES * _PIECES
    pieces = [x[:, :whole].reshape(len(x), _PIECES, -1) for x in (rows, others)]
    total = torch.bmm(pieces[0].transpose(0, 1), pieces[1].permute(1, 2, 0)).sum(0)
    return total.addmm_(rows[:, whole:], others[:, whole:].T)


def engine_named(engine: str | None, width: int) -> Engine:
    """The engine of that name; for None the one that suits the width: stored where that is cheap, revealed beyond.

    Raises:
        ValueError: an unknown name.
    """
    if engine is None:
        return "dense" if width <= DENSE_UP_TO else "revealed"
    for known in ENGINES:
        if engine == known:
            return known
    raise ValueError(f"engine must be one of {', '.join(ENGINES)}, or None to choose by the width; got {engine!r}")
