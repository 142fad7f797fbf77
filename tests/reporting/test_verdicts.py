"""verdicts.json: what two audits are compared by; a compressed report: the same report in fewer bytes."""

import copy
import gzip
import json

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.judge.verdict import Verdict
from theory_check.reporting import json_writer, verdicts_writer
from theory_check.reporting.difference import difference
from theory_check.reporting.document import load_report
from theory_check.reporting.exit_status import compare_with_baseline
from theory_check.reporting.recorded import SCHEMA_FILE, load_recorded, verdicts_schema
from theory_check.reporting.records import ReportError
from theory_check.reporting.report_file import compressed
from theory_check.reporting.schema import schema_text
from theory_check.reporting.verdicts import verdicts_of

VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def test_the_schema_is_that_of_the_records():
    """Committed as it is derived."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(verdicts_schema())


@given(data=st.data())
@settings(max_examples=30)
def test_verdicts_of_every_report_are_read_back_and_meet_the_schema(reports, data, tmp_path_factory):
    """To the records that they were written from; a report differs in nothing from its own verdicts."""
    report = data.draw(reports)
    text = verdicts_writer.render(report)
    VALIDATOR.validate(json.loads(text))
    path = tmp_path_factory.mktemp("verdicts") / "verdicts.json"
    path.write_text(text, encoding="utf-8")
    recorded = load_recorded(path)
    assert verdicts_writer.render(recorded) == text
    assert compare_with_baseline(report, recorded) == []
    found = difference(recorded, report)
    assert (found.verdicts, found.values_compared, found.exit_status) == ((), False, 0)


def test_a_trial_is_a_line(build):
    """A change of one verdict is a change of one line of a diff, or two with the claim's."""
    report = build.report(build.claim(build.trial(), build.trial(kind="named", activation="tanh(x)")))
    changed = msgspec.structs.replace(report.claims[0].trials[1], verdict=Verdict.INCONCLUSIVE)
    claim = msgspec.structs.replace(report.claims[0], trials=(report.claims[0].trials[0], changed))
    before, after = (
        verdicts_writer.render(r).splitlines() for r in (report, msgspec.structs.replace(report, claims=(claim,)))
    )
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_a_verdict_that_is_another_is_found_from_either_side(build):
    """Whether the record is a report or its verdicts alone."""
    before = build.report(build.claim(build.trial(kind="named", activation="tanh(x)")))
    failing = build.trial(kind="named", activation="tanh(x)", verdict=Verdict.REFUTED)
    after = build.report(build.claim(failing, verdict=Verdict.REFUTED), verdict=Verdict.REFUTED, exit_status=1)
    for old in (before, verdicts_of(before)):
        lines = compare_with_baseline(after, old)
        assert any("supported" in line and "refuted" in line for line in lines)
        assert difference(old, verdicts_of(after)).exit_status == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(format_version=2), "has verdicts of format version 2, this theory-check reads 1"),
        (lambda d: d.update(format_version=True), "has verdicts of format version True"),
        (lambda d: d.update(surplus=1), "breaks the schema of verdicts"),
        (lambda d: d.pop("seed"), "breaks the schema of verdicts"),
        (lambda d: d["claims"].append(d["claims"][0]), "each claim must occur once"),
        (lambda d: d["claims"][0]["properties"][0]["trials"][0].update(as_expected=True), "as_expected must be"),
        (lambda d: d["claims"][0].update(verdict="refutted"), "breaks the schema of verdicts"),
    ],
)
def test_what_are_no_verdicts_is_refused_in_one_line(build, tmp_path, change, said):
    """By the reader, and but for what JSON Schema cannot say by the schema."""
    document = json.loads(verdicts_writer.render(build.full()))
    changed = copy.deepcopy(document)
    change(changed)
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps(changed))
    with pytest.raises(ReportError, match=said) as refused:
        load_recorded(path)
    assert "\n" not in str(refused.value)
    assert "occur once" in said or not VALIDATOR.is_valid(changed)


def test_a_compressed_report_is_the_report(build, tmp_path):
    """By its name, by its folder, and where its plain name is asked for; equal reports give equal bytes."""
    text = json_writer.render(build.full())
    path = tmp_path / "report.json.gz"
    path.write_bytes(compressed(text))
    assert compressed(text) == path.read_bytes()
    assert gzip.decompress(path.read_bytes()).decode() == text
    for place in (path, tmp_path, tmp_path / "report.json"):
        assert load_report(place) == build.full()
        assert load_recorded(place) == build.full()


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:40] + b"\0" + b[41:], lambda b: b[:10]])
def test_a_damaged_file_is_one_line(build, tmp_path, damage):
    """Cut short, or with a byte that is another."""
    path = tmp_path / "report.json.gz"
    path.write_bytes(damage(compressed(json_writer.render(build.full()))))
    with pytest.raises(ReportError, match=r"cannot be decompressed, it is damaged or was cut short") as refused:
        load_report(path)
    assert "\n" not in str(refused.value)


def test_a_folder_with_verdicts_alone_is_enough_to_compare_with_and_no_report(build, tmp_path):
    """The message says what would be."""
    (tmp_path / "verdicts.json").write_text(verdicts_writer.render(build.full()), encoding="utf-8")
    assert load_recorded(tmp_path) == verdicts_of(build.full())
    with pytest.raises(ReportError, match=r"verdicts\.json beside it holds verdicts alone: audit with its profile"):
        load_report(tmp_path)
    with pytest.raises(ReportError, match=r"holds verdicts alone, no cases or values: a report\.json"):
        load_report(tmp_path / "verdicts.json")
