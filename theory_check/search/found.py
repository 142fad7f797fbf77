"""What one trial found, and how it travels between processes."""

import msgspec

from theory_check.case.record import case_hook
from theory_check.claims.claim import Claim
from theory_check.claims.paper import paper_on_trial
from theory_check.judge.verdict import Outcome
from theory_check.reporting.records import Trial


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one trial found: enough to take its place in a report, whichever process ran it.

    position: of the trial among those of its property.
    test_calls: statistical tests made, which count towards the error budget of the audit.
    store_problem: why outcomes could not be kept as they were reached; empty where they were, or nobody asked.
    """

    claim: Claim
    position: int
    trial: Trial
    outcomes: tuple[Outcome, ...]
    test_calls: int
    store_problem: str = ""


def encode(found: Found) -> str:
    """One line of JSON, to travel between processes."""
    return msgspec.json.encode(found).decode()


def decode(text: str) -> Found:
    """The reverse of `encode`."""
    return msgspec.json.decode(text, type=Found, dec_hook=case_hook(paper_on_trial().case))
