"""One instance that libraries are put on trial with: a case of the project, and what a solver is asked beyond it."""

from typing import Literal

import msgspec

from theory_check.neural_ode.case import Case

Loss = Literal["squared", "linear"]


class Trialled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case, its loss and how accurately it is to be solved.

    case: activation, data, width, scales and the rule of the weights.
    loss: squared against drawn labels, or the sum of the outputs.
    finer: which of a check's tolerances (adaptive) is asked for, 0 the loosest.
    factor: of the time rescaling.
    contracting: A = -c (1 + K), K antisymmetric, in place of the drawn W: states run together.
    """

    case: Case
    loss: Loss = "squared"
    finer: int = 0
    factor: float = 2.0
    contracting: bool = False


_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(trialled: Trialled) -> str:
    """The one spelling of an instance."""
    return _ENCODER.encode(trialled).decode()
