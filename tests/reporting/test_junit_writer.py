"""junit.xml loads in junitparser and marks what the exit status counts."""

from xml.etree import ElementTree as ET

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.junit_writer import render

HOSTILE = "<script>&\"'\x00\x1b\x0b\ufffe\udcff|]]>\r\n\t\u2028é😀"


def parsed(report) -> junitparser.JUnitXml:
    """The report as junitparser reads it."""
    return junitparser.JUnitXml.fromstring(render(report).encode())


def results(report) -> list[str]:
    """One word a trial: passed, failure, error or skipped."""
    words = {junitparser.Failure: "failure", junitparser.Error: "error", junitparser.Skipped: "skipped"}
    return [words[type(case.result[0])] if case.result else "passed" for suite in parsed(report) for case in suite]


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({}, "passed"),
        ({"verdict": Verdict.REFUTED}, "failure"),
        ({"verdict": Verdict.ERROR}, "error"),
        ({"verdict": Verdict.INCONCLUSIVE}, "skipped"),
        ({"verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.HOLDS}, "skipped"),
        ({"verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.FAILS}, "skipped"),
        ({"conclusion": Conclusion.FAILS}, "passed"),
        ({"kind": "named"}, "passed"),
        ({"kind": "named", "verdict": Verdict.REFUTED}, "failure"),
        ({"kind": "named", "verdict": Verdict.ERROR}, "error"),
        ({"kind": "named", "verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.HOLDS}, "skipped"),
        ({"kind": "named", "verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.FAILS}, "failure"),
        ({"kind": "named", "conclusion": Conclusion.FAILS}, "failure"),
        ({"kind": "control", "verdict": Verdict.REFUTED}, "passed"),
        ({"kind": "control", "verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.FAILS}, "passed"),
        ({"kind": "control", "verdict": Verdict.SUPPORTED, "as_expected": False}, "failure"),
        ({"kind": "control", "verdict": Verdict.ERROR, "as_expected": False}, "failure"),
    ],
)
def test_each_kind_of_trial_has_its_result(build, fields, result):
    """The table of the module, row by row."""
    assert results(build.report(build.claim(build.trial(**fields)), exit_status=1)) == [result]


def test_default_subjects_fail_only_where_the_exit_status_says_so(build):
    """Where nothing named failed by exit status, a failing conclusion without assumptions is a probe's."""
    trial = build.trial(kind="named", verdict=Verdict.ASSUMPTIONS_NOT_MET, conclusion=Conclusion.FAILS)
    assert results(build.report(build.claim(trial), exit_status=3)) == ["skipped"]


def test_one_suite_a_claim_one_case_a_trial_and_counts_that_add_up(build):
    """Names, counts, times and properties as junitparser reads them."""
    first = build.claim(
        build.trial(),
        build.trial(verdict=Verdict.REFUTED),
        build.trial(verdict=Verdict.REFUTED),
        build.trial(verdict=Verdict.ERROR),
        build.trial(verdict=Verdict.INCONCLUSIVE),
        id="first",
    )
    second = build.claim(build.trial(verdict=Verdict.INCONCLUSIVE), id="second")
    xml = parsed(build.report(first, second, exit_status=1))
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (6, 2, 1, 2)
    one, two = xml
    assert (one.name, one.tests, one.failures, one.errors, one.skipped) == ("first", 5, 2, 1, 1)
    assert (two.name, two.tests, two.failures, two.errors, two.skipped) == ("second", 1, 0, 0, 1)
    assert one.time == pytest.approx(6.25)
    assert {p.name: p.value for p in one.properties()}["statement"] == first.statement
    assert {case.classname for case in one} == {"first"}


def test_a_failure_carries_the_reason_and_the_replay_command(build):
    """What a CI page shows is enough to run the case again."""
    report = build.full()
    (case,) = [case for case in next(iter(parsed(report))) if case.result]
    (failure,) = case.result
    minimal = report.claims[0].trials[1].minimal
    assert failure.message == "refuted: one confirmed counterexample"
    assert failure.type == "refuted"
    assert failure.text == f"minimal case {minimal}; theory-check replay report.json {minimal}"


def test_an_unexpected_control_says_what_was_expected(build):
    """Expected and seen stand in the message."""
    trial = build.trial(kind="control", verdict=Verdict.INCONCLUSIVE, as_expected=False, reason="too few cases")
    (case,) = next(iter(parsed(build.report(build.claim(trial)))))
    assert case.result[0].message == "control: expected refuted, got inconclusive: too few cases"


def test_odd_characters_survive_or_become_visible(build):
    """Legal characters come back as they were; those that XML cannot hold as escapes."""
    trial = build.trial(activation=HOSTILE, reason=HOSTILE, verdict=Verdict.REFUTED)
    (suite,) = parsed(build.report(build.claim(trial, id=HOSTILE, statement=HOSTILE), command=HOSTILE))
    legal = "<script>&\"'\\x00\\x1b\\x0b\\ufffe\\udcff|]]>\r\n\t\u2028é😀"
    assert suite.name == legal
    assert {p.name: p.value for p in suite.properties()}["statement"] == legal
    (case,) = suite
    assert case.name == f"{build.property} [random: {legal}, sphere]"
    assert case.result[0].message == f"refuted: {legal}"


@given(data=st.data())
def test_every_report_is_well_formed(reports, data):
    """Arbitrary text in every field: XML parses, with one case a trial."""
    report = data.draw(reports)
    root = ET.fromstring(render(report))  # noqa: S314  our own text
    assert len(root.findall("testsuite")) == len(report.claims)
    assert len(root.findall("testsuite/testcase")) == sum(len(claim.trials) for claim in report.claims)
    assert sum(len(suite) for suite in parsed(report)) == int(root.get("tests", "-1"))
