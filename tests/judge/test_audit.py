"""The judge: every branch from a measurement to a verdict, and what it writes down."""

import math
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.case.record import Seeds, case_hook, case_id
from theory_check.claims.claim import Unmet
from theory_check.judge.audit import Audit, LawTest
from theory_check.judge.definiteness import (
    SINGULAR_RESOLUTION,
    Certificate,
    certified_lower_bound,
    indefinite_certificate,
)
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.error_budget import BudgetExceeded, ErrorBudget, NonFiniteEvidence
from theory_check.judge.gaussianity import (
    TESTS,
    TestResult,
    correlation_test,
    detectable_by_gate,
    dkw_band_test,
    mean_test,
    mean_within_test,
    mean_zero_test,
    neyman_smooth_test,
    variance_test,
)
from theory_check.judge.non_inferiority import PairedCosts
from theory_check.judge.rates import RateResult, detectable_departure, fit_rate, fit_slope, replicates_needed_by
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.claims.statements import CLAIMS

CASE = Case(activation="tanh(x)", data=Sphere(2, 3, 0), width=8)
LEVEL = 1e-6 / 100
GOOD, BAD = Discrepancy("good", 0.5, 1.0, 1e6), Discrepancy("bad", 3.0, 1.0, 1e6, {"part": 2.0})
BLIND = Discrepancy("blind", 9.0, 1.0, 2.0)
UNMET = Unmet("phi is smooth", "it is not")


def audit(unmet: Unmet | None = None, *, calls: int = 100, defect: str | None = None) -> Audit:
    """A judge of one claim whose assumptions are met, or not."""
    return Audit(
        claim=CLAIMS["forward-unique"],
        test="test_file.py::test_it",
        setting=Setting(Seeds(7, "forward-unique"), load=activation),
        budget=ErrorBudget(LEVEL * calls, calls),
        unmet=lambda _case: unmet,
        defect=defect,
    )


def judge(act: Callable[[Audit], object], unmet: Unmet | None = None) -> Outcome:
    """The outcome, which the judge returns and keeps; it is written as strict JSON and read back."""
    judging = audit(unmet)
    returned = act(judging)
    (outcome,) = judging.judged.values()
    assert returned is None or returned is outcome
    text = msgspec.json.encode(outcome)
    assert msgspec.json.decode(text, type=Outcome, dec_hook=case_hook(Case)) == outcome
    # What was read back is equal, so that no number is none; those for readers are plain, whoever measured them.
    for value in getattr(outcome.evidence, "numbers", {}).values():
        assert type(value) in {float, int, str, bool, type(None)}
    return outcome


# --- what every outcome says -------------------------------------------------------------------------------------


def test_an_outcome_names_its_case_its_test_and_its_seed() -> None:
    """Claim, property, identifier, root seed and defect are all that a replay needs."""
    judging = audit(defect="some-defect")
    judging.at_most(CASE, GOOD)
    (outcome,) = judging.judged.values()
    expected = case_id("forward-unique", CASE, test="test_file.py::test_it", defect="some-defect")
    assert (outcome.claim, outcome.test, outcome.case, outcome.seed) == (
        "forward-unique",
        "test_file.py::test_it",
        CASE,
        7,
    )
    assert (outcome.case_id, outcome.defect) == (expected, "some-defect")


@pytest.mark.parametrize(
    ("unmet", "discrepancy", "verdict", "conclusion"),
    [
        (None, GOOD, Verdict.SUPPORTED, Conclusion.HOLDS),
        (None, BAD, Verdict.REFUTED, Conclusion.FAILS),
        (None, BLIND, Verdict.INCONCLUSIVE, Conclusion.UNDECIDED),
        (UNMET, GOOD, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.HOLDS),
        (UNMET, BAD, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.FAILS),
        (UNMET, BLIND, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.UNDECIDED),
    ],
)
def test_a_claim_is_an_implication(
    unmet: Unmet | None, discrepancy: Discrepancy, verdict: Verdict, conclusion: Conclusion
) -> None:
    """Assumptions decide what a conclusion means; a failing one always raises, so that it is shrunk."""
    outcome = judge(lambda a: a.at_most(CASE, discrepancy), unmet)
    assert (outcome.verdict, outcome.conclusion) == (verdict, conclusion)
    assert outcome.unmet == unmet
    assert outcome.why.startswith(str(unmet)) == (unmet is not None)


