"""Does a solution leave every bound before the horizon? What counts as evidence that it does.

A state that becomes large shows nothing: a field of linear growth makes it large too, and its solutions exist for all
times. A blow-up is a state whose doubling times add up to a finite time, so what is looked for is a state that has
grown by 1e8 and whose last doublings each took a fixed share less time than the one before: h' = h^p has the ratio
2^(1-p), linear growth the ratio 1, and h' = h log h, which never blows up, a ratio near 1. The times that are left sum
up to a geometric series. Two schemes, one of them at two step sizes, have to agree about the time to which it all adds
up. Whatever falls short of that is undecided, a solve that fails or a field that is no number included.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.separation_picture import blow_up_picture, sampled
from theory_check.neural_ode.networks.tableau import MIDPOINT, RK4, Tableau

# A state that has grown by so much and doubles ever faster is followed no further.
LARGE = 1e8
# In the slowed time; exp of it exceeds LARGE by far.
SLOWED_DURATION = 80.0
# Of the slowed time: 0.05 each.
BLOW_UP_STEPS = 1_600
# Of these steps, for a picture.
SEEN_EVERY = 16
# The last of the 26 on the way to LARGE, where terms of lower order no longer count.
DOUBLINGS = 8
# A doubling time over the one before: h^p with p of 1.15 and more; h log h has 0.95 there.
MOST_RATIO = 0.9
# Relative: by how much solves may disagree about the time of a blow-up and still speak of the same one.
AGREEMENT = 0.05

Field = Callable[[float, Tensor], Tensor]


@dataclass(frozen=True)
class Followed:
    """A solution up to where it ended.

    ended: at the horizon, because |h| exceeded 1e8 (1 + |h_0|), because the steps did not suffice, or because the state
        or the field was no finite number.
    time: that was reached.
    doublings: how long |h| took from 2^(k-1) (1 + |h_0|) to 2^k (1 + |h_0|), k from 1; differences of times would be
        rounding where a blow-up is steep.
    path: times and norms on the way.
    """

    ended: Literal["horizon", "large", "steps", "not finite"]
    time: float
    doublings: tuple[float, ...]
    path: list[tuple[float, float]] = field(repr=False)

    @property
    def ratio(self) -> float:
        """The largest ratio of a doubling time to the one before, over the last ones; infinite where there are none."""
        last = self.doublings[-DOUBLINGS:]
        if len(last) < DOUBLINGS or not min(last) > 0:
            return math.inf
        return max(after / before for before, after in pairwise(last))

    @property
    def total(self) -> float:
        """The time to which all doublings add up, those to come by a geometric series; infinite where they need not."""
        ratio = self.ratio
        if not ratio <= MOST_RATIO:
            return math.inf
        return self.time + self.doublings[-1] * ratio / (1.0 - ratio)


def blow_up_discrepancy(slope: Field, start: Tensor, horizon: float, steps: int) -> Discrepancy | None:
    """Whether a solution leaves every bound before the horizon; None where it reaches the horizon.

    Args:
        slope: dh/dt of a time and a state.
        start: h_0, of any shape.
        horizon: T.
        steps: of the finer solves, in the slowed time of `follow`.
    """
    # Equally many evaluations of the field in the last two.
    solves = [(MIDPOINT, steps // 2), (MIDPOINT, steps), (RK4, steps // 2)]
    found = [follow(slope, start, horizon, count, scheme) for scheme, count in solves]
    endings = {one.ended for one in found}
    if endings == {"horizon"}:
        return None
    totals = [one.total for one in found]
    spread = max(totals) - min(totals) if all(map(math.isfinite, totals)) else math.inf
    if endings != {"large"}:
        if "horizon" in endings or "large" in endings:
            reason = f"solvers disagree about where the solution ends: {', '.join(one.ended for one in found)}"
        elif "steps" in endings:
            reason = f"neither a blow-up nor the horizon was reached in {steps} steps"
        else:
            reason = f"the state or the field is not finite at t = {found[1].time:.3g}, and no blow-up was seen"
    elif math.isinf(spread):
        reason = (
            f"the state grows by {LARGE:g} before the horizon, but its doubling times do not shrink by a tenth each: "
            "that is no evidence of a blow-up"
        )
    elif spread > AGREEMENT * max(totals):
        reason = f"solvers disagree about the time of a blow-up: {', '.join(f'{total:.3g}' for total in totals)}"
    elif max(totals) + spread >= horizon:
        reason = f"a blow-up at t = {max(totals):.4g} is too near the horizon to be told from one after it"
    else:
        details: dict[str, float | int | str] = {
            "error of that time": spread + max(one.total - one.time for one in found),
            "largest ratio of a doubling time to the one before": max(one.ratio for one in found),
        }
        sketch = partial(blow_up_picture, found[1].path, horizon)
        return Discrepancy(q.BLOW_UP, horizon, max(totals) + spread, details=details, sketch=sketch)
    return Discrepancy(q.BLOW_UP, 0.0, 0.0, unusable=reason)


def follow(slope: Field, start: Tensor, horizon: float, steps: int, scheme: Tableau = MIDPOINT) -> Followed:
    """A solution up to the horizon, or until |h| exceeds 1e8 (1 + |h_0|).

    Solved in a time s with dt/ds = (1 + |h|) / (1 + |f(h)|): the state grows at most like exp(s), so a fixed step in s
    follows it into a blow-up, where t converges while the state does not.
    """
    h, time, ds = start, 0.0, SLOWED_DURATION / steps
    norm = float(torch.linalg.vector_norm(h))
    unit = 1.0 + norm
    path: list[tuple[float, float]] = []
    doublings: list[float] = []
    since = 0.0

    def slowed(at: float, state: Tensor) -> tuple[Tensor, float]:
        f = slope(at, state)
        clock = float((1.0 + torch.linalg.vector_norm(state)) / (1.0 + torch.linalg.vector_norm(f)))
        return f * clock, clock

    for step in range(steps):
        if step % SEEN_EVERY == 0:
            sampled(path, time, h)
        slopes: list[tuple[Tensor, float]] = []
        for row in scheme.a:
            at = time + ds * sum(a * clock for a, (_, clock) in zip(row, slopes, strict=True))
            slopes.append(slowed(at, h + ds * sum((a * k for a, (k, _) in zip(row, slopes, strict=True)), 0.0 * h)))
        h = h + ds * sum((b * k for b, (k, _) in zip(scheme.b, slopes, strict=True)), 0.0 * h)
        dt = ds * sum(b * clock for b, (_, clock) in zip(scheme.b, slopes, strict=True))
        before, norm = norm, float(torch.linalg.vector_norm(h))
        if not (math.isfinite(norm) and math.isfinite(dt)):
            return Followed("not finite", time, tuple(doublings), path)
        time += dt
        # Never step past the horizon: what lies beyond it does not matter.
        if time >= horizon:
            return Followed("horizon", horizon, tuple(doublings), path)
        passed = 0.0
        while norm > unit * 2.0 ** (len(doublings) + 1):
            share = _share_before(unit * 2.0 ** (len(doublings) + 1), before, norm)
            doublings.append(since + (share - passed) * dt)
            since, passed = 0.0, share
        since += (1.0 - passed) * dt
        if norm > LARGE * unit:
            return Followed("large", time, tuple(doublings), path)
    return Followed("steps", time, tuple(doublings), path)


def _share_before(level: float, before: float, after: float) -> float:
    """The share of a step that a norm which grows exponentially from one value to another spends below a level."""
    return math.log(level / before) / math.log(after / before) if 0 < before < level else 0.0
