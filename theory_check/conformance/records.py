"""What a run of `theory-check conformance` found, as typed records; written as JSON, read back by msgspec."""

from typing import Annotated, Literal

import msgspec

from theory_check.conformance.case import Trialled
from theory_check.judge.verdict import Verdict

Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Detail = float | int | str | bool


class Numbers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The problem of a failing case in numbers (problem.py), so that it can be solved without this package."""

    activation: str
    matrix: list[list[float]]
    initial: list[list[float]]
    readout: list[float]
    labels: list[float] | None
    horizon: float


class Failure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The smallest case in which a check fails.

    quantity: what `measured` is; it must not exceed `bound` (rates: see `reason`).
    attribution: parts of the bound and of the error by name: differences, rounding, forward, backward, ...
    """

    case: Trialled
    quantity: str
    measured: float | None
    bound: float
    attribution: dict[str, Detail]
    problem: Numbers | None
    reason: str = ""


class CheckResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check of one solver.

    solver: "method/stepping/gradient", or "method/stepping" for checks of states alone.
    verdict: refuted only where a failure was confirmed at higher accuracy, or by three fresh ladders.
    requested, executed: cases asked for and judged, shrinking not counted.
    inconclusive: cases among them that could not be decided.
    drawn_again: further cases in which no slope could be read, and in whose place others were drawn.
    worst_ratio: the largest measured / bound; null where nothing was compared. For rates null.
    expected_failure: the reason in the expected-failures file, null where none applies.
    """

    check: str
    solver: str
    verdict: Verdict
    requested: Count
    executed: Count
    inconclusive: Count = 0
    drawn_again: Count = 0
    comparisons: Count = 0
    shrink_calls: Count = 0
    worst_ratio: float | None = None
    reason: str = ""
    failure: Failure | None = None
    expected_failure: str | None = None
    seconds: Seconds = 0.0

    @property
    def fails(self) -> bool:
        """Refuted, or in error."""
        return self.verdict in {Verdict.REFUTED, Verdict.ERROR}


class ConformanceReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A library on trial.

    activations: the panel that cases drew from.
    left_out: solvers that the profile leaves out.
    unexpected_passes: expected failures that no longer fail, as "check solver-pattern".
    exit_status: 0 conforms, but for expected failures; 1 a check is refuted, or an expected failure passes;
        3 inconclusive; 4 an error.
    """

    format_version: Literal[1] = 1
    tool: Literal["theory-check conformance"] = "theory-check conformance"
    library: str
    version: str
    command: str
    profile: str
    seed: Count
    started: str
    seconds: Seconds
    python: str
    versions: dict[str, str]
    activations: tuple[str, ...]
    left_out: tuple[str, ...]
    verdict: Verdict
    exit_status: Literal[0, 1, 3, 4]
    unexpected_passes: tuple[str, ...]
    results: tuple[CheckResult, ...]
