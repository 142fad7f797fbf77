"""A claim as a record: what is said, under which assumptions, and what must be seen to fail."""

import difflib
import re
from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from theory_check.claims.quantity import Quantity
from theory_check.claims.source import Source

Quantifier = Literal["ALL", "RATE", "LAW"]
_IDENTIFIER = re.compile(r"\w[\w.-]{0,79}")


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case, or a defect, that the claim's property must not call supported.

    activation, stratum: what the general search is narrowed to; it must find the failure by itself.
    test: name of the property it belongs to; left out beside `@checks`, where it is the function that is marked.
    defect: name of a planted defect that is active during the trial, or None.
    verdict, conclusion: what must come out.
    quantity: what must have shown it: the quantity of the minimal outcome, or its id or text.
    """

    test: str = ""
    activation: str
    stratum: str
    verdict: Literal["refuted", "assumptions-not-met", "supported"]
    conclusion: Literal["fails", "holds"]
    quantity: Quantity | str
    defect: str | None = None


def planted_control(
    test: str, quantity: Quantity | str, defect: str, activation: str = "softplus", *, stratum: str = "sphere"
) -> Control:
    """The property must refute its claim, by this quantity, while the defect is active."""
    return Control(
        test=test,
        activation=activation,
        stratum=stratum,
        verdict="refuted",
        conclusion="fails",
        quantity=quantity,
        defect=defect,
    )


def planted_controls(
    quantity: Quantity | str, *defects: str, activation: str = "softplus", stratum: str = "sphere"
) -> tuple[Control, ...]:
    """Beside `@checks`: the property must refute its claim, by this quantity, while each of the defects is active."""
    return tuple(planted_control("", quantity, defect, activation, stratum=stratum) for defect in defects)


class Unmet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An assumption that a case does not meet.

    assumption: what it means, in words.
    finding: what of the case does not meet it.
    """

    assumption: str
    finding: str

    def __str__(self) -> str:
        return f"{self.assumption}: {self.finding}"


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement of the paper, or of a user's own.

    id: its name on the command line and in reports: letters, digits, "-", "_" and ".", at most 80 of them.
    source: where it is made and how it is read; a sentence where it is the user's own statement.
    assumptions: names that the paper on trial explains, or a user's own words, for which `checks` takes a predicate.
    strata: parts of the space of cases, each searched on its own, so that none is left to luck; the strategy of a
        property must follow them, as `cases` does. None at all: a property's strategy alone says what is searched.
    controls: each names its property; those that stand beside `@checks` are left out here.

    Raises:
        ValueError: a field that means nothing, in one line.
    """

    id: str
    statement: str
    source: str | Source
    quantifier: Quantifier = "ALL"
    assumptions: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    controls: tuple[Control, ...] = ()

    def __post_init__(self) -> None:
        # A record made in Python is not checked against its types.
        if not _IDENTIFIER.fullmatch(self.id):
            raise ValueError(
                f"the id of a claim must be letters, digits, '-', '_' and '.', at most 80, got {self.id!r:.100}"
            )
        if not isinstance(self.source, str | Source):
            raise ValueError(f"source of claim {self.id} must be a sentence or a Source, got {self.source!r:.60}")  # noqa: TRY004
        for name in ("assumptions", "strata", "controls"):
            if not isinstance(getattr(self, name), tuple):
                raise ValueError(f"{name} of claim {self.id} must be a tuple, got {getattr(self, name)!r:.60}")  # noqa: TRY004
        for control in self.controls:
            if not control.test:
                raise ValueError(
                    f"a control of claim {self.id} names no property: give it test=..., or to @checks, got {control!r}"
                )
        check_known(self.id, "quantifier", (self.quantifier,), get_args(Quantifier))
        for words in self.assumptions:
            if not words.strip() or not words.isprintable():
                raise ValueError(f"an assumption of claim {self.id} must be words on one line, got {words!r:.100}")

    @property
    def is_stated(self) -> bool:
        """Whether somebody states it: the authors, or a user whose own it is. What nobody states is a reading."""
        return not self.reading

    @property
    def reading(self) -> str:
        """The kind of text in which a reading stands, "hedged" or "digest"; empty for what somebody states."""
        return "" if isinstance(self.source, str) or self.source.is_stated else self.source.kind


def check_known(claim: str, what: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    """Refuse a word that is none of those known. Raises ValueError, one line with the nearest."""
    for word in given:
        if word not in known:
            near = difflib.get_close_matches(str(word), known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown {what} {word!r:.60} of claim {claim}; {hint}known: {', '.join(known)}")
