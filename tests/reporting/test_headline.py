"""An audit in a sentence, and readings kept apart in every format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.badge_writer import render as badge
from theory_check.reporting.coverage import ablation_table
from theory_check.reporting.headline import headline, status_words
from theory_check.reporting.html_writer import render as page
from theory_check.reporting.junit_writer import result_of
from theory_check.reporting.markdown_writer import render as markdown
from theory_check.reporting.matrix import claim_matrix
from theory_check.reporting.records import ClaimReport
from theory_check.reporting.sarif_writer import level_of
from theory_check.reporting.sarif_writer import render as sarif
from theory_check.reporting.step_summary_writer import render as step_summary
from theory_check.reporting.survey import survey_table
from theory_check.reporting.terminal_lines import terminal_lines

SUPPORTED, REFUTED, INCONCLUSIVE, ERROR = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.ERROR
UNMET, FAILS = Verdict.ASSUMPTIONS_NOT_MET, Conclusion.FAILS


def test_the_headline_counts_what_is_stated(build: Any, claim: Callable[..., ClaimReport]) -> None:
    """And names what is not supported, in each group."""
    claims = [claim("a", "abstract"), claim("b", "figure"), claim("c", "digest"), claim("d", "hedged", REFUTED)]
    said = "2 of 2 claims of the paper supported; readings: 1 of 2 supported, d refuted"
    assert headline(build.report(*claims)) == said
    claims += [claim("e", "digest", INCONCLUSIVE), claim("f", "digest", REFUTED), claim("g", "result", UNMET)]
    assert headline(build.report(*claims)) == (
        "2 of 3 claims of the paper supported, g assumptions not met; "
        "readings: 1 of 4 supported, d and f refuted, e inconclusive"
    )
    many = [claim(f"x{k}", "digest", REFUTED) for k in range(3)]
    assert headline(build.report(*many)) == "readings: 0 of 3 supported, x0, x1 and x2 refuted"
    many += [claim(f"y{k}", "digest", REFUTED) for k in range(2)]
    assert headline(build.report(*many)) == "readings: 0 of 5 supported, 5 refuted"
    assert headline(build.report(claim("a", None))) == "1 of 1 claim supported"
    assert headline(build.report(claim("a", None), claim("b", "result"))) == "2 of 2 claims supported"
    assert headline(build.report()) == "no claim was audited"


@pytest.mark.parametrize(
    ("status", "counting", "words"),
    [
        (0, False, "every claim is supported; readings do not count"),
        (1, False, "a claim is refuted, or the conclusion fails for something the user named; readings do not count"),
        (
            1,
            True,
            "a claim or a reading that counts is refuted, or its conclusion fails for something the user named; "
            "readings that count: d",
        ),
        (4, True, "an error, or a control that did not come out as expected; readings that count: d"),
        (1, msgspec.UNSET, "recorded before readings were told apart from claims, when they counted like these"),
    ],
)
def test_the_exit_status_says_which_readings_counted(
    build: Any, claim: Callable[..., ClaimReport], status: int, counting: Any, words: str
) -> None:
    """One that is not requested is no reason for any status."""
    claims = [claim("c", "digest"), claim("d", "hedged", REFUTED, counts=counting)]
    report = build.report(claim("a", "abstract"), *claims, exit_status=status)
    assert status_words(report) == words


def test_every_format_keeps_readings_apart(build: Any, claim: Callable[..., ClaimReport]) -> None:
    """In each text the headline, then what is stated, then the readings; nowhere is a paper refuted."""
    claims = [claim("one", "digest", REFUTED), claim("two", "abstract"), claim("three", "hedged", REFUTED)]
    # Findings of what is stated go before worse ones of readings.
    open_ = build.report(*claims, claim("four", "result", INCONCLUSIVE))
    summary = step_summary(open_)
    assert summary.index("- **inconclusive** `four`") < summary.index("- **refuted** (a reading) `three`")
    report = build.report(*claims)
    assert [(row.claim, row.reading) for row in claim_matrix(report)] == [
        ("two", ""),
        ("three", "hedged"),
        ("one", "digest"),
    ]
    said = "1 of 1 claim of the paper supported; readings: 0 of 2 supported, three and one refuted"
    for text, places in (
        (markdown(report), ("# Audit by theory-check: supported\n", said, "`two` |", "`three`, a reading (hedged) |",
                            "`one`, a reading (digest) |", "## Claims", "### `two`: supported\n", "## Readings",
                            "### `three`: refuted (a reading, hedged)", "### `one`: refuted (a reading, digest)")),
        (step_summary(report), ("## theory-check: supported\n", said, "`two` |", "`three`, a reading (hedged) |",
                                "`one`, a reading (digest) |", "- **refuted** (a reading) `three`")),
        (page(report), ("<title>supported: ", said, 'href="#claims"', 'href="#readings"', ">two<",
                        "Readings, hedged: ", ">three<", "Readings, digest: ", ">one<", 'id="claims"',
                        'id="claim-two"', 'id="readings"', 'id="claim-three"', "a reading: hedged",
                        'id="claim-one"', "a reading: digest")),
        ("\n".join(terminal_lines(report, None, Path.cwd())), ("two: supported", "three, a reading (hedged, does not "
         "count): refuted", "one, a reading (digest, does not count): refuted", said)),
    ):  # fmt: skip
        found = []
        for place in places:
            found.append(text.index(place, found[-1] + 1 if found else 0))
        assert found == sorted(found)
        assert "paper is refuted" not in text
    assert json.loads(badge(report))["message"] == "1 supported"
    assert json.loads(badge(report))["color"] == "brightgreen"


def test_the_page_of_readings_alone_is_sound(build: Any, claim: Callable[..., ClaimReport]) -> None:
    """No section of claims, and no link to one."""
    text = page(build.report(claim("one", "digest", REFUTED, counts=True), verdict=REFUTED, exit_status=1))
    assert "<title>readings refuted: " in text
    assert 'href="#claims"' not in text
    assert "readings: 0 of 1 supported, one refuted" in text


@pytest.mark.parametrize(
    ("fields", "junit", "level"),
    [
        ({"verdict": REFUTED}, ("skipped", "failure"), ("warning", "error")),
        ({"verdict": INCONCLUSIVE}, ("skipped", "skipped"), ("note", "warning")),
        ({"kind": "named", "verdict": UNMET, "conclusion": FAILS}, ("skipped", "failure"), ("note", "error")),
        ({"verdict": ERROR}, ("error", "error"), ("error", "error")),
        ({"verdict": SUPPORTED}, ("passed", "passed"), (None, None)),
        ({"kind": "control", "as_expected": False}, ("failure", "failure"), ("error", "error")),
    ],
)
def test_what_a_reading_is_to_a_ci(build: Any, source: Any, fields: Any, junit: Any, level: Any) -> None:
    """No failure and no error-level result unless it counts; what the harness does wrong is both always."""
    trial = build.trial(**fields)
    for place, counting in enumerate((False, True)):
        reading = build.claim(trial, source=source("digest"), counts=counting, verdict=trial.verdict)
        assert result_of(reading, trial, named=True) == junit[place]
        assert level_of(reading, trial, named=True) == level[place]


def test_sarif_and_junit_say_what_is_a_reading(build: Any, claim: Callable[..., ClaimReport]) -> None:
    """In the rule, in the message and in the properties of the suite."""
    report = build.report(claim("two", "abstract"), claim("one", "digest", REFUTED))
    run = json.loads(sarif(report))["runs"][0]
    two, one = run["tool"]["driver"]["rules"]
    assert (two["defaultConfiguration"], one["defaultConfiguration"]) == ({"level": "error"}, {"level": "warning"})
    assert one["properties"]["tags"] == ["ALL", "digest"]
    assert "Tested reading: r" in one["help"]["text"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("one", "warning")
    assert result["message"]["text"].startswith("a reading is refuted (random: ")


def test_ablations_and_the_survey_put_readings_last(build: Any, source: Any) -> None:
    """Their rows stand below those of claims, whatever the order of the report."""
    ablated = build.trial(kind="ablation", assumption="smooth", departure="kinked phi", conclusion=FAILS)
    reading = build.claim(build.trial(), ablated, id="one", source=source("digest"), counts=False)
    stated = build.claim(build.trial(), ablated, id="two", source=source("abstract"))
    report = build.report(reading, stated)
    assert list(ablation_table(report)) == ["two", "one"]
    table = survey_table({"tanh": report})
    places = [
        table.index(text) for text in ("| claim | tanh |", "| `two` |", "| reading | tanh |", "| `one`, digest |")
    ]
    assert places == sorted(places)
    assert "no refutation of the paper" in table
    assert "reading" not in survey_table({"tanh": build.report(stated)})
