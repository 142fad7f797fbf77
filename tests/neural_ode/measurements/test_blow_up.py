"""A blow-up is evidence where its doubling times add up before the horizon, and undecided where they do not."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements import blow_up
from theory_check.neural_ode.measurements.blow_up import BLOW_UP_STEPS, blow_up_discrepancy, follow
from theory_check.neural_ode.networks.tableau import MIDPOINT, RK4, Tableau

Field = Callable[[float, Tensor], Tensor]


def at(*values: float) -> Tensor:
    """A start."""
    return torch.tensor(values, dtype=torch.float64)


def found_for(slope: Field, start: Tensor, horizon: float) -> Discrepancy | None:
    """What is found with the steps of an audit."""
    return blow_up_discrepancy(slope, start, horizon, BLOW_UP_STEPS)


@pytest.mark.parametrize("power", [1.25, 2.0, 3.0])
@pytest.mark.parametrize("start", [0.3, 5.0])
def test_powers_blow_up_at_the_time_of_their_closed_form(power: float, start: float) -> None:
    """A solution of h' = h^p from h_0 ends at 1 / ((p - 1) h_0^(p-1)), which the stated time and its error cover."""
    exact = start ** (1 - power) / (power - 1)
    found = found_for(lambda _t, h: h.abs() ** power, at(start), 1.3 * exact)
    assert (found.quantity, found.powerless) == (q.BLOW_UP, "")
    assert found.error > found.bound == pytest.approx(exact, rel=0.01)
    assert exact <= found.bound <= exact + 2.5 * found.details["error of that time"]
    assert found.details["largest ratio of a doubling time to the one before"] == pytest.approx(
        2 ** (1 - power), abs=0.03
    )
    assert found_for(lambda _t, h: h.abs() ** power, at(start), 0.9 * exact) is None


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("linear", lambda _t, h: 8.0 * h),
        ("linear and a root", lambda _t, h: 8.0 * h + h.sign() * h.abs().sqrt()),
        ("h log h", lambda _t, h: h * (2.0 + h.abs()).log()),
        ("a slow power", lambda _t, h: 4.0 * h * h.abs() ** 0.05),
    ],
)
def test_a_large_state_alone_is_no_blow_up(name: str, slope: Field) -> None:
    """Solutions that exist for all times and grow by 1e8 before T = 4, and one whose blow-up is too slow to be told."""
    found = found_for(slope, at(1.0), 4.0)
    assert name
    assert found.powerless.endswith("that is no evidence of a blow-up")


def test_a_field_that_is_no_number_is_no_blow_up() -> None:
    """The root of 1 - h from 0: a NaN where the state passes 1, which was taken for the end of a solution once."""
    found = found_for(lambda _t, h: torch.ones_like(h) + (1.0 - h).sqrt(), at(0.0), 4.0)
    assert found.powerless.startswith("the state or the field is not finite at t = ")
    found = found_for(lambda _t, h: h.exp(), at(700.0), 4.0)  # overflows before it has doubled
    assert found.powerless.startswith("the state or the field is not finite at t = ")


def test_solves_that_disagree_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One scheme sees a blow-up before the horizon, the other follows the solution up to it, or sees it elsewhere."""
    right = blow_up.follow

    def slower(slope: Field, start: Tensor, horizon: float, steps: int, scheme: Tableau) -> object:
        factor = speed if scheme is RK4 else 1.0
        return right(lambda t, h: factor * slope(t, h), start, horizon, steps, scheme)

    monkeypatch.setattr(blow_up, "follow", slower)
    speed = 0.1
    found = found_for(lambda _t, h: h**2, at(1.0), 2.0)
    assert found.powerless == "solvers disagree about where the solution ends: large, large, horizon"
    speed = 0.8
    found = found_for(lambda _t, h: h**2, at(1.0), 2.0)
    assert found.powerless.startswith("solvers disagree about the time of a blow-up: 1, 1, 1.25")


def test_a_blow_up_at_the_horizon_is_neither_before_nor_after_it() -> None:
    """All solves end before the horizon, by less than they may err."""
    found = found_for(lambda _t, h: h**2, at(1.0), 1.0 + 4e-3)
    assert found.powerless.startswith("a blow-up at t = ")


def test_a_rotation_that_grows_is_followed() -> None:
    """|h|' = |h|^2 while the state turns: the norm alone decides."""

    def slope(_t: float, h: Tensor) -> Tensor:
        size = torch.linalg.vector_norm(h)
        return size * h + 3.0 * torch.stack([-h[1], h[0]])

    found = found_for(slope, at(1.0, 0.0), 2.0)
    assert found.powerless == ""
    assert found.bound == pytest.approx(1.0, rel=0.01)


def test_the_schemes_have_their_orders() -> None:
    """Times of the blow-up of h^2 from 1: errors fall by 4 and by 16 with half the step."""
    for scheme, order in ((MIDPOINT, 2), (RK4, 4)):
        errors = [abs(follow(lambda _t, h: h**2, at(1.0), 2.0, steps, scheme).time - 1.0) for steps in (200, 400)]
        grown = [
            abs(follow(lambda _t, h: 0.0 * h + 1.0, at(1.0), 2.0, steps, scheme).time - 2.0) for steps in (200, 400)
        ]
        assert grown == [0.0, 0.0]
        assert math.log2(errors[0] / errors[1]) > order - 1.5
