"""The derived bounds against reality: never below the true error, and not far above where that matters."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.measurements.bounds import (
    UNIT_ROUNDOFF,
    adaptive_bound,
    defect_bound,
    evaluation_bound,
    flow_rounding,
    growth,
    halving_bound,
    summation_bound,
)
from theory_check.neural_ode.measurements.defect import hermite_defect, quartic_defect
from theory_check.neural_ode.networks.solver import CountedField, solve_at, solve_dense
from theory_check.neural_ode.networks.tableau import RK4, stepper


def flow(expression: str, A: Tensor) -> Callable[[Tensor], Tensor]:
    """The field of a network, h -> phi(h) A^T."""
    phi = activation(expression)
    return lambda h: phi(h) @ A.mT


def random_matrix(n: int, seed: int, rate: float = 1.0) -> Tensor:
    """A Gaussian matrix of spectral norm `rate`."""
    A = torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return A * (rate / torch.linalg.matrix_norm(A, ord=2))


def fixed(field: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> Tensor:
    """States of the classical scheme on a grid over [0, 1]."""
    advance = stepper(field, RK4, 1.0 / steps)
    grid = [start]
    for _ in range(steps):
        grid.append(advance(grid[-1])[0])
    return torch.stack(grid)


@pytest.mark.parametrize("expression", ["tanh(2*x)", "softplus(3*x)", "erf(x) + 0.5*sin(4*x)", "elu(2*x)"])
def test_halving_bounds_the_finest_solution(expression: str) -> None:
    """Eight steps more than a hundred times finer as the reference; five networks each; and the bound is used."""
    ratios = []
    for seed in range(5):
        field = flow(expression, random_matrix(5, seed))
        start = 1.5 * torch.randn(2, 5, generator=torch.Generator().manual_seed(99 + seed), dtype=torch.float64)
        m, two, four = (fixed(field, start, steps)[-1] for steps in (8, 16, 32))
        reference = solve_at(lambda _t, h, f=field: f(h), start, [0.0, 1.0], rtol=1e-13, atol=1e-13)[-1]
        error = float(torch.linalg.vector_norm(four - reference))
        bound = halving_bound(float(torch.linalg.vector_norm(two - m)), float(torch.linalg.vector_norm(four - two)))
        assert error <= bound
        ratios.append(error / bound)
    assert max(ratios) > 1e-4  # order 4 leaves 1/255 of the coarse difference


def test_halving_bounds_one_jump_of_a_derivative_wherever_it_lies() -> None:
    """Simpson's error for (s - t)_+ and (s - t)_+^2 follows the place t of the jump; the sum is never below 3 e."""
    t = (np.arange(20_000) + 0.5) / 20_000

    def simpson_error(at: NDArray[np.float64], power: int) -> NDArray[np.float64]:
        exact = (1 - at) ** (power + 1) / (power + 1)
        return exact - 2 / 3 * np.maximum(0.5 - at, 0) ** power - (1 - at) ** power / 6

    for power, falls in ((1, 4), (2, 8)):
        coarse, middle, fine = (simpson_error(2**k * t % 1, power) / falls**k for k in range(3))
        pairs = zip(np.abs(coarse - middle), np.abs(middle - fine), strict=True)
        assert (np.abs(fine) <= 0.3352 * np.array([halving_bound(a, b) for a, b in pairs])).all()


@pytest.mark.parametrize("expression", ["relu(x)", "abs(x - 0.3)", "hardtanh(2*x)", "elu(x)", "tanh(3*x)"])
def test_the_defect_bounds_the_error_at_kinks_too(expression: str) -> None:
    """Eight networks each, rank-one ones among them, where errors of several kinks add up in one direction."""
    used = []
    for seed in range(8):
        A = random_matrix(4, seed)
        if seed % 2:
            A = torch.outer(A[:, 0], A[0])
            A /= torch.linalg.matrix_norm(A, ord=2)
        phi = activation(expression)
        A /= phi.lipschitz
        field = flow(expression, A)
        start = torch.randn(1, 4, generator=torch.Generator().manual_seed(7 * seed), dtype=torch.float64)
        grid = fixed(field, start, 16)
        reference = fixed(field, start, 256)[-1]
        error = float(torch.linalg.vector_norm(grid[-1] - reference))
        bound = defect_bound(1.0, 1.0, hermite_defect(field, grid, 1 / 16))
        # The reference errs too: at a kink by a 256th of what 16 steps may.
        assert error <= bound * (1 + 1 / 256) + 1e-13
        used.append(bound)
    assert max(used) < 0.1


