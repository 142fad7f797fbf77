"""Which cases of an audit a page shows in full: those that decide, and a few that came close. Others are counted."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from theory_check.claims.quantity import Quantity
from theory_check.judge.evidence import Rate
from theory_check.judge.verdict import Outcome, Verdict
from theory_check.reporting.claim_reading import judged_outcomes, undecided
from theory_check.reporting.records import ClaimReport, is_judged

# An audit of 5,000 cases gives a page that a browser opens at once; report.json has every case.
MOST_CLOSEST = 8
MOST_UNDECIDED = 8
MOST_FAILING = 24
MOST_PLANTED = 30


class ShownCases(msgspec.Struct, frozen=True, kw_only=True):
    """The cases of one claim, each in the first group that it fits, and without repetition.

    failing: minimal cases of the trials that decide.
    undecided: without a verdict, the first MOST_UNDECIDED of them.
    pictured: those with a picture which are in no other group.
    closest: for each quantity the one that came closest to its bound.
    planted: minimal cases of controls and ablations.
    rest: how many others have each verdict.
    """

    failing: tuple[Outcome, ...]
    undecided: tuple[Outcome, ...]
    pictured: tuple[Outcome, ...]
    closest: tuple[Outcome, ...]
    planted: tuple[Outcome, ...]
    rest: dict[Verdict, int]

    def all(self) -> tuple[Outcome, ...]:
        """Every case that is shown."""
        return (*self.failing, *self.undecided, *self.pictured, *self.closest, *self.planted)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity over the cases of a claim: in how many it decided, and the case that came closest to its bound."""

    quantity: Quantity
    cases: int
    closest: Outcome


def shown_cases(claim: ClaimReport) -> ShownCases:
    """The cases of a claim by why they are shown."""
    judged_minimal = {trial.minimal for trial in claim.trials if is_judged(trial)}
    other_minimal = {trial.minimal for trial in claim.trials if not is_judged(trial)}
    taken: set[str] = set()

    def take(outcomes: Iterable[Outcome], most: int) -> tuple[Outcome, ...]:
        found: list[Outcome] = []
        for outcome in outcomes:
            if len(found) == most:
                break
            if outcome.case_id not in taken:
                taken.add(outcome.case_id)
                found.append(outcome)
        return tuple(found)

    groups = {
        "failing": take((o for o in claim.outcomes if o.case_id in judged_minimal), MOST_FAILING),
        "undecided": take(undecided(claim), MOST_UNDECIDED),
        "closest": take((entry.closest for entry in compared(claim)), MOST_CLOSEST),
        "planted": take((o for o in claim.outcomes if o.case_id in other_minimal), MOST_PLANTED),
        "pictured": take((o for o in claim.outcomes if o.picture is not None), len(claim.outcomes)),
    }
    # One case may have been judged by several trials: it is counted once, like it is shown once.
    others = {outcome.case_id: outcome.verdict for outcome in claim.outcomes if outcome.case_id not in taken}
    counted = Counter(others.values())
    return ShownCases(**groups, rest={verdict: counted[verdict] for verdict in Verdict if counted[verdict]})


def compared(claim: ClaimReport) -> tuple[Compared, ...]:
    """Quantities measured in the cases that decide, with the closest case of each; a failing one is closest."""
    judged = judged_outcomes(claim)
    # Among those whose assumptions are not met are all cases of controls.
    decisive = [outcome for outcome in judged if outcome.verdict is not Verdict.ASSUMPTIONS_NOT_MET] or judged
    groups: dict[Quantity, list[Outcome]] = {}
    for outcome in decisive:
        groups.setdefault(outcome.quantity, []).append(outcome)
    return tuple(
        Compared(quantity=quantity, cases=len(group), closest=max(group, key=closeness))
        for quantity, group in groups.items()
    )


def closeness(outcome: Outcome) -> tuple[bool, float]:
    """A key that grows towards the bound: what is refuted comes last, then the share of the bound that was used.

    A slope has no share: its place in the margin takes that part, the upper end of its interval against the bound.
    """
    share = outcome.ratio
    if share is None and outcome.bound is not None:
        match outcome.evidence:
            case Rate(margin=margin, high=float(high)) if margin > 0:
                share = 1.0 + (high - outcome.bound) / margin
            case _ if outcome.measured is not None and outcome.bound > 0:
                share = outcome.measured / outcome.bound
    return outcome.verdict is Verdict.REFUTED, float("-inf") if share is None else share