# --- at_most -----------------------------------------------------------------------------------------------------


def test_the_worst_comparison_is_the_one_reported() -> None:
    """Failing ones first, then the one nearest to its bound; all that were made are counted."""
    near = Discrepancy("near", 0.9, 1.0, 1e6)
    outcome = judge(lambda a: a.at_most(CASE, GOOD, near))
    assert (str(outcome.quantity), outcome.measured, outcome.bound, outcome.ratio) == ("near", 0.9, 1.0, 0.9)
    assert (outcome.comparisons, outcome.evidence.scale) == (2, 1e6)
    outcome = judge(lambda a: a.at_most(CASE, near, BAD, BLIND))
    assert (str(outcome.quantity), outcome.ratio, outcome.evidence.numbers) == ("bad", 3.0, {"part": 2.0})
    assert outcome.comparisons == 2


def test_one_comparison_without_power_leaves_a_case_undecided() -> None:
    """However well the others hold; never supported, and the reason is that of the blind one."""
    outcome = judge(lambda a: a.at_most(CASE, GOOD, BLIND, GOOD))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.reason == BLIND.powerless
    assert outcome.comparisons == 2
    outcome = judge(lambda a: a.at_most(CASE, BLIND))
    assert (outcome.verdict, outcome.comparisons) == (Verdict.INCONCLUSIVE, 0)


def test_an_error_equal_to_its_bound_holds() -> None:
    """At most means at most, also for zero against zero; the least more fails."""
    assert judge(lambda a: a.at_most(CASE, Discrepancy("x", 1.0, 1.0))).conclusion is Conclusion.HOLDS
    assert judge(lambda a: a.at_most(CASE, Discrepancy("x", 0.0, 0.0))).conclusion is Conclusion.HOLDS
    outcome = judge(lambda a: a.at_most(CASE, Discrepancy("x", 5e-324, 0.0)))
    assert outcome.ratio is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["error", "bound", "scale"])
def test_what_is_not_finite_is_an_error(value: float, field: str) -> None:
    """`nan > bound` is False and an infinite bound holds everything: neither may pass."""
    fields = {"error": 0.5, "bound": 1.0, "scale": 1e6} | {field: value}
    outcome = judge(lambda a: a.at_most(CASE, GOOD, Discrepancy("broken", **fields)))
    assert (outcome.verdict, outcome.conclusion) == (Verdict.ERROR, Conclusion.UNDECIDED)
    assert "broken: not finite" in outcome.reason
    outcome = judge(lambda a: a.at_most(CASE, Discrepancy("broken", **fields)), UNMET)
    assert outcome.verdict is Verdict.ASSUMPTIONS_NOT_MET
    assert outcome.conclusion is Conclusion.UNDECIDED


def test_a_failure_must_be_confirmed_in_the_same_quantity() -> None:
    """Confirmed it is refuted; gone, blind or seen elsewhere only, it is undecided."""
    outcome = judge(lambda a: a.at_most(CASE, GOOD, BAD, confirm=lambda: (GOOD, BAD)))
    assert outcome.reason == ""
    elsewhere = Discrepancy("good", 3.0, 1.0, 1e6)
    for refined in ((GOOD,), (elsewhere,), (Discrepancy("bad", 3.0, 1.0, 2.0),)):
        outcome = judge(lambda a, refined=refined: a.at_most(CASE, GOOD, BAD, confirm=lambda: refined))
        assert (outcome.verdict, str(outcome.quantity)) == (Verdict.INCONCLUSIVE, "bad")
        assert "not confirmed" in outcome.reason


def test_of_two_failures_the_confirmed_one_is_reported() -> None:
    """The larger one is not, when only the smaller was confirmed."""
    larger = Discrepancy("larger", 9.0, 1.0, 1e6)
    outcome = judge(lambda a: a.at_most(CASE, larger, BAD, confirm=lambda: (BAD,)))
    assert (outcome.conclusion, str(outcome.quantity)) == (Conclusion.FAILS, "bad")


def test_a_confirmation_that_is_not_finite_is_an_error() -> None:
    """A NaN neither confirms nor clears."""
    broken = Discrepancy("bad", math.nan, 1.0, 1e6)
    outcome = judge(lambda a: a.at_most(CASE, BAD, confirm=lambda: (broken,)))
    assert outcome.verdict is Verdict.ERROR


