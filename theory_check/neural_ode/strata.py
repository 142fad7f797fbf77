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
