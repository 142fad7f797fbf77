"""What moves in training over widths: the rate that holds, and the defects under which it does not."""

from collections.abc import Callable

import pytest

from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, Digits, Sphere
from theory_check.neural_ode.measurements.descent_ladder import DescentLadder, Moving
from theory_check.neural_ode.planted.defects import planted

SIGMOID = Case(activation="sigmoid(x)", data=Sphere(2, 2, 0), width=64)


@pytest.mark.parametrize("moving", ["kernel", "outputs"])
@pytest.mark.parametrize("data", [Sphere(3, 3, 1), Digits((0, 1))])
def test_what_moves_falls_like_one_over_the_width(moving: Moving, data: Sphere | Digits, bench: object) -> None:
    """Faster than asked for: about 1/n."""
    result = DescentLadder(Case(activation="softplus(x)", data=data, width=64), bench, moving)(0)
    assert result.verdict is Verdict.SUPPORTED
    assert -1.5 < result.slope < -0.6


@pytest.mark.parametrize(
    ("moving", "defect"),
    [
        ("kernel", "training-in-mean-field"),
        ("kernel", "kernel-drifts-by-ten-per-cent"),
        ("outputs", "learning-rate-ten-per-cent-too-large"),
    ],
)
def test_defects_stop_the_fall(moving: Moving, defect: str, bench: object) -> None:
    """The same error at all widths."""
    with planted(defect):
        result = DescentLadder(SIGMOID, bench, moving).measured(0, 12)
    assert result.verdict is Verdict.REFUTED
    assert abs(result.slope) < 0.3


def test_networks_depend_on_the_seed_only(bench: object, another: Callable[..., object]) -> None:
    """The same errors again; others at another stage."""
    ladder, again = (DescentLadder(SIGMOID, setting, "kernel") for setting in (bench, another()))
    assert (ladder.errors("a", 32, 3) == again.errors("a", 32, 3)).all()
    assert (ladder.errors("a", 32, 3) != again.errors("b", 32, 3)).all()


def test_a_kernel_that_vanishes_is_no_ladder(bench: object) -> None:
    """The zero function has no outputs to compare with."""
    case = Case(activation="0*tanh(x)", data=Sphere(2, 2, 0), width=64)
    assert "not positive" in DescentLadder(case, bench, "kernel").unusable()
