"""What was looked at: comparisons by class of case, and what became of a conclusion without each assumption."""

import msgspec

from theory_check.judge.verdict import Conclusion
from theory_check.reporting.readings import readings, stated
from theory_check.reporting.records import ClaimReport, Report, Trial, is_judged


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """A claim without one of its assumptions, broken in one way.

    departure: how, in words.
    conclusion: fails in some case, which shows that the assumption is needed; holds in all cases; undecided otherwise.
    text: what a table shows.
    minimal: id of the smallest case in which it failed.
    """

    departure: str
    conclusion: Conclusion
    text: str
    minimal: str | None = None

    @property
    def needed(self) -> bool:
        """Whether the conclusion was seen to fail."""
        return self.conclusion is Conclusion.FAILS


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


def ablation_table(report: Report) -> dict[str, dict[str, tuple[Ablation, ...]]]:
    """By claim and assumption, for each way in which it was broken: was it needed?

    Claims without ablations are left out; readings come last.
    """
    table: dict[str, dict[str, tuple[Ablation, ...]]] = {}
    for claim in (*stated(report.claims), *readings(report.claims)):
        ways: dict[str, dict[str, list[Trial]]] = {}
        for trial in claim.trials:
            if trial.assumption is not None:
                ways.setdefault(trial.assumption, {}).setdefault(trial.departure or "", []).append(trial)
        if ways:
            table[claim.id] = {
                assumption: tuple(_ablation(departure, trials) for departure, trials in found.items())
                for assumption, found in ways.items()
            }
    return table


def _ablation(departure: str, trials: list[Trial]) -> Ablation:
    failed = next((trial for trial in trials if trial.conclusion is Conclusion.FAILS), None)
    if failed is not None:
        return Ablation(
            departure=departure, conclusion=Conclusion.FAILS, text="fails: needed there", minimal=failed.minimal
        )
    held, executed = sum(trial.held for trial in trials), sum(trial.executed for trial in trials)
    if 0 < held == executed:
        text = f"held in {held} of {executed} cases: not seen to be needed there"
        return Ablation(departure=departure, conclusion=Conclusion.HOLDS, text=text)
    text = (
        f"undecided: held in {held} of {executed} cases, could not be judged in the others" if executed else "not tried"
    )
    return Ablation(departure=departure, conclusion=Conclusion.UNDECIDED, text=text)


def needed_assumptions(table: dict[str, dict[str, tuple[Ablation, ...]]]) -> tuple[int, int]:
    """How many assumptions were seen to be needed, broken in whichever way, and how many were broken."""
    rows = [ablations for row in table.values() for ablations in row.values()]
    return sum(any(ablation.needed for ablation in ablations) for ablations in rows), len(rows)
