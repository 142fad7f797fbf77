"""What could make a verdict mean less than it says, for the top of a page, before the verdict itself."""

from collections.abc import Iterable, Iterator

import msgspec

from theory_check.judge.verdict import Verdict
from theory_check.reporting.claim_reading import controls, judged_outcomes, judged_trials
from theory_check.reporting.exit_status import unexpected_controls
from theory_check.reporting.power import sees_something
from theory_check.reporting.records import ClaimReport, Report

# With fewer cases a failure in one case of ten goes unseen with a chance of more than 4 %.
FEW_CASES = 30


class Caveat(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to know before a verdict is believed.

    text: a sentence.
    claims: ids of the claims it is about, with a word each ("12 cases"); empty where it is about the whole audit.
    grave: whether verdicts may be wrong altogether, rather than weaker than they look.
    """

    text: str
    claims: tuple[tuple[str, str], ...] = ()
    grave: bool = False


def caveats_of(report: Report) -> tuple[Caveat, ...]:
    """All caveats of an audit: grave ones first, and among them the report's own warnings."""
    found = [
        # A control that went wrong is among the warnings of every report that was assembled by this version.
        *(
            Caveat(text=line, grave=True)
            for line in dict.fromkeys([*report.warnings, *unexpected_controls(report.claims)])
        ),
        *_about_the_whole(report),
        *_about_claims(report.claims),
    ]
    return tuple(sorted(found, key=lambda caveat: not caveat.grave))


def _about_the_whole(report: Report) -> Iterator[Caveat]:
    if not report.claims:
        yield Caveat(text="No claim was audited.", grave=True)
    budget = report.budget
    if budget.calls > budget.declared_calls and not any("statistical tests" in line for line in report.warnings):
        yield Caveat(
            text=f"{budget.calls} statistical tests were made, {budget.declared_calls} were declared.", grave=True
        )


def _about_claims(claims: Iterable[ClaimReport]) -> Iterator[Caveat]:
    claims = tuple(claims)

    def those(text: str, found: list[tuple[str, str]], *, grave: bool = False) -> Iterator[Caveat]:
        if found:
            yield Caveat(text=text, claims=tuple(found), grave=grave)

    yield from those(
        "Nothing was compared with a bound:",
        [(c.id, "") for c in claims if not sum(t.comparisons for t in judged_trials(c))],
        grave=True,
    )
    yield from those(
        "No control: nothing shows that a failure would have been noticed:",
        [(c.id, "") for c in claims if not controls(c)],
    )
    yield from those(
        "Not every case that was asked for has run:",
        [(c.id, f"{ran} of {asked}") for c in claims for ran, asked in [_cases(c)] if ran < asked],
    )
    yield from those(
        "Cases without a verdict:",
        [
            (c.id, f"{len(open_)} of {len(judged)}")
            for c in claims
            for judged in [judged_outcomes(c)]
            if (open_ := [o for o in judged if o.verdict in {Verdict.INCONCLUSIVE, Verdict.ERROR}])
        ],
    )
    yield from those(
        "Cases in which no statistical test had even odds of seeing the departure that it states:",
        [
            (c.id, f"{blind} of {len(judged)}")
            for c in claims
            for judged in [judged_outcomes(c)]
            if (blind := sum(sees_something(o) is False for o in judged))
        ],
    )
    unseen = "a failure in one case of ten would go unseen in n cases with a chance of 0.9ⁿ"
    yield from those(
        f"Fewer than {FEW_CASES} cases; {unseen}:",
        [
            (c.id, "1 case" if ran == 1 else f"{ran} cases")
            for c in claims
            for ran, _ in [_cases(c)]
            if ran < FEW_CASES and c.verdict is not Verdict.REFUTED
        ],
    )


def _cases(claim: ClaimReport) -> tuple[int, int]:
    """Cases that ran and that were asked for, in trials that decide; one that finds a counterexample ends there."""
    trials = [trial for trial in judged_trials(claim) if trial.verdict is not Verdict.REFUTED]
    return sum(trial.executed for trial in trials), sum(trial.requested for trial in trials)
