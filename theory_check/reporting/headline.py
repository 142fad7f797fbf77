"""An audit in a sentence: how many claims are supported, how the readings came out, and what the exit status says."""

from collections.abc import Sequence

import msgspec

from theory_check.claims.source import Source
from theory_check.judge.verdict import Verdict
from theory_check.reporting.readings import counts, readings, stated
from theory_check.reporting.records import ClaimReport, Report

EXIT_STATUSES = {
    0: "every claim is supported",
    1: "a claim is refuted, or the conclusion fails for something the user named",
    3: "inconclusive, or assumptions not met; nothing failed",
    4: "an error, or a control that did not come out as expected",
}
# Where some of the readings count, what fails may be one of them.
WITH_READINGS = {
    0: "every claim, and every reading that counts, is supported",
    1: "a claim or a reading that counts is refuted, or its conclusion fails for something the user named",
}
# Of one verdict; longer lists are a number.
MOST_NAMES = 4


def headline(report: Report) -> str:
    """E.g. "13 of 13 claims of the paper supported; readings: 5 of 6 supported, spread-reduced refuted"."""
    claims, others = stated(report.claims), readings(report.claims)
    parts = []
    if claims or not others:
        what = f"claim{'' if len(claims) == 1 else 's'}{' of the paper' if _of_a_paper(claims) else ''}"
        parts.append(_counted(claims, f" {what}") if claims else "no claim was audited")
    if others:
        parts.append(f"readings: {_counted(others)}")
    return "; ".join(parts)


def verdict_words(report: Report) -> str:
    """The verdict of the whole in a word; that of an audit of readings alone says so, since it is not the paper's."""
    if report.verdict is not Verdict.ERROR and report.claims and not stated(report.claims):
        return f"readings {report.verdict}"
    return report.verdict.value


def status_words(report: Report) -> str:
    """What the exit status says, and which readings counted."""
    others = readings(report.claims)
    words = EXIT_STATUSES[report.exit_status]
    if not others:
        return words
    if any(claim.counts is msgspec.UNSET for claim in others):
        return "recorded before readings were told apart from claims, when they counted like these"
    counted = [claim.id for claim in others if counts(claim)]
    if not counted:
        return f"{words}; readings do not count"
    which = "all" if len(counted) == len(others) else ", ".join(counted)
    return f"{WITH_READINGS.get(report.exit_status, words)}; readings that count: {which}"


def _of_a_paper(claims: Sequence[ClaimReport]) -> bool:
    return all(isinstance(claim.source, Source) for claim in claims)


def _counted(claims: Sequence[ClaimReport], what: str = "") -> str:
    """How many are supported, and which of the others came out how."""
    supported = sum(claim.verdict is Verdict.SUPPORTED for claim in claims)
    parts = [f"{supported} of {len(claims)}{what} supported"]
    for verdict in Verdict:
        names = [claim.id for claim in claims if claim.verdict is verdict]
        if names and verdict is not Verdict.SUPPORTED:
            some = " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])
            shown = some if len(names) <= MOST_NAMES else str(len(names))
            parts.append(f"{shown} {verdict.replace('-', ' ')}")
    return ", ".join(parts)