def test_the_defect_of_a_dense_solution_bounds_its_error() -> None:
    """Both parts of a stacked solve: 20 linear systems with their exact solutions."""
    for seed in range(20):
        A, B = random_matrix(3, seed), random_matrix(3, 100 + seed)

        def field(y: Tensor, A: Tensor = A, B: Tensor = B) -> Tensor:
            h, g = y.unbind(-3)
            return torch.stack([h @ A.mT, g @ B.mT], dim=-3)

        start = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        solution = solve_dense(CountedField(lambda _t, y: field(y)), start, 1.0, rtol=1e-6, atol=1e-6)
        for part, (matrix, defect) in enumerate(zip((A, B), quartic_defect(field, solution), strict=True)):
            exact = start[part] @ torch.linalg.matrix_exp(matrix).mT
            error = float(torch.linalg.vector_norm(solution.final[part] - exact))
            assert error <= defect_bound(1.0, 1.0, defect)
            assert defect <= 1e-3


def test_a_curve_that_is_no_solution_has_the_defect_it_has() -> None:
    """Of h' = h followed by states that stand still: |d| is |h| throughout, so its integral is |h| T."""
    still = torch.ones(5, 1, 2, dtype=torch.float64)
    # The cubic has slope F(h) at its ends and none on average: its defect is at least half of |h| somewhere.
    measured = hermite_defect(lambda h: h, still, 0.25)
    assert 0.5 * math.sqrt(2) <= measured <= 2 * math.sqrt(2)


@pytest.mark.parametrize("tolerance", [1e-4, 1e-7, 1e-10])
def test_the_steps_of_dopri5_err_by_no_more_than_allowed(tolerance: float) -> None:
    """Smooth networks with one large and many small states: the propagated bound holds over eight of them."""
    ratios = []
    for seed in range(8):
        A = random_matrix(6, seed)
        field = flow("tanh(x)", A)
        start = torch.zeros(1, 6, dtype=torch.float64)
        start[0, seed % 6] = 10.0 ** (seed % 3)
        counted = CountedField(lambda _t, h, f=field: f(h))
        got = solve_at(counted, start, [0.0, 2.0], rtol=tolerance, atol=tolerance)[-1]
        true = solve_at(counted, start, [0.0, 2.0], rtol=1e-13, atol=1e-13)[-1]
        steps = math.ceil(counted.evaluations / 6)
        bound = growth(1.0, 2.0) * adaptive_bound(tolerance, float(start.abs().max()) + 2.0, 6, steps)
        error = float(torch.linalg.vector_norm(got - true))
        assert error <= bound + 1e-13
        ratios.append(error / bound)
    assert max(ratios) > 1e-6


def test_one_large_entry_takes_what_the_root_mean_square_allows_to_all() -> None:
    """An error in the one large entry alone: allowed by the rule of the solver, so within the bound."""
    y = np.array([1e6] + [0.0] * 99)
    error = np.zeros(100)
    error[0] = 1e-8 * math.sqrt(100) * (1 + y[0])
    ratio = math.sqrt(np.mean((error / (1e-8 * (1 + np.abs(y)))) ** 2))
    assert ratio == pytest.approx(1.0)
    assert np.linalg.norm(error) <= adaptive_bound(1e-8, 1e6, 100, 1) * (1 + 1e-12)


@pytest.mark.parametrize("terms", [1, 2, 50, 3000])
def test_summation_stays_within_gamma(terms: int) -> None:
    """Inner products in float64 against exact ones in rational arithmetic."""
    generator = np.random.Generator(np.random.PCG64(terms))
    for _ in range(5):
        a, b = generator.standard_normal((2, terms))
        exact = sum((Fraction(x) * Fraction(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)), Fraction(0))
        error = abs(Fraction(float(a @ b)) - exact)
        assert error <= summation_bound(terms, float(np.abs(a * b).sum()) * (1 + 1e-12))
    assert summation_bound(terms, 1.0) >= terms * UNIT_ROUNDOFF


def test_a_flow_rounds_at_least_what_its_last_sum_does() -> None:
    """Steps, states, duration and slopes each count, in proportion."""
    base = flow_rounding(10, 3.0, 0.5, 1e-14)
    assert base == pytest.approx(10 * summation_bound(20, 3.0) + 0.5e-14)
    assert flow_rounding(1, 1.0, 0.0, 0.0) >= UNIT_ROUNDOFF


def test_evaluation_grows_with_operators_and_arguments() -> None:
    """More operators, a steeper function or a larger argument round more; norms of many like one each."""
    one = evaluation_bound(1, 1.0, 1.0, 1.0)
    assert one < evaluation_bound(4, 1.0, 1.0, 1.0)
    assert one < evaluation_bound(1, 1.0, 3.0, 1.0)
    assert one < evaluation_bound(1, 1.0, 1.0, 9.0)
    assert evaluation_bound(1, 4.0, 1.0, 4.0, 16) == pytest.approx(4 * one)
