"""The exit status of every combination, and what a baseline comparison notices."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.exit_status import compare_with_baseline, exit_status, unexpected_controls
from theory_check.reporting.matrix import overall_verdict

SUPPORTED, REFUTED = Verdict.SUPPORTED, Verdict.REFUTED
INCONCLUSIVE, UNMET, ERROR = Verdict.INCONCLUSIVE, Verdict.ASSUMPTIONS_NOT_MET, Verdict.ERROR
HOLDS, FAILS, UNDECIDED = Conclusion.HOLDS, Conclusion.FAILS, Conclusion.UNDECIDED
CONCLUSIONS = (None, HOLDS, FAILS, UNDECIDED)

# Verdict of the one trial of an audit -> exit status; conclusion fails or not, for a subject that the user named.
ALONE = {SUPPORTED: 0, REFUTED: 1, INCONCLUSIVE: 3, UNMET: 3, ERROR: 4}
PRIORITY = (1, 4, 3, 0)


def claim_of(build, *trials, name="first"):
    """A claim whose verdict follows from its trials (docs/judgement.md#verdicts)."""
    entered = {trial.verdict for trial in trials if trial.kind != "control"} - {UNMET}
    verdict = next((v for v in (REFUTED, ERROR, INCONCLUSIVE, SUPPORTED) if v in entered), INCONCLUSIVE)
    return build.claim(*trials, verdict=verdict, id=name)


@pytest.mark.parametrize(("verdict", "conclusion"), list(product(Verdict, CONCLUSIONS)))
def test_one_trial_alone(build, verdict, conclusion):
    """Every verdict with every conclusion: a failing conclusion counts only for what the user named."""
    for kind, named in product(("random", "named"), (True, False)):
        claim = claim_of(build, build.trial(kind=kind, verdict=verdict, conclusion=conclusion))
        asked = kind == "named" and named
        expected = 1 if asked and conclusion is FAILS else ALONE[verdict]
        assert exit_status([claim], named=named) == expected, (kind, named)


def test_two_claims_give_the_status_of_higher_priority(build):
    """1 before 4 before 3 before 0, for every pair of single-trial claims."""
    trials = [
        build.trial(kind=kind, verdict=verdict, conclusion=conclusion)
        for kind, verdict, conclusion in product(("random", "named"), Verdict, CONCLUSIONS)
    ]
    for named in (True, False):
        alone = [exit_status([claim_of(build, trial)], named=named) for trial in trials]
        assert set(alone) == {0, 1, 3, 4}
        for (i, one), (j, two) in product(enumerate(trials), repeat=2):
            both = [claim_of(build, one), claim_of(build, two, name="second")]
            assert exit_status(both, named=named) == min(alone[i], alone[j], key=PRIORITY.index)


@pytest.mark.parametrize(("verdict", "conclusion"), list(product(Verdict, CONCLUSIONS)))
@pytest.mark.parametrize("as_expected", [True, False])
def test_a_control_counts_only_where_it_comes_out_unexpected(build, verdict, conclusion, as_expected):
    """Whatever its verdict: as expected it changes nothing, otherwise the harness is broken, below a refutation."""
    control = build.trial(kind="control", verdict=verdict, conclusion=conclusion, as_expected=as_expected)
    for trial in (build.trial(verdict=v) for v in Verdict):
        alone = ALONE[trial.verdict]
        expected = alone if as_expected else min(alone, 4, key=PRIORITY.index)
        for named in (True, False):
            assert exit_status([claim_of(build, trial, control)], named=named) == expected, trial.verdict


@pytest.mark.parametrize("conclusion", CONCLUSIONS)
def test_probes_beside_a_supported_trial_do_not_count(build, conclusion):
    """Random strata that break the assumptions show that these are needed; the claim stays supported."""
    probe = {"stratum": "repeated", "verdict": UNMET, "conclusion": conclusion}
    assert exit_status([claim_of(build, build.trial(), build.trial(**probe))]) == 0
    named = claim_of(build, build.trial(kind="named"), build.trial(kind="named", **probe))
    assert exit_status([named], named=False) == 0
    assert exit_status([named], named=True) == (1 if conclusion is FAILS else 3)


def test_an_inconclusive_named_trial_in_a_supported_claim_counts(build):
    """A random trial may stay open within the share that the claim allows; what the user asked about may not."""
    for kind, named, expected in (("random", True, 0), ("named", True, 3), ("named", False, 0)):
        claim = build.claim(build.trial(), build.trial(kind=kind, verdict=INCONCLUSIVE), verdict=SUPPORTED)
        assert exit_status([claim], named=named) == expected


def test_nothing_audited_is_no_success(build):
    """No claims, and a claim without trials, are inconclusive."""
    assert exit_status([]) == 3
    assert exit_status([claim_of(build)]) == 3


def test_the_verdict_over_claims_agrees_with_the_exit_status(build):
    """For every two claims: supported exactly where the status is 0, and so on; a claim never put to test counts."""
    words = {REFUTED: 1, ERROR: 4, INCONCLUSIVE: 3, UNMET: 3, SUPPORTED: 0}
    for one, two in product(Verdict, repeat=2):
        claims = [build.claim(verdict=one, id="first"), build.claim(verdict=two, id="second")]
        assert words[overall_verdict([one, two])] == exit_status(claims)
        assert overall_verdict([one, two]) in {one, two}
    assert overall_verdict([UNMET, INCONCLUSIVE]) is INCONCLUSIVE
    assert overall_verdict([]) is INCONCLUSIVE


def test_a_refuted_trial_counts_whatever_its_claim_says(build):
    """A claim's verdict that contradicts its trials cannot hide a refutation or an error."""
    assert exit_status([build.claim(build.trial(verdict=REFUTED), verdict=SUPPORTED)]) == 1
    assert exit_status([build.claim(build.trial(verdict=ERROR), verdict=SUPPORTED)]) == 4
    assert exit_status([build.claim(build.trial(), verdict=REFUTED)]) == 1


def test_unexpected_controls_are_named_for_the_warnings(build):
    """One line each, with the defect, what was expected and what came."""
    good = build.trial(kind="control", verdict=REFUTED)
    bad = build.trial(kind="control", activation="tanh(x)", defect="wrong-sign", verdict=SUPPORTED, as_expected=False)
    (line,) = unexpected_controls([build.claim(good, bad)])
    assert line == (
        "control of adjoint-gradient did not come out as expected: "
        "test_gradients.py::test_adjoint_gradient_equals_differences, activation tanh(x), stratum sphere, "
        "defect wrong-sign: expected refuted, got supported"
    )
    vague = build.trial(kind="control", as_expected=False, expected_verdict=None, expected_conclusion=None)
    assert "expected nothing" in unexpected_controls([build.claim(vague)])[0]


@given(data=st.data())
def test_a_report_equals_itself_as_a_baseline(reports, data):
    """No report differs from itself."""
    report = data.draw(reports)
    assert compare_with_baseline(report, report) == []


def test_numbers_reasons_and_times_are_no_difference(build):
    """Only verdicts are compared."""
    trial = {"verdict": UNMET, "conclusion": FAILS, "kind": "named"}
    before = build.report(build.claim(build.trial(**trial)))
    now = build.report(
        build.claim(build.trial(**trial, seconds=9.0, reason="x", worst_ratio=0.1, executed=1)), seed=8, seconds=1.0
    )
    assert compare_with_baseline(now, before) == []


def test_a_changed_verdict_is_told_for_the_claim_and_the_subject(build):
    """One line for the claim, one for the subject that changed, none for the other."""
    other = build.trial(kind="named", activation="tanh(x)")
    before = build.report(build.claim(build.trial(), other))
    now = build.report(build.claim(build.trial(verdict=REFUTED), other, verdict=REFUTED))
    assert compare_with_baseline(now, before) == [
        "adjoint-gradient: supported in the baseline, refuted now",
        "adjoint-gradient, random, random smooth, sphere: supported in the baseline, refuted now",
    ]


@pytest.mark.parametrize(
    ("kind", "claim", "differences"), [("random", SUPPORTED, 0), ("named", SUPPORTED, 1), ("random", INCONCLUSIVE, 2)]
)
def test_an_undecided_random_trial_of_a_supported_claim_is_no_difference(build, kind, claim, differences):
    """Which cases are drawn is chance, and the claim's verdict allows a share of them; for what is named it is not."""
    before = build.report(build.claim(build.trial(kind=kind)))
    now = build.report(build.claim(build.trial(kind=kind, verdict=INCONCLUSIVE), verdict=claim))
    assert len(compare_with_baseline(now, before)) == differences
    assert len(compare_with_baseline(before, now)) == differences


def test_ablations_are_not_gated_on(build):
    """What becomes of a conclusion without an assumption is a finding."""
    ablation = build.trial(kind="ablation", verdict=UNMET, conclusion=FAILS, assumption="smooth")
    before, now = (build.report(build.claim(build.trial(), *more)) for more in ((), (ablation,)))
    assert compare_with_baseline(now, before) == []
    assert exit_status(now.claims, named=False) == 0


@pytest.mark.parametrize(("kind", "differences"), [("random", 0), ("named", 1), ("control", 1)])
def test_a_changed_conclusion_counts_for_named_subjects_and_controls(build, kind, differences):
    """Over random draws the probes of another seed may end otherwise; for what was named they may not."""
    before, now = (
        build.report(build.claim(build.trial(kind=kind, verdict=UNMET, conclusion=c))) for c in (FAILS, HOLDS)
    )
    assert len(compare_with_baseline(now, before)) == differences


def test_what_only_one_report_has_is_a_difference(build):
    """A claim, a subject or a planted defect that went missing is noticed, in both directions."""
    control = build.trial(kind="control", defect="wrong-sign", verdict=REFUTED)
    more = build.report(build.claim(build.trial(), control), build.claim(id="second"))
    less = build.report(build.claim(build.trial()))
    assert compare_with_baseline(less, more) == [
        "adjoint-gradient, control, random smooth, sphere, defect wrong-sign: refuted in the baseline, absent now",
        "second: supported in the baseline, absent now",
    ]
    assert [line.split(": ")[1] for line in compare_with_baseline(more, less)] == [
        "refuted now, absent from the baseline",
        "supported now, absent from the baseline",
    ]


def test_the_worst_of_a_subjects_properties_is_compared(build):
    """Two properties of one subject: a refutation of either is seen, whatever their order."""
    trials = [build.trial(property="a"), build.trial(property="b", verdict=REFUTED)]
    before = build.report(build.claim(*trials))
    assert compare_with_baseline(build.report(build.claim(*reversed(trials))), before) == []
    assert len(compare_with_baseline(build.report(build.claim(trials[0])), before)) == 1


def test_a_part_of_the_audit_is_compared_with_its_part_of_the_baseline(build):
    """Claims that were not asked for, and subjects that were not, are left out; what was asked for must agree."""
    control = build.trial(kind="control", defect="wrong-sign", verdict=REFUTED)
    named = build.trial(kind="named", activation="tanh")
    before = build.report(build.claim(build.trial(), named, control), build.claim(id="second"))
    one_claim = build.report(build.claim(build.trial(), named, control))
    assert len(compare_with_baseline(one_claim, before)) == 1
    assert compare_with_baseline(one_claim, before, named_claims=True) == []
    # A subject that went missing from a claim that was asked for is noticed.
    assert len(compare_with_baseline(build.report(build.claim(named)), before, named_claims=True)) == 2
    # The verdict of the whole claim rests on what is now left out.
    one_subject = build.report(build.claim(named, control, verdict=REFUTED))
    assert compare_with_baseline(one_subject, before, named_claims=True, named_subjects=True) == []
    worse = build.report(build.claim(build.trial(kind="named", activation="tanh", verdict=REFUTED), control))
    assert len(compare_with_baseline(worse, before, named_claims=True, named_subjects=True)) == 1
    other = build.report(build.claim(build.trial(kind="named", activation="erf"), control))
    assert len(compare_with_baseline(other, before, named_claims=True, named_subjects=True)) == 1
