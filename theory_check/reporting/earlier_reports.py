"""Reports that an earlier version wrote: what is known now and was not recorded then."""

import msgspec

from theory_check.claims.source import Source
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.claims.statements import CLAIMS, PAPER
from theory_check.reporting.matrix import verdict_over
from theory_check.reporting.records import ClaimReport, Report


def with_provenance(report: Report) -> Report:
    """A report of the paper as it was written before provenance was recorded, with the sources that are known now.

    Some of the sentences that stood there were in no source. The verdict of the whole is taken afresh, over what the
    authors state; the exit status is what that process ended with, when readings counted like claims.
    """
    if report.paper != PAPER or not any(isinstance(c.source, str) and c.id in CLAIMS for c in report.claims):
        return report
    claims = tuple(
        msgspec.structs.replace(claim, source=_source_now(claim))
        if isinstance(claim.source, str) and claim.id in CLAIMS
        else claim
        for claim in report.claims
    )
    verdict = report.verdict if report.verdict is Verdict.ERROR else verdict_over(claims)
    return msgspec.structs.replace(report, claims=claims, verdict=verdict)


def _source_now(claim: ClaimReport) -> str | Source:
    """Where a claim of the paper comes from; a verdict on words that are others now is none on today's reading."""
    now = CLAIMS[claim.id]
    if claim.statement == now.statement or isinstance(now.source, str):
        return now.source
    reading = f"the statement as this report has it; by now the tested reading is: {now.source.reading}"
    return msgspec.structs.replace(now.source, reading=reading)
