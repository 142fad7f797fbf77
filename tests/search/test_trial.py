"""One claim on trial: what is searched, counted, shrunk and said, on properties whose answer is known."""

import datetime as dt
import importlib.util
import math
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hypothesis
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from theory_check import Audit, Case, Claim, checks
from theory_check.case.record import canonical_json
from theory_check.claims.claim import planted_controls
from theory_check.judge.audit import LawTest
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.gaussianity import TestResult as LawResult
from theory_check.judge.profile import PROFILES
from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.neural_ode.case import Sphere
from theory_check.neural_ode.claims.quantities import EIGENVALUE
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.neural_ode.claims.vocabulary import Assumption
from theory_check.neural_ode.paper import AS_DRAWN, PLAIN_INSTEAD
from theory_check.neural_ode.strategies import cases, smooth_activations
from theory_check.runs.assembly import assemble
from theory_check.search.found import Found, decode, encode
from theory_check.search.hypothesis_internals import reproducible_draws
from theory_check.search.plan import Plan, plans, plans_of
from theory_check.search.property import Property, property_of
from theory_check.search.request import Request
from theory_check.search.trial import judge_case, run_trial

QUICK = PROFILES["quick"]
GATE = PROFILES["gate"]
REQUEST = Request()
RANDOM = Plan(0, "random", "random", "sphere")
Body = Callable[[Case, Audit], None]


def numbered(most: int = 10_000) -> st.SearchStrategy[Case]:
    """Cases that carry one number; they shrink towards 1."""
    return st.integers(1, most).map(lambda n: Case(activation="tanh(x)", data=Sphere(1, 2, n), width=1))


def number(case: Case) -> int:
    """The number that a case carries."""
    assert isinstance(case.data, Sphere)
    return case.data.seed


def own(
    body: Body, cases: st.SearchStrategy[Case] | None = None, *assumptions: Assumption, share: float = 1.0
) -> Property:
    """A property of a claim of one's own."""
    claim = Claim(
        id="own",
        statement="Numbers are small.",
        source="this test",
        quantifier="ALL",
        assumptions=assumptions,
        strata=("sphere",),
        controls=(),
    )

    @checks(claim, share=share)
    @given(case=numbered() if cases is None else cases)
    def test_numbers_are_small(case: Case, audit: Audit) -> None:
        """The body is the test's."""
        body(case, audit)

    found = property_of(test_numbers_are_small)
    assert found is not None
    return found


def at_most(limit: int) -> Body:
    """Fails for numbers above `limit`."""
    return lambda case, audit: audit.at_most(case, Discrepancy("number", float(number(case)), float(limit)))


def holds(case: Case, audit: Audit) -> None:
    """Fails for none."""
    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))


def status(*found: Found) -> int:
    """The exit status of an audit that found this."""
    report = assemble(found, request=REQUEST, command="", started=dt.datetime.now(dt.UTC), seconds=0.0)
    return report.exit_status


def without_seconds(found: Found) -> Found:
    """All that two runs of one trial have in common."""
    return msgspec.structs.replace(found, trial=msgspec.structs.replace(found.trial, seconds=0.0))


def test_a_claim_that_holds_is_supported_by_as_many_cases_as_were_asked_for() -> None:
    """The counts are those of the profile, scaled by the property's share."""
    found = run_trial(own(holds), RANDOM, REQUEST)
    trial = found.trial
    assert (trial.verdict, trial.requested, trial.executed) == ("supported", QUICK.examples, QUICK.examples)
    assert (trial.comparisons, trial.shrink_calls, trial.minimal) == (QUICK.examples, 0, None)
    assert len({outcome.case_id for outcome in found.outcomes}) == QUICK.examples
    assert run_trial(own(holds, share=0.5), RANDOM, REQUEST).trial.executed == QUICK.examples // 2


def test_a_random_trial_has_more_than_the_simplest_case() -> None:
    """However small the share: the first case of a search is always the simplest, so one more is drawn."""
    found = run_trial(own(holds, share=0.001), RANDOM, REQUEST)
    assert (found.trial.verdict, found.trial.requested, found.trial.executed) == ("supported", 2, 2)
    assert len({outcome.case.activation for outcome in found.outcomes} | {o.case.data for o in found.outcomes}) > 2
    assert run_trial(own(holds, share=0.001), Plan(0, "named", "tanh", "sphere"), REQUEST).trial.executed == 1
    assert status(found) == 0


