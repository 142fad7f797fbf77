"""A measured error beside the bound derived for it: what a measurement hands to the judge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from theory_check.claims.quantity import Quantity
from theory_check.pictures.sketch import Sketch

# A bound above this share of what is compared could hide a wrong result: such a comparison is not executed.
USABLE_SHARE = 0.01


@dataclass(frozen=True)
class Discrepancy:
    """One comparison.

    Attributes:
        quantity: what is compared.
        error: as measured.
        bound: what it must not exceed: derived, or stated by the claim itself.
        scale: size of the compared numbers; a derived bound above 1 % of it makes the comparison powerless. None
            where the claim itself states the bound.
        details: further numbers, such as the parts of the bound by name (error attribution).
        unusable: why the comparison cannot be made, or empty.
        sketch: makes the picture of this comparison, if there is one.
    """

    quantity: Quantity | str
    error: float
    bound: float
    scale: float | None = None
    details: Mapping[str, float | int | str] = field(default_factory=dict)
    unusable: str = ""
    sketch: Sketch | None = field(default=None, compare=False)

    @property
    def powerless(self) -> str:
        """Why the comparison could not fail, or empty when it could."""
        if self.scale is not None and self.bound > USABLE_SHARE * self.scale:
            return self.unusable or f"underpowered: the bound {self.bound:.2g} exceeds 1 % of {self.scale:.2g}"
        return self.unusable

    @property
    def share(self) -> float:
        """Share of the bound that the error uses: at most 1 where the comparison holds."""
        if self.bound > 0:
            return self.error / self.bound
        return inf if self.error > self.bound else 0.0
