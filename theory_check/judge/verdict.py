"""Verdicts, and how those of single cases add up to that of a claim (docs/judgement.md#verdicts)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import msgspec

from theory_check.case.record import AnyCase
from theory_check.claims.claim import Unmet
from theory_check.claims.quantity import Quantity
from theory_check.judge.evidence import Evidence
from theory_check.pictures.picture import Picture

INCONCLUSIVE_SHARE = 0.10


class Verdict(StrEnum):
    """A claim is an implication: assumptions => conclusion."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    ASSUMPTIONS_NOT_MET = "assumptions-not-met"
    ERROR = "error"


class Conclusion(StrEnum):
    """What was seen of the conclusion, whether or not the assumptions hold."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One judged case.

    test: the property that judged it, "file.py::function"; what replay runs again.
    defect: the planted defect that was active (controls and ablations only).
    assumption: the one that an ablation broke.
    quantity: what `measured` is.
    measured, bound: compared numbers; None where there is none (an error, a case without a usable bound).
    ratio: the share of the bound that was used: at most 1 where the conclusion holds, whatever the kind of claim.
    unmet: the first assumption that the case does not meet; null where all hold.
    reason: why the conclusion is what it is, in one line; may be empty.
    evidence: what else supports it: samples, power, intervals, parts of the bound; null where nothing was compared.
    picture_problem: why there is no picture, where making it failed; empty otherwise.
    picture: what a reader should see of it; kept for the cases that a report shows, null for all others.
    """

    claim: str
    test: str
    case_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}$")]
    case: AnyCase
    seed: int
    defect: str | None = None
    assumption: str | None = None
    verdict: Verdict
    conclusion: Conclusion
    quantity: Quantity
    measured: float | None = None
    bound: float | None = None
    ratio: float | None = None
    unmet: Unmet | None = None
    reason: str = ""
    evidence: Evidence | None = None
    picture_problem: str = ""
    comparisons: Annotated[int, msgspec.Meta(ge=0)] = 1
    picture: Picture | None = None

    @property
    def why(self) -> str:
        """What is not met and why the conclusion is what it is, as a reader should be told."""
        return "; ".join(str(part) for part in (self.unmet, self.reason) if part)


def combine(outcomes: Iterable[Outcome]) -> Verdict:
    """The verdict over the cases of a claim.

    Refuted > error > inconclusive > supported. Cases whose assumptions are not met never enter; no executed
    case is inconclusive; at most 10 % inconclusive cases among the rest still support.
    """
    entered = [o.verdict for o in outcomes if o.verdict is not Verdict.ASSUMPTIONS_NOT_MET]
    if Verdict.REFUTED in entered:
        return Verdict.REFUTED
    if Verdict.ERROR in entered:
        return Verdict.ERROR
    inconclusive = entered.count(Verdict.INCONCLUSIVE)
    if not entered or inconclusive > INCONCLUSIVE_SHARE * len(entered):
        return Verdict.INCONCLUSIVE
    return Verdict.SUPPORTED


def ablation(outcomes: Iterable[Outcome]) -> Conclusion | None:
    """What became of the conclusion where assumptions were not met; None when there was no such case."""
    seen = [o.conclusion for o in outcomes if o.verdict is Verdict.ASSUMPTIONS_NOT_MET]
    if not seen:
        return None
    if Conclusion.FAILS in seen:
        return Conclusion.FAILS
    return Conclusion.HOLDS if all(c is Conclusion.HOLDS for c in seen) else Conclusion.UNDECIDED