def test_the_random_phi_that_gave_way_are_counted() -> None:
    """A search that was narrowed says by how much, in its coverage; a trial that names its phi was not."""
    strategy = cases(smooth_activations(), suited=lambda phi: math.isfinite(phi.supremum))
    prop = own(holds, strategy)
    counts = run_trial(prop, RANDOM, REQUEST).trial.coverage["random phi"]
    assert set(counts) == {AS_DRAWN, PLAIN_INSTEAD}
    assert sum(counts.values()) == QUICK.examples
    outcomes = run_trial(prop, RANDOM, REQUEST).outcomes
    plain = sum(o.case.activation == "softplus(x)" for o in outcomes)
    assert counts[PLAIN_INSTEAD] == plain > 0
    for other, plan in ((own(holds, cases()), RANDOM), (prop, Plan(0, "named", "tanh", "sphere"))):
        assert "random phi" not in run_trial(other, plan, REQUEST).trial.coverage


def test_a_counterexample_is_found_and_shrunk_and_no_case_is_judged_twice() -> None:
    """The minimal case is the smallest number that fails; every execution is counted, once."""
    runs: Counter[str] = Counter()

    def body(case: Case, audit: Audit) -> None:
        runs[canonical_json(case)] += 1
        at_most(37)(case, audit)

    found = run_trial(own(body), RANDOM, REQUEST)
    trial = found.trial
    assert (trial.verdict, status(found)) == ("refuted", 1)
    minimal = next(outcome for outcome in found.outcomes if outcome.case_id == trial.minimal)
    assert (number(minimal.case), minimal.measured, minimal.bound, minimal.conclusion) == (38, 38.0, 37.0, "fails")
    assert set(runs.values()) == {1}
    assert sum(runs.values()) == trial.executed + trial.shrink_calls
    assert 0 < trial.shrink_calls <= QUICK.shrink_calls


@pytest.mark.parametrize("cap", [0, 1, 5])
def test_shrinking_ends_after_a_counted_number_of_executions(cap: int) -> None:
    """Whatever was reached by then is reported, and it does fail."""
    runs = 0

    def body(case: Case, audit: Audit) -> None:
        nonlocal runs
        runs += 1
        at_most(37)(case, audit)

    request = Request(profile=msgspec.structs.replace(QUICK, shrink_calls=cap))
    trial = run_trial(own(body), RANDOM, request).trial
    assert (trial.verdict, trial.shrink_calls) == ("refuted", cap)
    assert runs == trial.executed + cap
    assert trial.minimal is not None


def test_a_broken_assumption_never_refutes() -> None:
    """The same failure is reported as assumptions not met, conclusion fails; named by the user it is exit status 1."""
    prop = own(at_most(37), None, "wide")
    random, named = (run_trial(prop, Plan(0, kind, "tanh", "sphere"), REQUEST) for kind in ("random", "named"))
    for found in (random, named):
        assert (found.trial.verdict, found.trial.conclusion) == ("assumptions-not-met", "fails")
        assert "the width is large (8 or more): width 1" in found.trial.reason
    asked = Request(activations=("tanh",))
    report = assemble([named], request=asked, command="", started=dt.datetime.now(dt.UTC), seconds=0.0)
    assert report.exit_status == 1
    assert status(random) == 3


def test_a_measurement_that_raises_is_an_error() -> None:
    """The error is an outcome of its case, in one line, and the audit ends with status 4."""

    def body(case: Case, audit: Audit) -> None:
        if number(case) % 2:
            raise ArithmeticError("lost\n all  digits")
        holds(case, audit)

    found = run_trial(own(body), RANDOM, REQUEST)
    assert (found.trial.verdict, found.trial.executed, status(found)) == ("error", QUICK.examples, 4)
    assert found.trial.reason == "ArithmeticError: lost all digits"
    errors = [outcome for outcome in found.outcomes if outcome.verdict is Verdict.ERROR]
    assert errors
    assert all(o.conclusion is Conclusion.UNDECIDED and o.comparisons == 0 and number(o.case) % 2 for o in errors)


def test_a_refutation_after_an_error_wins() -> None:
    """An error does not end the search."""

    def body(case: Case, audit: Audit) -> None:
        if number(case) == 1:  # what Hypothesis tries first
            raise ArithmeticError
        at_most(37)(case, audit)

    found = run_trial(own(body), RANDOM, REQUEST)
    assert found.outcomes[0].verdict is Verdict.ERROR
    assert (found.trial.verdict, status(found)) == ("refuted", 1)
    assert [number(o.case) for o in found.outcomes if o.case_id == found.trial.minimal] == [38]


