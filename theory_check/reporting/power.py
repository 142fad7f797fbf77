"""What the statistical tests of a claim could have seen: samples, power and smallest detectable effects, summed up.

Every outcome of a law, a rate or a ratio states them among its details; the names are those of `judge/audit.py`.
"""

import re
from collections.abc import Iterator

import msgspec

from theory_check.judge.verdict import Outcome

EVEN_ODDS = 0.5
_STATED_POWER = 0.9
_POWER = re.compile(r"(?P<test>.+): power against an? (?P<departure>.+)")
_LADDER = "departure beyond the margin seen with power 0.9"
_RATIO = "ratio refuted with probability 0.9 from"


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """One test over the cases of a claim.

    test: its name.
    cases: in how many it was made.
    samples: the fewest and the most of them; None where they are not recorded.
    power: the least chance of seeing `departure`.
    departure: what that power is against, in words.
    detectable: the largest, over cases, of the smallest effects that the test sees nearly always; None likewise.
    effect: what `detectable` measures.
    """

    test: str
    cases: int
    samples: tuple[float, float] | None
    power: float
    departure: str
    detectable: float | None
    effect: str


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    test: str
    samples: float | None
    power: float
    departure: str
    detectable: float | None
    effect: str


def power_of(outcomes: list[Outcome]) -> tuple[Power, ...]:
    """The tests that some outcomes made, in the order in which they first occur; empty where there were none."""
    groups: dict[tuple[str, str], list[_Seen]] = {}
    for outcome in outcomes:
        for seen in _tests(outcome):
            groups.setdefault((seen.test, seen.departure), []).append(seen)
    return tuple(_summed_up(group) for group in groups.values())


def sees_something(outcome: Outcome) -> bool | None:
    """Whether any test of a case has at least even odds of seeing its departure; None where it made no test."""
    powers = [seen.power for seen in _tests(outcome)]
    return max(powers) >= EVEN_ODDS if powers else None


def _tests(outcome: Outcome) -> Iterator[_Seen]:
    details = outcome.details
    for key, power in details.items():
        if (match := _POWER.fullmatch(key)) and (value := _number(power)) is not None:
            test = match["test"]
            prefix = f"{test}: smallest detectable "
            effect = next((name for name in details if name.startswith(prefix)), None)
            yield _Seen(
                test=test,
                samples=_number(details.get(f"{test}: samples")),
                power=value,
                departure=match["departure"],
                detectable=None if effect is None else _number(details[effect]),
                effect="" if effect is None else effect.removeprefix(prefix),
            )
    if _LADDER in details:
        yield _Seen(
            test=outcome.quantity,
            samples=_number(details.get("replicates on a rung")),
            power=_STATED_POWER,
            departure="slope that far beyond the margin",
            detectable=_number(details[_LADDER]),
            effect="departure of the slope",
        )
    if _RATIO in details:
        yield _Seen(
            test=outcome.quantity,
            samples=_number(details.get("networks")),
            power=_STATED_POWER,
            departure="ratio of totals that large",
            detectable=_number(details[_RATIO]),
            effect="ratio of totals",
        )


def _summed_up(group: list[_Seen]) -> Power:
    samples = [seen.samples for seen in group if seen.samples is not None]
    detectable = [seen.detectable for seen in group if seen.detectable is not None]
    first = group[0]
    return Power(
        test=first.test,
        cases=len(group),
        samples=(min(samples), max(samples)) if samples else None,
        power=min(seen.power for seen in group),
        departure=first.departure,
        detectable=max(detectable, default=None),
        effect=first.effect,
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
