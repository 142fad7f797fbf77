"""Reading a report, and finding a case in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.document import ReportError, claim_matrix, find_outcome, load_report
from theory_check.reporting.json_writer import render


def written(folder: Path, report) -> Path:
    """The report as a file."""
    path = folder / "report.json"
    path.write_text(render(report), encoding="utf-8")
    return path


def one_line(error: pytest.ExceptionInfo[ReportError]) -> str:
    """The message, after a check that it is one line."""
    message = str(error.value)
    assert message
    assert message.isprintable()
    return message


def test_a_report_is_read_back_from_its_file_and_its_folder(build, tmp_path):
    """What was written is what is read, by file and by folder."""
    path = written(tmp_path, build.full())
    assert load_report(path) == build.full()
    assert load_report(tmp_path) == build.full()


def test_a_report_cut_anywhere_is_refused(build, tmp_path):
    """No beginning of a report passes for a report."""
    path = written(tmp_path, build.full())
    content = path.read_bytes().rstrip()
    for length in {*range(0, len(content), 97), len(content) - 1}:
        path.write_bytes(content[:length])
        with pytest.raises(ReportError, match="cut short") as error:
            load_report(path)
        one_line(error)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short"),
        (b"hello", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"tool": "\xff"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "`tool`"),
        (b"{}", "`tool`"),
        (b'{"tool": "theory-check"}', "format version None"),
        (b'{"tool": "theory-check", "format_version": 1}', "format version 1, this theory-check reads 2: audit again"),
        (b'{"tool": "theory-check", "format_version": 2, "seconds": 1e999}', "out of range"),
        (b'{"tool": "theory-check", "format_version": 2, "seconds": NaN}', "not JSON"),
        (b'{"tool": "theory-check", "format_version": true}', "format version True"),
        (b'{"tool": "theory-check", "format_version": 2}', "missing required field `paper`"),
    ],
)
def test_a_file_that_is_no_report_is_refused_in_one_line(tmp_path, content, message):
    """Each kind of wrong file gives its own one-line message, with the file's name."""
    path = tmp_path / "a\nb.json"
    path.write_bytes(content)
    with pytest.raises(ReportError, match=message) as error:
        load_report(path)
    assert repr(str(path)) in one_line(error)


def test_an_absent_or_unreadable_file_is_refused_in_one_line(tmp_path):
    """The system's reason is passed on."""
    for path in (tmp_path / "absent.json", tmp_path, Path("/dev/null/report.json"), Path("a\0b")):
        with pytest.raises(ReportError, match="cannot read report") as error:
            load_report(path)
        one_line(error)


def test_a_broken_field_is_named_with_its_place(build, tmp_path):
    """The message shows where in the document the schema is broken, absent fields with a default included."""
    path = written(tmp_path, build.full())
    document = json.loads(path.read_text())
    document["claims"][0]["outcomes"][1]["verdict"] = "refutted"
    path.write_text(json.dumps(document))
    with pytest.raises(ReportError, match=r"`\$\.claims\[0\]\.outcomes\[1\]\.verdict`"):
        load_report(path)
    document["claims"][0]["outcomes"][1]["verdict"] = "refuted"
    del document["claims"][0]["outcomes"][2]["measured"]
    path.write_text(json.dumps(document))
    with pytest.raises(ReportError, match=r"missing field `measured` - at `\$\.claims\[0\]\.outcomes\[2\]`"):
        load_report(path)


def test_records_refuse_what_contradicts_itself(build):
    """A control says whether it came out as expected, a minimal case exists, a claim occurs once."""
    with pytest.raises(ValueError, match="as_expected must be a boolean for a control"):
        build.trial(kind="control", as_expected=None)
    with pytest.raises(ValueError, match="got True for kind 'named'"):
        build.trial(kind="named", as_expected=True)
    with pytest.raises(ValueError, match=r"'000000000000' .* must be among the outcomes"):
        build.claim(build.trial(minimal="000000000000"))
    with pytest.raises(ValueError, match="'adjoint-gradient' 2 times"):
        build.report(build.claim(), build.claim())


def test_a_case_is_found_by_its_id_or_a_beginning_of_it(build):
    """Full id, prefix and capitals all lead to the outcome."""
    report = build.full()
    for outcome in report.claims[0].outcomes:
        assert find_outcome(report, outcome.case_id) == outcome
        assert find_outcome(report, outcome.case_id[:6].upper()) == outcome


def test_an_unknown_or_ambiguous_case_is_refused(build):
    """The nearest ids are suggested; an ambiguous beginning lists what begins so."""
    first, second = (build.outcome(case_id=f"abc00000000{digit}") for digit in "12")
    report = build.report(build.claim(outcomes=(first, second)))
    with pytest.raises(ReportError, match="nearest: abc000000001") as error:
        find_outcome(report, "abd000000001")
    one_line(error)
    with pytest.raises(ReportError, match="2 cases begin so: abc000000001, abc000000002"):
        find_outcome(report, "abc")
    with pytest.raises(ReportError, match="no case ''"):
        find_outcome(report, "")
    with pytest.raises(ReportError, match="it has no cases"):
        find_outcome(build.report(), "abc")


def test_the_matrix_shows_the_worst_over_strata_and_keeps_controls_apart(build):
    """Refuted > error > inconclusive > supported; probes are told beside; controls never colour an activation."""
    met = {"kind": "named", "activation": "tanh(x)"}
    probe = {"verdict": Verdict.ASSUMPTIONS_NOT_MET, "conclusion": Conclusion.FAILS}
    first = build.claim(
        build.trial(**met),
        build.trial(**met, stratum="zero-input", verdict=Verdict.INCONCLUSIVE),
        build.trial(),
        build.trial(stratum="repeated", **probe),
        build.trial(kind="control", activation="tanh(x)", verdict=Verdict.REFUTED),
        build.trial(kind="control", verdict=Verdict.SUPPORTED, as_expected=False),
        id="first",
    )
    second = build.claim(
        build.trial(**met, **probe), build.trial(kind="named", activation="relu(x)", verdict=Verdict.ERROR), id="second"
    )
    rows = claim_matrix(build.report(first, second))
    assert [row.claim for row in rows] == ["first", "second"]
    assert [list(row.cells) for row in rows] == [["random smooth", "tanh(x)", "relu(x)", "controls"]] * 2
    assert {column: cell.text for column, cell in rows[0].cells.items()} == {
        "random smooth": "supported; conclusion fails where assumptions are not met",
        "tanh(x)": "inconclusive",
        "relu(x)": "",
        "controls": "1 of 2 as expected",
    }
    assert rows[1].cells["tanh(x)"].text == "assumptions-not-met: conclusion fails"
    assert rows[1].cells["relu(x)"].verdict is Verdict.ERROR
    assert rows[1].cells["controls"].text == ""


def test_the_matrix_orders_all_verdicts(build):
    """Every pair of verdicts in one cell gives the worse of the two."""
    order = [Verdict.ASSUMPTIONS_NOT_MET, Verdict.SUPPORTED, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.REFUTED]
    for i, low in enumerate(order):
        for high in order[i:]:
            for pair in ((low, high), (high, low)):
                (row,) = claim_matrix(build.report(build.claim(*(build.trial(verdict=verdict) for verdict in pair))))
                assert row.cells["random smooth"].verdict is high


def test_reading_and_writing_reports_loads_no_torch():
    """Comparing two reports must not cost the seconds that torch takes to load."""
    code = "import sys, theory_check.runs.writing, theory_check.reporting.exit_status;sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