def test_a_property_that_judges_nothing_is_an_error() -> None:
    """A body that returns early would otherwise pass for one that found nothing wrong."""
    found = run_trial(own(lambda _case, _audit: None), RANDOM, REQUEST)
    assert (found.trial.verdict, found.trial.comparisons, status(found)) == ("error", 0, 4)
    assert found.trial.reason == "the property judged nothing"


def test_a_strategy_that_filters_nearly_everything_is_inconclusive() -> None:
    """Hypothesis alone would pass such a test, or fail it for its own reasons; neither is a verdict on the claim."""
    found = run_trial(own(holds, numbered().filter(lambda case: number(case) % 997 == 1)), RANDOM, REQUEST)
    assert (found.trial.verdict, status(found)) == ("inconclusive", 3)
    assert found.trial.executed < 0.9 * found.trial.requested
    assert found.trial.reason.startswith("too few cases")


def test_a_body_that_rejects_nearly_everything_is_inconclusive() -> None:
    """The same through `assume`; cases that were rejected are not executed cases."""

    def body(case: Case, audit: Audit) -> None:
        assume(number(case) % 997 == 1)
        holds(case, audit)

    found = run_trial(own(body), RANDOM, REQUEST)
    assert (found.trial.verdict, status(found)) == ("inconclusive", 3)
    assert found.trial.executed == len(found.outcomes) < 0.9 * found.trial.requested


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_space_that_is_smaller_than_asked_for_is_searched_whole(most: int) -> None:
    """Three cases are all that can be asked of a space of three, whatever their classes; a failing one is found."""
    found = run_trial(own(holds, numbered(most)), RANDOM, REQUEST)
    assert (found.trial.verdict, found.trial.requested, found.trial.executed) == ("supported", most, most)
    assert len({outcome.case_id for outcome in found.outcomes}) == most
    refuted = run_trial(own(at_most(most - 1), numbered(most)), RANDOM, REQUEST).trial
    assert (refuted.verdict, refuted.minimal is not None) == ("refuted", True)


def test_cases_that_a_property_rejects_are_not_judged_ones() -> None:
    """Also where the space is small: three of four rejected leave too few."""

    def body(case: Case, audit: Audit) -> None:
        assume(number(case) == 1)
        holds(case, audit)

    found = run_trial(own(body, numbered(4)), RANDOM, REQUEST)
    assert (found.trial.verdict, found.trial.executed, status(found)) == ("inconclusive", 1, 3)
    assert found.trial.reason.startswith("too few cases")


def test_shrinking_is_not_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis gives up after five minutes, so that a slow machine would show another case than a fast one."""
    clock = iter(range(0, 10**9, 200))
    monkeypatch.setattr("hypothesis.internal.conjecture.engine.time.perf_counter", lambda: float(next(clock)))
    found = run_trial(own(at_most(37)), RANDOM, REQUEST)
    minimal = next(outcome for outcome in found.outcomes if outcome.case_id == found.trial.minimal)
    assert number(minimal.case) == 38


def test_comparisons_without_power_are_inconclusive() -> None:
    """A bound as large as what is compared could not have failed."""
    found = run_trial(
        own(lambda case, audit: audit.at_most(case, Discrepancy("size", 0.0, 0.5, scale=1.0))), RANDOM, REQUEST
    )
    assert (found.trial.verdict, found.trial.comparisons, status(found)) == ("inconclusive", 0, 3)
    assert "underpowered: the bound 0.5 exceeds 1 % of 1" in found.trial.reason


def law(p: float) -> Body:
    """A law whose first test has this p-value; later stages find nothing."""

    def sample(stage: int) -> LawResult:
        return LawResult(name="mean_test", statistic=0.0, p_value=0.5 if stage else p, samples=10, tail="exact")

    return lambda case, audit: audit.law(case, LawTest("fixed", exact=True, sample=sample))


@pytest.mark.parametrize("p", [math.nan, -0.1, 1.5, math.inf])
def test_a_p_value_that_is_none_is_an_error(p: float) -> None:
    """NaN < level is False: a silent pass, if nobody looked."""
    found = run_trial(own(law(p)), RANDOM, REQUEST)
    assert (found.trial.verdict, status(found)) == ("error", 4)
    assert "a p-value must be a number in [0, 1]" in found.trial.reason


def test_p_values_are_judged_at_the_level_of_the_audit() -> None:
    """1e-6 over 50,000 calls and three stages; every call is counted."""
    assert run_trial(own(law(6.7e-12)), RANDOM, REQUEST).trial.verdict == "supported"
    found = run_trial(own(law(6.6e-12)), RANDOM, REQUEST)
    assert found.trial.verdict == "refuted"
    assert found.test_calls == found.trial.executed + found.trial.shrink_calls


def test_more_tests_than_declared_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error rate would not be what the report says."""
    monkeypatch.setattr("theory_check.search.trial.DECLARED_CALLS", 3)
    trial = run_trial(own(law(0.5)), RANDOM, REQUEST).trial
    assert trial.verdict == "error"
    assert "the error budget declared 3" in trial.reason


