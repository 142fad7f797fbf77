"""What `difference` calls broken, fixed and the rest, and the exit status that follows."""

from itertools import product
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.judge.evidence import Comparison
from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.difference import ORDER, difference
from theory_check.reporting.exit_status import compare_with_baseline
from theory_check.reporting.recorded import load_recorded

RECORDED = Path(__file__).parents[2] / "reports" / "neural-ode-global-convergence"
SUPPORTED, REFUTED = Verdict.SUPPORTED, Verdict.REFUTED
INCONCLUSIVE, UNMET, ERROR = Verdict.INCONCLUSIVE, Verdict.ASSUMPTIONS_NOT_MET, Verdict.ERROR
HOLDS, FAILS, UNDECIDED = Conclusion.HOLDS, Conclusion.FAILS, Conclusion.UNDECIDED


def one(build, verdict, conclusion=None, **fields):
    """A report of one named subject; its claim stays supported, so that the subject alone differs."""
    given_fields = {"kind": "named", "verdict": verdict, "conclusion": conclusion} | fields
    return build.report(build.claim(build.trial(**given_fields)))


def only(found):
    """The one change of verdict, and the exit status."""
    (change,) = found.verdicts
    return change.change, found.exit_status


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((SUPPORTED,), (REFUTED,), ("broken", 1)),
        ((SUPPORTED,), (ERROR,), ("broken", 1)),
        ((INCONCLUSIVE,), (REFUTED,), ("broken", 1)),
        ((INCONCLUSIVE,), (ERROR,), ("broken", 1)),
        ((UNMET, HOLDS), (UNMET, FAILS), ("broken", 1)),
        ((SUPPORTED,), (UNMET, FAILS), ("broken", 1)),
        ((ERROR,), (REFUTED,), ("broken", 1)),
        ((SUPPORTED,), (INCONCLUSIVE,), ("newly-inconclusive", 3)),
        ((SUPPORTED,), (UNMET, HOLDS), ("newly-inconclusive", 3)),
        ((REFUTED,), (INCONCLUSIVE,), ("newly-inconclusive", 3)),
        ((ERROR,), (INCONCLUSIVE,), ("newly-inconclusive", 3)),
        ((UNMET, HOLDS), (INCONCLUSIVE,), ("newly-inconclusive", 3)),
        ((INCONCLUSIVE,), (UNMET, HOLDS), ("changed", 0)),
        ((UNMET, UNDECIDED), (UNMET, HOLDS), ("changed", 0)),
        ((REFUTED,), (ERROR,), ("changed", 3)),
        ((REFUTED,), (UNMET, FAILS), ("changed", 0)),
        ((REFUTED,), (SUPPORTED,), ("fixed", 0)),
        ((ERROR,), (SUPPORTED,), ("fixed", 0)),
        ((UNMET, FAILS), (SUPPORTED,), ("fixed", 0)),
        ((INCONCLUSIVE,), (SUPPORTED,), ("decided", 0)),
        ((UNMET, HOLDS), (SUPPORTED,), ("decided", 0)),
    ],
)
def test_the_table_of_changes(build, before, after, expected):
    """From each verdict to each, with the exit status."""
    assert only(difference(one(build, *before), one(build, *after))) == expected


def test_no_way_to_a_worse_verdict_passes(build):
    """For all pairs: refuted, failing or in error where it was not is 1; newly inconclusive is 3; supported is 0."""
    standings = list(product(Verdict, (None, HOLDS, FAILS)))
    bad = {(v, c) for v, c in standings if v in {REFUTED, ERROR} or c is FAILS}
    for before, after in product(standings, repeat=2):
        status = difference(one(build, *before), one(build, *after)).exit_status
        if after in bad and before not in bad:
            assert status == 1, (before, after)
        if after[0] is INCONCLUSIVE and after not in bad and before[0] is not INCONCLUSIVE:
            assert status == 3, (before, after)
        if after[0] is SUPPORTED and after not in bad:
            assert status == 0, (before, after)


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(True, False, ("broken", 1)), (False, True, ("fixed", 0)), (True, True, None)]
)
def test_a_control_is_judged_by_what_was_expected(build, before, after, expected):
    """A planted defect that is no longer refuted breaks the harness; one that is still refuted is no finding."""
    verdicts = {True: REFUTED, False: SUPPORTED}
    old, new = (
        one(build, verdicts[good], kind="control", as_expected=good, defect="wrong-sign") for good in (before, after)
    )
    found = difference(old, new)
    assert (only(found) if found.verdicts else None) == expected


def test_what_appears_and_what_disappears(build):
    """Missing is not comparable; new counts only where it fails, and a whole claim is told as such."""
    less = build.report(build.claim(build.trial()))
    more = build.report(build.claim(build.trial(), build.trial(kind="named")), build.claim(id="second"))
    gone, come = difference(more, less), difference(less, more)
    assert ([c.change for c in gone.verdicts], gone.exit_status) == (["disappeared"] * 2, 3)
    assert ([c.change for c in come.verdicts], come.exit_status) == (["appeared"] * 2, 0)
    assert gone.verdicts[1].place == "second"
    failing = build.report(build.claim(build.trial(), build.trial(kind="named", verdict=REFUTED)))
    assert only(difference(less, failing)) == ("appeared", 3)


