"""A search that was cut off goes on where it was: the same verdict and values, and no case is judged twice."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check import Audit, Case, Claim, checks
from theory_check.case.record import canonical_json
from theory_check.judge.audit import LawTest
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.gaussianity import TestResult as LawResult
from theory_check.neural_ode.case import Sphere
from theory_check.search.found import Found
from theory_check.search.plan import Plan
from theory_check.search.property import Property, property_of
from theory_check.search.request import Request
from theory_check.search.store import Store, StoredCase, StoreError
from theory_check.search.trial import run_trial
from theory_check.search.trial_record import TrialRecord

RANDOM = Plan(0, "random", "random", "sphere")
REQUEST = Request()


class Killed(BaseException):
    """In place of a signal, at a moment that can be chosen."""


def numbers() -> st.SearchStrategy[Case]:
    """Cases that carry one number."""
    return st.integers(1, 10_000).map(lambda n: Case(activation="tanh(x)", data=Sphere(1, 2, n), width=1))


def own(body: Callable[[Case, Audit], None]) -> Property:
    """A property of a claim of one's own."""
    claim = Claim(
        id="own",
        statement="Numbers are small.",
        source="this test",
        quantifier="LAW",
        assumptions=(),
        strata=("sphere",),
        controls=(),
    )

    @checks(claim)
    @given(case=numbers())
    def test_numbers(case: Case, audit: Audit) -> None:
        """The body is the test's."""
        body(case, audit)

    found = property_of(test_numbers)
    assert found is not None
    return found


def judged(case: Case, audit: Audit) -> None:
    """A statistical test that rejects large numbers; most fail, and shrinking takes many cases."""
    assert isinstance(case.data, Sphere)
    p = 0.5 if case.data.seed < 38 else 1e-300
    result = LawResult(name="number", statistic=1 / 3, p_value=p, samples=1, tail="exact", details={})
    audit.law(case, LawTest("number", exact=True, sample=lambda _: result))


def small(case: Case, audit: Audit) -> None:
    """A comparison that never fails."""
    audit.at_most(case, Discrepancy("number", 1 / 3, 1.0))


def without_seconds(found: Found) -> Found:
    """All that two runs of one trial have in common."""
    return msgspec.structs.replace(found, trial=msgspec.structs.replace(found.trial, seconds=0.0))


@pytest.mark.parametrize("body", [judged, small])
@pytest.mark.parametrize("each", [1, 2, 7])
def test_a_search_that_is_killed_again_and_again_ends_as_if_it_had_not_been(
    tmp_path: Path, body: Callable[[Case, Audit], None], each: int
) -> None:
    """Killed before every `each`-th new case, and resumed: the same result, test calls and counts; no case twice."""
    whole = run_trial(own(body), RANDOM, REQUEST)
    store = Store.create(tmp_path / "outcomes.sqlite", {})
    runs: Counter[str] = Counter()
    left = each

    def mortal(case: Case, audit: Audit) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        runs[canonical_json(case)] += 1
        body(case, audit)

    deaths = 0
    while True:
        left = each
        try:
            found = run_trial(own(mortal), RANDOM, REQUEST, store)
            break
        except Killed:
            deaths += 1
            assert deaths <= store.counts()["cases"], "nothing was kept"
    assert without_seconds(found) == without_seconds(whole)
    assert (set(runs.values()), deaths > 0) == ({1}, sum(runs.values()) > each)
    assert store.counts()["cases again"] == 0
    assert sum(runs.values()) == store.counts()["cases"] == whole.trial.executed + whole.trial.shrink_calls


def test_a_finished_trial_is_not_searched_again(tmp_path: Path) -> None:
    """What it found comes back, seconds included."""
    store = Store.create(tmp_path / "outcomes.sqlite", {})
    first = run_trial(own(judged), RANDOM, REQUEST, store)

    def never(*_: object) -> None:
        raise Killed

    assert run_trial(own(never), RANDOM, REQUEST, store) == first


def test_another_trial_of_the_same_property_has_a_record_of_its_own(tmp_path: Path) -> None:
    """Trials of one property may meet the same cases; none takes another's for its own."""
    store = Store.create(tmp_path / "outcomes.sqlite", {})
    other = Plan(1, "named", "tanh", "sphere")
    run_trial(own(small), RANDOM, REQUEST, store)
    assert without_seconds(run_trial(own(small), other, REQUEST, store)) == without_seconds(
        run_trial(own(small), other, REQUEST)
    )


def test_a_store_that_fails_costs_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial goes on without it, and says that a resumed run would have had to start afresh."""
    whole = run_trial(own(judged), RANDOM, REQUEST)
    store = Store.create(tmp_path / "outcomes.sqlite", {})
    (tmp_path / "outcomes.sqlite").unlink()
    found = run_trial(own(judged), RANDOM, REQUEST, store)
    assert "unable to open database file" in found.store_problem
    assert without_seconds(msgspec.structs.replace(found, store_problem="")) == without_seconds(whole)

    store = Store.create(tmp_path / "outcomes.sqlite", {})

    def full(*_: object) -> None:
        raise StoreError("database or disk is full")

    monkeypatch.setattr(Store, "add_case", full)
    assert run_trial(own(judged), RANDOM, REQUEST, store).store_problem == "database or disk is full"


def test_an_outcome_that_cannot_be_read_is_judged_again(tmp_path: Path) -> None:
    """A row of another shape, as of a version whose fingerprint lied."""
    store = Store.create(tmp_path / "outcomes.sqlite", {})
    store.add_case("t", "", "a", StoredCase('{"verdict":"supported"}', 1))
    assert TrialRecord(store, "t").recall("a") is None


def test_a_worker_without_its_controller_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its run may be another's by now: nothing more is written."""
    store = Store.create(tmp_path / "outcomes.sqlite", {})
    record = TrialRecord(store, "t")
    monkeypatch.setattr("os.getppid", lambda: 1)

    def stop(status: int) -> None:
        raise Killed(status)

    monkeypatch.setattr("os._exit", stop)
    with pytest.raises(Killed):
        record.finish("found")
    assert store.counts()["trials"] == 0
