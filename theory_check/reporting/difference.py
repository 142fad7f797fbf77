"""What changed between two audits: verdicts of claims and subjects, and measured values of the cases that both judged.

| change | from -> to | counts as |
|---|---|---|
| broken | anything better -> refuted, conclusion fails, error; a control no longer as expected | 1 |
| newly-inconclusive | decided -> inconclusive, or assumptions not met without a failure | 3 |
| disappeared | only the old report has it | 3 |
| appeared | only the new one has it | 3 where it fails or is an error, else 0 |
| changed | another verdict of the same rank or a better one, e.g. refuted -> error | 3 where it is an error, else 0 |
| fixed | refuted, conclusion fails, error -> supported; a control as expected again | 0 |
| decided | inconclusive, assumptions not met -> supported | 0 |

The exit status is 1 where anything broke, else 3 where anything counts as 3, else 0. Ranks, from the best: supported;
undecided (inconclusive, or assumptions not met); error; failing. Measured values never decide: a change of value that
matters changes a verdict.
"""

from typing import Literal

import msgspec

from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.reporting.records import Report
from theory_check.reporting.standing import Standing, differing, standings
from theory_check.reporting.value_change import ValueChange, states_uncertainty, value_change
from theory_check.reporting.verdicts import Verdicts, verdicts_of

Change = Literal["broken", "newly-inconclusive", "disappeared", "appeared", "changed", "fixed", "decided"]
ORDER: tuple[Change, ...] = (
    "broken",
    "newly-inconclusive",
    "disappeared",
    "changed",
    "appeared",
    "decided",
    "fixed",
)
WHOLE_AUDIT = "the whole audit"
_SUPPORTED, _UNDECIDED, _ERROR, _FAILING = range(4)


