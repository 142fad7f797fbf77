"""The report as typed records. They hold data and its invariants; how they are read and written is elsewhere.

A field without a value is written as null, never left out, so that every report of one version has the same shape.
"""

from typing import Annotated, Literal

import msgspec

from theory_check.claims.source import Source
from theory_check.judge.verdict import Conclusion, Outcome, Verdict

FORMAT_VERSION = 2

Kind = Literal["random", "named", "control", "ablation"]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
CaseId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}$")]
UtcTime = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)$")]


class ReportError(ValueError):
    """A report cannot be read, written or searched; the message is one line."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a trial was about.

    kind: "random" (drawn by Hypothesis), "named" (asked for by name), "control" (must come out as expected), "ablation"
        (one assumption is broken).
    activation: what was asked for: a class such as "random smooth", or a canonical expression.
    stratum: the part of the space of cases that was searched.
    """

    kind: Kind
    activation: str
    stratum: str


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One property searched over one subject; `seconds` alone may differ between two identical runs.

    property: the pytest node, "file.py::function".
    kind: "random" (drawn by Hypothesis), "named" (asked for by name), "control" (must come out as expected), "ablation"
        (one assumption is broken).
    activation: what was asked for: a class such as "random smooth", or a canonical expression.
    stratum: the part of the space of cases that was searched.
    search: which of how many independent searches of it, such as "2/4"; left out where there was one.
    verdict: over the cases whose assumptions are met; assumptions-not-met where there were no others.
    conclusion: what became of the conclusion in the cases whose assumptions are not met; null without such cases.
    requested: cases asked for, or all there are.
    executed: cases that ran, shrinking not counted.
    held: cases among them in which the conclusion held.
    comparisons: measured numbers that were compared with a bound.
    shrink_calls: further cases judged while a failing one was made smaller.
    minimal: id of the smallest failing case, which is among the claim's outcomes; null without a failure.
    reason: why the verdict is what it is, in one line; may be empty.
    defect: the planted defect that was active, for controls and ablations that have one.
    subtle: whether it is an error of ten per cent or less.
    assumption: the one that an ablation breaks; null for other trials.
    departure: how it does, in words; null likewise.
    expected_verdict: what a control must give; null for other trials.
    expected_conclusion: the same, for the conclusion.
    as_expected: whether the control came out so, a boolean for controls and null for all others.
    coverage: comparisons by class, for each dimension of the space of cases (activation, horizon, scale, width), and
        how many random phi gave way to a plain one where a property measures nothing with some.
    worst_ratio: the largest share of a bound that was used, measured / bound; null where nothing was compared.
    seconds: time taken.

    Raises:
        ValueError: `as_expected` is missing for a control, or given for a trial that is none.
    """

    property: str
    kind: Kind
    activation: str
    stratum: str
    search: str | msgspec.UnsetType = msgspec.UNSET
    verdict: Verdict
    conclusion: Conclusion | None = None
    requested: Count
    executed: Count
    held: Count = 0
    comparisons: Count
    shrink_calls: Count = 0
    minimal: CaseId | None = None
    reason: str = ""
    defect: str | None = None
    subtle: bool = False
    assumption: str | None = None
    departure: str | None = None
    expected_verdict: Verdict | None = None
    expected_conclusion: Conclusion | None = None
    as_expected: bool | None = None
    coverage: dict[str, dict[str, Count]] = {}
    worst_ratio: float | None = None
    seconds: Seconds

    def __post_init__(self) -> None:
        if (self.kind == "control") is (self.as_expected is None):
            raise ValueError(
                f"as_expected must be a boolean for a control and None otherwise, "
                f"got {self.as_expected!r} for kind {self.kind!r}"
            )


def is_judged(trial: Trial) -> bool:
    """Whether a trial counts towards its claim's verdict."""
    return trial.kind in {"random", "named"}


def subject_of(trial: Trial) -> Subject:
    """The three fields of a trial that say what it was about; hashable."""
    return Subject(kind=trial.kind, activation=trial.activation, stratum=trial.stratum)


class ClaimReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One claim: what it says, and what came out.

    id: name of the claim.
    statement: what is claimed.
    source: where it is made and how it was read; a sentence for a claim of a user's own.
    counts: whether a reading, which nobody states as a claim, counted towards the exit status; left out of all others,
        which always count.
    quantifier: ALL (one counterexample refutes), RATE (speed towards a limit), LAW (a distribution).
    assumptions: under which conditions the claim speaks.
    verdict: over the trials of kind random and named; controls and ablations never enter.
    trials: every search that was made, controls included.
    outcomes: the judged cases, minimal failing ones included.

    Raises:
        ValueError: a trial names a minimal case that is not among the outcomes.
    """

    id: str
    statement: str
    source: str | Source
    counts: bool | msgspec.UnsetType = msgspec.UNSET
    quantifier: Literal["ALL", "RATE", "LAW"]
    assumptions: tuple[str, ...]
    verdict: Verdict
    trials: tuple[Trial, ...]
    outcomes: tuple[Outcome, ...]

    def __post_init__(self) -> None:
        known = {outcome.case_id for outcome in self.outcomes}
        for trial in self.trials:
            if trial.minimal is not None and trial.minimal not in known:
                raise ValueError(f"minimal case {trial.minimal!r} of {trial.property!r} must be among the outcomes")


class Environment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the audit ran.

    python: version of the interpreter.
    platform: operating system and its version.
    machine: processor architecture.
    processors: processors available to the audit.
    torch_threads: compute threads of each audit process.
    device: where tensors lived, "cpu" or a CUDA device with its name.
    denormals: how numbers below the normal range are treated.
    versions: of the packages that took part, by name.
    """

    python: str
    platform: str
    machine: str
    processors: Count
    torch_threads: Count
    device: str
    denormals: str
    versions: dict[str, str]


class Arithmetic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of an environment decides the last bits of measured values.

    python: version of the interpreter.
    machine: processor architecture.
    device: where tensors lived, "cpu" or a CUDA device with its name.
    denormals: how numbers below the normal range are treated.
    versions: of the packages that took part, by name.
    """

    python: str
    machine: str
    device: str
    denormals: str
    versions: dict[str, str]


def arithmetic_of(environment: Environment) -> Arithmetic:
    """The part of an environment in which equal code must give equal numbers, to the last bit.

    The model of the processor is not recorded; libraries that choose their kernels by it may still differ.
    """
    return Arithmetic(**{name: getattr(environment, name) for name in Arithmetic.__struct_fields__})


def same_environment(one: Environment, other: Environment) -> bool:
    """Whether equal code must give equal numbers in both, to the last bit."""
    return arithmetic_of(one) == arithmetic_of(other)


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """False alarms of the statistical tests of a whole audit.

    total: probability of any false alarm, over all calls.
    level: probability allowed to one call.
    declared_calls: how many calls `level` was computed for.
    calls: how many were made, shrinking included.
    """

    total: Annotated[float, msgspec.Meta(gt=0, le=1)]
    level: Annotated[float, msgspec.Meta(ge=0, le=1)]
    declared_calls: Count
    calls: Count


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The report of one audit.

    format_version: version of this format; a reader of another version must refuse it.
    tool: always "theory-check".
    paper: what was audited.
    on_trial: "module:NAME" of the paper's record; left out for the paper that ships with theory_check.
    command: the exact command, shell-quoted.
    profile: how thorough the audit was.
    seed: root seed; with it and the command the audit can be repeated.
    started: UTC, ISO 8601.
    seconds: duration.
    environment: where it ran.
    budget: false alarms of the statistical tests.
    warnings: what a reader must know first.
    lost_trials: names of the trials that were begun and gave nothing, and why; with any of them the audit is an error.
    verdict: over all claims that somebody states; over the readings where there are no others. An error in a reading is
        one of the harness, and so of the audit.
    exit_status: 0 supported, 1 refuted, 3 inconclusive or assumptions not met, 4 error; over what counts.
    claims: one entry a claim.

    Raises:
        ValueError: a claim occurs twice.
    """

    format_version: Literal[2] = 2
    tool: Literal["theory-check"] = "theory-check"
    paper: str
    on_trial: str | msgspec.UnsetType = msgspec.UNSET
    command: str
    profile: str
    seed: Count
    started: UtcTime
    seconds: Seconds
    environment: Environment
    budget: Budget
    warnings: tuple[str, ...] = ()
    lost_trials: tuple[str, ...] = ()
    verdict: Verdict
    exit_status: Literal[0, 1, 3, 4]
    claims: tuple[ClaimReport, ...]

    def __post_init__(self) -> None:
        names = [claim.id for claim in self.claims]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"each claim must occur once, got {name!r} {names.count(name)} times")
