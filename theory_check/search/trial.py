"""One claim on trial against one subject: a Hypothesis search, counted, shrunk and summed up.

`run_trial` runs one of the trials that `plan.py` plans, and `judge_case` judges a single given case: that is how a
report is replayed.
"""

import math
import time
from collections.abc import Mapping

import msgspec
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck, HypothesisException, Unsatisfiable

from theory_check.case.record import AnyCase, Seeds, canonical_json
from theory_check.claims.claim import Control, Unmet
from theory_check.claims.paper import paper_on_trial
from theory_check.judge.audit import Audit
from theory_check.judge.error_budget import BudgetExceeded, ErrorBudget
from theory_check.judge.profile import DECLARED_CALLS, FALSE_ALARM_RATE
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Conclusion, Outcome, Verdict, ablation, combine
from theory_check.reporting.records import Trial
from theory_check.search.coverage import PATIENCE, Coverage
from theory_check.search.found import Found, decode, encode
from theory_check.search.hypothesis_internals import reproducible_draws, strategies_of
from theory_check.search.loop import Enough, Fails, Loop
from theory_check.search.plan import Plan, cases_of, record_name
from theory_check.search.property import Property
from theory_check.search.request import Request
from theory_check.search.store import Store
from theory_check.search.trial_record import CarriedCases, TrialRecord

EXECUTED_SHARE = 0.9


def run_trial(prop: Property, plan: Plan, request: Request, store: Store | CarriedCases | None = None) -> Found:
    """Search the plan's part of the space of cases for a failure of the claim's conclusion.

    With a store, what is judged is kept there as it is reached, and what it holds is not judged again.
    """
    start = time.perf_counter()
    record = TrialRecord(store, record_name(prop, plan))
    finished = record.finished()
    if finished is not None:
        return decode(finished)
    search = Search(prop, plan, request, record)
    paper = paper_on_trial()
    reason = ""
    with paper.narrowed(plan, request) as search.further_classes, paper.planted(plan.defect), reproducible_draws():
        try:
            search.run()
        except (Fails, Enough):
            pass
        except (Unsatisfiable, FailedHealthCheck) as problem:
            reason = f"too few cases: {' '.join(str(problem).split())[:200]}"
        except (BudgetExceeded, _AnotherCase) as problem:
            search.broken = str(problem)
    search.judge_without_defect()
    found = search.result(reason, time.perf_counter() - start)
    record.finish(encode(found))
    return msgspec.structs.replace(found, store_problem=record.problem)


def judge_case(
    prop: Property, case: AnyCase, request: Request, defect: str | None = None, assumption: str | None = None
) -> Outcome:
    """Judge one given case by a property, in the same way as a trial does."""
    audit = _audit(prop, request, defect, assumption)
    with paper_on_trial().planted(defect):
        return _judge(prop, audit, case)


def _audit(prop: Property, request: Request, defect: str | None, assumption: str | None = None) -> Audit:
    paper = paper_on_trial()

    def unmet(case: AnyCase) -> Unmet | None:
        found = paper.unmet(prop.claim, case, prop.assumptions, request)
        if found is None and assumption is not None and assumption in paper.assumptions and defect is not None:
            return Unmet(paper.assumptions[assumption], paper.defects()[defect].description)
        return found

    return Audit(
        claim=prop.claim,
        test=prop.name,
        setting=Setting(
            Seeds(request.seed, prop.claim.id), request.profile, request.load, request.load_model, request.device
        ),
        budget=ErrorBudget(FALSE_ALARM_RATE, DECLARED_CALLS),
        unmet=unmet,
        defect=defect,
        assumption=assumption,
    )


def _judge(prop: Property, audit: Audit, case: AnyCase) -> Outcome:
    """Run the body of a property on a case; a measurement that fails is an outcome too."""
    body = prop.function.hypothesis.inner_test  # type: ignore[attr-defined]
    try:
        body(case=case, audit=audit)
    except (BudgetExceeded, HypothesisException):
        raise
    except Exception as problem:  # noqa: BLE001 - whatever a measurement raises is the error verdict of its case
        audit.error(case, f"{type(problem).__name__}: {problem}")
    return audit.judged.get(canonical_json(case)) or audit.error(case, "the property judged nothing")


class _AnotherCase(BaseException):  # noqa: N818, RUF100 - no Exception: Hypothesis must not take it for a failing case
    """A strategy drew what the trial is not about: its verdict would be put down to something else."""


