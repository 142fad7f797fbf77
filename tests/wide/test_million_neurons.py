"""Claim ntk-limit over widths 100 to 1,000,000: minutes, hence in an environment of its own (`tox run -e wide`)."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from theory_check.case.record import Seeds
from theory_check.judge.profile import PROFILES
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Case, Digits
from theory_check.neural_ode.measurements.width_ladder import WidthLadder, networks_at

WIDTHS = (100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
SEEDS = Seeds(0, "wide")
PROFILE = msgspec.structs.replace(PROFILES["full"], kernel_rungs=WIDTHS)
MARGIN = 0.05
# On the narrow rungs; ever fewer from 100,000 neurons on.
NETWORKS = 40


# Its ladder goes on to a million neurons.
SETTING = Setting(SEEDS, PROFILE, activation)


@pytest.mark.wide
def test_tangent_kernels_approach_the_limit_up_to_a_million_neurons() -> None:
    """The whole 95 % interval of the slope lies within 0.05 of -1/2, with three networks at the top."""
    case = Case(activation="softplus(x)", data=Digits(tuple(range(8))), width=8)
    ladder = WidthLadder(case, SETTING, "tangent")
    assert ladder.unusable() == ""
    assert ladder.details["engine"] == "dense and revealed"
    result = ladder.measured(0, NETWORKS)
    quantile = float(stats.t.ppf(0.975, result.degrees_of_freedom))
    low, high = (result.slope + sign * quantile * result.standard_error for sign in (-1, 1))
    print(f"\n{'width':>9} {'networks':>8} {'error':>10} {'error * sqrt(width)':>20}")
    for width, error in zip(result.sizes, result.values, strict=True):
        count = networks_at(int(width), NETWORKS)
        print(f"{int(width):>9,} {count:>8} {error:>10.3e} {error * np.sqrt(width):>20.4f}")
    print(f"slope {result.slope:.4f}, 95 % interval [{low:.4f}, {high:.4f}], {result.degrees_of_freedom:.1f} degrees")
    assert result.verdict is Verdict.SUPPORTED
    assert -0.5 - MARGIN <= low <= high <= -0.5 + MARGIN
