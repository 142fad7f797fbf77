"""torchdiffeq is called so that outputs carry its error control."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from theory_check.neural_ode.networks.solver import CountedField, SolverFailure, solve_at, solve_dense


def _fifth_power(t: Tensor, y: Tensor) -> Tensor:
    """The slope of y = t^5: dopri5 solves it exactly, its quartic dense output does not follow it."""
    return 5 * t**4 * torch.ones_like(y)


def test_steps_land_on_the_output_times() -> None:
    """At a loose tolerance outputs of y = t^5 are exact, which an interpolated one would not be."""
    times = [0.0, 0.37, 0.5, 1.3, 2.0]
    found = solve_at(_fifth_power, torch.zeros(1, dtype=torch.float64), times, rtol=1e-1, atol=1e-1)
    wanted = torch.tensor(times, dtype=torch.float64)[:, None] ** 5
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_dense_output_is_sampled_on_the_accepted_steps() -> None:
    """Steps end where the solution of y = t^5 is exact; between them the quartic errs; all is counted."""
    field = CountedField(_fifth_power)
    found = solve_dense(field, torch.zeros(2, 3, dtype=torch.float64), 2.0, rtol=1e-3, atol=1e-3)
    assert found.mesh[0] == 0.0
    assert found.mesh[-1] == 2.0
    assert found.samples.shape == (len(found.mesh) - 1, 5, 2, 3)
    for (start, end), samples in zip(pairwise(found.mesh), found.samples, strict=True):
        assert end > start
        times = torch.linspace(start, end, 5, dtype=torch.float64)
        errors = (samples[:, 0, 0] - times**5).abs()
        # Coefficients of the quartic are sums of about thirty times the state.
        assert float(errors[[0, 4]].max()) <= 64 * 2.0**-52 * max(1.0, end**5)
    middle = found.samples[-1, 1, 0, 0] - (found.mesh[-2] + (2.0 - found.mesh[-2]) / 4) ** 5
    assert abs(float(middle)) > 1e-9
    torch.testing.assert_close(found.final, torch.full((2, 3), 32.0, dtype=torch.float64))
    assert field.evaluations >= 6 * (len(found.mesh) - 1)


def test_giving_up_is_one_line() -> None:
    """The slope y^2 from 1 blows up at t = 1: a SolverFailure without the state that torchdiffeq prints."""
    start, times = torch.ones(1, dtype=torch.float64), [0.0, 2.0]
    with pytest.raises(SolverFailure, match=r"^dopri5 gave up: [^\n]+$"):
        solve_dense(CountedField(lambda _t, y: y**2), start, 2.0, rtol=1e-6, atol=1e-6)
    with pytest.raises(SolverFailure, match=r"^dopri5 gave up: [^\n]+$"):
        solve_at(lambda _t, y: y**2, start, times, rtol=1e-6, atol=1e-6)
