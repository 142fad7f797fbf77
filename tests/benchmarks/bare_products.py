"""The limit: the matrix products that a method cannot do without, preallocated, and nothing else.

States are rows and the matrix comes transposed, which of the four layouts is the fastest for few rows. Whoever is
as fast spends no time on anything else; the same product over and over stays in cache at its best.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# W of so many networks at a time is multiplied fastest (measured: 2 MiB of W at width 256).
_CHUNK_BYTES = 2**21


def batched(matrices: Tensor, count: int, products: int) -> Callable[[], None]:
    """`products` products of `count` rows with each of many matrices, (networks, width, width)."""
    networks, width, _ = matrices.shape
    size = max(1, _CHUNK_BYTES // (8 * width * width))
    rows = torch.ones(networks, count, width, dtype=torch.float64)
    out = torch.empty(min(size, networks), count, width, dtype=torch.float64)

    def run() -> None:
        for start in range(0, networks, size):
            transposed, some = matrices[start : start + size].mT, rows[start : start + size]
            for _ in range(products):
                torch.bmm(some, transposed, out=out[: len(some)])

    return run


def of_gradient(matrix: Tensor, count: int, stages: int, *, repeats: int = 1) -> Callable[[], None]:
    """A gradient's: `stages` products forward, as many backward, and that of all stages for the gradient of W."""
    width = len(matrix)
    rows = torch.ones(count, width, dtype=torch.float64)
    all_rows = torch.ones(stages * count, width, dtype=torch.float64)
    out, out_W = torch.empty_like(rows), torch.empty_like(matrix)

    def run() -> None:
        for _ in range(repeats):
            for _ in range(stages):
                torch.mm(rows, matrix.T, out=out)
            for _ in range(stages):
                torch.mm(rows, matrix, out=out)
            torch.mm(all_rows.T, all_rows, out=out_W)

    return run


def of_kernel(matrix: Tensor, count: int, stages: int) -> Callable[[], None]:
    """A tangent kernel's: forward, backward, and the two Gram matrices of all stages."""
    width = len(matrix)
    rows = torch.ones(count, width, dtype=torch.float64)
    all_rows = torch.ones(stages * count, width, dtype=torch.float64)
    out, gram = torch.empty_like(rows), torch.empty(stages * count, stages * count, dtype=torch.float64)

    def run() -> None:
        for _ in range(stages):
            torch.mm(rows, matrix.T, out=out)
        for _ in range(stages):
            torch.mm(rows, matrix, out=out)
        for _ in range(2):
            torch.mm(all_rows, all_rows.T, out=gram)

    return run
