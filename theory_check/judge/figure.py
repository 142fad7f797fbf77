"""One figure: its picture, what the paper says, and what is seen here, in a sentence made from the data."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from theory_check.judge.rates import RateResult
from theory_check.judge.verdict import Verdict
from theory_check.pictures.picture import Picture, Series

CONFIDENCE = "99.9 %"
MINUS = "\u2212"


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is published of one figure.

    name: of its file, without the ending.
    paper: what the paper says or shows, in a sentence.
    seen: what is seen here, in sentences whose numbers come from the data.
    picture: the curves; its note says how many networks and which intervals.
    """

    name: str
    paper: str
    seen: str
    picture: Picture


def number(value: float) -> str:
    """Three significant digits, with the sign that typography has for minus."""
    return f"{value:.3g}".replace("-", MINUS)


def supported(results: Sequence[RateResult]) -> str:
    """In how many of the ladders the stated rate is supported, undecided and refuted, in words."""
    counts = Counter(result.verdict for result in results)
    if counts[Verdict.SUPPORTED] == len(results):
        return "in every case"
    said = f"in {counts[Verdict.SUPPORTED]} of {len(results)} cases"
    if counts[Verdict.REFUTED]:
        said += f", not in {counts[Verdict.REFUTED]}"
    return said + (f", undecided in {counts[Verdict.INCONCLUSIVE]}" if counts[Verdict.INCONCLUSIVE] else "")


def percent(share: float) -> str:
    """A share in per cent, two significant digits."""
    return f"{100 * share:.2g} %".replace("-", MINUS)


def slope(result: RateResult) -> str:
    """The slope of a ladder with its interval: −0.52 [−0.60, −0.44]."""
    low, high = result.interval
    return f"{result.slope:.3f} [{low:.3f}, {high:.3f}]".replace("-", MINUS)


def ladder(name: str, result: RateResult) -> Series:
    """The values of a ladder with the interval of each."""
    return Series(
        name=name,
        x=result.sizes,
        y=result.values,
        low=tuple(low for low, _ in result.intervals),
        high=tuple(high for _, high in result.intervals),
    )


def expected_line(result: RateResult, exponent: float, name: str) -> Series:
    """The expected slope through the middle of a ladder, from its first rung to its last."""
    ends = (result.sizes[0], result.sizes[-1])
    return Series(name=name, x=ends, y=tuple(result.constant * size**exponent for size in ends), style="line")
