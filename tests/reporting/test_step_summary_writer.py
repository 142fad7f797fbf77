"""The step summary: verdict and warnings first, within its size, and what was cut is said."""

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.neural_ode.case import Case, Explicit
from theory_check.reporting.document import load_report
from theory_check.reporting.readings import is_reading, kind_of
from theory_check.reporting.step_summary_writer import MOST_BYTES, render

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"


def test_the_recorded_audit_fits_whole():
    """Every claim has its row, every refuted trial its minimal case and replay command; nothing is cut."""
    report = load_report(RECORDED / "full")
    text = render(report)
    assert text.startswith("## theory-check: supported\n")
    assert "13 of 13 claims of the paper supported; readings: 4 of 6 supported, " in text
    for claim in report.claims:
        said = f", a reading ({kind_of(claim)})" if is_reading(claim) else ""
        assert f"| `{claim.id}`{said} | **{claim.verdict}** |" in text
    refuted = [t for claim in report.claims for t in claim.trials if t.verdict == "refuted" and t.kind != "control"]
    assert text.count("- **refuted**") == len(refuted)
    assert all(f"`theory-check replay report.json {trial.minimal}`" in text for trial in refuted)
    assert "left out" not in text


def test_what_makes_a_pass_meaningless_stands_before_the_table(build):
    """Warnings, then verdicts, then findings, the worst first."""
    outcome = build.outcome(verdict=Verdict.REFUTED, conclusion=Conclusion.FAILS)
    trials = [
        build.trial(verdict=Verdict.ASSUMPTIONS_NOT_MET, conclusion=Conclusion.FAILS, stratum="probe"),
        build.trial(verdict=Verdict.INCONCLUSIVE, stratum="open"),
        build.trial(verdict=Verdict.ERROR, stratum="broken"),
        build.trial(verdict=Verdict.REFUTED, minimal=outcome.case_id, stratum="wrong"),
    ]
    claim = build.claim(*trials, verdict=Verdict.REFUTED, outcomes=(outcome,))
    text = render(build.report(claim, warnings=("control of x did not",), verdict=Verdict.REFUTED, exit_status=1))
    places = ["## theory-check: refuted", "- control of x did not", "| claim | verdict |", "### Findings"]
    places += [" wrong\n", " broken\n", " open\n", " probe\n", "Profile `quick`, seed 7"]
    found = [text.index(place) for place in places]
    assert found == sorted(found)
    assert "relative gradient error = 1.5e-07, bound 3e-07" in text
    assert "minimal case: activation phi `tanh(2*x)`, inputs `3 points" in text


def test_notes_stand_below_the_verdict(build):
    """E.g. how the verdicts compare with a baseline."""
    text = render(build.full(), ["Baseline a.json: the same verdicts, exit status 0."])
    assert text.index("exit status 0") < text.index("### Warnings")


@given(data=st.data())
@settings(max_examples=30)
def test_every_report_has_a_summary_within_its_size(reports, data):
    """Odd text breaks no table: every row has as many cells as the head."""
    report = data.draw(reports)
    text = render(report)
    assert len(text.encode()) <= MOST_BYTES
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    cells = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert len(cells) <= 1


def test_what_is_cut_is_counted(build):
    """Ten thousand findings, warnings without end and a case of a megabyte stay within the size; the worst is shown."""
    rows = tuple((float(k), 1.0) for k in range(50_000))
    huge = build.outcome(Case(activation="x", data=Explicit(rows=rows), width=1), verdict=Verdict.REFUTED)
    trials = [build.trial(stratum=f"s{k}", verdict=Verdict.INCONCLUSIVE, reason="é" * 500) for k in range(10_000)]
    worst = build.trial(stratum="worst", verdict=Verdict.REFUTED, minimal=huge.case_id)
    claim = build.claim(*trials, worst, verdict=Verdict.REFUTED, outcomes=(huge,))
    few = render(build.report(claim, verdict=Verdict.REFUTED, exit_status=1))
    assert len(few.encode()) <= MOST_BYTES
    assert ", worst\n" in few
    shown = few.count("- **inconclusive**")
    assert 0 < shown < 10_000
    assert few.endswith(
        f"Cut to 64000 bytes, left out: {10_000 - shown} of 10001 findings; report.md of the run has them all.\n"
    )
    flood = render(build.report(claim, warnings=("w" * 10_000,) * 1_000, verdict=Verdict.REFUTED, exit_status=1))
    assert len(flood.encode()) <= MOST_BYTES
    assert re.search(r"left out: \d+ of 1000 warnings, .*10001 findings", flood)
    assert "| `adjoint-gradient` | **refuted** |" in flood
    assert ", worst\n" in flood


def test_markup_of_names_is_shown_and_not_run(build):
    """An activation that is a script, and a reason that is a heading."""
    trial = build.trial(activation="<script>alert(1)</script>", reason="# x | y", verdict=Verdict.REFUTED)
    text = render(build.report(build.claim(trial, verdict=Verdict.REFUTED)))
    assert "`<script>alert(1)</script>`" in text
    assert "<script>" not in re.sub("`[^`]*`", "", text)
    assert "\n# x" not in text
