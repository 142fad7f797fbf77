"""badge.json: how many claims came out how, for the endpoint badge of shields.io (its schema, version 1).

It has room for what somebody states, and leaves readings out: a badge is read without the words that explain them.
"""

import json

from theory_check.judge.verdict import Verdict
from theory_check.reporting.exit_status import unexpected_controls
from theory_check.reporting.matrix import tally
from theory_check.reporting.readings import stated
from theory_check.reporting.records import Report

LABEL = "theory-check"
COLOURS = {
    Verdict.SUPPORTED: "brightgreen",
    Verdict.REFUTED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ASSUMPTIONS_NOT_MET: "lightgrey",
    Verdict.ERROR: "orange",
}


def render(report: Report) -> str:
    """The badge as JSON, e.g. with the message "12 supported, 1 refuted", in the colour of the verdict over all claims.

    An audit of readings alone is grey, whatever they gave. Where the harness itself cannot be trusted (exit status 4,
    or a control that did not come out as expected) the message begins with "error:" and the colour is that of an
    error: such a badge must not look like a pass.
    """
    claims = stated(report.claims)
    counts = ", ".join(f"{count} {verdict}" for count, verdict in tally(claims))
    if not claims:
        counts = "readings alone audited" if report.claims else "nothing audited"
    broken = report.exit_status == 4 or bool(unexpected_controls(report.claims))
    badge = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": f"error: {counts}" if broken else counts,
        "color": COLOURS[Verdict.ERROR if broken else _shown(report)],
    }
    return json.dumps(badge, indent=2) + "\n"


def _shown(report: Report) -> Verdict:
    alone = report.claims and not stated(report.claims) and report.verdict is not Verdict.ERROR
    return Verdict.ASSUMPTIONS_NOT_MET if alone else report.verdict