class VerdictChange(msgspec.Struct, frozen=True, kw_only=True):
    """One claim, or one of its subjects, whose verdict reads otherwise.

    place: in words.
    before, after: verdicts in words; None where that report does not have the place.
    counts_as: the exit status that it asks for by itself.
    """

    place: str
    change: Change
    before: str | None
    after: str | None
    counts_as: Literal[0, 1, 3]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All that changed.

    verdicts: by `ORDER`, what counts first, then in the order of the reports.
    values: cases that came out otherwise, in the order of the new report.
    values_compared: whether both sides were full reports; verdicts alone have no values.
    cases_compared: cases with one id and one root seed in both reports.
    of_them_by_verdict_only: those whose values state no uncertainty.
    notes: what a reader must know about the comparison.
    exit_status: as the module says.
    """

    verdicts: tuple[VerdictChange, ...]
    values: tuple[ValueChange, ...]
    values_compared: bool
    cases_compared: int
    of_them_by_verdict_only: int
    notes: tuple[str, ...]
    exit_status: Literal[0, 1, 3]


def difference(old: Report | Verdicts, new: Report | Verdicts) -> Difference:
    """Compare two reports of any profile and seed, or the verdicts of some.

    Verdicts are always compared, as `standing.standings` has them; values only between full reports, of cases whose id
    and root seed agree, by the rule of `value_change`. Where profile, seed or environment differ the notes say so.
    """
    before, after = verdicts_of(old), verdicts_of(new)
    found = [
        _verdict_change(place.words, then, current)
        for place, then, current in differing(standings(before), standings(after))
    ]
    if new.verdict is Verdict.ERROR is not old.verdict and not any(c.counts_as == 1 for c in found):
        # A lost trial or an overdrawn error budget shows in no claim.
        found.append(_verdict_change(WHOLE_AUDIT, Standing(verdict=old.verdict), Standing(verdict=new.verdict)))
    found.sort(key=lambda change: (ORDER.index(change.change), change.counts_as == 0))
    # How many networks and how fine a step a measurement takes is the profile's.
    same_bits = before.environment == after.environment and old.profile == new.profile
    full = isinstance(old, Report) and isinstance(new, Report)
    pairs = _pairs(old, new) if isinstance(old, Report) and isinstance(new, Report) else []
    changed = (value_change(one, other, same_bits=same_bits) for one, other in pairs)
    statuses = {change.counts_as for change in found}
    return Difference(
        verdicts=tuple(found),
        values=tuple(change for change in changed if change is not None),
        values_compared=full,
        cases_compared=len(pairs),
        of_them_by_verdict_only=sum(
            not (states_uncertainty(one) and states_uncertainty(other)) for one, other in pairs
        ),
        notes=_notes(before, after, full=full),
        exit_status=1 if 1 in statuses else 3 if 3 in statuses else 0,
    )


def _verdict_change(place: str, before: Standing | None, after: Standing | None) -> VerdictChange:
    change = _change(before, after)
    rank = _SUPPORTED if after is None else _rank(after)
    counts_as: Literal[0, 1, 3] = 0
    if change == "broken":
        counts_as = 1
    elif change in {"newly-inconclusive", "disappeared"} or (
        (change == "appeared" and rank >= _ERROR) or (change == "changed" and rank == _ERROR)
    ):
        counts_as = 3
    return VerdictChange(
        place=place,
        change=change,
        before=None if before is None else before.words,
        after=None if after is None else after.words,
        counts_as=counts_as,
    )


def _change(before: Standing | None, after: Standing | None) -> Change:
    if before is None:
        return "appeared"
    if after is None:
        return "disappeared"
    then, now = _rank(before), _rank(after)
    if now > then and now >= _ERROR:
        return "broken"
    if now == _UNDECIDED and (then != _UNDECIDED or after.verdict is Verdict.INCONCLUSIVE is not before.verdict):
        return "newly-inconclusive"
    if now == _SUPPORTED and then != _SUPPORTED:
        return "fixed" if then >= _ERROR else "decided"
    return "changed"


def _rank(standing: Standing) -> int:
    """How bad it is; a control is good where it came out as expected, whatever its verdict."""
    if standing.as_expected is not None:
        return _SUPPORTED if standing.as_expected else _ERROR
    if standing.verdict is Verdict.REFUTED or standing.conclusion is Conclusion.FAILS:
        return _FAILING
    if standing.verdict is Verdict.ERROR:
        return _ERROR
    return _SUPPORTED if standing.verdict is Verdict.SUPPORTED else _UNDECIDED


def _pairs(old: Report, new: Report) -> list[tuple[Outcome, Outcome]]:
    """Outcomes of the cases that both reports judged with one root seed."""
    before = _outcomes(old)
    return [(before[key], outcome) for key, outcome in _outcomes(new).items() if key in before]


def _outcomes(report: Report) -> dict[tuple[str, int], Outcome]:
    # Where two trials met the same case their outcomes are equal.
    return {(outcome.case_id, outcome.seed): outcome for claim in report.claims for outcome in claim.outcomes}


def _notes(old: Verdicts, new: Verdicts, *, full: bool) -> tuple[str, ...]:
    notes = [f"papers differ: {old.paper!r} and {new.paper!r}"] if old.paper != new.paper else []
    if old.profile != new.profile:
        other = f"profiles differ, {old.profile} and {new.profile}: subjects, cases and numbers of networks are others"
        values = "; values are compared where both judged the same case, within their uncertainty" if full else ""
        notes.append(other + values)
    if old.seed != new.seed:
        notes.append(
            f"root seeds differ, {old.seed} and {new.seed}: weights are others, so verdicts alone are compared"
        )
    if not full:
        notes.append(
            "verdicts alone are compared, not measured values: those are compared between two full reports "
            "(report.json or report.json.gz)"
        )
    elif old.environment != new.environment:
        notes.append("environments differ: values are compared within their uncertainty")
    elif old.profile == new.profile:
        notes.append("one environment and profile: values are compared to the last bit")
    return (*notes, *(f"new warning: {warning}" for warning in new.warnings if warning not in old.warnings))
