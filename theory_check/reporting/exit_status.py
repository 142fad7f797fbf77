"""What an audit tells the shell: its exit status, and how it compares with recorded verdicts.

| status | meaning |
|---|---|
| 0 | every claim is supported |
| 1 | a claim is refuted, or the conclusion fails for an activation, a model or data that the user named |
| 2 | usage or configuration; the command line's own, never computed here |
| 3 | inconclusive, or assumptions not met for what the user named; nothing failed |
| 4 | an error in a trial, or a control that did not come out as expected: the harness itself cannot be trusted |

Where several hold, 1 goes before 4, 4 before 3. Random trials in strata that break a claim's assumptions
are probes: they show that an assumption is needed and never count. Controls count only when they go wrong.
"""

from collections.abc import Iterable
from typing import Literal

from theory_check.evidence.verdict import Conclusion, Verdict
from theory_check.reporting.matrix import described, worst_conclusion, worst_verdict
from theory_check.reporting.records import ClaimReport, Report, Subject, Trial, is_judged, subject_of

ExitStatus = Literal[0, 1, 3, 4]


def exit_status(claims: Iterable[ClaimReport], *, named: bool = True) -> ExitStatus:
    """The exit status of an audit.

    Args:
        claims: what was audited; none at all is inconclusive, since nothing was supported.
        named: whether the user named an activation, a model or data. Where False, trials of kind "named" come from
            the default selection: where they do not meet the assumptions they are probes like random ones.
    """
    claims = tuple(claims)
    trials = [trial for claim in claims for trial in claim.trials]
    asked = [trial for trial in trials if trial.kind == "named" and named]
    judged = [claim.verdict for claim in claims] + [trial.verdict for trial in trials if is_judged(trial)]
    if Verdict.REFUTED in judged or any(trial.conclusion is Conclusion.FAILS for trial in asked):
        return 1
    if Verdict.ERROR in judged or unexpected_controls(claims):
        return 4
    # A random trial may be inconclusive within the share that its claim's verdict allows; a named one may not.
    decisive = [claim.verdict for claim in claims] + [trial.verdict for trial in asked]
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


def compare_with_baseline(
    report: Report, baseline: Report, *, named_claims: bool = False, named_subjects: bool = False
) -> list[str]:
    """Differences between the verdicts of two audits, one line each; empty where they are the same.

    Compared are the verdict of each claim and, for each claim and subject (kind, activation, stratum, planted
    defect), the worst verdict over its properties. What became of the conclusion where assumptions are not met is
    compared for named subjects and controls; over random draws it may change with the seed, and so may a random trial
    that is inconclusive within the share that a supported claim allows: it counts as supported. A claim or subject that
    only one report has is a difference: a claim that silently went missing must be noticed.

    Args:
        report: the new one.
        baseline: the recorded one.
        named_claims: whether the audit was asked for some claims only: others in the baseline are left out.
        named_subjects: whether it was asked for an activation or data: other subjects in the baseline are left out, and
            so are the verdicts of whole claims, which rest on other subjects.
    """
    now, before = _verdicts(report), _verdicts(baseline)
    if named_claims:
        audited = {claim.id for claim in report.claims}
        before = {key: verdict for key, verdict in before.items() if key[0] in audited}
    if named_subjects:
        now = {key: verdict for key, verdict in now.items() if len(key) > 1}
        before = {key: verdict for key, verdict in before.items() if key in now}
    differences = []
    for key in dict.fromkeys([*before, *now]):
        if now.get(key) == before.get(key):
            continue
        name = ", ".join(part for part in key if part)
        if key not in now:
            differences.append(f"{name}: {before[key]} in the baseline, absent now")
        elif key not in before:
            differences.append(f"{name}: {now[key]} now, absent from the baseline")
        else:
            differences.append(f"{name}: {before[key]} in the baseline, {now[key]} now")
    return differences


def _verdicts(report: Report) -> dict[tuple[str, ...], str]:
    """Verdicts in words, by claim and by claim and subject."""
    found: dict[tuple[str, ...], str] = {}
    for claim in report.claims:
        found[(claim.id,)] = claim.verdict.value
        groups: dict[tuple[Subject, str], list[Trial]] = {}
        for trial in claim.trials:
            if trial.kind == "ablation":
                continue  # what becomes of a conclusion without an assumption is reported, not gated on
            groups.setdefault((subject_of(trial), trial.defect or ""), []).append(trial)
        for (subject, defect), trials in groups.items():
            conclusion = None if subject.kind == "random" else worst_conclusion(trial.conclusion for trial in trials)
            name = (claim.id, subject.kind, subject.activation, subject.stratum, defect and f"defect {defect}")
            verdict = worst_verdict(trial.verdict for trial in trials)
            if subject.kind == "random" and verdict is Verdict.INCONCLUSIVE and claim.verdict is Verdict.SUPPORTED:
                verdict = Verdict.SUPPORTED
            found[name] = described(verdict, conclusion)
    return found