def test_what_holds_needs_no_confirmation() -> None:
    """Refined numerics cost: they run after a failure only."""

    def confirm() -> tuple[Discrepancy, ...]:
        raise RuntimeError("not wanted")

    assert judge(lambda a: a.at_most(CASE, GOOD, confirm=confirm)).verdict is Verdict.SUPPORTED


def test_nothing_to_compare_is_no_pass() -> None:
    """A claim without a comparison is refused."""
    with pytest.raises(ValueError, match="got none"):
        audit().at_most(CASE)
    with pytest.raises(ValueError, match="got none"):
        audit().law(CASE)


# --- law ---------------------------------------------------------------------------------------------------------


def law_test(*p_values: float, exact: bool = True, name: str = "a law") -> LawTest:
    """A test with the given p-values, stage by stage."""

    def sample(stage: int) -> TestResult:
        p = p_values[stage]
        details = {"numpy": np.float64(0.5), "count": np.int64(3), "flag": np.bool_(True), "lost": math.nan}  # noqa: FBT003
        tail = "exact" if exact else "approximate"
        return TestResult(name="mean_test", statistic=0.0, p_value=p, samples=10, tail=tail, details=details)

    return LawTest(name, exact=exact, sample=sample)


def test_a_law_that_is_not_rejected_holds() -> None:
    """One call of the budget for each test; samples, p-values and details of each are kept, as plain numbers."""
    judging = audit()
    judging.law(CASE, law_test(0.5), law_test(0.2, name="another"))
    (outcome,) = judging.judged.values()
    assert (outcome.verdict, outcome.comparisons, judging.budget.calls) == (Verdict.SUPPORTED, 2, 2)
    assert str(outcome.quantity) == "p-value: another"
    first, second = outcome.evidence.tests
    assert (str(first.quantity), first.p_value, first.samples) == ("p-value: a law", 0.5, 10)
    assert first.numbers == {"numpy": 0.5, "count": 3, "flag": True}
    assert {type(value) for value in first.numbers.values()} == {float, int, bool}
    assert (second.quantity, second.p_value) == (outcome.quantity, 0.2)
    judge(lambda a: a.law(CASE, law_test(0.5)))


def test_an_exact_law_is_rejected_at_once_or_at_a_later_stage() -> None:
    """Staged: a third of the level rejects at once, a doubtful p-value draws afresh, and may reject or not."""
    outcome = judge(lambda a: a.law(CASE, law_test(LEVEL / 4), law_test(0.5)))
    assert (outcome.verdict, outcome.ratio) == (Verdict.REFUTED, pytest.approx(1.0, abs=0.05))
    assert outcome.measured == LEVEL / 4
    assert outcome.bound == pytest.approx(LEVEL)
    assert judge(lambda a: a.law(CASE, law_test(LEVEL, LEVEL))).verdict is Verdict.REFUTED
    outcome = judge(lambda a: a.law(CASE, law_test(LEVEL, 0.5)))
    assert outcome.verdict is Verdict.SUPPORTED
    assert outcome.evidence.tests[0].samples == 20


def test_an_approximate_law_takes_three_samples_to_be_rejected() -> None:
    """Two that agree and one that does not leave it standing, however small the two."""
    third = LEVEL ** (1 / 3)
    assert judge(lambda a: a.law(CASE, law_test(third, third, third, exact=False))).verdict is Verdict.REFUTED
    outcome = judge(lambda a: a.law(CASE, law_test(0.0, 0.0, 2 * third, exact=False)))
    assert outcome.verdict is Verdict.SUPPORTED


