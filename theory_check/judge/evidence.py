"""What supports a verdict beside the measured number and its bound: one record for each way to judge.

What a program reads is a field; `numbers` are for people, each under a label in words, and no program looks one up.
"""

from typing import Annotated

import msgspec

from theory_check.claims.quantity import Quantity
from theory_check.judge.plain_numbers import Detail

Numbers = dict[str, Detail]
Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Comparison(msgspec.Struct, frozen=True, kw_only=True, tag="comparison", forbid_unknown_fields=True):
    """An error beside its bound.

    scale: size of what was compared, of which a derived bound may be 1 %; null where the claim states the bound.
    numbers: others, such as the parts of the bound.
    """

    scale: float | None = None
    numbers: Numbers = {}


class TestedLaw(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One test of a law.

    quantity: what it is about.
    p_value: of the last sample.
    samples: numbers that it saw, in all samples.
    level: of one sample.
    alternative: the departure that `power` is about.
    power: probability of seeing it, in a whole call.
    effect: what `smallest_detectable` measures.
    smallest_detectable: that is seen with probability 0.9.
    numbers: others.
    """

    __test__ = False  # pytest would collect the name

    quantity: Quantity
    p_value: float
    samples: Count
    level: Share
    alternative: str
    power: Share
    effect: str
    smallest_detectable: float | None
    numbers: Numbers = {}


class Law(msgspec.Struct, frozen=True, kw_only=True, tag="law", forbid_unknown_fields=True):
    """Tests of a law.

    level: of each call of the error budget.
    tests: those that were made, in their order; the one that decided is the outcome's quantity.
    """

    level: Share
    tests: tuple[TestedLaw, ...]


class Rate(msgspec.Struct, frozen=True, kw_only=True, tag="rate", forbid_unknown_fields=True):
    """A slope over a ladder.

    expected, margin: the stated slope, and how far from it still agrees.
    low, high: the interval of the slope; null where it is open.
    constant: of the power law.
    replicates: on a rung.
    replicates_needed: so many would have decided, null where that cannot be said.
    detectable: the departure beyond the margin that is seen with probability `power`.
    level: of the call of the error budget.
    sizes, values: the rungs, and what was measured on each.
    numbers: others.
    """

    expected: float
    margin: float
    low: float | None
    high: float | None
    constant: float | None
    replicates: Count
    replicates_needed: int | None
    power: Share
    detectable: float | None
    level: Share
    sizes: tuple[float, ...]
    values: tuple[float, ...]
    numbers: Numbers = {}


class Ratio(msgspec.Struct, frozen=True, kw_only=True, tag="ratio", forbid_unknown_fields=True):
    """A ratio of total costs over paired networks.

    low, high: the interval of the ratio; null where it is open.
    confidence: of the interval.
    no_difference: the whole interval is within the margin of 1.
    networks: pairs of them.
    p_value: against the margin.
    level: of the call of the error budget.
    subject_mean, reference_mean: mean costs of both sides.
    predicted: the ratio that a theory predicts, null where there is none.
    power: with which `refuted_from` is refuted and `supported_to` supported.
    numbers: others.
    """

    low: float | None
    high: float | None
    confidence: Share
    no_difference: bool
    networks: Count
    p_value: float | None
    level: Share
    subject_mean: float
    reference_mean: float
    predicted: float | None = None
    power: Share
    refuted_from: float | None
    supported_to: float | None
    numbers: Numbers = {}


class Eigenvalue(msgspec.Struct, frozen=True, kw_only=True, tag="eigenvalue", forbid_unknown_fields=True):
    """The smallest eigenvalue of a matrix.

    estimate: as computed; the outcome's `measured` is a proved lower bound where there is one.
    numbers: others.
    """

    estimate: float
    numbers: Numbers = {}


Evidence = Comparison | Law | Rate | Ratio | Eigenvalue


def interval_of(evidence: Evidence | None) -> tuple[float, float] | None:
    """The interval of the measured value, where it has one with two ends."""
    if isinstance(evidence, Rate | Ratio) and evidence.low is not None and evidence.high is not None:
        return evidence.low, evidence.high
    return None
