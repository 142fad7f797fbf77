"""What a comparison of activations says: one record for each activation, every number with what it rests on."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from theory_check.judge.plain_numbers import Detail
from theory_check.neural_ode.case import Case

# "proved": every part of the number is. "bounded": by a certificate, given the parts named in `note`. "measured": on
# networks. "missing": the quantity does not exist for this phi, or could not be computed; `note` says why.
Basis = Literal["proved", "bounded", "measured", "missing"]
# "measured bounds": unique, if the sampled Lipschitz constant is one. "open": neither proved nor seen to fail.
Status = Literal["proved", "measured bounds", "open", "fails"]


class Column(msgspec.Struct, frozen=True):
    """One quantity of the table.

    better: which end an engineer wants.
    scored: whether it enters the ranking; what explains another column does not count a second time.
    """

    title: str
    meaning: str
    better: Literal["lower", "higher"]
    scored: bool


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "gradient_error": Column(
            "gradient error",
            "relative error of the loss gradient of RK4 with a fixed number of evaluations of the field, by its exact "
            "discrete adjoint, against that of the ODE",
            "lower",
            scored=True,
        ),
        "evaluations": Column(
            "solver evaluations",
            "evaluations of the field by dopri5 for one forward solve to the tolerance",
            "lower",
            scored=True,
        ),
        "smallest_eigenvalue": Column(
            "smallest NTK eigenvalue", "of the tangent kernel at infinite width", "higher", scored=False
        ),
        "predicted_factor": Column(
            "predicted factor",
            "1 - eta lambda_min at infinite width, eta = 1 / lambda_max: the residual shrinks at least so much a step",
            "lower",
            scored=False,
        ),
        "observed_factor": Column(
            "observed factor",
            "of the residual in a step of gradient descent with eta = 1 / lambda_max(Theta_0), geometric mean",
            "lower",
            scored=True,
        ),
    }
)


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the table.

    value: the median over networks, or the number itself; None where it is missing.
    low, high: its interval (`confidence` of the comparison, by order statistics), or the enclosure that is proved or
        certified; None where there is none.
    networks: that it was measured on, 0 for what is computed at infinite width.
    note: what a reader must know: which parts of a bound are estimated, why a number is missing.
    singular: whether an eigenvalue that is not certified was seen to be zero, as far as the kernel is known.
    details: further numbers, for a reader.
    """

    basis: Basis
    value: float | None = None
    low: float | None = None
    high: float | None = None
    networks: int = 0
    note: str = ""
    singular: bool = False
    details: dict[str, Detail] = {}


class Uniqueness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether solutions in one direction of time are unique for every W and every input.

    reason: by which constant it is proved, or what was seen to fail.
    probes, failing: cases that the claim's own property judged, and those in which the conclusion failed.
    case: the first failing one, with the compared numbers.
    """

    status: Status
    reason: str
    probes: int
    failing: int = 0
    quantity: str = ""
    measured: float | None = None
    bound: float | None = None
    case: Case | None = None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One activation.

    lipschitz, derivative_lipschitz: L1 and L2; None where infinite.
    bounds: whether these are proved or measured.
    cells: by the keys of COLUMNS.
    rank: from 1; equal where the rule finds no difference. Filled in by `ranking.ranked`.
    points: what the rule counted.
    """

    name: str
    expression: str
    classification: str
    lipschitz: float | None
    derivative_lipschitz: float | None
    bounds: Literal["proved", "measured"]
    forward: Uniqueness
    backward: Uniqueness
    cells: dict[str, Cell]
    rank: int = 0
    points: float = 0.0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A table of activations, best first.

    settings: everything that fixes the numbers.
    rule: how the order came about, in words.
    """

    settings: dict[str, Detail]
    rule: str
    candidates: tuple[Candidate, ...]