@pytest.mark.parametrize(
    "test",
    [
        law_test(0.5),
        law_test(LEVEL, 0.5),
        law_test(0.0, 0.0, 0.1, exact=False),
        law_test(0.0, 0.5, exact=False),
        law_test(1.0, exact=False),
    ],
)
def test_the_ratio_is_below_one_where_the_law_holds(test: LawTest) -> None:
    """Whatever the p-values of samples that did not reject."""
    outcome = judge(lambda a: a.law(CASE, test))
    assert outcome.verdict is Verdict.SUPPORTED
    assert 0 <= outcome.ratio < 1


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("p", [math.nan, math.inf, -0.1])
def test_a_p_value_that_is_none_is_raised_not_judged(p: float, exact: bool) -> None:  # noqa: FBT001
    """A NaN never becomes a pass, at no stage: the trial makes an error of it."""
    for test in (law_test(p, exact=exact), law_test(LEVEL, p, exact=exact)):
        judging = audit()
        with pytest.raises(NonFiniteEvidence, match="p-value"):
            judging.law(CASE, law_test(0.5), test)
        assert not judging.judged


def result_of(**changed: object) -> LawTest:
    """A test that is passed, but for what is changed."""
    fields = {"name": "mean_test", "statistic": 0.0, "p_value": 0.5, "samples": 10, "tail": "exact"} | changed
    return LawTest("a law", exact=True, sample=lambda _stage: TestResult(**fields))


def test_a_statistic_that_is_none_is_raised_not_judged() -> None:
    """Whatever p-value was made of it; an infinite one comes of finite samples that overflow, and is evidence."""
    with pytest.raises(NonFiniteEvidence, match="statistic of mean_test is NaN"):
        audit().law(CASE, result_of(statistic=math.nan))
    assert judge(lambda a: a.law(CASE, result_of(statistic=math.inf, p_value=0.0))).verdict is Verdict.REFUTED


def test_a_test_of_unknown_power_or_of_another_tail_is_refused() -> None:
    """Neither passes in silence: no power could be stated, and the level would not hold."""
    with pytest.raises(ValueError, match="unknown test 'median_test'"):
        audit().law(CASE, result_of(name="median_test"))
    with pytest.raises(ValueError, match="approximate in the tail"):
        audit().law(CASE, result_of(tail="approximate"))
    assert judge(lambda a: a.law(CASE, result_of(tail="bound"))).verdict is Verdict.SUPPORTED


def test_every_law_outcome_says_what_it_could_have_seen() -> None:
    """Level, power against a stated alternative, smallest detectable effect and samples used, of each test there is."""
    x = np.random.Generator(np.random.PCG64(0)).standard_normal(2000)
    results = {
        result.name: result
        for result in (
            variance_test(x),
            mean_test(x),
            mean_zero_test(x, 1.0),
            mean_within_test(0.01, 0.02, allowance=0.02, samples=2000),
            correlation_test(x, x[::-1]),
            neyman_smooth_test(x),
            dkw_band_test(x, allowance=0.005),
        )
    }
    assert set(results) == set(TESTS)
    tests = [
        LawTest(name, exact=result.tail != "approximate", sample=lambda _, result=result: result)
        for name, result in results.items()
    ]
    outcome = judge(lambda a: a.law(CASE, *tests))
    assert outcome.evidence.level == pytest.approx(LEVEL)
    for said, (name, result) in zip(outcome.evidence.tests, results.items(), strict=True):
        confirmed = result.tail == "approximate"
        assert said.level == pytest.approx(LEVEL ** (1 / 3) if confirmed else LEVEL / 3)
        assert (said.quantity.text, said.samples) == (name, 2000)
        seen = detectable_by_gate(result, LEVEL, confirmed=confirmed)
        assert (said.alternative, said.effect) == (seen.alternative, seen.effect)
        assert said.power == pytest.approx(seen.power)
        assert said.smallest_detectable == pytest.approx(seen.smallest_detectable)


def test_a_law_without_power_supports_nothing() -> None:
    """It could not have failed; what it rejects all the same is rejected."""

    def mean(difference: float, error: float) -> LawTest:
        result = mean_within_test(difference, error, allowance=0.02, samples=40)
        return LawTest("a mean", exact=False, sample=lambda _stage: result, least_power=0.5)

    sharp = judge(lambda a: a.law(CASE, mean(0.0, 0.001)))
    blunt = judge(lambda a: a.law(CASE, mean(0.0, 0.1)))
    wild = judge(lambda a: a.law(CASE, mean(5.0, 0.1)))
    assert (sharp.verdict, blunt.verdict, wild.verdict) == ("supported", "inconclusive", "refuted")
    assert blunt.reason.startswith("underpowered: a mean sees a relative difference of 10% with probability")


