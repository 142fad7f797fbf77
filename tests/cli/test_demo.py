"""`theory-check demo`: real searches; it succeeds only if the false claim is caught and the true one holds."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from theory_check.judge.verdict import Conclusion
from theory_check.selftest import demo

pytestmark = pytest.mark.usefixtures("without_shape_checks")

Run = Callable[..., Any]


def test_the_false_claim_is_caught_and_the_report_agrees(run: Run, tmp_path: Path) -> None:
    """The numbers that are printed are those of the report, whose minimal case is one neuron at a kink."""
    ran = run("demo", "--seed", "0", "--report-dir", str(tmp_path))
    assert ran.status == 0, ran.out
    (folder,) = tmp_path.iterdir()
    claims = {claim["id"]: claim for claim in json.loads((folder / "report.json").read_text())["claims"]}
    assert {name: claim["verdict"] for name, claim in claims.items()} == {
        demo.FALSE.id: "refuted",
        demo.TRUE.id: "supported",
    }
    trial = claims[demo.FALSE.id]["trials"][-1]
    minimal = next(o for o in claims[demo.FALSE.id]["outcomes"] if o["case_id"] == trial["minimal"])
    assert (minimal["case"]["width"], minimal["conclusion"]) == (1, "fails")
    assert f"{minimal['measured']:.6g} against a bound of {minimal['bound']:.6g}" in ran.out
    assert f"{trial['executed']} cases judged, {trial['held']} held" in ran.out
    assert ran.out.index("4. The counterexample") < ran.out.index("5. The same case with a smooth phi")
    assert "conclusion holds" in ran.out
    assert ran.out.endswith("demo: the false claim was caught and the true one held\n")


def test_cases_of_both_claims_are_replayed_from_the_report(run: Run, tmp_path: Path) -> None:
    """The command that is printed, and that of a case of the true claim; a tampered value is seen."""
    ran = run("demo", "--seed", "0", "--report-dir", str(tmp_path))
    (command,) = re.findall(r"replay: theory-check (replay .*)", ran.out)
    again = run(*shlex.split(command))
    assert (again.status, again.out.splitlines()[-1]) == (0, "reproduced"), again.out + again.err
    (report,) = tmp_path.glob("*/report.json")
    assert f"theory-check {command}".replace(str(report), "report.json") in report.with_name("report.md").read_text()
    content = json.loads(report.read_text())
    true = next(claim for claim in content["claims"] if claim["id"] == demo.TRUE.id)["outcomes"][0]
    assert run("replay", str(report), true["case_id"]).status == 0
    true["measured"] += 1.0
    report.write_text(json.dumps(content))
    assert run("replay", str(report), true["case_id"]).status == 1


def test_a_search_that_misses_the_kink_fails(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On points of the sphere states cross kinks and do not stay there: not caught, status 4, nothing written."""
    monkeypatch.setattr(demo, "STRATUM", "sphere")
    monkeypatch.setattr(demo, "PROFILE", msgspec.structs.replace(demo.PROFILE, examples=2))
    monkeypatch.chdir(tmp_path)
    ran = run("demo", "--seed", "0")
    assert ran.status == 4
    assert "demo: failed; false claim supported, true claim supported\n" in ran.out
    assert "counterexample" not in ran.out
    assert not list(tmp_path.iterdir())


def test_the_minimal_case_decides_between_the_claims() -> None:
    """Both properties judge the same: the kinked case fails under the false claim, the smooth one holds."""
    false = demo.search_false(1)
    shown = demo.demonstration(false, false[-1], 1)
    assert shown.minimal is not None
    assert shown.minimal.conclusion is Conclusion.FAILS
    assert shown.smooth is not None
    assert shown.smooth.conclusion is Conclusion.HOLDS
    assert shown.smooth.case.data == shown.minimal.case.data
    assert not shown.succeeded  # the true claim was never searched


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--seed", "x"), "whole number, got 'x'"), (("--report-dir", "/dev/null/r"), "/dev/null/r")],
)
def test_bad_input_is_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """Status 2, the value shown."""
    ran = run("demo", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert re.search(said, ran.err)
