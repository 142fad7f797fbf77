"""Whether the measured value of one case differs between two audits by more than its uncertainty.

Both outcomes have one case id, so claim, property, case, defect and broken assumption are the same, and one root seed,
so the weights are. What is the uncertainty of a measured number follows from how it was judged:

- An interval (slopes, ratios of totals) is the uncertainty: the value has changed when the two 99.9 %
  intervals are disjoint. That asks for more than either does: of hundreds of cases none should differ by chance.
- The bound of an error with a scale, or of a certified eigenvalue, is what numerics alone may contribute: the value has
  changed when it moved by more than the sum of both bounds.
- A p-value has none, since it is uniform where the law holds. A number against a threshold (factors, shares, times)
  states none: a threshold is no uncertainty. Of these, and where nothing was measured, verdicts alone are compared.

A case whose verdict or conclusion differs has changed whatever its kind. Where both audits ran in one environment
(`records.same_environment`) and one profile, equal code gives equal numbers; every other difference is then told apart
as "last bits".
"""

from typing import Literal

import msgspec

from theory_check.judge.evidence import Comparison, Eigenvalue, interval_of
from theory_check.judge.verdict import Outcome

Change = Literal["verdict", "beyond uncertainty", "last bits"]


class ValueChange(msgspec.Struct, frozen=True, kw_only=True):
    """One case that came out otherwise.

    change: the strongest that holds of: its verdict differs; its value differs by more than its uncertainty; it differs
        at all although equal code must have given equal numbers.
    before, after: measured values of `quantity`; None where nothing was measured.
    uncertainty: in words; empty where none is stated.
    """

    claim: str
    case_id: str
    change: Change
    quantity: str
    before: float | None
    after: float | None
    verdict_before: str
    verdict_after: str
    uncertainty: str = ""


def value_change(before: Outcome, after: Outcome, *, same_bits: bool) -> ValueChange | None:
    """How the outcomes of one case differ by the rule of this module, or None where they do not.

    Args:
        before: the recorded outcome.
        after: that of the same case id and root seed.
        same_bits: whether equal code must have given equal numbers.
    """
    comparable = before.quantity.id == after.quantity.id and before.measured is not None and after.measured is not None
    beyond, uncertainty = _beyond(before, after) if comparable else (False, "")
    change: Change
    if (before.verdict, before.conclusion) != (after.verdict, after.conclusion):
        change = "verdict"
    elif beyond:
        change = "beyond uncertainty"
    elif same_bits and _numbers(before) != _numbers(after):
        change = "last bits"
    else:
        return None
    return ValueChange(
        claim=after.claim,
        case_id=after.case_id,
        change=change,
        quantity=str(after.quantity)
        if before.quantity.id == after.quantity.id
        else f"{before.quantity} -> {after.quantity}",
        before=before.measured,
        after=after.measured,
        verdict_before=f"{before.verdict}, conclusion {before.conclusion}",
        verdict_after=f"{after.verdict}, conclusion {after.conclusion}",
        uncertainty=uncertainty,
    )


def states_uncertainty(outcome: Outcome) -> bool:
    """Whether a value has an uncertainty by which it can be compared."""
    return interval_of(outcome.evidence) is not None or _error_bound(outcome) is not None


def _beyond(before: Outcome, after: Outcome) -> tuple[bool, str]:
    """Whether two measured values of one quantity differ beyond what both state, and that in words."""
    one, other = interval_of(before.evidence), interval_of(after.evidence)
    if one is not None and other is not None:
        return (
            one[1] < other[0] or other[1] < one[0],
            f"intervals [{one[0]:.4g}, {one[1]:.4g}] and [{other[0]:.4g}, {other[1]:.4g}]",
        )
    bound, bound_after = _error_bound(before), _error_bound(after)
    if bound is not None and bound_after is not None and before.measured is not None and after.measured is not None:
        return abs(after.measured - before.measured) > bound + bound_after, f"bounds {bound:.4g} and {bound_after:.4g}"
    return False, ""


def _error_bound(outcome: Outcome) -> float | None:
    """The bound, where it is what numerics may contribute and no threshold."""
    evidence = outcome.evidence
    derived = isinstance(evidence, Eigenvalue) or (isinstance(evidence, Comparison) and evidence.scale is not None)
    return outcome.bound if derived else None


def _numbers(outcome: Outcome) -> tuple[object, ...]:
    """All that a measurement gave; its picture is kept for some cases only."""
    return outcome.quantity.id, outcome.measured, outcome.bound, outcome.ratio, outcome.evidence, outcome.comparisons