def test_more_tests_than_declared_are_refused() -> None:
    """The budget is counted over laws and rates."""
    judging = audit(calls=2)
    judging.law(CASE, law_test(0.5), law_test(0.5))
    with pytest.raises(BudgetExceeded):
        judging.law(CASE, law_test(0.5))


@pytest.mark.parametrize(("unmet", "verdict"), [(None, Verdict.INCONCLUSIVE), (UNMET, Verdict.ASSUMPTIONS_NOT_MET)])
def test_data_that_cannot_be_tested_are_undecided(unmet: Unmet | None, verdict: Verdict) -> None:
    """With the reason, no comparison and no call of the budget; for laws and rates alike."""
    for act in (
        lambda a: a.law(CASE, law_test(0.5), unusable="no features"),
        lambda a: a.rate(CASE, "slope", lambda _: ladder(-1.0), expected=-1.0, margin=0.15, unusable="no features"),
    ):
        outcome = judge(act, unmet)
        assert (outcome.verdict, outcome.conclusion) == (verdict, Conclusion.UNDECIDED)
        assert (outcome.comparisons, outcome.measured) == (0, None)
        assert "no features" in outcome.reason


# --- rate --------------------------------------------------------------------------------------------------------


def ladder(slope: float, error: float = 0.01) -> RateResult:
    """A fitted ladder of that slope."""
    sizes = np.array([8.0, 16.0, 32.0, 64.0, 128.0])
    errors = np.full(5, error)
    return fit_slope(
        sizes,
        slope * np.log(sizes),
        errors,
        expected=-1.0,
        margin=0.15,
        refute_level=LEVEL ** (1 / 3),
        one_sided="at-least",
    )


def rate_of(*slopes: tuple[float, float]) -> Callable[[Audit], None]:
    """A judgement of ladders, one after the other."""
    return lambda a: a.rate(CASE, "slope", lambda k: ladder(*slopes[k]), expected=-1.0, margin=0.15)


def test_a_ladder_that_falls_fast_enough_is_supported() -> None:
    """The first ladder is enough; slope, limit, interval and constant are kept."""
    outcome = judge(rate_of((-1.0, 0.01)))
    assert (outcome.verdict, outcome.comparisons) == (Verdict.SUPPORTED, 5)
    assert outcome.measured == pytest.approx(-1.0)
    assert outcome.bound == pytest.approx(-0.85)
    seen = outcome.evidence
    assert seen.low < -1.0 < seen.high
    assert (seen.expected, seen.margin, len(seen.sizes)) == (-1.0, 0.15, outcome.comparisons)
    assert np.polyfit(np.log(seen.sizes), np.log(seen.values), 1)[0] == pytest.approx(-1.0)


def test_three_ladders_refute() -> None:
    """All three too flat refute; one that is not, or a wide one, leaves it undecided."""
    flat, steep, wide = (-0.2, 0.01), (-1.0, 0.01), (-0.9, 0.5)
    assert judge(rate_of(flat, flat, flat)).verdict is Verdict.REFUTED
    assert judge(rate_of(flat, flat, steep)).verdict is Verdict.INCONCLUSIVE
    outcome = judge(rate_of(wide))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "does not settle" in outcome.reason
    outcome = judge(rate_of(flat, flat, flat), UNMET)
    assert (outcome.verdict, outcome.conclusion) == (Verdict.ASSUMPTIONS_NOT_MET, Conclusion.FAILS)


def test_a_rate_says_how_it_was_designed() -> None:
    """Replicates that its own spread asks for, whether there were as many, and what it could have refuted."""
    x = np.random.Generator(np.random.PCG64(1)).standard_normal((5, 400))
    sizes = np.array([8.0, 16.0, 32.0, 64.0, 128.0])
    for count, enough in ((20, False), (400, True)):
        result = fit_rate(
            sizes, x[:, :count] / sizes[:, None], expected=-1.0, margin=0.15, refute_level=LEVEL ** (1 / 3)
        )
        outcome = judge(lambda a, result=result: a.rate(CASE, "slope", lambda _: result, expected=-1.0, margin=0.15))
        seen = outcome.evidence
        assert seen.replicates == count
        assert seen.replicates_needed == replicates_needed_by(result, 0.15)
        assert (seen.replicates >= seen.replicates_needed) is enough
        assert (seen.power, seen.detectable) == (0.9, pytest.approx(detectable_departure(result, LEVEL)))
    outcome = judge(rate_of((-1.0, 0.01)))  # standard errors that are known: there are no replicates to choose
    assert outcome.evidence.replicates_needed is None


