"""Would the harness have caught a wrong paper? Mutants of the harness itself, and probes that must notice each.

A mutant is one change of the judge's own source. A probe puts a question to the judge whose answer is known. All
probes are content with the harness as it is, and at least one is not with each mutant.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import given

from theory_check.case.record import Seeds
from theory_check.claims.claim import Claim, Control, Unmet
from theory_check.judge.audit import Audit, LawTest
from theory_check.judge.definiteness import verified_positive_definite
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.error_budget import (
    BudgetExceeded,
    ErrorBudget,
    NonFiniteEvidence,
    confirmed_test,
    staged_test,
)
from theory_check.judge.gaussianity import TestResult
from theory_check.judge.rates import RateResult, fit_slope
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Outcome, Verdict, combine
from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.planted.mutation import edited
from theory_check.neural_ode.strategies import cases, smooth_activations
from theory_check.reporting.exit_status import exit_status
from theory_check.reporting.records import ClaimReport, Trial
from theory_check.search.plan import Plan
from theory_check.search.property import Property, checks, property_of
from theory_check.search.request import Request
from theory_check.search.trial import Search, run_trial
from theory_check.search.trial_record import TrialRecord

LEVEL = 1e-6


@dataclass(frozen=True)
class Mutant:
    """One change of the harness: in `target`, "module:function", the piece `old` of its source becomes `new`."""

    name: str
    description: str
    target: str
    old: str
    new: str


_AUDIT = "theory_check.judge.audit:Audit."
_BUDGET = "theory_check.judge.error_budget:"
_TRIAL = "theory_check.search.trial:Search."

MUTANTS = (
    Mutant(
        "comparison-flipped",
        "an error below its bound fails, one above it holds",
        _AUDIT + "at_most",
        "[d for d in executed if d.error > d.bound]",
        "[d for d in executed if d.error < d.bound]",
    ),
    Mutant(
        "finiteness-unchecked",
        "errors and bounds are compared without a look at whether they are numbers",
        _AUDIT + "at_most",
        "self._not_finite(case, discrepancies)",
        "None",
    ),
    Mutant(
        "refined-finiteness-unchecked",
        "the confirmation is compared without a look at whether it is a number",
        _AUDIT + "at_most",
        "self._not_finite(case, refined)",
        "None",
    ),
    Mutant(
        "unconfirmed-failure-counts",
        "a failure that refined numerics do not confirm refutes",
        _AUDIT + "at_most",
        "failing = confirmed",
        "failing = list(failing)",
    ),
    Mutant(
        "assumptions-ignored",
        "a case that breaks an assumption refutes",
        _AUDIT + "record",
        "unmet is not None",
        "False",
    ),
    Mutant(
        "powerless-comparisons-count",
        "a comparison whose bound is as large as what is compared counts as executed",
        "theory_check.judge.discrepancy:Discrepancy.powerless",
        "USABLE_SHARE * self.scale",
        "self.scale / USABLE_SHARE",
    ),
    Mutant(
        "rate-takes-one-ladder",
        "a rate is refuted by one ladder in place of three",
        _AUDIT + "rate",
        "first if k == 0 else _finite_rate(ladder(k))",
        "first",
    ),
    Mutant(
        "p-value-unchecked",
        "a p-value that is none is compared with the level",
        _BUDGET + "checked_p_value",
        "not (math.isfinite(value) and 0 <= value <= 1)",
        "False",
    ),
    Mutant(
        "stage-skipped",
        "the last stage of a staged test is never reached",
        _BUDGET + "staged_test",
        "range(stages)",
        "range(stages - 1)",
    ),
    Mutant(
        "level-undivided",
        "each stage of a test takes the whole level",
        _BUDGET + "staged_test",
        "level / stages",
        "level",
    ),
    Mutant(
        "two-confirmations",
        "two samples that agree reject in place of three",
        _BUDGET + "confirmed_test",
        "range(CONFIRMATIONS)",
        "range(CONFIRMATIONS - 1)",
    ),
    Mutant(
        "budget-does-not-count",
        "calls of tests are not counted",
        _BUDGET + "ErrorBudget.spend",
        "self._calls += 1",
        "self._calls += 0",
    ),
    Mutant(
        "budget-never-exceeded",
        "more calls than were declared are allowed",
        _BUDGET + "ErrorBudget._reserve",
        "asked > self.declared_calls",
        "False",
    ),
    Mutant(
        "interval-may-stick-out",
        "a rate is supported when its slope, not its whole interval, lies within the margin",
        "theory_check.judge.rates:_judge",
        "low <= slope - support and slope + support <= high",
        "low <= slope and slope <= high",
    ),
    Mutant(
        "entry-errors-forgotten",
        "a kernel is certified as if its entries were exact",
        "theory_check.judge.definiteness:_proves",
        "error_norm",
        "0.0",
    ),
    Mutant(
        "inconclusive-supports",
        "any share of inconclusive cases supports",
        "theory_check.judge.verdict:combine",
        "INCONCLUSIVE_SHARE * len(entered)",
        "len(entered)",
    ),
    Mutant(
        "refutation-outvoted",
        "one refuting case among others that hold is overlooked",
        "theory_check.judge.verdict:combine",
        "Verdict.REFUTED in entered",
        "all(verdict is Verdict.REFUTED for verdict in entered)",
    ),
    Mutant(
        "vacuity-unnoticed",
        "a search that executed next to nothing supports",
        _TRIAL + "result",
        "EXECUTED_SHARE * self.requested",
        "0",
    ),
    Mutant(
        "control-caught-by-anything",
        "a control may fail by another quantity than its own",
        _TRIAL + "_as_expected",
        "self.minimal.quantity.is_called(control.quantity)",
        "bool(self.minimal.quantity)",
    ),
    Mutant(
        "controls-ignored",
        "controls that do not come out as expected leave the exit status as it is",
        "theory_check.reporting.exit_status:unexpected_controls",
        "not trial.as_expected",
        "trial.as_expected is None",
    ),
    Mutant(
        "one-seed-for-all",
        "every case has the same weights",
        "theory_check.case.record:Seeds.of",
        "[str(self.root), self.claim, canonical_json(case), stage, str(replicate)]",
        "[str(self.root), self.claim, stage, str(replicate)]",
    ),
    Mutant(
        "stages-share-data",
        "later stages of a test see the data of the first",
        "theory_check.case.record:Seeds.of",
        "[str(self.root), self.claim, canonical_json(case), stage, str(replicate)]",
        "[str(self.root), self.claim, canonical_json(case), str(replicate)]",
    ),
)

_CASE = Case(activation="tanh(x)", data=Sphere(2, 2, 0), width=8)
_CLAIM = Claim(
    id="probe",
    statement="Put to the judge by its own self-test.",
    source="none",
    quantifier="ALL",
    assumptions=(),
    strata=("sphere",),
    controls=(),
)


def surviving_mutants() -> list[str]:
    """Names of the mutants that no probe notices."""
    return [mutant.name for mutant in MUTANTS if not _noticed(mutant)]


def failing_probes() -> list[str]:
    """Probes that are not content with the harness as it is."""
    return [probe.__name__.removeprefix("_") for probe in PROBES if not _content(probe)]


def _noticed(mutant: Mutant) -> bool:
    with edited(mutant.target, mutant.old, mutant.new):
        return any(not _content(probe) for probe in PROBES)


def _content(probe: Callable[[], bool]) -> bool:
    try:
        return probe()
    except Exception:  # noqa: BLE001 - a judge that breaks down has been noticed
        return False


# --- probes ------------------------------------------------------------------------------------------------------


_BROKEN = Unmet("phi is smooth", "broken on purpose")


def _judge(declared: int = 10, unmet: Unmet | None = None) -> Audit:
    return Audit(
        claim=_CLAIM,
        test="selftest.py::probe",
        setting=Setting(Seeds(0, "probe"), load=Request().load),
        budget=ErrorBudget(LEVEL, declared),
        unmet=lambda _case: unmet,
    )


def _compared(
    *errors: float, refined: float | None = None, unmet: Unmet | None = None, bound: float = 1.0, case: Case = _CASE
) -> Outcome:
    audit = _judge(unmet=unmet)
    confirm = None if refined is None else (lambda: (Discrepancy("probe", refined, bound, 1e3),))
    found = [Discrepancy("probe", error, bound, 1e3) for error in errors]
    return audit.at_most(case, *found, confirm=confirm)


def _errors_are_compared_with_bounds() -> bool:
    right = _compared(0.5).verdict is Verdict.SUPPORTED and _compared(2.0).verdict is Verdict.REFUTED
    return right and _compared(0.5, 2.0, 0.5).verdict is Verdict.REFUTED


def _numbers_that_are_none_are_errors() -> bool:
    nan = float("nan")
    return all(_compared(*errors).verdict is Verdict.ERROR for errors in ((nan,), (0.5, nan), (float("inf"),))) and (
        _compared(2.0, refined=nan).verdict is Verdict.ERROR
    )


def _failures_need_confirmation() -> bool:
    confirmed, vanished = _compared(2.0, refined=2.0), _compared(2.0, refined=0.5)
    return confirmed.verdict is Verdict.REFUTED and vanished.verdict is Verdict.INCONCLUSIVE


def _assumptions_keep_a_claim_from_being_refuted() -> bool:
    return _compared(2.0, unmet=_BROKEN).verdict is Verdict.ASSUMPTIONS_NOT_MET


def _comparisons_without_power_are_not_executed() -> bool:
    outcome = _compared(0.5, bound=100.0)
    return outcome.verdict is Verdict.INCONCLUSIVE and outcome.comparisons == 0


def _p_values_that_are_none_are_refused() -> bool:
    audit = _judge()

    def sample(_stage: int) -> TestResult:
        return TestResult(name="variance_test", statistic=1.0, p_value=float("nan"), samples=100, tail="exact")

    def refused(judge: Callable[[], object]) -> bool:
        try:
            judge()
        except NonFiniteEvidence:
            return True
        return False

    return all(
        refused(judge)
        for judge in (
            lambda: audit.law(_CASE, LawTest("probe", exact=True, sample=sample)),
            lambda: staged_test(lambda _stage: float("nan"), LEVEL),
            lambda: confirmed_test(lambda _k: float("nan"), LEVEL),
        )
    )


def _staged_tests_keep_their_stages() -> bool:
    # Doubtful twice, then clear: rejected at the third stage only, each stage at a third of the level.
    beta = LEVEL / 3
    gamma = beta ** (1 / 3)
    doubtful = (beta + gamma / 2, beta / gamma + gamma / 2, gamma / 2)
    late = staged_test(lambda stage: doubtful[stage], LEVEL)
    early = staged_test(lambda _stage: 0.5 * LEVEL, LEVEL, stages=1), staged_test(lambda _stage: 0.5 * LEVEL, LEVEL)
    return late.rejected and late.stages == 3 and early[0].rejected and early[1].stages > 1


def _rejections_take_three_samples() -> bool:
    just = LEVEL ** (1 / 3)
    three, two = confirmed_test(lambda _k: just, LEVEL), confirmed_test(lambda k: just if k < 2 else 0.5, LEVEL)
    return three.rejected and not two.rejected


def _calls_are_counted() -> bool:
    budget = ErrorBudget(LEVEL, 2)
    budget.spend()
    budget.spend()
    if budget.calls != 2:
        return False
    try:
        budget.spend()
    except BudgetExceeded:
        return True
    return False


def _ladder(slope: float, noise: float = 0.02) -> RateResult:
    sizes = np.array([8.0, 16.0, 32.0, 64.0, 128.0])
    errors = np.full(5, noise)
    return fit_slope(
        sizes, slope * np.log(sizes), errors, expected=-0.5, margin=0.15, refute_level=1e-4, degrees_of_freedom=9.0
    )


def _rates_are_supported_by_whole_intervals() -> bool:
    inside, edge, outside = _ladder(-0.5), _ladder(-0.36), _ladder(0.0)
    return (inside.verdict, edge.verdict, outside.verdict) == (
        Verdict.SUPPORTED,
        Verdict.INCONCLUSIVE,
        Verdict.REFUTED,
    )


def _rates_are_refuted_by_three_ladders() -> bool:
    audit = _judge()
    slopes = (0.0, -0.5, -0.5)
    outcome = audit.rate(_CASE, "probe", lambda k: _ladder(slopes[k]), expected=-0.5, margin=0.15)
    return outcome.verdict is Verdict.INCONCLUSIVE


def _errors_of_entries_are_subtracted() -> bool:
    kernel = np.array([[1.0, 0.95], [0.95, 1.0]])
    return verified_positive_definite(kernel, 0.01) and not verified_positive_definite(kernel, 0.06)


def _property(error: float) -> Property:
    """Judges every case by one number."""

    @checks(_CLAIM)
    @given(case=cases(smooth_activations()))
    def test_probe(case: Case, audit: Audit) -> None:
        """Judged by a number that is the same for every case."""
        audit.at_most(case, Discrepancy("probe", error, 1.0))

    prop = property_of(test_probe)
    if not isinstance(prop, Property):
        raise TypeError("a marked function must be a property")
    return prop


def _searches_that_found_next_to_nothing_are_inconclusive() -> bool:
    search = Search(_property(0.5), Plan(0, "random", "random", "sphere"), Request(), TrialRecord(None, ""))
    for width in range(8, 8 + search.requested):
        case = Case(activation="tanh(x)", data=Sphere(2, 2, 0), width=width)
        search.loop.searched.append(_compared(0.5, case=case))
    full = search.result("", 0.0).trial.verdict
    search.loop.searched = search.loop.searched[: search.requested // 2]
    return full is Verdict.SUPPORTED and search.result("", 0.0).trial.verdict is Verdict.INCONCLUSIVE


def _controls_must_fail_by_their_quantity() -> bool:
    control = Control(
        test="test_probe",
        activation="tanh",
        stratum="sphere",
        verdict="refuted",
        conclusion="fails",
        quantity="another",
    )
    return (
        run_trial(_property(2.0), Plan(0, "control", "tanh", "sphere", control), Request()).trial.as_expected is False
    )


def _a_control_gone_wrong_is_an_error() -> bool:
    def trial(kind: str, *, as_expected: bool | None) -> Trial:
        return Trial(
            property="selftest.py::probe",
            kind=kind,  # type: ignore[arg-type]
            activation="tanh",
            stratum="sphere",
            verdict=Verdict.SUPPORTED,
            requested=1,
            executed=1,
            comparisons=1,
            as_expected=as_expected,
            seconds=0.0,
        )

    def status(*, as_expected: bool) -> int:
        trials = (trial("random", as_expected=None), trial("control", as_expected=as_expected))
        report = ClaimReport(
            id="probe",
            statement="",
            source="",
            quantifier="ALL",
            assumptions=(),
            verdict=Verdict.SUPPORTED,
            trials=trials,
            outcomes=(),
        )
        return int(exit_status([report], named=False))

    return status(as_expected=True) == 0 and status(as_expected=False) == 4


def _cases_add_up() -> bool:
    holds, fails, open_ = _compared(0.5), _compared(2.0), _compared(2.0, refined=0.5)
    return (
        combine([holds] * 9 + [fails]) is Verdict.REFUTED
        and combine([holds] * 10 + [open_]) is Verdict.SUPPORTED
        and combine([holds] * 5 + [open_]) is Verdict.INCONCLUSIVE
        and combine([]) is Verdict.INCONCLUSIVE
    )


def _cases_and_stages_have_weights_of_their_own() -> bool:
    seeds = Seeds(0, "probe")
    other = Case(activation="sin(x)", data=Sphere(2, 2, 0), width=8)
    drawn = {
        seeds.of(_CASE, stage="0"),
        seeds.of(_CASE, stage="1"),
        seeds.of(_CASE, stage="0", replicate=1),
        seeds.of(other, stage="0"),
    }
    return len(drawn) == 4


PROBES: tuple[Callable[[], bool], ...] = (
    _errors_are_compared_with_bounds,
    _numbers_that_are_none_are_errors,
    _failures_need_confirmation,
    _assumptions_keep_a_claim_from_being_refuted,
    _comparisons_without_power_are_not_executed,
    _p_values_that_are_none_are_refused,
    _staged_tests_keep_their_stages,
    _rejections_take_three_samples,
    _calls_are_counted,
    _rates_are_supported_by_whole_intervals,
    _rates_are_refuted_by_three_ladders,
    _errors_of_entries_are_subtracted,
    _searches_that_found_next_to_nothing_are_inconclusive,
    _controls_must_fail_by_their_quantity,
    _a_control_gone_wrong_is_an_error,
    _cases_add_up,
    _cases_and_stages_have_weights_of_their_own,
)
