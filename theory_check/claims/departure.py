"""What breaks an assumption and leaves the others alone: how an audit finds out whether a claim needs it."""

import msgspec


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """One way to break an assumption.

    words: how the cases depart, for a table.
    activations: the class that subjects come from in place of the property's own; None leaves them.
    stratum: the part of the space of cases that breaks it; None takes every stratum of the claim.
    defect: the planted change, where no case can break the assumption.
    """

    assumption: str
    words: str
    activations: str | None = None
    stratum: str | None = None
    defect: str | None = None
