"""What comparisons are measured on in these tests: a setting with seeds."""

from dataclasses import dataclass

import pytest

from theory_check.case.record import Seeds
from theory_check.judge.profile import PROFILES, Profile
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation

SEEDS = Seeds(0, "tests")


@dataclass(frozen=True)
class Bench:
    """A setting without a judge."""

    seeds: Seeds = SEEDS
    device: str = "cpu"
    profile: Profile = PROFILES["quick"]

    def load(self, expression: str, /) -> Activation:
        """The activation behind an expression."""
        return activation(expression)


@pytest.fixture
def bench() -> Bench:
    """The quick profile on the CPU."""
    return Bench()
