"""What somebody states, and what is but a reading: a hedge of the authors, or a sentence that a digest alone has.

A reading has a verdict like any claim, in a group of its own. It counts towards the exit status with `--strict`, or
where the user names it by `--claim`, and only then: what its authors do not state cannot refute a paper. What fails in
the harness while a reading is on trial, an error or a control that comes out otherwise, counts always.
"""

from collections.abc import Iterable

from theory_check.claims.source import Source
from theory_check.judge.verdict import Verdict
from theory_check.reporting.records import ClaimReport, is_judged


def is_reading(claim: ClaimReport) -> bool:
    """Whether nobody states it as a claim; a sentence as source is a user's own statement."""
    return isinstance(claim.source, Source) and not claim.source.is_stated


def counts(claim: ClaimReport) -> bool:
    """Whether its verdict counts towards the exit status."""
    return not is_reading(claim) or claim.counts is True


def stated(claims: Iterable[ClaimReport]) -> list[ClaimReport]:
    """Those that somebody states, in their order."""
    return [claim for claim in claims if not is_reading(claim)]


def readings(claims: Iterable[ClaimReport]) -> list[ClaimReport]:
    """The others: hedged ones first, as they are the authors', otherwise in their order."""
    return sorted((claim for claim in claims if is_reading(claim)), key=lambda claim: kind_of(claim) != "hedged")


def kind_of(claim: ClaimReport) -> str:
    """The strongest kind of text in which it stands; empty for a claim of a user's own."""
    return claim.source.kind if isinstance(claim.source, Source) else ""


def has_error(claim: ClaimReport) -> bool:
    """Whether a computation failed in a trial that decides, whatever else was found."""
    return Verdict.ERROR in [claim.verdict, *(trial.verdict for trial in claim.trials if is_judged(trial))]
