"""Whole audits from the command line that must not end well: nothing checked, no number, a broken assumption."""

from collections.abc import Callable
from pathlib import Path

import pytest

from theory_check.cli.summary import print_summary
from theory_check.reporting.document import Report, load_report
from theory_check.runs import properties

Run = Callable[..., tuple[int, str, str]]

HEAD = """
from hypothesis import given
from theory_check import Audit, Case, checks
from theory_check.judge.audit import LawTest
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.gaussianity import TestResult
from theory_check.neural_ode.strategies import cases, smooth_activations


"""
FILTERED = """
@checks("resnet-limit")
@given(case=cases(smooth_activations()).filter(lambda case: getattr(case.data, "seed", 1) % 997 == 500))
def test_probe(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))
"""
NO_NUMBER = """
@checks("resnet-limit")
@given(case=cases(smooth_activations()))
def test_probe(case: Case, audit: Audit) -> None:
    sample = lambda stage: TestResult(name="mean_test", statistic=0.0, p_value=float("nan"), samples=9, tail="exact")
    audit.law(case, LawTest("probe", exact=True, sample=sample))
"""
NO_BOUND = """
@checks("resnet-limit")
@given(case=cases(smooth_activations()))
def test_probe(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("probe", float("nan"), 1.0))
"""
HARMLESS = """
@checks("resnet-limit")
@given(case=cases(smooth_activations()))
def test_probe(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))
"""
KINKS = """
@checks("backward-unique")
@given(case=cases(smooth_activations(), any_weights=True))
def test_probe(case: Case, audit: Audit) -> None:
    kinked = bool(audit.load(case.activation).kinks)
    audit.at_most(case, Discrepancy("kinks", float(kinked), 0.5))
"""

BOTH = """
@checks("forward-unique")
@given(case=cases(smooth_activations()))
def test_stated(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))

@checks("spread-reduced")
@given(case=cases(smooth_activations()))
def test_reading(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("probe", 2.0, 1.0))
"""


@pytest.fixture
def audited(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Report]]:
    """Run `theory-check audit` on one property file in place of the paper's."""

    def audited(body: str, *arguments: str) -> tuple[int, Report]:
        folder = tmp_path / "properties"
        folder.mkdir()
        (folder / "pytest.ini").write_text((properties.properties_folder() / "pytest.ini").read_text())
        (folder / "test_probe.py").write_text(HEAD + body)
        monkeypatch.setattr(properties, "properties_folder", lambda: folder)
        ran = run("audit", "--report-dir", str(tmp_path / "reports"), *arguments)
        (written,) = (tmp_path / "reports").iterdir()
        return ran[0], load_report(written)

    return audited


@pytest.mark.parametrize(
    ("body", "verdict", "status"),
    [(FILTERED, "inconclusive", 3), (NO_NUMBER, "error", 4), (NO_BOUND, "error", 4), (HARMLESS, "supported", 0)],
    ids=["filtered", "no p-value", "no error", "harmless"],
)
def test_an_audit_that_checked_nothing_or_no_number(
    audited: Callable[..., tuple[int, Report]], body: str, verdict: str, status: int
) -> None:
    """A strategy that filters nearly everything is inconclusive, a number that is none is an error."""
    ended, report = audited(body)
    assert (ended, report.verdict, report.exit_status) == (status, verdict, status)
    if status == 3:
        assert all(trial.executed < 0.9 * trial.requested for trial in report.claims[0].trials)


def test_an_assumption_that_is_needed(audited: Callable[..., tuple[int, Report]]) -> None:
    """Ablation: the conclusion holds for smooth functions, fails for kinked ones, and the verdict is untouched."""
    status, report = audited(KINKS, "--ablate")
    (claim,) = report.claims
    assert (status, claim.verdict) == (0, "supported")
    without = [trial for trial in claim.trials if trial.kind == "ablation"]
    assert {trial.assumption for trial in without} == {"smooth"}
    assert {(trial.verdict, trial.conclusion) for trial in without} == {("assumptions-not-met", "fails")}
    assert all(trial.minimal for trial in without)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 0),
        (("--activation", "tanh"), 0),
        (("--ablate",), 0),
        (("--claim", "forward-unique", "--activation", "tanh"), 0),
        (("--strict",), 1),
        (("--claim", "spread-reduced"), 1),
        (("--claim", "spread-reduced", "--claim", "forward-unique"), 1),
    ],
)
def test_a_refuted_reading_counts_on_request(
    audited: Callable[..., tuple[int, Report]],
    arguments: tuple[str, ...],
    status: int,
) -> None:
    """With --strict or where it is named, and for no phi that is; the paper's verdict is none of it."""
    ended, report = audited(BOTH, *arguments)
    assert (ended, report.exit_status) == (status, status)
    claims = {claim.id: claim for claim in report.claims}
    if "spread-reduced" in claims:
        assert claims["spread-reduced"].verdict == "refuted"
        assert claims["spread-reduced"].counts is bool(status)
    if "forward-unique" in claims:
        assert report.verdict == "supported"


def test_a_shard_is_strict_where_the_audit_or_the_merge_was(
    audited: Callable[..., tuple[int, Report]], run: Run, tmp_path: Path
) -> None:
    """Shards have no verdict; merged they have that of an audit, and `merge --strict` asks for more."""
    with pytest.raises(Exception, match="report"):
        audited(BOTH, "--shard", "1/1")  # a shard has no report to load
    parts = str(tmp_path / "reports")
    for name, option, status in (("as-asked", (), 0), ("strict", ("--strict",), 1)):
        ended, out, _ = run("merge", parts, *option, "--report-dir", str(tmp_path / name))
        assert ended == status
        assert "1 of 1 claim of the paper supported; readings: 0 of 1 supported, spread-reduced refuted\n" in out


def test_the_table_groups_readings(
    audited: Callable[..., tuple[int, Report]], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What is stated first, then the readings under their kind; the headline, what counts, the verdict."""
    _, report = audited(BOTH)
    print_summary(report, tmp_path)
    out = capfd.readouterr().out
    places = [
        "│ forward-unique",
        "│ readings: digest",
        "│ spread-reduced",
        "spread-reduced, a reading [random",
        "1 of 1 claim of the paper supported; readings: 0 of 1 supported, spread-reduced refuted\n",
        "exit status 0: every claim is supported; readings do not count\n",
        "verdict: supported, exit status 0\n",
    ]
    found = [out.index(place) for place in places]
    assert found == sorted(found)
