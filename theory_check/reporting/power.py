"""What the statistical tests of a claim could have seen: samples, power and smallest detectable effects, summed up.

Every outcome of a law, a rate or a ratio states them in its evidence (judge/evidence.py).
"""

from collections.abc import Iterator

import msgspec

from theory_check.judge.evidence import Law, Rate, Ratio
from theory_check.judge.verdict import Outcome

EVEN_ODDS = 0.5


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """One test over the cases of a claim.

    test: its name.
    cases: in how many it was made.
    samples: the fewest and the most of them.
    power: the least chance of seeing `departure`.
    departure: what that power is against, in words.
    detectable: the largest, over cases, of the smallest effects that the test sees nearly always; None where none is.
    effect: what `detectable` measures.
    """

    test: str
    cases: int
    samples: tuple[float, float]
    power: float
    departure: str
    detectable: float | None
    effect: str


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    test: str
    samples: float
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
    match outcome.evidence:
        case Law() as law:
            for test in law.tests:
                yield _Seen(
                    test=test.quantity.text,
                    samples=test.samples,
                    power=test.power,
                    departure=test.alternative,
                    detectable=test.smallest_detectable,
                    effect=test.effect,
                )
        case Rate() as rate:
            yield _Seen(
                test=str(outcome.quantity),
                samples=rate.replicates,
                power=rate.power,
                departure="slope that far beyond the margin",
                detectable=rate.detectable,
                effect="departure of the slope",
            )
        case Ratio() as ratio:
            yield _Seen(
                test=str(outcome.quantity),
                samples=ratio.networks,
                power=ratio.power,
                departure="ratio of totals that large",
                detectable=ratio.refuted_from,
                effect="ratio of totals",
            )


def _summed_up(group: list[_Seen]) -> Power:
    samples = [seen.samples for seen in group]
    detectable = [seen.detectable for seen in group if seen.detectable is not None]
    first = group[0]
    return Power(
        test=first.test,
        cases=len(group),
        samples=(min(samples), max(samples)),
        power=min(seen.power for seen in group),
        departure=first.departure,
        detectable=max(detectable, default=None),
        effect=first.effect,
    )
