"""`theory-check diff`: what a terminal shows, what --json has, and the exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.document import load_report
from theory_check.reporting.records import Report, Trial

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"
PUBLISHED, QUICK, GATE = RECORDED / "full", RECORDED / "quick", RECORDED / "gate" / "verdicts.json"
Run = Callable[..., tuple[int, str, str]]


def _changed(tmp_path: Path, claim: str, change: Callable[[Trial], Trial], **fields: Any) -> str:
    """The published report with the trials of one claim changed, as a file."""
    report = load_report(PUBLISHED)
    claims = tuple(
        msgspec.structs.replace(c, trials=tuple(map(change, c.trials)), **fields) if c.id == claim else c
        for c in report.claims
    )
    return _written(tmp_path, msgspec.structs.replace(report, claims=claims))


def _written(tmp_path: Path, report: Report) -> str:
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(report))
    return str(path)


def test_a_report_does_not_differ_from_itself(run: Run) -> None:
    """Status 0, in words and in JSON."""
    status, out, err = run("diff", str(PUBLISHED), str(PUBLISHED))
    assert (status, err) == (0, "")
    cases = {(o.case_id, o.seed) for claim in load_report(PUBLISHED).claims for o in claim.outcomes}
    verdicts, values, last = out.splitlines()[-3:]
    assert (verdicts, last) == ("verdicts: the same", "exit status 0")
    assert values.startswith(f"values: 0 of {len(cases)} cases changed; ")
    status, out, _ = run("diff", str(PUBLISHED), str(PUBLISHED), "--json")
    found = json.loads(out)
    assert (status, found["exit_status"], found["verdicts"], found["values"]) == (0, 0, [], [])


def test_a_refutation_breaks(run: Run, tmp_path: Path) -> None:
    """Status 1; the line names claim, subject and both verdicts; the other way round it is fixed, status 0."""
    broken = _changed(
        tmp_path,
        "ntk-limit",
        lambda t: (
            msgspec.structs.replace(t, verdict=Verdict.REFUTED, conclusion=Conclusion.FAILS)
            if (t.kind, t.activation, t.stratum) == ("named", "tanh", "digits")
            else t
        ),
        verdict=Verdict.REFUTED,
    )
    status, out, _ = run("diff", str(PUBLISHED), broken)
    assert status == 1
    assert "broken: ntk-limit: supported -> refuted\n" in out
    assert "broken: ntk-limit, named, tanh, digits: supported -> refuted\n" in out
    assert "verdicts: 2 broken\n" in out
    status, out, _ = run("diff", broken, str(PUBLISHED))
    assert status == 0
    assert "fixed: ntk-limit, named, tanh, digits: refuted -> supported\n" in out


def test_a_verdict_that_became_inconclusive_is_three(run: Run, tmp_path: Path) -> None:
    """Nothing broke, yet less is known."""
    less = _changed(
        tmp_path,
        "ntk-limit",
        lambda t: msgspec.structs.replace(t, verdict=Verdict.INCONCLUSIVE) if t.kind == "named" else t,
    )
    status, out, _ = run("diff", str(PUBLISHED), less)
    assert status == 3
    assert "newly-inconclusive: ntk-limit, named, softplus, sphere: supported -> inconclusive\n" in out


def test_a_value_that_moved_is_told_and_passes(run: Run, tmp_path: Path) -> None:
    """Both numbers to the last digit with what states their uncertainty; verdicts decide the status."""
    report = load_report(PUBLISHED)
    claim = next(c for c in report.claims if c.id == "spread-reduced")
    old = next(o for o in claim.outcomes if o.verdict == "refuted")
    assert old.measured is not None
    moved = tuple(
        msgspec.structs.replace(o, measured=old.measured + 1e-3) if o.case_id == old.case_id else o
        for o in claim.outcomes
    )
    claims = tuple(msgspec.structs.replace(c, outcomes=moved) if c.id == claim.id else c for c in report.claims)
    path = _written(tmp_path, msgspec.structs.replace(report, claims=claims))
    status, out, _ = run("diff", str(PUBLISHED), path)
    assert status == 0
    assert (
        f"value (beyond uncertainty): spread-reduced, case {old.case_id}, {old.quantity}: {old.measured:.17g} -> "
        in out
    )
    assert "(bounds " in out
    found = json.loads(run("diff", str(PUBLISHED), path, "--json")[1])
    (value,) = found["values"]
    assert (value["case_id"], value["before"], value["after"]) == (old.case_id, old.measured, old.measured + 1e-3)


def test_profiles_are_told_apart_and_long_lists_are_cut(run: Run) -> None:
    """Three more activations in the gate profile: what counts is shown first, the rest is counted."""
    status, out, _ = run("diff", str(QUICK), str(GATE))
    assert status == 3
    assert out.startswith("note: profiles differ, quick and gate")
    assert "\nnote: verdicts alone are compared, not measured values" in out
    assert "\nvalues: not compared, that takes two full reports\n" in out
    lines = [line for line in out.splitlines() if line.startswith("appeared: ")]
    assert len(lines) == 20
    assert lines[0] == "appeared: spread-reduced, named, erf, sphere: absent -> refuted"
    total = len(json.loads(run("diff", str(QUICK), str(GATE), "--json")[1])["verdicts"])
    assert f"... {total - 20} more verdicts (appeared); --json lists all\n" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere", str(QUICK)), "cannot read report 'nowhere'"),
        ((str(QUICK), str(RECORDED / "activations.json")), "no report of theory-check"),
        ((str(QUICK),), "Missing argument 'NEW'"),
        ((str(QUICK), str(QUICK), "--jsn"), "No such option"),
    ],
)
def test_bad_usage_is_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """Status 2, nothing on standard output."""
    status, out, err = run("diff", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