def _check_drawn(case: object, plan: Plan, request: Request) -> None:
    paper = paper_on_trial()
    if not isinstance(case, paper.case):
        raise _AnotherCase(f"the strategy must draw cases ({_name_of(paper.case)}), it drew {type(case).__name__}")
    what = paper.mismatch(case, plan, request)
    if what:
        raise _AnotherCase(f"the strategy drew {what}: draw cases from theory_check.cases, or name neither")


def _name_of(record: type) -> str:
    """What its users call it."""
    return "theory_check.Case" if record.__module__.startswith("theory_check.") else record.__qualname__


class Search:
    """One trial while it runs: its judge, its search, and what was found."""

    def __init__(self, prop: Property, plan: Plan, request: Request, record: TrialRecord) -> None:
        self.prop, self.plan, self.request, self.record = prop, plan, request, record
        self.requested = math.ceil(cases_of(plan, prop, request) / plan.search[1])
        self.audit = _audit(prop, request, plan.defect, plan.departure.assumption if plan.departure else None)
        # Where a failure is expected the simplest case that shows it is wanted, not one of each class.
        covered = paper_on_trial().enumerated if plan.kind in {"random", "named"} else None
        self.coverage = None if covered is None else Coverage(self.requested, covered, plan.position)
        self.loop: Loop[AnyCase, Outcome] = Loop(
            requested=self.requested,
            shrink_calls=math.ceil(request.profile.shrink_calls * min(1.0, prop.share)),
            key=self._key,
            judge=lambda case, key: self._judged(self.audit, case, key),
            fails=lambda outcome: outcome.conclusion is Conclusion.FAILS,
            takes=self._takes,
        )
        self.further_classes: Mapping[str, Mapping[str, str]] = {}
        self.without_defect: Outcome | None = None
        self.calls_without_defect = 0
        self.broken = ""

    @property
    def minimal(self) -> Outcome | None:
        """That of the smallest failing case."""
        return self.loop.minimal

    def run(self) -> None:
        """Draw and judge, until a case fails and has been made small, or all have been judged."""
        # More than the number asked for: draws may repeat a case, or be of a class that has had its share.
        most = (2 * PATIENCE + 2 if self.coverage else 2) * self.requested
        seed = f"{self.request.seed}\0{self.prop.claim.id}\0{self.prop.name}\0{self.plan.name}"
        if self.loop.run(strategies_of(self.prop.function), seed, most=most):
            if self.loop.passed_over and len(self.loop.searched) < self.requested:
                self.coverage = None  # of so few cases all are judged, whatever their classes
                others = st.sampled_from(list(self.loop.passed_over.values()))
                self.loop.run({"case": others}, seed, most=most)
            # A case that the property rejected is there, and was not judged.
            self.requested = min(self.requested, len(self.loop.drawn))

    def _key(self, case: AnyCase) -> str:
        _check_drawn(case, self.plan, self.request)
        return canonical_json(case)

    def _takes(self, case: AnyCase) -> bool:
        return self.coverage is None or self.coverage.takes(paper_on_trial().sizes(case))

    def _judged(self, audit: Audit, case: AnyCase, key: str, variant: str = "") -> Outcome:
        """The outcome of a case that is new to the search: from the record where it was judged earlier."""
        recalled = self.record.recall(key, variant)
        if recalled is not None:
            audit.judged[key] = recalled[0]
            audit.budget.restore(recalled[1])
            return recalled[0]
        before = audit.budget.calls
        outcome = _judge(self.prop, audit, case)
        self.record.keep(outcome, audit.budget.calls - before, key, variant)
        return outcome

    def judge_without_defect(self) -> None:
        """What killed a planted defect must hold for the right code: else the property is at fault, not the defect."""
        if self.plan.control is None or self.plan.defect is None or self.minimal is None:
            return
        audit = _audit(self.prop, self.request, None)
        case = self.minimal.case
        self.without_defect = self._judged(audit, case, canonical_json(case), "without the defect")
        self.calls_without_defect = audit.budget.calls

    def result(self, reason: str, seconds: float) -> Found:
        """What was found, as it goes into the report."""
        outcomes = list(self.loop.searched)
        if self.minimal is not None and self.minimal not in outcomes:
            outcomes.append(self.minimal)
        executed = len(self.loop.searched)
        verdict = _trial_verdict(outcomes)
        if verdict is not Verdict.REFUTED and not self.loop.failed and executed < EXECUTED_SHARE * self.requested:
            reason = reason or f"too few cases: {executed} of {self.requested}"
            verdict = Verdict.ERROR if verdict is Verdict.ERROR else Verdict.INCONCLUSIVE
        if self.broken:
            verdict, reason = Verdict.ERROR, self.broken
        control, conclusion = self.plan.control, ablation(outcomes)
        note = paper_on_trial().note(self.prop.claim, self.plan, self.request)
        reason = "; ".join(part for part in (note, reason) if part)
        if control and self.without_defect is not None and self.without_defect.conclusion is not Conclusion.HOLDS:
            reason = f"without the defect the conclusion is {self.without_defect.conclusion} in the same case"
        trial = Trial(
            property=self.prop.name,
            kind=self.plan.kind,
            activation=self.plan.activation,
            stratum=self.plan.stratum,
            search=msgspec.UNSET if self.plan.search == (1, 1) else "{}/{}".format(*self.plan.search),
            verdict=verdict,
            conclusion=conclusion,
            requested=self.requested,
            executed=executed,
            held=sum(outcome.conclusion is Conclusion.HOLDS for outcome in self.loop.searched),
            comparisons=sum(outcome.comparisons for outcome in outcomes),
            shrink_calls=self.loop.shrinks,
            minimal=self.minimal.case_id if self.minimal else None,
            reason=reason or _reason(outcomes, verdict, conclusion),
            defect=self.plan.defect,
            subtle=self.plan.defect is not None and paper_on_trial().defects()[self.plan.defect].subtle,
            departure=self.plan.departure.words if self.plan.departure else None,
            assumption=self.plan.departure.assumption if self.plan.departure else None,
            expected_verdict=Verdict(control.verdict) if control else None,
            expected_conclusion=_expected_conclusion(control) if control else None,
            as_expected=self._as_expected(control, verdict) if control else None,
            coverage=self._coverage(outcomes),
            worst_ratio=max((o.ratio for o in outcomes if o.ratio is not None), default=None),
            seconds=seconds,
        )
        return Found(
            claim=self.prop.claim,
            position=self.plan.position,
            trial=trial,
            outcomes=_with_one_picture(outcomes, self.minimal),
            test_calls=self.audit.budget.calls + self.calls_without_defect,
        )

    def _coverage(self, outcomes: list[Outcome]) -> dict[str, dict[str, int]]:
        """Comparisons by the class of their case."""
        found: dict[str, dict[str, int]] = {}
        for outcome in outcomes:
            case = outcome.case
            further = self.further_classes.get(canonical_json(case), {})
            classes = {**paper_on_trial().classes(case, self.request), **further}
            for dimension, name in classes.items():
                counts = found.setdefault(dimension, {})
                counts[name] = counts.get(name, 0) + outcome.comparisons
        return found

    def _as_expected(self, control: Control, verdict: Verdict) -> bool:
        if verdict != control.verdict:
            return False
        if control.conclusion == "holds":
            return self.minimal is None
        if self.without_defect is not None and self.without_defect.conclusion is not Conclusion.HOLDS:
            return False
        return self.minimal is not None and self.minimal.quantity.is_called(control.quantity)


