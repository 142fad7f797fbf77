"""Reports that an earlier version wrote: what is known now and was not recorded then."""

import msgspec

from theory_check.claims.paper import paper_on_trial
from theory_check.claims.source import Source
from theory_check.judge.verdict import Verdict
from theory_check.reporting.matrix import verdict_over
from theory_check.reporting.records import ClaimReport, Report


def with_provenance(report: Report) -> Report:
    """A report of the paper as it was written before provenance was recorded, with the sources that are known now.

    Some of the sentences that stood there were in no source. The verdict of the whole is taken afresh, over what the
    authors state; the exit status is what that process ended with, when readings counted like claims.
    """
    paper = paper_on_trial()
    if report.paper != paper.title or not any(
        isinstance(c.source, str) and c.id in paper.claims for c in report.claims
    ):
        return report
    claims = tuple(
        msgspec.structs.replace(claim, source=_source_now(claim))
        if isinstance(claim.source, str) and claim.id in paper.claims
        else claim
        for claim in report.claims
    )
    verdict = report.verdict if report.verdict is Verdict.ERROR else verdict_over(claims)
    return msgspec.structs.replace(report, claims=claims, verdict=verdict)


def _source_now(claim: ClaimReport) -> str | Source:
    """Where a claim of the paper comes from; a verdict on words that are others now is none on today's reading."""
    now = paper_on_trial().claims[claim.id]
    if claim.statement == now.statement or isinstance(now.source, str):
        return now.source
    reading = f"the statement as this report has it; by now the tested reading is: {now.source.reading}"
    return msgspec.structs.replace(now.source, reading=reading)
