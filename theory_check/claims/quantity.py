"""What a number in a report is: an id for programs, a text for readers, and a kind that says how it is judged."""

from typing import Literal

import msgspec

QuantityKind = Literal["error", "p-value", "slope", "ratio", "eigenvalue"]


class Quantity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measured quantity; as a string it is its text, as a reader of a report should see it.

    id: by which programs tell it apart; it stays when the text is put better.
    text: what is measured, with its unit where it has one.
    kind: an error (at most its bound), a p-value (of the named test), the slope of a ladder, a ratio of totals, or the
        smallest eigenvalue of a matrix.
    axes: what is drawn upwards and what along, where a picture of its ladder shows it; null for all others.
    """

    id: str
    text: str
    kind: QuantityKind
    axes: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"p-value: {self.text}" if self.kind == "p-value" else self.text

    def is_called(self, name: "str | Quantity") -> bool:
        """Whether a control, or a claim's author, means this quantity: by the record, its id or its text."""
        return self.id == name.id if isinstance(name, Quantity) else name in {self.id, self.text, str(self)}


def quantity_of(name: str | Quantity, kind: QuantityKind) -> Quantity:
    """The record of a quantity, which the property of a user's own may have named by a text alone."""
    return name if isinstance(name, Quantity) else Quantity(id=name, text=name, kind=kind)
