"""Readings: verdicts of their own, which count towards the exit status on request alone."""

import datetime as dt
import json
from itertools import product
from typing import Any

import msgspec
import pytest

from theory_check.claims.claim import Claim
from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.badge_writer import render as badge
from theory_check.reporting.headline import verdict_words
from theory_check.reporting.readings import counts
from theory_check.reporting.records import Report
from theory_check.runs.assembly import assemble
from theory_check.search.found import Found
from theory_check.search.request import Request

SUPPORTED, REFUTED, INCONCLUSIVE, ERROR = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.ERROR
UNMET, FAILS = Verdict.ASSUMPTIONS_NOT_MET, Conclusion.FAILS

# None is a sentence of a user's own.
KINDS = ("abstract", "result", "figure", "hedged", "digest", None)
# What an audit of one claim ends with where it counts: verdict and conclusion of its one trial, of a named phi.
COUNTED = {
    (SUPPORTED, None): 0,
    (REFUTED, FAILS): 1,
    (UNMET, FAILS): 1,
    (UNMET, Conclusion.HOLDS): 3,
    (INCONCLUSIVE, Conclusion.UNDECIDED): 3,
    (ERROR, None): 4,
}


def found(build: Any, source: Any, name: str, said_in: str | None, **trial: Any) -> Found:
    """One trial of a claim of that kind."""
    outcome = build.outcome(claim=name, verdict=trial.get("verdict", SUPPORTED))
    claim = Claim(id=name, statement="s", source=source(said_in))
    return Found(claim=claim, position=0, trial=build.trial(**trial), outcomes=(outcome,), test_calls=0)


def assembled(request: Request, *them: Found) -> Report:
    """The report of an audit that found these."""
    return assemble(them, request=request, command="c", started=dt.datetime.now(dt.UTC), seconds=0.0)


@pytest.mark.parametrize(("kind", "asked"), list(product(KINDS, product((False, True), (False, True)))))
def test_the_exit_status_of_every_combination(
    build: Any, source: Any, kind: str | None, asked: tuple[bool, bool]
) -> None:
    """Kind x verdict x --strict x --claim x --activation, beside a claim that is stated and supported.

    A reading counts with --strict or where it is named, not for a phi that is named; an error is the harness's.
    """
    strict, by_claim = asked
    for ((verdict, conclusion), counted), by_phi in product(COUNTED.items(), (False, True)):
        request = Request(
            strict=strict, claims=("first", "second") if by_claim else (), activations=("tanh(x)",) if by_phi else ()
        )
        report = assembled(
            request,
            found(build, source, "first", "abstract"),
            found(build, source, "second", kind, kind="named", verdict=verdict, conclusion=conclusion),
        )
        reading = kind in {"hedged", "digest"}
        it_counts = not reading or strict or by_claim
        # A default subject whose conclusion fails outside the assumptions is a probe: the claim has no other trial.
        expected = 3 if counted == 1 and verdict is UNMET and not by_phi else counted
        if not it_counts:
            expected = 4 if verdict is ERROR else 0
        assert report.exit_status == expected, (kind, verdict, strict, by_claim, by_phi)
        (second,) = (c for c in report.claims if c.id == "second")
        assert counts(second) is it_counts
        assert second.counts is (it_counts if reading else msgspec.UNSET)
        # The verdict of the paper is none of --strict's: what its authors do not state refutes nothing of theirs.
        assert report.verdict is (second.verdict if not reading else ERROR if verdict is ERROR else SUPPORTED)


@pytest.mark.parametrize("kind", ["hedged", "digest"])
def test_a_control_of_a_reading_that_goes_wrong_is_an_error(build: Any, source: Any, kind: str) -> None:
    """And a warning, whether the reading counts or not: it says that the harness is broken."""
    control = found(build, source, "second", kind, kind="control", as_expected=False)
    for good, status in ((True, 0), (False, 4)):
        trial = msgspec.structs.replace(control.trial, as_expected=good)
        other = msgspec.structs.replace(control, trial=trial)
        report = assembled(
            Request(), found(build, source, "first", "result"), found(build, source, "second", kind), other
        )
        assert report.exit_status == status
        assert any("control of second did not come out" in line for line in report.warnings) is not good
        assert json.loads(badge(report))["color"] == ("brightgreen" if good else "orange")


def test_an_error_beside_a_refutation_is_noticed_in_a_reading(build: Any, source: Any) -> None:
    """A refuted trial gives the reading its verdict; the other trial's error is the harness's all the same."""
    them = [found(build, source, "second", "digest", verdict=verdict) for verdict in (REFUTED, ERROR)]
    report = assembled(Request(), found(build, source, "first", "result"), *them)
    assert (report.exit_status, report.verdict) == (4, ERROR)
    strict = assembled(Request(strict=True), found(build, source, "first", "result"), *them)
    assert strict.exit_status == 1
    # A claim that is refuted goes before an error, in the verdict as in the exit status.
    refuted = assembled(Request(), found(build, source, "first", "result", verdict=REFUTED), *them)
    assert (refuted.exit_status, refuted.verdict) == (1, REFUTED)


def test_readings_alone_support_nothing(build: Any, source: Any) -> None:
    """Where nothing counts, nothing was supported; the verdict over readings says that it is theirs."""
    for verdict in (SUPPORTED, REFUTED):
        report = assembled(Request(), found(build, source, "second", "digest", verdict=verdict))
        assert (report.exit_status, report.verdict) == (3, verdict)
        assert verdict_words(report) == f"readings {verdict}"
        shown = json.loads(badge(report))
        assert (shown["message"], shown["color"]) == ("readings alone audited", "lightgrey")
    named = assembled(Request(claims=("second",)), found(build, source, "second", "digest", verdict=REFUTED))
    assert (named.exit_status, named.verdict) == (1, REFUTED)
