"""badge.json is what shields.io asks for, and never looks like a pass where there is none."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.judge.verdict import Verdict
from theory_check.reporting.badge_writer import render
from theory_check.reporting.document import load_report
from theory_check.reporting.readings import is_reading

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"


def test_the_recorded_audit():
    """All fields of the endpoint schema, for what the paper's authors state."""
    assert json.loads(render(load_report(RECORDED / "full"))) == {
        "schemaVersion": 1,
        "label": "theory-check",
        "message": "13 supported",
        "color": "brightgreen",
    }


@given(data=st.data())
def test_every_report_has_a_badge(reports, data):
    """Counts add up to the claims that are stated, and only a supported report is green."""
    report = data.draw(reports)
    badge = json.loads(render(report))
    stated = [claim for claim in report.claims if not is_reading(claim)]
    assert sum(int(word) for word in badge["message"].replace("error: ", "").split() if word.isdigit()) == len(stated)
    if badge["color"] == "brightgreen":
        assert stated or not report.claims
        assert report.verdict is Verdict.SUPPORTED
        assert report.exit_status != 4


@pytest.mark.parametrize(
    ("verdict", "colour"),
    [
        (Verdict.SUPPORTED, "brightgreen"),
        (Verdict.REFUTED, "red"),
        (Verdict.INCONCLUSIVE, "yellow"),
        (Verdict.ASSUMPTIONS_NOT_MET, "lightgrey"),
        (Verdict.ERROR, "orange"),
    ],
)
def test_the_colour_is_that_of_the_verdict(build, verdict, colour):
    """One for each."""
    badge = json.loads(render(build.report(build.claim(build.trial(), verdict=verdict), verdict=verdict)))
    assert (badge["message"], badge["color"]) == (f"1 {verdict}", colour)


def test_a_harness_that_cannot_be_trusted_is_an_error(build):
    """A control that came out wrong, and an audit that lost a trial."""
    control = build.trial(kind="control", as_expected=False, verdict=Verdict.SUPPORTED)
    for report in (build.report(build.claim(build.trial(), control)), build.report(build.claim(), exit_status=4)):
        badge = json.loads(render(report))
        assert (badge["message"], badge["color"]) == ("error: 1 supported", "orange")


def test_nothing_audited_says_so(build):
    """An empty report has no counts."""
    badge = json.loads(render(build.report(verdict=Verdict.INCONCLUSIVE, exit_status=3)))
    assert (badge["message"], badge["color"]) == ("nothing audited", "yellow")
