"""report.sarif: SARIF 2.1.0 for code scanning; one rule a claim, one result a trial that did not support its claim.

| trial | level |
|---|---|
| a failure or an error as `junit_writer.result_of` has it | error |
| of a reading that does not count, refuted | warning |
| of such a reading, inconclusive | note |
| inconclusive | warning |
| inconclusive, drawn at random, within the share that its supported claim allows | note |
| assumptions not met and not asked for by name, conclusion fails | note |
| all others | no result |

A refuted reading is worth a look, and no error: nothing that its authors state is at fault.
A result lies in the file of its property, at line 1: what stays the same while a file is edited. Fingerprints name
claim, property and subject and neither seed nor case, so that a finding of two audits is one alert.
"""

import hashlib
import json
from collections import Counter
from typing import Any, Literal
from urllib.parse import quote

from theory_check.case.record import canonical_json
from theory_check.claims.paper import paper_on_trial
from theory_check.claims.source import Source, source_lines, source_text
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.pictures.visible import visible
from theory_check.reporting.exit_status import expectation, named_failures_count
from theory_check.reporting.junit_writer import result_of
from theory_check.reporting.matrix import described
from theory_check.reporting.outcome_text import describe_case, describe_measurement
from theory_check.reporting.readings import counts, is_reading
from theory_check.reporting.records import ClaimReport, Report, Trial, is_judged
from theory_check.reporting.replay_command import replay_command

Level = Literal["error", "warning", "note"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# GitHub shows 5,000 results, takes 10 MB after compression, and cuts titles at 1,024 characters.
MOST_RESULTS = 5_000
MOST_BYTES = 9_000_000  # before compression, so that no content can exceed the limit
MOST_TITLE = 1_000
MOST_MESSAGE = 2_000
MOST_CASE = 2_000
MOST_WARNINGS = 100
_WORST_FIRST = ("error", "warning", "note")


def render(report: Report) -> str:
    """The report as SARIF text (JSON, ASCII only).

    Where results exceed what GitHub takes, the mildest are left out, and a notification of the run says how many.
    """
    named = named_failures_count(report)
    repeated: Counter[str] = Counter()
    found = [
        (level, _result(claim, trial, level, repeated))
        for claim in report.claims
        for trial in claim.trials
        if (level := level_of(claim, trial, named=named)) is not None
    ]
    found.sort(key=lambda pair: _WORST_FIRST.index(pair[0]))  # stable: the order of the report within a level
    driver = _driver(report)
    notes = [_cut(visible(warning), MOST_MESSAGE) for warning in report.warnings[:MOST_WARNINGS]]
    results, size = [], len(json.dumps([driver, notes]))
    for _, result in found[:MOST_RESULTS]:
        size += len(json.dumps(result)) + 2
        if size > MOST_BYTES:
            break
        results.append(result)
    if len(results) < len(found):
        notes.append(f"{len(found) - len(results)} of {len(found)} results were left out, the mildest first")
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"theory-check/{visible(report.profile)}/"},
        "invocations": [_invocation(report, notes)],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, allow_nan=False) + "\n"


def level_of(claim: ClaimReport, trial: Trial, *, named: bool) -> Level | None:
    """The level of a trial's result, None where it has none; `named` as in `junit_writer.result_of`."""
    if result_of(claim, trial, named=named) in {"failure", "error"}:
        return "error"
    if not is_judged(trial):
        return None
    if trial.verdict is Verdict.REFUTED:
        return "warning"
    if trial.verdict is Verdict.INCONCLUSIVE:
        mild = (trial.kind == "random" and claim.verdict is Verdict.SUPPORTED) or not counts(claim)
        return "note" if mild else "warning"
    return "note" if trial.conclusion is Conclusion.FAILS else None


def _driver(report: Report) -> dict[str, Any]:
    version = report.environment.versions.get("theory-check")
    rules = [_rule(claim) for claim in report.claims]
    return {"name": "theory-check", **({"version": version} if version else {}), "rules": rules}


def _rule(claim: ClaimReport) -> dict[str, Any]:
    assumptions = [visible(assumption) for assumption in claim.assumptions] or ["none"]
    lines = [
        visible(claim.statement),
        *(f"{label[0].upper()}{label[1:]}: {visible(value)}" for label, value in source_lines(claim.source)),
        f"Kind: {claim.quantifier}",
        f"Assumptions: {'; '.join(assumptions)}",
        f"Verdict of this audit: {claim.verdict}",
    ]
    return {
        "id": visible(claim.id),
        "shortDescription": {"text": _cut(visible(claim.statement), MOST_TITLE)},
        "fullDescription": {
            "text": _cut(f"{visible(claim.statement)} Source: {visible(source_text(claim.source))}", MOST_TITLE)
        },
        "help": {"text": _cut("\n".join(lines), 2 * MOST_MESSAGE)},
        "defaultConfiguration": {"level": "error" if counts(claim) else "warning"},
        "properties": {
            "tags": [claim.quantifier, *(claim.source.kinds if isinstance(claim.source, Source) else ())],
            "verdict": claim.verdict.value,
        },
    }


