"""Parts of the space of cases by the sizes of what a case holds: a search covers each, a report counts each."""

from collections.abc import Mapping
from types import MappingProxyType

from theory_check.neural_ode.case import Case

# A search enumerates these; data are enumerated by its trials, and so are classes of activations.
ENUMERATED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"horizon": ("short", "about 1", "long"), "scale": ("weak", "strong"), "width": ("narrow", "wide")}
)
HORIZONS = (0.75, 1.5)
STRONG = 0.5
WIDE = 12
# Draws to wait for a case whose classes are lacking in every dimension, then in all but one; then any will do.
PATIENCE = 10


def strata_of(case: Case) -> dict[str, str]:
    """The class of a case in every enumerated dimension.

    horizon: short below 0.75, long above 1.5. scale: strong where sigma_w T exceeds 1/2. width: wide from 12 neurons
    on; claims about wide networks measure a ladder of widths besides.
    """
    model = case.neural_ode
    low, high = HORIZONS
    return {
        "horizon": "short" if model.horizon < low else "long" if model.horizon > high else "about 1",
        "scale": "strong" if model.sigma_w * model.horizon > STRONG else "weak",
        "width": "wide" if case.width >= WIDE else "narrow",
    }


class Coverage:
    """Which cases a search still takes, so that its cases fall evenly into the classes of every dimension.

    Args:
        cases: how many it will take.
        offset: rotates the classes, so that searches too short for all of them differ.
    """

    def __init__(self, cases: int, offset: int) -> None:
        self._left: dict[str, dict[str, int]] = {}
        for dimension, classes in ENUMERATED.items():
            rotated = [classes[(offset + k) % len(classes)] for k in range(cases)]
            self._left[dimension] = {name: rotated.count(name) for name in classes}
            # The next dimension turns once for every turn of this one: all combinations come up in the end.
            offset //= len(classes)
        self._seen: dict[str, set[str]] = {dimension: set() for dimension in ENUMERATED}
        self._waited = 0

    def takes(self, case: Case) -> bool:
        """Whether a case is one of those still wanted; counts it if so.

        Where draws do not produce the classes that are wanted (every width of a claim may be 8), a dimension in which
        they have shown one class only is given up.
        """
        classes = strata_of(case)
        for dimension, name in classes.items():
            self._seen[dimension].add(name)
        full = sum(left[classes[dimension]] <= 0 for dimension, left in self._left.items())
        if full > self._waited // PATIENCE and self._waited < 2 * PATIENCE:
            self._waited += 1
            return False
        if full:
            self._left = {d: left for d, left in self._left.items() if len(self._seen[d]) > 1}
        for dimension, left in self._left.items():
            left[classes[dimension]] -= 1
        self._waited = 0
        return True
