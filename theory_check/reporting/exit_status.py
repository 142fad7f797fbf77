"""What an audit tells the shell: its exit status, and how it compares with recorded verdicts.

| status | meaning |
|---|---|
| 0 | every claim is supported |
| 1 | a claim is refuted, or the conclusion fails for an activation, a model or data that the user named |
| 2 | usage or configuration; the command line's own, never computed here |
| 3 | inconclusive, or assumptions not met for what the user named, or nothing that counts; nothing failed |
| 4 | an error in a trial, or a control that did not come out as expected: the harness itself cannot be trusted |

Where several hold, 1 goes before 4, 4 before 3. Random trials in strata that break a claim's assumptions
are probes: they show that an assumption is needed and never count. Controls count only when they go wrong.
Readings (`readings.py`) count with `--strict` or where the user named them by `--claim`, not for an activation, a model
or data that was named; but an error in one, or a control of one that goes wrong, is the harness's and gives 4 always.
"""

from collections.abc import Iterable
from typing import Literal

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.matrix import described
from theory_check.reporting.readings import counts, has_error
from theory_check.reporting.records import ClaimReport, Report, Trial, is_judged
from theory_check.reporting.standing import Place, Standing, differing, standings
from theory_check.reporting.verdicts import Verdicts, verdicts_of

ExitStatus = Literal[0, 1, 3, 4]


def exit_status(claims: Iterable[ClaimReport], *, named: bool = True) -> ExitStatus:
    """The exit status of an audit.

    Args:
        claims: what was audited; none at all that counts is inconclusive, since nothing was supported.
        named: whether the user named an activation, a model or data. Where False, trials of kind "named" come from
            the default selection: where they do not meet the assumptions they are probes like random ones.
    """
    claims = tuple(claims)
    counted = [claim for claim in claims if counts(claim)]
    trials = [trial for claim in counted for trial in claim.trials]
    asked = [trial for trial in trials if trial.kind == "named" and named]
    judged = [claim.verdict for claim in counted] + [trial.verdict for trial in trials if is_judged(trial)]
    if Verdict.REFUTED in judged or any(trial.conclusion is Conclusion.FAILS for trial in asked):
        return 1
    if any(has_error(claim) for claim in claims) or unexpected_controls(claims):
        return 4
    # A random trial may be inconclusive within the share that its claim's verdict allows; a named one may not.
    decisive = [claim.verdict for claim in counted] + [trial.verdict for trial in asked]
    return 0 if set(decisive) == {Verdict.SUPPORTED} else 3


def unexpected_controls(claims: Iterable[ClaimReport]) -> list[str]:
    """One line for each control that did not come out as expected, for the warnings of the report."""
    return [
        f"control of {claim.id} did not come out as expected: {trial.property}, activation {trial.activation}, "
        f"stratum {trial.stratum}{f', defect {trial.defect}' if trial.defect else ''}: "
        f"expected {expectation(trial)}, got {described(trial.verdict, trial.conclusion)}"
        for claim in claims
        for trial in claim.trials
        if trial.kind == "control" and not trial.as_expected
    ]


def expectation(trial: Trial) -> str:
    """What a control must give, in words."""
    if trial.expected_verdict is None:
        return "nothing (no expected verdict was recorded)"
    return described(trial.expected_verdict, trial.expected_conclusion)


def named_failures_count(report: Report) -> bool:
    """Whether a failing conclusion of a named subject may be a failure of this audit.

    Where the exit status says that nothing failed, "named" was the default selection, whose failing conclusions are
    probes.
    """
    return report.exit_status == 1


def compare_with_baseline(
    report: Report | Verdicts, baseline: Report | Verdicts, *, named_claims: bool = False, named_subjects: bool = False
) -> list[str]:
    """Differences between the verdicts of two audits, one line each; empty where they are the same.

    Compared are the verdict of each claim and, for each claim and subject (kind, activation, stratum, planted
    defect), the worst verdict over its properties. What became of the conclusion where assumptions are not met is
    compared for named subjects and controls; over random draws it may change with the seed, and so may a random trial
    that is inconclusive within the share that a supported claim allows: it counts as supported. A claim or subject that
    only one report has is a difference: a claim that silently went missing must be noticed.

    Args:
        report: the new one.
        baseline: the recorded one, or its verdicts.
        named_claims: whether the audit was asked for some claims only: others in the baseline are left out.
        named_subjects: whether it was asked for an activation or data: other subjects in the baseline are left out, and
            so are the verdicts of whole claims, which rest on other subjects.
    """
    now, before = standings(verdicts_of(report)), standings(verdicts_of(baseline))
    if named_claims:
        audited = {claim.id for claim in report.claims}
        before = {place: standing for place, standing in before.items() if place.claim in audited}
    if named_subjects:
        now = {place: standing for place, standing in now.items() if place.subject is not None}
        before = {place: standing for place, standing in before.items() if place in now}
    return [_difference(place, then, current) for place, then, current in differing(before, now)]


def _difference(place: Place, then: Standing | None, current: Standing | None) -> str:
    if current is None:
        return f"{place.words}: {then.words if then else 'nothing'} in the baseline, absent now"
    if then is None:
        return f"{place.words}: {current.words} now, absent from the baseline"
    return f"{place.words}: {then.words} in the baseline, {current.words} now"