def _path(claim: ClaimReport, file: str) -> str:
    """Where a property lies: the paper's in one folder of this repository, a user's own where its name says.

    A property of the paper that is known by an earlier file lies in that of its claim.
    """
    paper = paper_on_trial()
    if claim.id not in paper.claims or "/" in file:
        return file
    there = (paper.properties() / file).is_file()
    return f"properties/{file if there else 'test_' + claim.id.replace('-', '_') + '.py'}"


def _result(claim: ClaimReport, trial: Trial, level: Level, repeated: Counter[str]) -> dict[str, Any]:
    outcome = next((outcome for outcome in claim.outcomes if outcome.case_id == trial.minimal), None)
    file, _, function = trial.property.partition("::")
    uri = quote(visible(_path(claim, file)))
    identity = (claim.id, trial.property, trial.kind, trial.activation, trial.stratum, trial.defect, trial.assumption)
    departure = trial.departure if trial.kind == "ablation" else None
    digest = hashlib.sha256("\0".join(visible(part or "") for part in (*identity, departure)).encode()).hexdigest()[:16]
    repeated[digest] += 1
    fingerprint = f"{digest}:{repeated[digest]}"
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
        "logicalLocations": [{"name": visible(function or file), "kind": "function"}],
    }
    return {
        "ruleId": visible(claim.id),
        "level": level,
        "message": {"text": _literal(_cut(_message(claim, trial, outcome), MOST_MESSAGE))},
        "locations": [location],
        # GitHub tracks alerts by the first; where it is absent it hashes a line of the file, the same for all subjects.
        "partialFingerprints": {"primaryLocationLineHash": fingerprint, "theoryCheckSubject/v1": fingerprint},
        "properties": _numbers(trial, outcome),
    }


def _message(claim: ClaimReport, trial: Trial, outcome: Outcome | None) -> str:
    """What failed, for whom, by which number, and how to see it again."""
    what = described(trial.verdict, trial.conclusion)
    if trial.kind == "control":
        what = f"control came out wrong: expected {expectation(trial)}, got {what}"
    elif is_reading(claim):
        what = f"a reading is {what}" if trial.verdict is Verdict.REFUTED else f"of a reading: {what}"
    subject = ", ".join(
        visible(part)
        for part in (
            trial.activation,
            trial.stratum,
            f"without {trial.assumption}" if trial.assumption else "",
            f"defect {trial.defect}" if trial.defect else "",
        )
        if part
    )
    lines = [f"{what} ({trial.kind}: {subject})" + (f": {visible(trial.reason)}" if trial.reason else "")]
    if outcome is not None:
        lines.append(f"Measured: {visible(describe_measurement(outcome))}")
        lines.append(f"Replay: {replay_command(outcome)}")
        case = "; ".join(f"{label}: {_cut(value, 300)}" for label, value in describe_case(outcome.case))
        lines.append(f"Minimal case: {visible(case)}")
    return "\n".join(lines)


def _numbers(trial: Trial, outcome: Outcome | None) -> dict[str, Any]:
    """What a program reads; a case too long to be written here is in report.json under its id."""
    numbers: dict[str, Any] = {"kind": trial.kind, "verdict": trial.verdict.value}
    if outcome is None:
        return numbers
    case = canonical_json(outcome.case)
    numbers |= {"caseId": outcome.case_id, "seed": outcome.seed, "quantity": _cut(visible(str(outcome.quantity)), 300)}
    numbers |= {"measured": outcome.measured, "bound": outcome.bound, "ratio": outcome.ratio}
    return numbers | ({"case": json.loads(case)} if len(case) <= MOST_CASE else {})


def _invocation(report: Report, notes: list[str]) -> dict[str, Any]:
    return {
        "executionSuccessful": report.exit_status != 4,
        "commandLine": visible(report.command),
        "startTimeUtc": report.started,
        "exitCode": report.exit_status,
        "toolExecutionNotifications": [{"level": "warning", "message": {"text": _literal(note)}} for note in notes],
    }


def _literal(text: str) -> str:
    """Text in which brackets are no links and braces no placeholders (SARIF 3.11.5, 3.11.6)."""
    for character, escaped in (("[", "\\["), ("]", "\\]"), ("{", "{{"), ("}", "}}")):
        text = text.replace(character, escaped)
    return text


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
