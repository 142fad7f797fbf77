"""What the limiting kernels of real digits cost: time, memory, and growth with the number of inputs.

Figures are printed beside their targets and missed ones marked; machines are shared and noisy, so nothing is asserted
about time, only about what was computed. `tox run -e benchmarks`.
"""

import time
from collections.abc import Callable

import numpy as np
import pytest

from contest import measured
from theory_check.neural_ode.case import Digits, materialise
from theory_check.neural_ode.limits.kernels import limit_kernels
from theory_check.neural_ode.model import NeuralODE

TOLERANCE = 1e-10
MIB_IN_GIB = 2**10


def _report(what: str, measured: float, target: float, unit: str) -> None:
    print(f"\n{what}: {measured:.2f} {unit} (target {target:g} {unit}) {'ok' if measured <= target else 'MISSED'}")


def _solve(count: int) -> float:
    found = limit_kernels("softplus", materialise(Digits(tuple(range(count)))), NeuralODE(), TOLERANCE)
    return found.error_bound


def test_sixty_four_digits(benchmark: Callable[..., object]) -> None:
    """Both kernels, d = 64, softplus, sigma_w T = 1, tolerance 1e-10."""
    bound = benchmark.pedantic(_solve, args=(64,), rounds=3, warmup_rounds=1)  # type: ignore[attr-defined]
    assert bound <= TOLERANCE
    _report("limits of 64 digits", benchmark.stats["median"], 10.0, "s")  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [64, 256])
def test_memory(count: int) -> None:
    """Peak resident memory of a process that does nothing else; pairs are solved in batches."""
    code = f"""
from theory_check import NeuralODE, limit_kernels
from theory_check.neural_ode.case import Digits, materialise
limit_kernels("softplus", materialise(Digits(tuple(range({count})))), NeuralODE(), {TOLERANCE})
print(json.dumps(peak()))
"""
    _report(f"peak memory of {count} digits", float(measured(code)) / MIB_IN_GIB, 2.0, "GiB")  # type: ignore[arg-type]


def test_growth_with_the_number_of_inputs(benchmark: Callable[..., object]) -> None:
    """From 64 to 256 inputs, within one run: at most the sixteen-fold of N^2; the least of three times each."""

    def least(count: int) -> float:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            assert _solve(count) <= TOLERANCE
            times.append(time.perf_counter() - start)
        return float(np.min(times))

    _solve(64)
    small = least(64)
    large = benchmark.pedantic(least, args=(256,), rounds=1)  # type: ignore[attr-defined]
    _report("time of 256 inputs over that of 64", large / small, 16.0, "times")