def test_what_was_found_travels_between_processes() -> None:
    """One line of JSON, and back again the same record."""
    found = run_trial(own(at_most(37)), RANDOM, REQUEST)
    assert "\n" not in encode(found)
    assert decode(encode(found)) == found


def test_one_case_is_judged_as_in_a_trial() -> None:
    """That is how a report is replayed."""
    prop = own(at_most(37))
    found = run_trial(prop, RANDOM, REQUEST)
    for outcome in found.outcomes:
        assert judge_case(prop, outcome.case, REQUEST) == outcome


def test_a_trial_is_a_function_of_its_seed() -> None:
    """Twice the same but for the seconds; another seed searches other cases."""
    prop = own(holds)
    first, second = (run_trial(prop, RANDOM, REQUEST) for _ in range(2))
    assert without_seconds(first) == without_seconds(second)
    other = run_trial(prop, RANDOM, Request(seed=1))
    assert [o.case for o in other.outcomes] != [o.case for o in first.outcomes]


def _import_odd_constants(folder: Path) -> range:
    """Import a module full of constants that Hypothesis likes to try once it has seen them."""
    odd = range(1_000_003, 1_001_003)  # Hypothesis passes over modules with more than 1,024
    path = folder / "odd_constants.py"
    path.write_text(f"NUMBERS = {list(odd)}\n")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return odd


def test_draws_do_not_depend_on_what_was_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis mines constants from local modules; a trial must not, not even those mined for an earlier test."""
    monkeypatch.setitem(sys.modules, "odd_constants", sys)  # so that it is gone afterwards
    request = Request(profile=msgspec.structs.replace(QUICK, examples=300))
    prop = own(holds, numbered(10**9))
    before = run_trial(prop, RANDOM, request)
    odd = _import_odd_constants(tmp_path)
    drawn: set[int] = set()

    @hypothesis.seed(1)
    @hypothesis.settings(max_examples=1000, database=None, phases=[hypothesis.Phase.generate])
    @given(case=numbered(10**9))
    def collect(case: Case) -> None:
        drawn.add(number(case))

    collect()
    assert drawn.intersection(odd), "Hypothesis no longer mines constants: the test shows nothing"
    after = run_trial(prop, RANDOM, request)
    assert not {number(o.case) for o in after.outcomes}.intersection(odd)
    assert without_seconds(after) == without_seconds(before)


def test_the_mining_of_constants_is_back_after_a_trial() -> None:
    """Other tests of the process keep what they had, also after an exception."""
    right = providers._get_local_constants

    def mined() -> int:
        constants = providers.HypothesisProvider(None)._local_constants
        return sum(len(constants.set_for_type(kind)) for kind in (int, float, str, bytes))

    assert mined()
    with pytest.raises(ZeroDivisionError), reproducible_draws():
        print(1 / mined())
    assert providers._get_local_constants is right


def test_plans_of_a_request() -> None:
    """Random and core activations by default, else what was named; every stratum, or the data asked for."""
    claim = Claim(id="own", statement="", source="", assumptions=("lipschitz",), strata=("sphere", "pinned"))
    names = [plan.name for plan in plans(claim, "t.py::t", REQUEST)]
    assert names == [
        f"{subject}-{stratum}"
        for subject in ("random-random", "random-random kinked", "named-softplus", "named-tanh")
        for stratum in ("sphere", "pinned")
    ]
    smooth = msgspec.structs.replace(claim, assumptions=("smooth",))
    assert "random kinked" not in {plan.activation for plan in plans(smooth, "t.py::t", REQUEST)}
    broken = [plan for plan in plans(smooth, "t.py::t", Request(mode="ablation")) if plan.kind == "ablation"]
    assert [(plan.activation, plan.stratum) for plan in broken] == [("kinked", "sphere"), ("kinked", "pinned")]
    assert plans(smooth, "t.py::t", Request(mode="selftest")) == []
    asked = Request(activations=("relu",), data="digits")
    assert [plan.name for plan in plans(claim, "t.py::t", asked)] == ["named-relu-digits", "named-relu-pinned"]
    assert plans(claim, "t.py::t", Request(claims=("gaussian-output",))) == []
    assert [plan.position for plan in plans(claim, "t.py::t", REQUEST)] == list(range(8))


def test_plans_of_a_claim_without_strata() -> None:
    """One trial of what the property's own strategy draws, or one for each activation that is named."""
    claim = Claim(id="own", statement="", source="", assumptions=("smooth", "nonlinear"))
    assert [plan.name for plan in plans(claim, "t.py::t", REQUEST)] == ["random-random-undivided"]
    named = [plan.name for plan in plans(claim, "t.py::t", REQUEST, ("relu", "tanh"))]
    assert named == ["named-relu-undivided", "named-tanh-undivided"]
    asked = Request(activations=("elu",), data="digits")
    assert [plan.name for plan in plans(claim, "t.py::t", asked, ("relu",))] == ["named-elu-digits"]
    broken = [p.name for p in plans(claim, "t.py::t", Request(mode="ablation")) if p.kind == "ablation"]
    assert broken == [
        "ablation-kinked-undivided-without-smooth",
        "ablation-affine-crowded-without-nonlinear",
        "ablation-affine-independent-without-nonlinear",
        "ablation-polynomial-crowded-without-nonlinear",
        "ablation-polynomial-independent-without-nonlinear",
    ]


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (
            Plan(0, "named", "relu", "sphere"),
            r"the strategy drew a case of tanh\(x\) in a trial of relu: draw",
        ),
        (
            Plan(0, "random", "random", "digits"),
            "the strategy drew a case of stratum sphere in a trial of digits",
        ),
    ],
)
def test_a_case_of_something_else_is_an_error(plan: Plan, reason: str) -> None:
    """A verdict on tanh would be put down to relu."""
    trial = run_trial(own(holds), plan, REQUEST).trial
    assert (trial.verdict, trial.executed) == ("error", 0)
    assert re.match(reason, trial.reason)


