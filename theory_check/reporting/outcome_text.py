"""A judged case in words, for a reader who never saw the tool."""

from theory_check.case.record import AnyCase, canonical_json
from theory_check.claims.paper import fields_of, paper_on_trial
from theory_check.judge.verdict import Outcome


def describe_case(case: AnyCase) -> list[tuple[str, str]]:
    """Labels and values that say what a case is, one pair a line; nothing that fixes the case is left out."""
    paper = paper_on_trial()
    return paper.describe(case) if isinstance(case, paper.case) else fields_of(case)


def headline_of(case: AnyCase) -> tuple[str, str]:
    """What a case is about and where it lies, in a word or two each; the second may be empty."""
    paper = paper_on_trial()
    return paper.headline(case) if isinstance(case, paper.case) else (canonical_json(case), "")


def describe_measurement(outcome: Outcome) -> str:
    """What was measured against what, e.g. "gradient error = 0.012, bound 3e-06 (ratio 4e+03)"."""
    text = outcome.quantity
    if outcome.measured is not None:
        text += f" = {outcome.measured:.4g}"
    if outcome.bound is not None:
        text += f", bound {outcome.bound:.4g}"
    if outcome.ratio is not None:
        text += f" (ratio {outcome.ratio:.4g})"
    return text
