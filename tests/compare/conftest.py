"""What comparisons are measured on in these tests: a setting with seeds."""

import pytest

from theory_check.case.record import Seeds
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.loading import activation


@pytest.fixture
def bench() -> Setting:
    """The quick profile on the CPU."""
    return Setting(Seeds(0, "tests"), load=activation)
