"""Certificates of bounds by ball arithmetic."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from flint import arb, arb_series


def exceeds(
    ball: Callable[[object], object],
    lipschitz: float,
    curvature: float,
    edges: list[float],
    *,
    taylor: bool,
    slack: float,
    corners: int = 0,
) -> tuple[float, float] | None:
    """The first interval on which |phi'| <= L1 (1 + slack) and |phi''| <= L2 (1 + slack) cannot be certified, or None.

    On an interval m +- r: the enclosure of the jet itself, or |phi'(m)| + |phi''(m)| r + sup |phi'''| r^2 / 2 and the
    same one order up, which is second order in r and so can certify a bound that is attained. At most `corners`
    intervals of width 1e-10 are left out: phi'' need exist almost everywhere only, and is not enclosed tightly where
    ELU's jumps.
    """
    pending = list(pairwise(edges))
    while pending:
        left, right = pending.pop()
        radius = arb((right - left) / 2)
        jet = ball(arb_series([arb((left + right) / 2, (right - left) / 2), 1], 5))
        middle = ball(arb_series([arb((left + right) / 2), 1], 5))
        first, second = [abs(jet[1])], [2 * abs(jet[2])]
        if taylor:
            first.append(abs(middle[1]) + 2 * abs(middle[2]) * radius + 3 * abs(jet[3]) * radius**2)
            second.append(2 * abs(middle[2]) + 6 * abs(middle[3]) * radius + 12 * abs(jet[4]) * radius**2)
        if any(b <= lipschitz * (1 + slack) for b in first) and any(b <= curvature * (1 + slack) for b in second):
            continue
        if right - left < 1e-10:
            corners -= 1
            if corners < 0:
                return left, right
            continue
        pending += [(left, (left + right) / 2), ((left + right) / 2, right)]
    return None


@pytest.fixture(scope="session")
def certifier() -> Callable[..., tuple[float, float] | None]:
    """The certificate, for test files (importlib mode knows no imports between them)."""
    return exceeds
