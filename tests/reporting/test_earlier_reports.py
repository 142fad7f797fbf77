"""What is recorded of sources and readings, and reports from before any of it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from theory_check.claims.source import Source
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.claims.statements import CLAIMS, TITLE
from theory_check.reporting.badge_writer import render as badge
from theory_check.reporting.document import decode_report, load_report
from theory_check.reporting.exit_status import exit_status
from theory_check.reporting.headline import headline, status_words
from theory_check.reporting.json_writer import render as as_json
from theory_check.reporting.matrix import verdict_over
from theory_check.reporting.readings import is_reading
from theory_check.reporting.records import ClaimReport

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"
SUPPORTED, REFUTED, ERROR = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.ERROR


def test_a_report_remembers_sources_and_what_counted(build: Any, claim: Callable[..., ClaimReport]) -> None:
    """Through JSON and back; what is stated has no word on counting, since it always does."""
    claims = [claim("two", "abstract"), claim("one", "digest", counts=True), claim("own", None)]
    report = build.report(*claims)
    document = json.loads(as_json(report))
    assert ["counts" in entry for entry in document["claims"]] == [False, True, False]
    assert document["claims"][0]["source"]["kinds"] == ["abstract"]
    assert document["claims"][2]["source"] == "ours"
    assert decode_report(as_json(report).encode(), "it") == report


def earlier(build: Any, paper: str, *ids: str, **fields: Any) -> dict[str, Any]:
    """A report as it was written before provenance was recorded, as JSON."""
    claims = [
        build.claim(
            build.trial(verdict=REFUTED if name == "spread-reduced" else SUPPORTED),
            id=name,
            source="Key result 3.",
            statement=CLAIMS[name].statement,
            verdict=REFUTED if name == "spread-reduced" else SUPPORTED,
        )
        for name in ids
    ]
    given: dict[str, Any] = {"verdict": REFUTED, "exit_status": 1} | fields
    return msgspec.to_builtins(build.report(*claims, paper=paper, **given))  # type: ignore[no-any-return]


def test_reports_from_before_are_read_with_what_is_known_now(build: Any) -> None:
    """Sources of the paper's claims are replaced, the verdict is over what is stated, the exit status stays."""
    document = earlier(build, TITLE, "ntk-limit", "spread-reduced")
    report = decode_report(json.dumps(document).encode(), "it")
    assert [c.source for c in report.claims] == [CLAIMS["ntk-limit"].source, CLAIMS["spread-reduced"].source]
    assert (report.verdict, report.exit_status) == (SUPPORTED, 1)
    assert headline(report).startswith("1 of 1 claim of the paper supported; readings: 0 of 1 supported, ")
    assert "recorded before" in status_words(report)
    # It is a report of today when it is written again.
    assert decode_report(as_json(report).encode(), "it") == report
    error = decode_report(json.dumps(earlier(build, TITLE, "ntk-limit", verdict=ERROR)).encode(), "it")
    assert error.verdict is ERROR


def test_a_statement_that_is_another_by_now_keeps_its_reading(build: Any) -> None:
    """The verdict was on the words that stood there: the source says so, and what is tested by now."""
    document = earlier(build, TITLE, "spread-reduced")
    document["claims"][0]["statement"] = "Other words."
    (claim,) = decode_report(json.dumps(document).encode(), "it").claims
    now = CLAIMS["spread-reduced"].source
    assert isinstance(claim.source, Source)
    assert isinstance(now, Source)
    assert claim.source.reading == f"the statement as this report has it; by now the tested reading is: {now.reading}"
    assert msgspec.structs.replace(claim.source, reading=now.reading) == now


def test_reports_of_other_papers_keep_their_sentences(build: Any) -> None:
    """A claim that happens to have the same name is another one."""
    document = earlier(build, "Another paper", "ntk-limit", "spread-reduced")
    report = decode_report(json.dumps(document).encode(), "it")
    assert {c.source for c in report.claims} == {"Key result 3."}
    assert (report.verdict, report.exit_status) == (REFUTED, 1)
    assert not any(is_reading(c) for c in report.claims)


@pytest.mark.parametrize("profile", ["quick", "gate", "full"])
def test_the_recorded_audits_say_thirteen_of_thirteen(profile: str) -> None:
    """Nothing that the authors state is refuted, in no format, and by today's rule each would end with 0."""
    report = load_report(RECORDED / profile)
    stated = [c for c in report.claims if not is_reading(c)]
    assert len(stated) == 13
    assert headline(report).startswith("13 of 13 claims of the paper supported; readings: ")
    assert verdict_over(report.claims) is report.verdict is SUPPORTED
    assert exit_status(report.claims, named=False) == 0
    assert json.loads(badge(report)) == {
        "schemaVersion": 1,
        "label": "theory-check",
        "message": "13 supported",
        "color": "brightgreen",
    }
