"""report.md: the report for a reader, an artifact reviewer who never saw the tool included."""

from functools import lru_cache

import jinja2

from theory_check.evidence.verdict import INCONCLUSIVE_SHARE, Conclusion, Outcome, Verdict
from theory_check.reporting.case_text import describe_case, describe_measurement
from theory_check.reporting.coverage import ablation_table, coverage_of
from theory_check.reporting.exit_status import expectation
from theory_check.reporting.markdown_text import Markdown, as_markdown, code, fenced
from theory_check.reporting.matrix import claim_matrix, described
from theory_check.reporting.records import ClaimReport, Report, Trial, is_judged
from theory_check.reporting.replay_command import replay_command

QUANTIFIERS = {
    "ALL": "for all cases; one confirmed counterexample refutes",
    "RATE": "a limit, judged by its rate over a ladder of widths, depths or steps",
    "LAW": "a statement about distributions, tested inside one budget of false alarms",
}
EXIT_STATUSES = {
    0: "every claim is supported",
    1: "a claim is refuted, or the conclusion fails for something the user named",
    3: "inconclusive, or assumptions not met; nothing failed",
    4: "an error, or a control that did not come out as expected",
}


def render(report: Report) -> str:
    """The report as GitHub Markdown: verdict and warnings first, then the table, each claim, and how it was made."""
    return _template().render(
        report=report,
        rows=claim_matrix(report),
        ablations=ablation_table(report),
        tally=[(sum(claim.verdict is verdict for claim in report.claims), verdict) for verdict in Verdict],
        quantifiers=QUANTIFIERS,
        exit_statuses=EXIT_STATUSES,
        inconclusive_share=f"{INCONCLUSIVE_SHARE:.0%}",
    )


def judged_trials(claim: ClaimReport) -> list[Trial]:
    """The trials that decide: all but the controls."""
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


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("theory_check.reporting"),
        autoescape=False,  # noqa: S701  this is Markdown: `finalize` escapes, HTML's rules would spoil code spans
        finalize=as_markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": code,
        "cell": lambda value: code(value, table=True),
        "fenced": fenced,
        "judged": judged_trials,
        "coverage": coverage_of,
        "controls": controls,
        "failures": failures,
        "undecided": undecided,
        "closest_trial": closest_trial,
        "closest_outcome": closest_outcome,
        "described": lambda trial: described(trial.verdict, trial.conclusion),
        "expectation": expectation,
        "lines": describe_case,
        "measurement": describe_measurement,
        "replay": replay_command,
        "bold": lambda value: Markdown(f"**{as_markdown(value)}**"),
    }
    environment.globals |= {"minimal_outcome": minimal_outcome}
    return environment.get_template("report.md.j2")
