"""What was looked at: comparisons by class of case, and what became of a conclusion without each assumption."""

import msgspec

from theory_check.evidence.verdict import Conclusion
from theory_check.reporting.readings import readings, stated
from theory_check.reporting.records import ClaimReport, Report, Trial, is_judged


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """A claim without one of its assumptions.

    needed: whether the conclusion failed in some case.
    text: what a table shows.
    minimal: id of the smallest case in which it failed.
    """

    needed: bool
    text: str
    minimal: str | None = None


def coverage_of(claim: ClaimReport) -> dict[str, dict[str, int]]:
    """Comparisons of the trials that decide, by dimension of the space of cases and class in it; data come first."""
    found: dict[str, dict[str, int]] = {"data": {}}
    for trial in filter(is_judged, claim.trials):
        found["data"][trial.stratum] = found["data"].get(trial.stratum, 0) + trial.comparisons
        for dimension, counts in trial.coverage.items():
            into = found.setdefault(dimension, {})
            for name, count in counts.items():
                into[name] = into.get(name, 0) + count
    return {dimension: dict(sorted(counts.items())) for dimension, counts in found.items() if counts}


def ablation_table(report: Report) -> dict[str, dict[str, Ablation]]:
    """By claim and assumption: was it needed? Claims without ablations are left out; readings come last."""
    table: dict[str, dict[str, Ablation]] = {}
    for claim in (*stated(report.claims), *readings(report.claims)):
        trials = [trial for trial in claim.trials if trial.assumption is not None]
        names = dict.fromkeys(trial.assumption for trial in trials)
        if trials:
            table[claim.id] = {str(name): _ablation([t for t in trials if t.assumption == name]) for name in names}
    return table


def _ablation(trials: list[Trial]) -> Ablation:
    failed = [trial for trial in trials if trial.conclusion is Conclusion.FAILS]
    if failed:
        worst = failed[0]
        return Ablation(needed=True, text=f"needed: fails with {worst.departure}", minimal=worst.minimal)
    held, executed = sum(trial.held for trial in trials), sum(trial.executed for trial in trials)
    rest = ", undecided in the others" if held < executed else ""
    return Ablation(needed=False, text=f"held in {held} of {executed} cases without it{rest}")
