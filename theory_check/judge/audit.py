"""The judge of one trial: compares, and records an Outcome for each case.

A case is judged once; its verdict is then looked up, so that a search never judges a case twice and stops after a
counted number of executions, not by the clock. Nothing is raised where a conclusion fails: the outcome says so.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from theory_check.case.record import AnyCase, Seeds, canonical_json, case_id
from theory_check.claims.claim import Claim, Unmet
from theory_check.claims.quantity import Quantity, quantity_of
from theory_check.judge.counts_picture import ratios_picture
from theory_check.judge.definiteness import Certificate
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.error_budget import (
    CONFIRMATIONS,
    POWER,
    STAGES,
    ErrorBudget,
    NonFiniteEvidence,
    StagedResult,
    confirmed_test,
    staged_test,
)
from theory_check.judge.evidence import Comparison, Eigenvalue, Evidence, Law, Rate, Ratio, TestedLaw
from theory_check.judge.gaussianity import TestResult, detectable_by_gate
from theory_check.judge.ladder_picture import ladder_picture
from theory_check.judge.non_inferiority import MARGIN, PairedCosts, RatioOfTotals, judge_ratio
from theory_check.judge.plain_numbers import Detail, finite, plain
from theory_check.judge.rates import SUPPORT_CONFIDENCE, RateResult, detectable_departure, replicates_needed_by
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.pictures.picture import Picture
from theory_check.pictures.sketch import Sketch, finished

NOTHING_MEASURED = Quantity(id="nothing", text="none: the measurement failed", kind="error")


@dataclass(frozen=True)
class LawTest:
    """A statement about a distribution: `sample(stage)` draws fresh data and tests it, more of it at later stages.

    name: what is tested, as a quantity of kind "p-value" or a text.
    exact: the p-value is exact, or a bound, in the tail; otherwise three fresh samples must agree to reject.
    least_power: against the alternative that the outcome states; a test with less could not fail and supports nothing.
    sketch: makes the picture of what was drawn, if there is one.
    """

    name: Quantity | str
    exact: bool
    sample: Callable[[int], TestResult]
    least_power: float = 0.0
    sketch: Sketch | None = None

    @property
    def quantity(self) -> Quantity:
        """What its p-value is about."""
        return quantity_of(self.name, "p-value")


class Audit:
    """Judges the cases of one trial.

    A `picture` may be given as such, or as a function that makes it: that is called once the case has been judged, so
    that no picture changes a verdict; where that fails, the outcome says so. By default it is that
    of the comparison or test that decided, of the ladder, or of the ratios.

    A property may judge a case more than once; the first conclusion that fails is kept, else the last.

    Args:
        claim: the claim on trial.
        test: the property that uses this judge, "file.py::function".
        setting: what measurements get; `load` and `seeds` are reached through the judge as well.
        budget: counted calls of statistical tests.
        unmet: says which assumption of the claim a case does not meet, or None.
        defect: name of the planted defect that is active, if any.
        assumption: the one that is broken on purpose, if any.
    """

    def __init__(
        self,
        *,
        claim: Claim,
        test: str,
        setting: Setting,
        budget: ErrorBudget,
        unmet: Callable[[AnyCase], Unmet | None],
        defect: str | None = None,
        assumption: str | None = None,
    ) -> None:
        self.claim = claim
        self.test = test
        self.setting = setting
        self.budget = budget
        self.defect = defect
        self.assumption = assumption
        self._unmet = unmet
        self.judged: dict[str, Outcome] = {}

    @property
    def seeds(self) -> Seeds:
        """The seed rule of the claim."""
        return self.setting.seeds

    def load(self, subject: str) -> Any:
        """The subject of a case from its name, such as an activation from its expression."""
        return self.setting.load(subject)

    # --- the five ways to judge ---------------------------------------------------------------------------------

    def at_most(
        self,
        case: AnyCase,
        *discrepancies: Discrepancy,
        confirm: Callable[[], tuple[Discrepancy, ...]] | None = None,
        picture: Picture | Sketch | None = None,
    ) -> Outcome:
        """Every measured error is within its derived bound (ALL claims).

        A comparison whose bound exceeds 1 % of its scale is not executed. A failure is refuted only if `confirm`,
        the same measurement with refined numerics, fails in the same quantity as well.
        """
        if not discrepancies:
            raise ValueError("a claim needs at least one comparison, got none")
        broken = self._not_finite(case, discrepancies)
        if broken is not None:
            return broken
        executed = [d for d in discrepancies if not d.powerless]
        failing = [d for d in executed if d.error > d.bound]
        worst = max(failing or executed or discrepancies, key=lambda d: d.share)
        reason = ""
        if failing and confirm is not None:
            refined = confirm()
            broken = self._not_finite(case, refined)
            if broken is not None:
                return broken
            still = {d.quantity for d in refined if not d.powerless and d.error > d.bound}
            confirmed = [d for d in failing if d.quantity in still]
            worst = max(confirmed or failing, key=lambda d: d.share)
            failing = confirmed
            reason = "" if confirmed else "a failure was not confirmed with refined numerics"
        if failing:
            conclusion = Conclusion.FAILS
        elif len(executed) == len(discrepancies) and not reason:
            conclusion = Conclusion.HOLDS
        else:
            conclusion = Conclusion.UNDECIDED
            reason = reason or next(d.powerless for d in discrepancies if d.powerless)
        return self.record(
            case,
            conclusion,
            quantity=worst.quantity,
            measured=worst.error,
            bound=worst.bound,
            ratio=worst.share,
            reason=reason,
            evidence=Comparison(scale=finite(worst.scale), numbers=plain(worst.details)),
            comparisons=len(executed),
            picture=picture or worst.sketch or next((d.sketch for d in discrepancies if d.sketch), None),
        )

    def law(
        self, case: AnyCase, *tests: LawTest, unusable: str = "", picture: Picture | Sketch | None = None
    ) -> Outcome:
        """No test rejects its law at this audit's level (LAW claims); exact tails are staged, others confirmed.

        Of each test the outcome says what it could have seen (`detectable_by_gate`). `unusable` says why the case's
        data cannot be tested: it is then inconclusive.

        Raises:
            NonFiniteEvidence: a statistic is NaN, or a p-value no number in [0, 1].
            ValueError: no test, one whose power is not known, or an approximate one that is declared exact.
        """
        if unusable:
            return self.not_executed(case, tests[0].quantity, unusable)
        seen: list[TestedLaw] = []
        level = 0.0
        worst: tuple[float, LawTest, StagedResult] | None = None
        powerless = ""
        for test in tests:
            level = self.budget.spend()
            drawn: list[TestResult] = []

            def p_value(stage: int, test: LawTest = test, drawn: list[TestResult] = drawn) -> float:
                drawn.append(_usable(test, test.sample(stage)))
                return drawn[-1].p_value

            result = staged_test(p_value, level) if test.exact else confirmed_test(p_value, level)
            seen.append(_tested(test, result, drawn, level))
            if seen[-1].power < test.least_power:
                powerless = (
                    f"underpowered: {test.quantity.text} sees a {seen[-1].alternative} "
                    f"with probability {seen[-1].power:.2g}"
                )
            share = max(_level_share(result, exact=test.exact), 1.0 if result.rejected else 0.0)
            if worst is None or result.rejected or share > worst[0]:
                worst = share, test, result
            if result.rejected:
                break
        if worst is None:
            raise ValueError("a law needs at least one test, got none")
        share, test, result = worst
        settled = Conclusion.UNDECIDED if powerless else Conclusion.HOLDS
        return self.record(
            case,
            Conclusion.FAILS if result.rejected else settled,
            reason="" if result.rejected else powerless,
            quantity=test.quantity,
            measured=result.p_values[-1],
            bound=result.level,
            ratio=share,
            evidence=Law(level=level, tests=tuple(seen)),
            comparisons=len(tests),
            picture=picture or test.sketch or next((t.sketch for t in tests if t.sketch), None),
        )

    def rate(
        self,
        case: AnyCase,
        quantity: Quantity | str,
        ladder: Callable[[int], RateResult],
        *,
        expected: float,
        margin: float,
        unusable: str = "",
        details: Mapping[str, Detail] | None = None,
        picture: Picture | Sketch | None = None,
    ) -> Outcome:
        """A slope over a ladder is the stated one, or at least as steep (RATE claims).

        `ladder(k)` measures the k-th fresh ladder. The first supports; a refutation takes three that agree, since
        the tail of their p-values is approximate. `unusable` as in `law`.

        Raises:
            NonFiniteEvidence: a slope, its standard error or its p-value is not finite.
        """
        if unusable:
            return self.not_executed(case, quantity_of(quantity, "slope"), unusable)
        level = self.budget.spend()
        first = _finite_rate(ladder(0))
        conclusion = Conclusion.HOLDS
        if first.verdict is not Verdict.SUPPORTED:
            confirmed = confirmed_test(lambda k: (first if k == 0 else _finite_rate(ladder(k))).p_value, level)
            conclusion = Conclusion.FAILS if confirmed.rejected else Conclusion.UNDECIDED
        needed = replicates_needed_by(first, margin)
        return self.record(
            case,
            conclusion,
            quantity=quantity_of(quantity, "slope"),
            measured=first.slope,
            bound=expected + margin,
            ratio=None,
            reason="" if conclusion is Conclusion.HOLDS else first.reason,
            evidence=Rate(
                expected=expected,
                margin=margin,
                low=finite(first.interval[0]),
                high=finite(first.interval[1]),
                constant=finite(first.constant),
                replicates=first.replicates,
                replicates_needed=needed,
                power=POWER,
                detectable=finite(detectable_departure(first, level)),
                level=level,
                sizes=tuple(map(float, first.sizes)),
                values=tuple(map(float, first.values)),
                numbers=plain(details or {}),
            ),
            comparisons=first.rungs,
            picture=picture or (lambda: ladder_picture(quantity_of(quantity, "slope"), first, expected)),
        )

    def non_inferior(
        self,
        case: AnyCase,
        quantity: Quantity | str,
        sample: Callable[[int], PairedCosts],
        *,
        larger: Callable[[int], PairedCosts] | None = None,
        unusable: str = "",
        picture: Picture | Sketch | None = None,
    ) -> Outcome:
        """The subject's total cost over networks is at most 1.05 times the reference's (RATE claims).

        `sample(k)` measures the k-th fresh sample. The first supports; a refutation takes three that agree, since the
        tail of their p-values is approximate. Where they decide nothing, three of `larger` are judged in their place,
        with a call of the budget of their own. `unusable` as in `law`; a sample may say so too.
        """
        measured = None if unusable else sample(0)
        unusable = unusable or (measured.unusable if measured else "")
        if unusable or measured is None:
            return self.not_executed(case, quantity_of(quantity, "ratio"), unusable)
        found = self._ratio(measured, sample)
        if larger is not None and found[0] is Conclusion.UNDECIDED:
            measured = larger(0)
            found = self._ratio(measured, larger)
        conclusion, first, level = found
        low, high = first.interval
        seen = f"ratio {first.ratio:.4g}, interval [{low:.4g}, {high:.4g}]"
        return self.record(
            case,
            conclusion,
            quantity=quantity_of(quantity, "ratio"),
            measured=first.ratio,
            bound=1 + MARGIN,
            ratio=None,
            reason=f"no difference: {seen} within {MARGIN:.0%}" if first.no_difference else seen,
            evidence=Ratio(
                low=finite(low),
                high=finite(high),
                confidence=SUPPORT_CONFIDENCE,
                no_difference=first.no_difference,
                networks=first.networks,
                p_value=finite(first.p_value),
                level=level,
                subject_mean=float(measured.subject.mean()),
                reference_mean=float(measured.reference.mean()),
                predicted=finite(measured.predicted),
                power=POWER,
                refuted_from=finite(first.refuted_from),
                supported_to=finite(first.supported_to),
                numbers=plain(measured.details),
            ),
            comparisons=first.networks,
            picture=picture or measured.sketch or (lambda: ratios_picture(str(quantity), measured, first)),
        )

    def _ratio(
        self, measured: PairedCosts, sample: Callable[[int], PairedCosts]
    ) -> tuple[Conclusion, RatioOfTotals, float]:
        """One call of the budget, spent on samples of which the first is given: conclusion, what it says, the level."""
        level = self.budget.spend()
        each = level ** (1 / CONFIRMATIONS)
        # All three have to refute, so that each needs the cube root of the power.
        first = judge_ratio(measured.subject, measured.reference, refute_level=each, power=POWER ** (1 / CONFIRMATIONS))
        if first.verdict is Verdict.SUPPORTED:
            return Conclusion.HOLDS, first, level

        def p_value(k: int) -> float:
            if k == 0:
                return first.p_value
            fresh = sample(k)
            # A sample that says nothing rejects nothing.
            return 1.0 if fresh.unusable else judge_ratio(fresh.subject, fresh.reference, refute_level=each).p_value

        rejected = confirmed_test(p_value, level).rejected
        return Conclusion.FAILS if rejected else Conclusion.UNDECIDED, first, level

    def positive_definite(
        self,
        case: AnyCase,
        quantity: Quantity | str,
        certificate: Certificate,
        details: Mapping[str, Detail],
        *,
        picture: Picture | Sketch | None = None,
    ) -> Outcome:
        """The smallest eigenvalue is certified positive.

        Positive-definiteness of a Gram matrix is never refuted by rounding: where the assumptions hold, a matrix that
        is singular to rounding is inconclusive; where they do not, it is the expected failure of the conclusion. An
        error bound that is not small beside the matrix shows neither (`Certificate.singular`), and decides nothing.

        Raises:
            NonFiniteEvidence: a number is none, or a proof rests on one that is not finite.
        """
        numbers = [certificate.estimate, certificate.error_bound, certificate.mean_diagonal]
        # A lower bound of -inf says that nothing is proved.
        if certificate.certified or certificate.lower_bound != -math.inf:
            numbers.append(certificate.lower_bound)
        if not all(map(math.isfinite, numbers)):
            raise NonFiniteEvidence(f"{quantity}: not finite: {certificate}")
        if certificate.certified:
            conclusion, reason = Conclusion.HOLDS, ""
        elif certificate.indefinite:
            conclusion, reason = Conclusion.FAILS, "an exact vector proves that it is not positive definite"
        elif certificate.singular and self._unmet(case):
            conclusion, reason = Conclusion.FAILS, "singular to rounding"
        elif certificate.singular:
            conclusion = Conclusion.UNDECIDED
            reason = "uninformative: the smallest eigenvalue is within rounding of zero"
        else:
            conclusion, reason = Conclusion.UNDECIDED, f"uninformative: {certificate.open_because}"
        holds = conclusion is Conclusion.HOLDS
        return self.record(
            case,
            conclusion,
            quantity=quantity_of(quantity, "eigenvalue"),
            measured=certificate.lower_bound if holds else certificate.estimate,
            bound=certificate.error_bound,
            ratio=certificate.error_bound / certificate.estimate if certificate.estimate > 0 else None,
            reason=reason,
            evidence=Eigenvalue(estimate=float(certificate.estimate), numbers=plain(details)),
            picture=picture,
        )

    # --- records ------------------------------------------------------------------------------------------------

    def not_executed(self, case: AnyCase, quantity: Quantity | str, reason: str) -> Outcome:
        """Record that nothing could be compared, and why."""
        return self.record(
            case,
            Conclusion.UNDECIDED,
            quantity=quantity,
            measured=None,
            bound=None,
            ratio=None,
            reason=reason,
            comparisons=0,
        )

    def _not_finite(self, case: AnyCase, discrepancies: tuple[Discrepancy, ...]) -> Outcome | None:
        """The outcome where a number to be compared is none: `nan > bound` is False, a silent pass."""
        for d in discrepancies:
            if not all(map(math.isfinite, (d.error, d.bound, d.scale or 0.0))):
                return self.error(case, f"{d.quantity}: not finite: error {d.error}, bound {d.bound}, scale {d.scale}")
        return None

    def error(self, case: AnyCase, reason: str) -> Outcome:
        """The case could not be measured; the reason stays on one line.

        Where an assumption is not met (a derivative that is infinite, say) the conclusion is undecided, no error.
        """
        unmet = self._unmet(case)
        return self._store(
            Outcome(
                **self._names(case),
                verdict=Verdict.ASSUMPTIONS_NOT_MET if unmet else Verdict.ERROR,
                conclusion=Conclusion.UNDECIDED,
                quantity=NOTHING_MEASURED,
                unmet=unmet,
                reason=" ".join(reason.split()),
                comparisons=0,
            )
        )

    def record(
        self,
        case: AnyCase,
        conclusion: Conclusion,
        *,
        quantity: Quantity | str,
        measured: float | None,
        bound: float | None,
        ratio: float | None,
        reason: str = "",
        evidence: Evidence | None = None,
        comparisons: int = 1,
        picture: Picture | Sketch | None = None,
    ) -> Outcome:
        """Turn a conclusion into a verdict under the claim's assumptions.

        Raises:
            NonFiniteEvidence: `measured` or `bound` is not finite, or `ratio` is NaN (it is infinite for a bound of 0).
        """
        if not all(math.isfinite(value) for value in (measured, bound) if value is not None):
            raise NonFiniteEvidence(f"{quantity}: not finite: measured {measured}, bound {bound}")
        if ratio is not None and math.isnan(ratio):
            raise NonFiniteEvidence(f"{quantity}: the ratio of measured {measured} and bound {bound} is NaN")
        unmet = self._unmet(case)
        if unmet is not None:
            verdict = Verdict.ASSUMPTIONS_NOT_MET
        else:
            verdict = {
                Conclusion.HOLDS: Verdict.SUPPORTED,
                Conclusion.FAILS: Verdict.REFUTED,
                Conclusion.UNDECIDED: Verdict.INCONCLUSIVE,
            }[conclusion]
        shown, problem = finished(picture)
        outcome = Outcome(
            **self._names(case),
            verdict=verdict,
            conclusion=conclusion,
            quantity=quantity_of(quantity, "error"),
            measured=finite(measured),
            bound=finite(bound),
            ratio=finite(ratio),
            unmet=unmet,
            reason=reason,
            evidence=evidence,
            picture_problem=problem,
            comparisons=comparisons,
            picture=shown,
        )
        return self._store(outcome)

    def _names(self, case: AnyCase) -> dict[str, Any]:
        return {
            "claim": self.claim.id,
            "test": self.test,
            "case_id": case_id(self.claim.id, case, test=self.test, defect=self.defect, assumption=self.assumption),
            "case": case,
            "seed": self.seeds.root,
            "defect": self.defect,
            "assumption": self.assumption,
        }

    def _store(self, outcome: Outcome) -> Outcome:
        key = canonical_json(outcome.case)
        earlier = self.judged.get(key)
        if earlier is not None and earlier.conclusion is Conclusion.FAILS:
            return earlier
        self.judged[key] = outcome
        return outcome


def _usable(test: LawTest, result: TestResult) -> TestResult:
    """A result that may be judged: what it says is a number, and its tail suits the way it is judged."""
    # Finite samples whose squares overflow give an infinite statistic and p = 0, which is evidence.
    if math.isnan(result.statistic):
        raise NonFiniteEvidence(f"{test.name}: the statistic of {result.name} is NaN")
    if test.exact and result.tail == "approximate":
        raise ValueError(f"{test.name}: {result.name} is approximate in the tail, so it must be confirmed, not staged")
    return result


def _tested(test: LawTest, result: StagedResult, drawn: list[TestResult], level: float) -> TestedLaw:
    """What a test saw, and could have seen, in a call of the budget at this level."""
    seen = detectable_by_gate(drawn[0], level, confirmed=not test.exact)
    return TestedLaw(
        quantity=test.quantity,
        p_value=result.p_values[-1],
        samples=sum(d.samples for d in drawn),
        level=seen.level,
        alternative=seen.alternative,
        power=seen.power,
        effect=seen.effect,
        smallest_detectable=finite(seen.smallest_detectable),
        numbers=plain(drawn[-1].numbers),
    )


def _finite_rate(result: RateResult) -> RateResult:
    """The same, once its numbers are known to be finite; whatever verdict came with them."""
    numbers = {"slope": result.slope, "standard error": result.standard_error, "p-value": result.p_value}
    if not all(map(math.isfinite, numbers.values())):
        raise NonFiniteEvidence(f"a ladder is not finite: {numbers}")
    return result


def _level_share(result: StagedResult, *, exact: bool) -> float:
    """Share of the level that was used, on a log scale: 1 where a test rejects, below it where it does not."""
    # A staged test rejects at its first stage once p <= level / stages; the other needs three p <= level^(1/3).
    limit = math.log(result.level / STAGES) if exact else math.log(result.level) / CONFIRMATIONS
    shares = [math.log(max(p, 5e-324)) / limit for p in result.p_values]
    return max(shares) if exact else sum(min(share, 1.0) for share in shares) / CONFIRMATIONS
