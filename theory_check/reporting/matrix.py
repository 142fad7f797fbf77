"""The one table that shows an audit at a glance: claims against activations, the worst over strata in each cell."""

from collections.abc import Iterable

import msgspec

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.readings import has_error, is_reading, kind_of, readings, stated
from theory_check.reporting.records import ClaimReport, Report, Trial, is_judged

CONTROLS = "controls"

# The rule for the cases of a claim (docs/judgement.md#verdicts); assumptions-not-met never enters.
_WORST_FIRST = (Verdict.REFUTED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.SUPPORTED)


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What one claim gave for one activation.

    text: what the table shows; empty where there was no trial.
    verdict: worst over properties and strata, as `worst_verdict`; None for controls and where there was no trial.
    conclusion: what became of the conclusion where assumptions were not met; None without such cases.
    as_expected, controls: controls that came out as expected, and all controls; 0 and 0 in other columns.
    """

    text: str = ""
    verdict: Verdict | None = None
    conclusion: Conclusion | None = None
    as_expected: int = 0
    controls: int = 0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One claim: its verdict, and its cells by column; every row of a matrix has the same columns in one order.

    reading: the kind of text in which a reading stands, "hedged" or "digest"; empty for what somebody states.
    """

    claim: str
    verdict: Verdict
    cells: dict[str, Cell]
    reading: str = ""


def claim_matrix(report: Report) -> tuple[Row, ...]:
    """Claims against activations: classes drawn at random first, then named activations, then controls.

    Columns stand in the order in which the report has them; "controls" is absent where there were none. Readings stand
    below what is stated.
    """
    trials = [trial for claim in report.claims for trial in claim.trials]
    columns = list(
        dict.fromkeys(t.activation for kind in ("random", "named") for t in trials if t.kind == kind)
    )  # a dict keeps the first place of each
    with_controls = any(trial.kind == "control" for trial in trials)
    return tuple(
        Row(
            claim=claim.id,
            verdict=claim.verdict,
            cells={
                column: _cell([t for t in claim.trials if is_judged(t) and t.activation == column])
                for column in columns
            }
            | ({CONTROLS: _controls(claim.trials)} if with_controls else {}),
            reading=kind_of(claim) if is_reading(claim) else "",
        )
        for claim in (*stated(report.claims), *readings(report.claims))
    )


def tally(claims: Iterable[ClaimReport]) -> list[tuple[int, Verdict]]:
    """How many of some claims have each verdict; verdicts that none has are left out."""
    verdicts = [claim.verdict for claim in claims]
    counted = [(verdicts.count(verdict), verdict) for verdict in Verdict]
    return [(count, verdict) for count, verdict in counted if count]


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over trials: refuted > error > inconclusive > supported.

    Assumptions-not-met never enters, but is the answer where there is nothing else; nothing at all is inconclusive.
    """
    seen = set(verdicts)
    for verdict in _WORST_FIRST:
        if verdict in seen:
            return verdict
    return Verdict.ASSUMPTIONS_NOT_MET if seen else Verdict.INCONCLUSIVE


def overall_verdict(claims: Iterable[Verdict]) -> Verdict:
    """The verdict over claims: refuted > error > inconclusive > assumptions-not-met > supported; none: inconclusive.

    Unlike over the trials of one claim, a claim whose assumptions were never met counts: nothing supported it.
    """
    seen = set(claims)
    worst = worst_verdict(seen)
    return Verdict.ASSUMPTIONS_NOT_MET if worst is Verdict.SUPPORTED and Verdict.ASSUMPTIONS_NOT_MET in seen else worst


def verdict_over(claims: Iterable[ClaimReport]) -> Verdict:
    """The verdict of an audit: over what is stated, or over the readings where nothing is; see `records.Report`."""
    claims = tuple(claims)
    verdicts = [claim.verdict for claim in stated(claims) or claims]
    broken = any(is_reading(claim) and has_error(claim) for claim in claims)
    return overall_verdict([*verdicts, *([Verdict.ERROR] if broken else [])])


def worst_conclusion(conclusions: Iterable[Conclusion | None]) -> Conclusion | None:
    """The conclusion over trials: fails > undecided > holds; None where every entry is None."""
    seen = set(conclusions)
    for conclusion in (Conclusion.FAILS, Conclusion.UNDECIDED, Conclusion.HOLDS):
        if conclusion in seen:
            return conclusion
    return None


def described(verdict: Verdict, conclusion: Conclusion | None) -> str:
    """A verdict in words, with what became of the conclusion where that is more than the verdict says.

    Refuted says that the conclusion fails, supported that it holds.
    """
    implied = {Verdict.REFUTED: tuple(Conclusion), Verdict.SUPPORTED: (Conclusion.HOLDS,)}
    if conclusion is None or conclusion in implied.get(verdict, ()):
        return verdict.value
    words = "conclusion is undecided" if conclusion is Conclusion.UNDECIDED else f"conclusion {conclusion}"
    if verdict is Verdict.ASSUMPTIONS_NOT_MET:
        return f"{verdict}: {words}"
    return f"{verdict}; {words} where assumptions are not met"


def _cell(trials: list[Trial]) -> Cell:
    if not trials:
        return Cell()
    verdict = worst_verdict(trial.verdict for trial in trials)
    conclusion = worst_conclusion(trial.conclusion for trial in trials)
    return Cell(text=described(verdict, conclusion), verdict=verdict, conclusion=conclusion)


def _controls(trials: Iterable[Trial]) -> Cell:
    controls = [trial for trial in trials if trial.kind == "control"]
    if not controls:
        return Cell()
    good = sum(trial.as_expected is True for trial in controls)
    return Cell(text=f"{good} of {len(controls)} as expected", as_expected=good, controls=len(controls))
