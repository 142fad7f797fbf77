"""What a pytest run says about its claims at the end: verdicts, the worst case of each, and what to do next."""

import os
from pathlib import Path

from theory_check.case.record import canonical_json
from theory_check.judge.verdict import Outcome, Verdict
from theory_check.reporting.headline import headline
from theory_check.reporting.outcome_text import describe_measurement
from theory_check.reporting.readings import counts, is_reading, kind_of, readings, stated
from theory_check.reporting.records import ClaimReport, Report, Trial, is_judged
from theory_check.reporting.replay_command import replay_command

# Longer cases (data of a user's own) are in the report.
_LONGEST_CASE = 400


def terminal_lines(report: Report, folder: Path | None, root: Path, problem: str = "") -> list[str]:
    """Lines of plain text.

    Args:
        report: of the run.
        folder: where it was written, or None.
        root: pytest's root, below which properties lie.
        problem: why it was not written; empty where nobody asked for it.
    """
    here = Path(os.path.relpath(root))
    lines = [f"warning: {warning}" for warning in report.warnings]
    failing: Outcome | None = None
    for claim in (*stated(report.claims), *readings(report.claims)):
        trial = _decisive(claim)
        lines.append(f"{claim.id}{_reading(claim)}: {claim.verdict}{_counts(claim)}")
        if trial is None:
            continue
        worst = _worst(claim, trial)
        if claim.verdict is not Verdict.SUPPORTED and trial.reason:
            lines.append(f"  {trial.reason}")
        if worst is not None:
            kind = "minimal case" if worst.case_id == trial.minimal else "closest case"
            case = canonical_json(worst.case)
            lines.append(f"  {describe_measurement(worst)}")
            lines.append(f"  {kind} {worst.case_id}: {case if len(case) <= _LONGEST_CASE else 'see the report'}")
            if worst.case_id == trial.minimal:
                failing = failing or worst
                if folder is not None:
                    lines.append(f"  replay: {replay_command(worst, folder / 'report.json', here)}")
    if readings(report.claims):
        lines.append(headline(report))
    if folder is not None:
        lines.append(f"reports: {folder}")
    elif problem:
        lines.append(f"no report: {problem}")
    else:
        why = "to replay a case" if failing else "to keep a report"
        lines.append(f"next: --theory-check-report-dir=reports {why}")
    return lines


def _reading(claim: ClaimReport) -> str:
    if not is_reading(claim):
        return ""
    return f", a reading ({kind_of(claim)}, {'counts' if counts(claim) else 'does not count'})"


def _counts(claim: ClaimReport) -> str:
    trials = [trial for trial in claim.trials if is_judged(trial)]
    controls = [trial for trial in claim.trials if trial.kind == "control"]
    text = f" ({_count(len(trials), 'trial')}, {_count(sum(trial.executed for trial in trials), 'case')}"
    if controls:
        text += f", {sum(trial.as_expected is True for trial in controls)} of {len(controls)} controls as expected"
    return text + ")"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _decisive(claim: ClaimReport) -> Trial | None:
    """The trial to look at first: one that gave the claim its verdict, among those the one closest to its bound."""
    judged = [trial for trial in claim.trials if is_judged(trial)]
    deciding = [trial for trial in judged if trial.verdict is claim.verdict] or judged
    # Where assumptions are not met the conclusion may fail all the same: that is what a reader wants to see.
    return max(deciding, key=lambda t: (t.minimal is not None, t.worst_ratio or 0.0), default=None)


def _worst(claim: ClaimReport, trial: Trial) -> Outcome | None:
    """Its minimal case, else the one closest to its bound."""
    own = [o for o in claim.outcomes if o.test == trial.property and o.defect is None]
    if trial.minimal is not None:
        return next((outcome for outcome in own if outcome.case_id == trial.minimal), None)
    compared = [outcome for outcome in own if outcome.ratio == trial.worst_ratio]
    return compared[0] if compared and trial.worst_ratio is not None else None