def _with_one_picture(outcomes: list[Outcome], minimal: Outcome | None) -> tuple[Outcome, ...]:
    """The same outcomes, where one keeps its picture: the minimal failing case, else the one closest to its bound."""
    pictured = [outcome for outcome in outcomes if outcome.picture is not None]
    shown = minimal if minimal in pictured else max(pictured, key=lambda o: o.ratio or 0.0, default=None)
    return tuple(o if o is shown else msgspec.structs.replace(o, picture=None) for o in outcomes)


def _reason(outcomes: list[Outcome], verdict: Verdict, conclusion: Conclusion | None) -> str:
    """The last reason given for the verdict, in a case whose conclusion is that of the trial where there is one."""
    given = [o for o in reversed(outcomes) if o.verdict is verdict and o.why]
    telling = [o for o in given if o.conclusion is conclusion]
    return next((o.why for o in telling + given), "")


def _trial_verdict(outcomes: list[Outcome]) -> Verdict:
    if outcomes and all(o.verdict is Verdict.ASSUMPTIONS_NOT_MET for o in outcomes):
        return Verdict.ASSUMPTIONS_NOT_MET
    return combine(outcomes)


def _expected_conclusion(control: Control) -> Conclusion | None:
    """What `ablation` gives: only cases that do not meet the assumptions have a conclusion of their own."""
    return Conclusion(control.conclusion) if control.verdict == "assumptions-not-met" else None