def test_breakage_goes_before_all_else(build):
    """Changes stand in the order of their weight, and 1 before 3 before 0."""
    subjects = ("a", "b", "c", "d")

    def report(*verdicts):
        trials = (build.trial(kind="named", stratum=s, verdict=v) for s, v in zip(subjects, verdicts, strict=True) if v)
        return build.report(build.claim(*trials))

    found = difference(report(REFUTED, SUPPORTED, SUPPORTED, SUPPORTED), report(SUPPORTED, INCONCLUSIVE, REFUTED, None))
    assert [c.change for c in found.verdicts] == ["broken", "newly-inconclusive", "disappeared", "fixed"]
    assert found.exit_status == 1
    assert set(ORDER) >= {c.change for c in found.verdicts}


def test_a_lost_trial_breaks_the_whole_audit(build):
    """An error that no claim shows: a worker died, or the error budget was overdrawn."""
    old = build.report(build.claim(build.trial()))
    new = build.report(build.claim(build.trial()), verdict=ERROR, exit_status=4, warnings=("a trial was lost: x",))
    found = difference(old, new)
    assert only(found) == ("broken", 1)
    assert found.verdicts[0].place == "the whole audit"
    assert "new warning: a trial was lost: x" in found.notes


@given(data=st.data(), shift=st.integers(0, 4), kept=st.integers(0, 3))
def test_it_finds_what_a_baseline_finds(reports, data, shift, kept):
    """Both answer one question: they differ on the same places, and a report does not differ from itself."""
    old = data.draw(reports)
    same = difference(old, old)
    assert (same.verdicts, same.values, same.exit_status) == ((), (), 0)
    other = {verdict: list(Verdict)[(place + shift) % 5] for place, verdict in enumerate(Verdict)}
    claims = tuple(
        msgspec.structs.replace(
            claim,
            verdict=other[claim.verdict],
            trials=tuple(msgspec.structs.replace(t, verdict=other[t.verdict]) for t in claim.trials[:kept]),
        )
        for claim in old.claims[:kept]
    )
    new = msgspec.structs.replace(old, claims=claims)
    for one, two in ((old, new), (new, old)):
        assert len(compare_with_baseline(two, one)) == len(difference(one, two).verdicts)


def test_values_are_compared_for_cases_of_one_seed(build):
    """Another root seed draws other weights: said, not compared. Another environment: within the uncertainty."""

    def report(measured, seed=11, torch="2.13.0", profile="quick"):
        outcome = build.outcome(measured=measured, bound=1e-7, seed=seed, evidence=Comparison(scale=1.0))
        plain = build.report(build.claim(build.trial(), outcomes=(outcome,)), seed=seed, profile=profile)
        environment = msgspec.structs.replace(plain.environment, versions={"torch": torch})
        return msgspec.structs.replace(plain, environment=environment)

    def kinds(new):
        found = difference(report(0.25), new)
        assert found.exit_status == 0
        return found.cases_compared, [value.change for value in found.values]

    assert kinds(report(0.5)) == (1, ["beyond uncertainty"])
    assert kinds(report(0.5, seed=12)) == (0, [])
    assert "root seeds differ, 11 and 12" in difference(report(0.25), report(0.5, seed=12)).notes[0]
    assert kinds(report(0.25 + 1e-9)) == (1, ["last bits"])
    assert kinds(report(0.25 + 1e-9, torch="2.4.0")) == (1, [])
    assert kinds(report(0.5, torch="2.4.0")) == (1, ["beyond uncertainty"])
    assert "environments differ" in difference(report(0.25), report(0.5, torch="2.4.0")).notes[0]
    assert kinds(report(0.25 + 1e-9, profile="gate")) == (1, [])
    assert "profiles differ, quick and gate" in difference(report(0.25), report(0.25, profile="gate")).notes[0]


def test_the_recorded_audits():
    """Quick against gate: no verdict of a common subject differs, three more activations appear, refuted ones told."""
    quick, gate, full = (load_recorded(RECORDED / name) for name in ("quick", "gate", "full"))
    found = difference(quick, gate)
    assert {c.change for c in found.verdicts} == {"appeared"}
    assert {c.place.split(", ")[2] for c in found.verdicts} == {"erf", "gelu", "silu"}
    # smooth-trains-faster is refuted as well, but of pairs of its own: named activations are no subjects of it.
    assert {c.place.split(", ")[0] for c in found.verdicts if c.counts_as} == {"spread-reduced"}
    assert found.exit_status == 3
    assert (found.values_compared, found.cases_compared) == (False, 0)
    assert difference(gate, full).verdicts == ()
    itself = difference(full, full)
    assert (itself.values_compared, itself.values) == (True, ())
    assert itself.cases_compared > 2_000
