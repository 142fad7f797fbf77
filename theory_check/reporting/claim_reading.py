"""What every writer reads off a claim's report: which trials decide, which failed, which case came closest."""

from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.reporting.records import ClaimReport, Trial, is_judged

QUANTIFIERS = {
    "ALL": "for all cases; one confirmed counterexample refutes",
    "RATE": "a limit, judged by its rate over a ladder of widths, depths or steps",
    "LAW": "a statement about distributions, tested inside one budget of false alarms",
}


def judged_trials(claim: ClaimReport) -> list[Trial]:
    """The trials that decide: all but controls and ablations."""
    return [trial for trial in claim.trials if is_judged(trial)]


def controls(claim: ClaimReport) -> list[Trial]:
    """The trials that must come out in a known way."""
    return [trial for trial in claim.trials if trial.kind == "control"]


def failures(claim: ClaimReport) -> list[Trial]:
    """Trials that found a failing case or an error: refutations, and conclusions that fail without the assumptions."""
    return [
        trial
        for trial in judged_trials(claim)
        if trial.minimal is not None
        or trial.verdict in {Verdict.REFUTED, Verdict.ERROR}
        or trial.conclusion is Conclusion.FAILS
    ]


def undecided(claim: ClaimReport) -> list[Outcome]:
    """Cases without a verdict; all are listed, since a share of them is allowed in a supported claim."""
    return [outcome for outcome in claim.outcomes if outcome.verdict in {Verdict.INCONCLUSIVE, Verdict.ERROR}]


def minimal_outcome(claim: ClaimReport, trial: Trial) -> Outcome | None:
    """The outcome of a trial's minimal case."""
    return next((outcome for outcome in claim.outcomes if outcome.case_id == trial.minimal), None)


def closest_trial(claim: ClaimReport) -> Trial | None:
    """The trial that came closest to its bound, or broke it most; None where nothing was compared."""
    compared = [(trial.worst_ratio, trial) for trial in judged_trials(claim) if trial.worst_ratio is not None]
    return max(compared, key=lambda pair: pair[0])[1] if compared else None


def closest_outcome(claim: ClaimReport) -> Outcome | None:
    """The case in which that happened, where it is among the outcomes."""
    trial = closest_trial(claim)
    if trial is None:
        return None
    own = (outcome for outcome in claim.outcomes if outcome.test == trial.property and outcome.defect is None)
    return next((outcome for outcome in own if outcome.ratio == trial.worst_ratio), None)


def judged_outcomes(claim: ClaimReport) -> list[Outcome]:
    """The cases of the trials that decide.

    Left out are cases with a planted defect or a broken assumption, and the minimal ones of controls: which trial a
    case belongs to is not recorded, so a control that must hold is told from a search by nothing and stays in.
    """
    searched = {trial.minimal for trial in claim.trials if is_judged(trial)}
    planted = {trial.minimal for trial in claim.trials if not is_judged(trial)} - searched
    return [
        outcome
        for outcome in claim.outcomes
        if outcome.defect is None and outcome.assumption is None and outcome.case_id not in planted
    ]