def test_what_is_no_case_is_an_error() -> None:
    """In words that say what a strategy must draw."""
    trial = run_trial(own(holds, st.integers()), RANDOM, REQUEST).trial
    assert trial.verdict == "error"
    assert trial.reason == "the strategy must draw cases (theory_check.Case), it drew int"


def test_a_search_may_be_divided() -> None:
    """As many cases in all, of other draws; named so that each is told from the others; controls stay whole."""
    claim = CLAIMS["ntk-positive-definite"]
    prop = own(holds)
    mine = replace(prop, claim=claim, controls=planted_controls(EIGENVALUE, "off-diagonal-ten-per-cent-off"))
    asked = Request(profile=GATE, searches=4)
    whole = [plan for plan in plans_of(mine, replace(asked, searches=1)) if plan.kind == "random"]
    divided = [plan for plan in plans_of(mine, asked) if plan.kind == "random"]
    assert len(divided) == 4 * len(whole)
    assert [plan.name for plan in divided[:2]] == [f"{whole[0].name}-search-{k}-of-4" for k in (1, 2)]
    positions = [plan.position for plan in plans_of(mine, asked)]
    assert positions == list(range(len(positions)))
    found = [run_trial(prop, plan, asked) for plan in divided[:4]]
    assert [f.trial.search for f in found] == ["1/4", "2/4", "3/4", "4/4"]
    assert [f.trial.executed for f in found] == [math.ceil(GATE.examples / 4)] * 4
    drawn = [frozenset(outcome.case_id for outcome in f.outcomes) for f in found]
    assert len(set(drawn)) == 4
    controls = [plan for plan in plans_of(mine, asked) if plan.kind == "control"]
    assert {plan.search for plan in controls} == {(1, 1)}
    assert run_trial(prop, whole[0], asked).trial.search is msgspec.UNSET


@pytest.mark.parametrize(("share", "searches"), [(1.0, 4), (0.2, 3), (0.1, 1), (0.01, 1)])
def test_a_search_of_few_cases_is_divided_less(share: float, searches: int) -> None:
    """Each has two cases at least: more searches than that would be more work, not the same work elsewhere."""
    (plan, *others) = plans_of(own(holds, share=share), Request(profile=GATE, searches=4))
    assert plan.search == (1, searches)
    assert len([p for p in (plan, *others) if (p.kind, p.stratum) == (plan.kind, plan.stratum)]) == searches
