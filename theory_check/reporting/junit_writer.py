"""junit.xml: one suite a claim, one case a trial, for the test tabs of CI systems.

| trial | in junit.xml |
|---|---|
| supported | passed |
| refuted | failure |
| error | error |
| inconclusive, assumptions not met | skipped, with the reason |
| the same, named by the user, conclusion fails | failure |
| of a reading that does not count: refuted, inconclusive, conclusion fails | skipped, with the reason |
| control that came out as expected | passed |
| control that did not | failure |
"""

import re
from typing import Literal
from xml.etree import ElementTree as ET

from theory_check.claims.source import Source, source_text
from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.exit_status import expectation, named_failures_count
from theory_check.reporting.matrix import described
from theory_check.reporting.readings import counts, is_reading
from theory_check.reporting.records import ClaimReport, Report, Trial
from theory_check.reporting.replay_command import replay_command

Result = Literal["passed", "failure", "error", "skipped"]

# What XML 1.0 cannot hold, even escaped (its production [2] Char).
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as JUnit XML; characters that XML cannot hold are written as Python escapes."""
    named = named_failures_count(report)
    root = ET.Element("testsuites", name="theory-check", time=f"{report.seconds:.3f}")
    for claim in report.claims:
        root.append(_suite(claim, report, named=named))
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def result_of(claim: ClaimReport, trial: Trial, *, named: bool) -> Result:
    """How a trial of a claim appears; `named`: trials of kind "named" were asked for by the user."""
    if trial.kind == "control":
        return "passed" if trial.as_expected else "failure"
    if trial.kind == "ablation":
        return "error" if trial.verdict is Verdict.ERROR else "passed"
    if trial.verdict is Verdict.REFUTED or (named and trial.kind == "named" and trial.conclusion is Conclusion.FAILS):
        return "failure" if counts(claim) else "skipped"
    if trial.verdict is Verdict.ERROR:
        return "error"
    return "passed" if trial.verdict is Verdict.SUPPORTED else "skipped"


def _suite(claim: ClaimReport, report: Report, *, named: bool) -> ET.Element:
    results = [result_of(claim, trial, named=named) for trial in claim.trials]
    suite = ET.Element(
        "testsuite",
        name=_legal(claim.id),
        tests=str(len(results)),
        failures=str(results.count("failure")),
        errors=str(results.count("error")),
        skipped=str(results.count("skipped")),
        time=f"{sum(trial.seconds for trial in claim.trials):.3f}",
        timestamp=report.started[:19],
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("verdict", claim.verdict.value),
        ("statement", claim.statement),
        ("source", source_text(claim.source)),
        *([("provenance", ", ".join(claim.source.kinds))] if isinstance(claim.source, Source) else []),
        *([("counts", "yes" if counts(claim) else "no, a reading")] if is_reading(claim) else []),
        ("command", report.command),
        ("seed", str(report.seed)),
    ):
        ET.SubElement(properties, "property", name=name, value=_legal(value))
    for trial, result in zip(claim.trials, results, strict=True):
        suite.append(_case(claim, trial, result))
    return suite


def _case(claim: ClaimReport, trial: Trial, result: Result) -> ET.Element:
    defect = f", defect {trial.defect}" if trial.defect else ""
    without = f", without {trial.assumption}" if trial.assumption else ""
    search = f", search {trial.search}" if trial.search else ""
    name = f"{trial.property} [{trial.kind}: {trial.activation}, {trial.stratum}{without}{defect}{search}]"
    case = ET.Element("testcase", name=_legal(name), classname=_legal(claim.id), time=f"{trial.seconds:.3f}")
    if result != "passed":
        message = described(trial.verdict, trial.conclusion)
        if trial.kind == "control":
            message = f"control: expected {expectation(trial)}, got {message}"
        elif not counts(claim):
            message = f"a reading, which does not count: {message}"
        if trial.reason:
            message += f": {trial.reason}"
        entry = ET.SubElement(case, result, message=_legal(message), type=trial.verdict.value)
        if trial.minimal is not None:
            minimal = next(outcome for outcome in claim.outcomes if outcome.case_id == trial.minimal)
            entry.text = f"minimal case {trial.minimal}; {replay_command(minimal)}"
    return case


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
