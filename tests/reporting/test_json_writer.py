"""report.json holds what the report holds, or is not written."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.reporting.document import ReportError, decode_report
from theory_check.reporting.json_writer import render


@given(data=st.data())
def test_every_report_survives_writing_and_reading(reports, data):
    """Reading what was written gives the report again, types of numbers included; writing again the same text."""
    report = data.draw(reports)
    again = decode_report(render(report).encode(), "it")
    assert again == report
    assert render(again) == render(report)


def test_claims_with_id_verdict_and_outcomes_stand_at_the_top(build):
    """The public format: `claims`, each with `id`, `verdict`, `outcomes`."""
    document = json.loads(render(build.full()))
    (claim,) = document["claims"]
    assert claim["id"] == "adjoint-gradient"
    assert claim["verdict"] == "refuted"
    assert [outcome["verdict"] for outcome in claim["outcomes"]] == ["supported", "refuted", "inconclusive"]
    assert claim["outcomes"][1]["case"]["data"] == {
        "kind": "explicit",
        "rows": [[0.0, 0.0], [1.0, -2.5]],
        "labels": [1.0, -1.0],
    }


def test_equal_reports_give_equal_text_whatever_the_order_of_their_dictionaries(build):
    """Two identical runs must give identical files."""
    forward, backward = {"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}
    texts = {
        render(build.report(build.claim(outcomes=(build.outcome(numbers=details),)))) for details in (forward, backward)
    }
    assert len(texts) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
@pytest.mark.parametrize("field", ["measured", "bound", "ratio"])
def test_a_number_that_is_not_finite_is_an_error_that_names_the_field(build, value, field):
    """The encoder would write null: a measured NaN would read as nothing measured."""
    report = build.report(build.claim(outcomes=(build.outcome(), build.outcome(**{field: value}))))
    with pytest.raises(ReportError, match=rf"must be finite, got .* at `\$\.claims\[0\]\.outcomes\[1\]\.{field}`"):
        render(report)


def test_a_number_that_is_not_finite_is_found_everywhere(build):
    """Details, trials, the report itself; a case refuses such numbers when it is made."""
    nan = math.nan
    reports = {
        r"\.numbers\.power": build.report(build.claim(outcomes=(build.outcome(numbers={"power": nan}),))),
        r"\.trials\[0\]\.worst_ratio": build.report(build.claim(build.trial(worst_ratio=nan))),
        r"\$\.seconds": build.report(seconds=nan),
    }
    for place, report in reports.items():
        with pytest.raises(ReportError, match=f"must be finite.*{place}`"):
            render(report)


def test_numpy_scalars_become_plain_numbers(build):
    """Measurements come from NumPy; its scalars are written as the numbers they are."""
    details = {"a": np.float64(0.1), "b": np.int64(3), "c": np.True_, "d": np.float32(0.5)}
    report = build.report(build.claim(outcomes=(build.outcome(measured=np.float64(0.25), numbers=details),)))
    outcome = json.loads(render(report))["claims"][0]["outcomes"][0]
    assert outcome["measured"] == 0.25
    assert outcome["evidence"]["numbers"] == {"a": 0.1, "b": 3, "c": True, "d": 0.5}
    assert outcome["evidence"]["numbers"]["c"] is True


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"numbers": {"rows": [1, 2]}}, r"numbers\[\.\.\.\]`"),
        ({"numbers": {"rows": {1, 2}}}, r"got set at `\$\.claims\[0\]\.outcomes\[0\]\.evidence\.numbers\.rows`"),
        ({"numbers": {1: 2}}, r"keys in a report must be text, got 1 at"),
        ({"numbers": {"n": 2**63}}, r"fit in 64 bits, got 9223372036854775808 at `\$.*\.n`"),
        ({"comparisons": -1}, r"comparisons`"),
        ({"case_id": "XYZ"}, r"case_id`"),
        ({"verdict": "refutted"}, r"verdict`"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(build, fields, message):
    """Records check themselves when read, not when made: the writer reads back what it wrote."""
    with pytest.raises(ReportError, match=message):
        render(build.report(build.claim(outcomes=(build.outcome(**fields),))))


def test_a_command_with_bytes_that_are_no_utf8_is_written(build):
    """Such bytes arrive as lone surrogates, which no UTF-8 file can hold; they become visible escapes."""
    report = build.report(command="theory-check audit --data caf\udce9.npy")
    assert json.loads(render(report))["command"] == "theory-check audit --data caf\\udce9.npy"
