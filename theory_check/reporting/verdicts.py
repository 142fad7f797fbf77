"""The verdicts of an audit as a small record: what two audits are compared by, without cases, values or times.

It is derived from a report, and the comparison of two reports goes through it: what is compared is what it holds. A
field without a value is left out.
"""

from typing import Literal

import msgspec

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.reporting.readings import is_reading, kind_of
from theory_check.reporting.records import Arithmetic, Count, Kind, Report, Trial, arithmetic_of

VERDICTS_VERSION = 1
# Enough to see how near a bound is; the digits after these differ between machines.
_DIGITS = 6


class TrialVerdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one property gave over one subject; fields are those of a report's trial.

    kind: "random" (drawn by Hypothesis), "named" (asked for by name), "control" (must come out as expected), "ablation"
        (one assumption is broken).
    activation: what was asked for: a class such as "random smooth", or a canonical expression.
    stratum: the part of the space of cases that was searched.
    search: which of how many independent searches of it, such as "2/4"; left out where there was one.
    defect: the planted defect that was active, for controls and ablations that have one.
    assumption: the one that an ablation breaks.
    departure: how it does, in words.
    verdict: over the cases whose assumptions are met; assumptions-not-met where there were no others.
    conclusion: what became of the conclusion in the cases whose assumptions are not met; left out without such cases.
    requested: cases asked for, or all there are.
    executed: cases that ran, shrinking not counted.
    held: cases among them in which the conclusion held.
    worst_ratio: the largest share of a bound that was used, to six digits; left out where nothing was compared.
    expected_verdict: what a control must give.
    expected_conclusion: the same, for the conclusion.
    as_expected: whether the control came out so; left out for trials that are none.

    Raises:
        ValueError: `as_expected` is missing for a control, or given for a trial that is none.
    """

    kind: Kind
    activation: str
    stratum: str
    search: str | None = None
    defect: str | None = None
    assumption: str | None = None
    departure: str | None = None
    verdict: Verdict
    conclusion: Conclusion | None = None
    requested: Count
    executed: Count
    held: Count
    worst_ratio: float | None = None
    expected_verdict: Verdict | None = None
    expected_conclusion: Conclusion | None = None
    as_expected: bool | None = None

    def __post_init__(self) -> None:
        if (self.kind == "control") is (self.as_expected is None):
            raise ValueError(
                f"as_expected must be a boolean for a control and left out otherwise, "
                f"got {self.as_expected!r} for kind {self.kind!r}"
            )


class PropertyVerdicts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One property of a claim.

    property: the pytest node, "file.py::function".
    trials: one for each subject and search, in the order of the audit.
    """

    property: str
    trials: tuple[TrialVerdict, ...]


class ClaimVerdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One claim.

    id: name of the claim.
    reading: the kind of text in which a reading stands; left out for what somebody states as a claim.
    counts: whether a reading counted towards the exit status; left out of all others, which always count.
    verdict: over the trials of kind random and named.
    properties: those that put it on trial.
    """

    id: str
    reading: Literal["hedged", "digest"] | None = None
    counts: bool | None = None
    verdict: Verdict
    properties: tuple[PropertyVerdicts, ...]


class Verdicts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verdicts of one audit.

    tool: always "theory-check verdicts".
    format_version: version of this format; a reader of another version must refuse it.
    paper: what was audited.
    profile: how thorough the audit was.
    seed: root seed.
    environment: what decides the last bits of measured values.
    warnings: what a reader must know first.
    verdict: over all claims that somebody states; over the readings where there are no others.
    exit_status: 0 supported, 1 refuted, 3 inconclusive or assumptions not met, 4 error; over what counts.
    claims: one entry a claim, in the order of the audit.

    Raises:
        ValueError: a claim occurs twice.
    """

    tool: Literal["theory-check verdicts"] = "theory-check verdicts"
    format_version: Literal[1] = 1
    paper: str
    profile: str
    seed: Count
    environment: Arithmetic
    warnings: tuple[str, ...]
    verdict: Verdict
    exit_status: Literal[0, 1, 3, 4]
    claims: tuple[ClaimVerdict, ...]

    def __post_init__(self) -> None:
        names = [claim.id for claim in self.claims]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"each claim must occur once, got {name!r} {names.count(name)} times")


def verdicts_of(report: Report | Verdicts) -> Verdicts:
    """The verdicts of a report; those that are given come back as they are."""
    if isinstance(report, Verdicts):
        return report
    return Verdicts(
        paper=report.paper,
        profile=report.profile,
        seed=report.seed,
        environment=arithmetic_of(report.environment),
        warnings=report.warnings,
        verdict=report.verdict,
        exit_status=report.exit_status,
        claims=tuple(
            ClaimVerdict(
                id=claim.id,
                reading=kind_of(claim) if is_reading(claim) else None,  # type: ignore[arg-type]
                counts=None if claim.counts is msgspec.UNSET else claim.counts,
                verdict=claim.verdict,
                properties=tuple(
                    PropertyVerdicts(
                        property=name, trials=tuple(_trial_verdict(t) for t in claim.trials if t.property == name)
                    )
                    for name in dict.fromkeys(trial.property for trial in claim.trials)
                ),
            )
            for claim in report.claims
        ),
    )


def _trial_verdict(trial: Trial) -> TrialVerdict:
    return TrialVerdict(
        kind=trial.kind,
        activation=trial.activation,
        stratum=trial.stratum,
        search=None if trial.search is msgspec.UNSET else trial.search,
        defect=trial.defect,
        assumption=trial.assumption,
        departure=trial.departure,
        verdict=trial.verdict,
        conclusion=trial.conclusion,
        requested=trial.requested,
        executed=trial.executed,
        held=trial.held,
        worst_ratio=None if trial.worst_ratio is None else float(f"{trial.worst_ratio:.{_DIGITS}g}"),
        expected_verdict=trial.expected_verdict,
        expected_conclusion=trial.expected_conclusion,
        as_expected=trial.as_expected,
    )