@pytest.mark.parametrize("field", ["slope", "standard_error", "p_value"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_ladder_that_is_not_finite_is_raised_not_judged(field: str, value: float) -> None:
    """The first, whatever verdict it carries, and those that should confirm."""
    flat, broken = ladder(-0.2), replace(ladder(-1.0), **{field: value})
    assert broken.verdict is Verdict.SUPPORTED
    for ladders in ((broken,), (flat, broken), (flat, flat, broken)):
        judging = audit()
        with pytest.raises(NonFiniteEvidence, match="ladder is not finite"):
            judging.rate(CASE, "slope", lambda k, ladders=ladders: ladders[k], expected=-1.0, margin=0.15)
        assert not judging.judged


def test_a_limit_that_is_not_finite_is_raised_not_judged() -> None:
    """A margin of infinity would hold everything."""
    with pytest.raises(NonFiniteEvidence, match="bound inf"):
        audit().rate(CASE, "slope", lambda _: ladder(-1.0), expected=-1.0, margin=math.inf)


# --- positive definiteness ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("certificate", "unmet", "verdict", "conclusion"),
    [
        (Certificate(0.1, True, 0.11, 1e-12), None, Verdict.SUPPORTED, Conclusion.HOLDS),  # noqa: FBT003
        (Certificate(0.1, True, 0.11, 1e-12), UNMET, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.HOLDS),  # noqa: FBT003
        (Certificate(-1e-12, False, 1e-16, 1e-12), None, Verdict.INCONCLUSIVE, Conclusion.UNDECIDED),  # noqa: FBT003
        (Certificate(-1e-12, False, 1e-16, 1e-12), UNMET, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.FAILS),  # noqa: FBT003
        (Certificate(-1e-12, False, 1e-3, 1.0), UNMET, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.UNDECIDED),  # noqa: FBT003
        # A bound of 100 for a kernel of 1, and one a little too large for the size of the kernel.
        (Certificate(-math.inf, False, 1.0, 99.8), UNMET, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.UNDECIDED),  # noqa: FBT003
        (Certificate(-1e-12, False, 1e-16, 1e-12, 1e-7), UNMET, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.UNDECIDED),  # noqa: FBT003
        (Certificate(-math.inf, False, 0.0, 0.0), UNMET, Verdict.ASSUMPTIONS_NOT_MET, Conclusion.FAILS),  # noqa: FBT003
        (Certificate(-math.inf, False, 0.0, 0.0), None, Verdict.INCONCLUSIVE, Conclusion.UNDECIDED),  # noqa: FBT003
    ],
)
def test_rounding_never_refutes_positive_definiteness(
    certificate: Certificate, unmet: Unmet | None, verdict: Verdict, conclusion: Conclusion
) -> None:
    """A proof holds; singular to rounding fails only where the assumptions do not hold, and says so."""
    outcome = judge(lambda a: a.positive_definite(CASE, "smallest", certificate, {"width": np.int64(64)}), unmet)
    assert (outcome.verdict, outcome.conclusion) == (verdict, conclusion)
    assert (outcome.evidence.estimate, outcome.evidence.numbers) == (certificate.estimate, {"width": 64})
    if conclusion is Conclusion.HOLDS:
        assert (outcome.measured, outcome.bound) == (0.1, 1e-12)
        assert 0 < outcome.ratio <= 1


@pytest.mark.parametrize(
    "certificate",
    [
        Certificate(0.1, True, math.nan, 1e-12),  # noqa: FBT003
        Certificate(0.1, True, 0.11, math.nan),  # noqa: FBT003
        Certificate(0.1, True, 0.11, math.inf),  # noqa: FBT003
        Certificate(math.nan, True, 0.11, 1e-12),  # noqa: FBT003
        Certificate(-math.inf, True, 0.11, 1e-12),  # noqa: FBT003
        Certificate(-math.inf, False, math.nan, 1e-12),  # noqa: FBT003
        Certificate(math.nan, False, 1e-16, 1e-12),  # noqa: FBT003
        Certificate(-math.inf, False, -math.inf, 1e-12),  # noqa: FBT003
    ],
)
@pytest.mark.parametrize("unmet", [None, UNMET])
def test_a_certificate_that_is_not_finite_is_raised_not_judged(certificate: Certificate, unmet: Unmet | None) -> None:
    """A NaN is at most nothing: it would have been called uninformative, and an infinite estimate singular."""
    judging = audit(unmet)
    with pytest.raises(NonFiniteEvidence, match="smallest: not finite"):
        judging.positive_definite(CASE, "smallest", certificate, {})
    assert not judging.judged


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_bound_larger_than_the_kernel_never_fails(data: st.DataObject) -> None:
    """Over random kernels, singular ones among them, and bounds from below rounding to far above the kernel.

    Where an assumption is broken the conclusion may fail only with a bound below 1e-6 of trace / N or a vector that
    proves it; whatever a bound is, an eigenvalue above it is no failure, and what is certified holds.
    """
    size, rank = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    entries = st.floats(-1.0, 1.0, allow_subnormal=False)
    factor = np.array(data.draw(st.lists(entries, min_size=size * rank, max_size=size * rank))).reshape(size, rank)
    kernel = factor @ factor.T * 10.0 ** data.draw(st.integers(-6, 6))
    kernel = (kernel + kernel.T) / 2
    mean = float(np.trace(kernel)) / size
    bound = np.full((size, size), (mean or 1.0) * 10.0 ** data.draw(st.integers(-18, 4)))
    certificate = certified_lower_bound(kernel, bound)
    certificate = replace(certificate, indefinite=indefinite_certificate(kernel, bound) is not None)
    outcome = judge(lambda a: a.positive_definite(CASE, "smallest", certificate, {}), UNMET)
    if outcome.conclusion is Conclusion.FAILS and not certificate.indefinite:
        assert np.linalg.norm(bound) < SINGULAR_RESOLUTION * mean
        assert np.linalg.eigvalsh(kernel)[0] <= certificate.error_bound
    if float(bound[0, 0]) >= mean:
        assert outcome.conclusion is Conclusion.UNDECIDED
    if outcome.conclusion is Conclusion.UNDECIDED:
        assert outcome.why.startswith(f"{UNMET}; uninformative: eigenvalues are known to")
    if certificate.certified:
        assert outcome.conclusion is Conclusion.HOLDS


def test_a_size_that_is_none_is_raised_not_judged() -> None:
    """NaN and infinity alike: any bound would be small beside an infinite kernel."""
    for bad in (math.nan, math.inf):
        certificate = Certificate(-1.0, False, 0.0, 0.0, mean_diagonal=bad)  # noqa: FBT003
        with pytest.raises(NonFiniteEvidence, match="smallest: not finite"):
            audit().positive_definite(CASE, "smallest", certificate, {})


# --- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["measured", "bound", "ratio"])
def test_no_record_loses_a_nan(field: str) -> None:
    """A number that is none is not written as if nothing had been measured."""
    numbers = {"measured": 0.5, "bound": 1.0, "ratio": 0.5} | {field: math.nan}
    judging = audit()
    with pytest.raises(NonFiniteEvidence):
        judging.record(CASE, Conclusion.HOLDS, quantity="x", **numbers)
    assert not judging.judged


def test_an_error_stays_on_one_line_and_enters_no_claim_it_does_not_concern() -> None:
    """Where an assumption is not met a failing measurement is undecided."""
    outcome = judge(lambda a: a.error(CASE, "one\n two\t three"))
    assert (outcome.verdict, outcome.reason, outcome.comparisons) == (Verdict.ERROR, "one two three", 0)
    outcome = judge(lambda a: a.error(CASE, "one"), UNMET)
    assert (outcome.verdict, outcome.why) == (Verdict.ASSUMPTIONS_NOT_MET, f"{UNMET}; one")


def test_a_case_judged_again_has_one_outcome() -> None:
    """The last judgement of a case stands."""
    judging = audit()
    judging.at_most(CASE, GOOD)
    judging.at_most(CASE, BLIND)
    assert [outcome.verdict for outcome in judging.judged.values()] == [Verdict.INCONCLUSIVE]
    failing = judging.at_most(CASE, BAD)
    assert judging.at_most(CASE, GOOD) is failing
    assert judging.error(CASE, "broken afterwards") is failing
    assert list(judging.judged.values()) == [failing]


# --- ratios of paired costs --------------------------------------------------------------------------------------


def paired(ratio: float, unusable: str = "") -> PairedCosts:
    """Costs whose totals have about this ratio; the spread is 4 % from network to network."""
    reference = np.linspace(90.0, 110.0, 20)
    subject = ratio * reference * (1 + 0.04 * np.cos(np.arange(20.0)))
    return PairedCosts(subject, reference, {"mollified phi": "x"}, unusable=unusable)


@pytest.mark.parametrize(
    ("samples", "verdict", "drawn"),
    [
        ((0.5,), Verdict.SUPPORTED, 1),
        ((1.0,), Verdict.SUPPORTED, 1),
        ((1.06,), Verdict.INCONCLUSIVE, 1),
        ((1.2, 1.2, 1.06), Verdict.INCONCLUSIVE, 3),
        ((1.2, 1.2, 1.2), Verdict.REFUTED, 3),
    ],
)
def test_a_ratio_is_refuted_by_three_samples_that_agree(
    samples: tuple[float, ...], verdict: Verdict, drawn: int
) -> None:
    """One call of the budget whatever is drawn, and the outcome says what was seen and what could have been."""
    seen: list[int] = []

    def act(judging: Audit) -> None:
        def sample(k: int) -> PairedCosts:
            seen.append(k)
            return paired(samples[k])

        try:
            judging.non_inferior(CASE, "cost", sample)
        finally:
            assert judging.budget.calls == 1

    outcome = judge(act)
    assert (outcome.verdict, seen) == (verdict, list(range(drawn)))
    assert (outcome.measured, outcome.bound) == (pytest.approx(samples[0], rel=0.01), 1.05)
    assert outcome.reason.startswith("no difference: ") is (samples[0] == 1.0)
    said = outcome.evidence
    assert said.no_difference is (samples[0] == 1.0)
    assert said.low < outcome.measured < said.high
    assert outcome.measured == pytest.approx(said.subject_mean / said.reference_mean)
    assert (said.networks, set(said.numbers)) == (outcome.comparisons, {"mollified phi"})
    assert said.supported_to < 1.05 < said.refuted_from < 1.3


@pytest.mark.parametrize(
    ("larger", "verdict"), [(1.2, Verdict.REFUTED), (0.9, Verdict.SUPPORTED), (1.06, Verdict.INCONCLUSIVE)]
)
def test_a_ratio_that_is_undecided_is_judged_again_with_a_call_of_its_own(larger: float, verdict: Verdict) -> None:
    """A larger sample decides in place of the first; where the first decides it is never drawn."""

    def act(judging: Audit) -> None:
        try:
            judging.non_inferior(CASE, "cost", lambda _k: paired(1.06), larger=lambda _k: paired(larger))
        finally:
            assert judging.budget.calls == 2

    outcome = judge(act)
    assert outcome.verdict is verdict
    assert outcome.measured == pytest.approx(larger, rel=0.01)

    def decided(judging: Audit) -> None:
        judging.non_inferior(CASE, "cost", lambda _k: paired(0.9), larger=lambda _k: pytest.fail("drawn"))
        assert judging.budget.calls == 1

    assert judge(decided).verdict is Verdict.SUPPORTED


def test_costs_that_cannot_be_compared_decide_nothing() -> None:
    """Said beforehand, or of the first sample: no call of the budget. Of a later one: it confirms no refutation."""

    def unmeasured(judging: Audit) -> None:
        judging.non_inferior(CASE, "cost", lambda _k: pytest.fail("drawn"), unusable="no data")
        assert judging.budget.calls == 0

    def unfinished(judging: Audit) -> None:
        judging.non_inferior(CASE, "cost", lambda _k: paired(1.2, "no data"))
        assert judging.budget.calls == 0

    for act in (unmeasured, unfinished):
        outcome = judge(act)
        assert (outcome.verdict, outcome.reason, outcome.comparisons) == (Verdict.INCONCLUSIVE, "no data", 0)
    later = judge(lambda j: j.non_inferior(CASE, "cost", lambda k: paired(1.2, "no data" if k == 2 else "")))
    assert later.verdict is Verdict.INCONCLUSIVE
