"""What figures have in common: sizes are checked before anything is computed, and numerics before anything is drawn."""

from collections.abc import Sequence
from itertools import pairwise

from theory_check.judge.rates import MINIMUM_REPLICATES, MINIMUM_RUNGS
from theory_check.neural_ode.measurements.width_ladder import NUMERICAL_SHARE


def require_ladder(name: str, rungs: Sequence[int], least: int = MINIMUM_RUNGS) -> None:
    """Raise ValueError unless the rungs are integers of at least 1 that grow, and as many as a slope takes."""
    growing = all(a < b for a, b in pairwise(rungs))
    if len(rungs) < least or rungs[0] < 1 or not growing:
        raise ValueError(f"{name} must be at least {least} growing integers from 1 on, got {tuple(rungs)}")


def require_count(name: str, count: int, least: int = 1) -> None:
    """Raise ValueError unless a count is large enough."""
    if count < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {count!r}")


def require_networks(count: int) -> None:
    """Raise ValueError unless there are as many networks as an interval takes."""
    require_count("networks", count, MINIMUM_REPLICATES)


def require_activations(names: Sequence[str]) -> None:
    """Raise ValueError unless there is an activation; unknown ones are refused when they are loaded."""
    if not names:
        raise ValueError("activations must name at least one, got none")


def require_accurate(figure: str, share: float) -> None:
    """Raise ArithmeticError unless numerics make up a small share of the least error that a figure shows."""
    if not share <= NUMERICAL_SHARE:
        raise ArithmeticError(
            f"{figure}: numerical errors are {share:.2g} of what is measured, they must be at most {NUMERICAL_SHARE:g}"
        )
