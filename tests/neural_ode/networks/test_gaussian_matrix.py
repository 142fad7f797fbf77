"""Gaussian matrices revealed as they are asked about: consistent, exact in law, the same for the same seed."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from scipy import stats
from torch import Tensor

from theory_check.neural_ode.networks import gaussian_matrix
from theory_check.neural_ode.networks.gaussian_matrix import (
    DENSE_UP_TO,
    DenseMatrix,
    GaussianMatrix,
    RevealedGaussian,
    ScaledMatrix,
    Side,
    engine_named,
    inner_products,
)
from theory_check.neural_ode.networks.memory import MemoryShortage

DRAWS = 400
# Of each two-sample test, of which there are sixteen; seeds are fixed.
LEVEL = 1e-3


def normal(seed: int, *shape: int) -> Tensor:
    """Independent N(0, 1) numbers of a seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whole(matrix: GaussianMatrix) -> Tensor:
    """W itself, asked for column by column."""
    return matrix.times(torch.eye(matrix.width, dtype=torch.float64)).T.contiguous()


def dense(width: int, seed: int) -> DenseMatrix:
    """A stored Gaussian matrix."""
    return DenseMatrix(normal(seed, width, width))


class Asked(RuleBasedStateMachine):
    """Products of both sides in any order, of new vectors, of answers and of sums of what was asked before."""

    @initialize(width=st.sampled_from([2, 5, 24]), seed=st.integers(0, 100), tolerance=st.sampled_from([1e-9, 1e-6]))
    def start(self, width: int, seed: int, tolerance: float) -> None:
        """An unknown matrix."""
        self.matrix = RevealedGaussian(width, seed, tolerance=tolerance)
        self.right: list[tuple[Tensor, Tensor]] = []
        self.left: list[tuple[Tensor, Tensor]] = []

    def rows(self, kind: str, seed: int, count: int) -> Tensor:
        """Vectors to ask about."""
        new = normal(seed, count, self.matrix.width)
        known = [vector for pair in (*self.right, *self.left) for vector in pair]
        if kind == "new" or not known:
            return new
        chosen = known[seed % len(known)]
        if kind == "again":
            return chosen
        if kind == "sum":
            return chosen + known[(seed // 7) % len(known)][:1]
        return chosen + 10.0 ** -(seed % 12) * new[:1]

    @rule(kind=st.sampled_from(["new", "again", "sum", "near"]), seed=st.integers(0, 2**20), count=st.integers(1, 4))
    def times(self, kind: str, seed: int, count: int) -> None:
        """From the right."""
        rows = self.rows(kind, seed, count)
        self.right.append((rows, self.matrix.times(rows)))

    @rule(kind=st.sampled_from(["new", "again", "sum", "near"]), seed=st.integers(0, 2**20), count=st.integers(1, 4))
    def transposed_times(self, kind: str, seed: int, count: int) -> None:
        """From the left."""
        rows = self.rows(kind, seed, count)
        self.left.append((rows, self.matrix.transposed_times(rows)))

    @invariant()
    def one_matrix_gives_all_answers(self) -> None:
        """Q . (W p) = (W^T q) . p for everything asked, and W is linear: within the tolerance, of |p| |q| |W|."""
        if not hasattr(self, "matrix"):
            return
        norm = 6 * math.sqrt(self.matrix.width)
        slack = (4 * self.matrix.tolerance + 1e-12) * norm
        for p, image in self.right:
            for q, back in self.left:
                sizes = torch.linalg.vector_norm(q, dim=1)[:, None] * torch.linalg.vector_norm(p, dim=1)
                assert ((q @ image.T - back @ p.T).abs() <= slack * sizes).all()
        for asked in (self.right, self.left):
            if asked:
                vectors, images = (torch.cat(parts) for parts in zip(*asked, strict=True))
                # Whatever combination of what was asked vanishes, that of the answers does.
                values, combinations = torch.linalg.eigh(vectors @ vectors.T)
                null = combinations[:, values <= 1e-20 * values[-1]]
                size = torch.linalg.vector_norm(vectors) * norm
                assert (
                    torch.linalg.vector_norm(null.T @ images, dim=1) <= 10 * slack * size / norm + 1e-9 * size
                ).all()


Asked.TestCase.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
test_products_asked_in_any_order_agree = Asked.TestCase


def adaptive_statistics(matrix: GaussianMatrix) -> list[float]:
    """Eight numbers of products in which each question depends on the answers before."""
    n = matrix.width
    unit = 1 / math.sqrt(n)
    start = torch.ones(2, n, dtype=torch.float64)
    start[1, ::2] = -0.5
    h = torch.tanh(matrix.times(start) * unit)
    back = matrix.transposed_times(h) * unit
    again = torch.tanh(matrix.times(back + start[:1]) * unit)
    last = matrix.transposed_times(again * h) * unit
    return [
        float(h[0] @ again[1]) / n,
        float(back[0] @ start[0]) / n,
        float(back[0] @ back[1]) / n,
        float(again[0] @ again[0]) / n,
        float(last[0] @ back[0]) / n,
        float(last[1] @ start[1]) / n,
        float(last[0, 0]),
        float((again[0] ** 4).sum()) / n,
    ]


@pytest.fixture(scope="module", params=[48, 96])
def samples(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    """Statistics of revealed and of stored matrices, (draws, 8) each."""
    width = request.param
    revealed = [adaptive_statistics(RevealedGaussian(width, k)) for k in range(DRAWS)]
    stored = [adaptive_statistics(dense(width, 10_000 + k)) for k in range(DRAWS)]
    return np.array(revealed), np.array(stored)


def test_the_law_is_that_of_a_stored_matrix(samples: tuple[np.ndarray, np.ndarray]) -> None:
    """Kolmogorov and Smirnov's test of every statistic, and means and variances within four standard errors."""
    for found, expected in zip(*(part.T for part in samples), strict=True):
        assert stats.ks_2samp(found, expected).pvalue > LEVEL / 16
        error = math.hypot(found.std(), expected.std()) / math.sqrt(DRAWS)
        assert abs(found.mean() - expected.mean()) <= 4 * error
        assert abs(math.log(found.var() / expected.var())) <= 4 * math.sqrt(4 * 3 / DRAWS)


def test_products_that_forget_the_other_side_have_another_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the law sees it: images without what is known from the other side."""
    right = gaussian_matrix._revealed

    def forgetful(own: Side, _other: Side, rows: Tensor, tolerance: float) -> Tensor:
        nothing = Side(rows.shape[1], "nothing", torch.device("cpu"), torch.float64)
        return right(own, nothing, rows, tolerance)

    monkeypatch.setattr(gaussian_matrix, "_revealed", forgetful)
    found = np.array([adaptive_statistics(RevealedGaussian(48, k)) for k in range(DRAWS)])
    stored = np.array([adaptive_statistics(dense(48, 10_000 + k)) for k in range(DRAWS)])
    values = [stats.ks_2samp(a, b).pvalue for a, b in zip(found.T, stored.T, strict=True)]
    assert min(values) < 1e-12


def test_what_is_revealed_at_last_has_independent_normal_entries() -> None:
    """After questions from both sides the whole W is asked for: entries, rows and columns are those of N(0, 1)."""
    width, matrices = 32, []
    for seed in range(40):
        matrix = RevealedGaussian(width, seed)
        adaptive_statistics(matrix)
        matrices.append(whole(matrix))
    entries = torch.stack(matrices)
    assert stats.kstest(entries.flatten().numpy(), "norm").pvalue > LEVEL
    for gram in (entries @ entries.mT, entries.mT @ entries):
        off = gram[:, *torch.triu_indices(width, width, 1)].flatten().numpy() / math.sqrt(width)
        assert abs(off.mean()) <= 4 / math.sqrt(len(off))
        assert abs(off.var() - 1) <= 4 * math.sqrt(2.5 / len(off))


def test_an_answer_does_not_depend_on_how_it_is_asked_for() -> None:
    """Rows one by one, in other orders or again: one and the same matrix."""
    for seed in range(5):
        matrix = RevealedGaussian(40, seed)
        rows = normal(seed, 6, 40)
        images = matrix.times(rows)
        W = whole(matrix)
        torch.testing.assert_close(images, rows @ W.T, rtol=0, atol=1e-12)
        torch.testing.assert_close(matrix.times(rows.flip(0)), images.flip(0), rtol=0, atol=1e-12)
        torch.testing.assert_close(matrix.transposed_times(rows), rows @ W, rtol=0, atol=1e-11)


def test_a_direction_at_the_edge_of_what_counts_as_known_moves_nothing_else() -> None:
    """A row just below the tolerance from another, or just above it: the products of the third are the same."""
    p, e, r = normal(3, 3, 50)
    e = e - (e @ p) / (p @ p) * p
    e *= torch.linalg.vector_norm(p) / torch.linalg.vector_norm(e)
    images = []
    for share in (0.9e-9, 1.1e-9):
        matrix = RevealedGaussian(50, 0)
        images.append(matrix.times(torch.stack([p, p + share * e, r])))
        assert matrix.directions == (2 if share < 1e-9 else 3, 0)
        images.append(matrix.times(normal(9, 1, 50)))
    torch.testing.assert_close(images[0], images[2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("factor", [1e-30, 1.0, 1e30])
def test_the_scale_of_a_row_does_not_matter(factor: float) -> None:
    """What is known is judged by the share of the row; a row of zeros asks nothing."""
    rows = torch.cat([factor * normal(5, 2, 30), torch.zeros(1, 30, dtype=torch.float64)])
    matrix = RevealedGaussian(30, 1)
    images = matrix.times(rows)
    assert matrix.directions == (2, 0)
    torch.testing.assert_close(images / factor, RevealedGaussian(30, 1).times(rows / factor), rtol=1e-12, atol=1e-12)
    assert (images[2] == 0).all()


def test_nearly_parallel_rows_keep_orthonormal_directions() -> None:
    """Sixteen rows within 1e-8 of one line: all are answered consistently, directions are orthonormal to rounding."""
    matrix = RevealedGaussian(200, 0)
    rows = normal(1, 1, 200) + 1e-8 * normal(2, 16, 200)
    images = matrix.times(rows)
    found = torch.cat(list(matrix.right.directions))
    assert len(found) == matrix.directions[0] >= 14
    torch.testing.assert_close(found @ found.T, torch.eye(len(found), dtype=torch.float64), rtol=0, atol=1e-13)
    q = normal(4, 3, 200)
    back = matrix.transposed_times(q)
    torch.testing.assert_close(q @ images.T, back @ rows.T, rtol=0, atol=1e-6)


def test_seeds_and_sides_are_independent() -> None:
    """The same seed gives the same numbers; another seed, and the transposed side, give others."""
    rows = normal(0, 1, 5000)
    images = [RevealedGaussian(5000, seed).times(rows)[0] for seed in (0, 0, 1)]
    images.append(RevealedGaussian(5000, 0).transposed_times(rows)[0])
    assert torch.equal(images[0], images[1])
    scale = float(rows.square().sum()) * math.sqrt(5000)
    for other in images[2:]:
        assert abs(float(images[0] @ other)) <= 5 * scale


def test_a_multiple_of_a_matrix() -> None:
    """Both products carry the factor."""
    rows = normal(0, 2, 20)
    matrix, scaled = dense(20, 1), ScaledMatrix(dense(20, 1), -2.5)
    torch.testing.assert_close(scaled.times(rows), -2.5 * matrix.times(rows))
    torch.testing.assert_close(scaled.transposed_times(rows), -2.5 * matrix.transposed_times(rows))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RevealedGaussian(0, 0), "width must be an integer of at least 1, got 0"),
        (lambda: RevealedGaussian(5, 0, tolerance=1e-13), "tolerance must lie in"),
        (lambda: RevealedGaussian(5, 0, tolerance=1.0), "tolerance must lie in"),
        (lambda: RevealedGaussian(5, 0, dtype=torch.float32, tolerance=1e-6), r"lie in \[1.2e-05, 1\), got 1e-06"),
        (lambda: RevealedGaussian(5, 0, device="nowhere"), "nowhere"),
    ],
)
def test_bad_arguments_are_named(make: Callable[[], object], message: str) -> None:
    """One line with the value."""
    with pytest.raises(ValueError, match=message):
        make()


def test_directions_that_do_not_fit_are_refused_before_they_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """With both numbers; what was known stays."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 2**20}))
    matrix = RevealedGaussian(200_000, 0)
    with pytest.raises(MemoryShortage, match=r"width 200000 with 1 directions on a side needs 0.10 GiB, 0.00 GiB"):
        matrix.times(torch.ones(1, 200_000, dtype=torch.float64))
    assert matrix.directions == (0, 0)


def test_the_engine_follows_from_the_width() -> None:
    """Stored up to a bound, revealed beyond it; a name decides."""
    chosen = [engine_named(None, width) for width in (1, DENSE_UP_TO, DENSE_UP_TO + 1)]
    assert chosen == ["dense", "dense", "revealed"]
    assert engine_named("revealed", 1) == "revealed"
    assert engine_named("dense", 10**9) == "dense"


@pytest.mark.parametrize("width", [5, 2**16, 2**16 + 37])
def test_inner_products_of_long_rows_are_summed_in_pieces(width: int) -> None:
    """Whatever is left over counts as well."""
    a, b = normal(0, 3, width), normal(1, 2, width)
    torch.testing.assert_close(inner_products(a, b), a @ b.T, rtol=0, atol=1e-13 * width)


def test_long_rows_are_drawn_alike_by_any_number_of_threads() -> None:
    """One thread and two: the same numbers, and products to rounding."""
    rows, images = normal(0, 3, 70_000), []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            images.append(RevealedGaussian(70_000, 5).times(rows))
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(images[0], images[1], rtol=1e-12, atol=1e-9)


def test_single_precision_knows_what_it_can() -> None:
    """Directions stay orthonormal and answers consistent to its roundings, however nearly alike it is asked."""
    matrix = RevealedGaussian(200, 0, dtype=torch.float32)
    rows, images = [], []
    for k in range(12):
        near = normal(0, 1, 200) + 10.0**-k * normal(1 + k, 4, 200)
        rows.append(near.float())
        images.append(matrix.times(rows[-1]))
    found = torch.cat(list(matrix.right.directions)).double()
    assert len(found) <= 28
    torch.testing.assert_close(found @ found.T, torch.eye(len(found), dtype=torch.float64), rtol=0, atol=1e-5)
    q = normal(99, 3, 200).float()
    back = matrix.transposed_times(q)
    left, right = q @ torch.cat(images).T, back @ torch.cat(rows).T
    assert float((left - right).abs().max()) <= 1e-3 * float(left.abs().max())
