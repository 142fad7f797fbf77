"""What breaks an assumption and leaves the others alone: how an audit finds out whether a claim needs it."""

from types import MappingProxyType

import msgspec

from theory_check.claims.claim import Assumption, Stratum


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """One way to break an assumption.

    words: how the cases depart, for a table.
    activations: the class that activations come from in place of the property's own; None leaves them.
    stratum: the data, learning rate or width that breaks it; None takes every stratum of the claim.
    defect: the planted change of the model, where no case can break the assumption.
    """

    assumption: Assumption
    words: str
    activations: str | None = None
    stratum: Stratum | None = None
    defect: str | None = None


_DEPENDENCE: tuple[tuple[str, Stratum], ...] = (
    ("linearly dependent inputs (N > d + 1)", "crowded"),
    ("linearly independent inputs (N <= d)", "independent"),
)

DEPARTURES = MappingProxyType(
    {
        "lipschitz": (Departure(assumption="lipschitz", words="unbounded slope", activations="not-lipschitz"),),
        "smooth": (Departure(assumption="smooth", words="kinked phi", activations="kinked"),),
        "differentiable": (Departure(assumption="differentiable", words="kinked phi", activations="kinked"),),
        "linear-growth": (Departure(assumption="linear-growth", words="bounded phi", activations="bounded"),),
        # Linearly independent inputs have a regular kernel even for affine phi, and what a polynomial of degree two or
        # more becomes over a continuous depth is no polynomial.
        "nonlinear": tuple(
            Departure(assumption="nonlinear", words=f"{phi}, {inputs}", activations=activations, stratum=stratum)
            for phi, activations in (("affine phi", "affine"), ("polynomial phi of degree 2 or 3", "polynomial"))
            for inputs, stratum in _DEPENDENCE
        ),
        "distinct-inputs": (
            Departure(assumption="distinct-inputs", words="a repeated input", stratum="repeated"),
            Departure(assumption="distinct-inputs", words="x and -x", stratum="antipodal"),
        ),
        "wide": (Departure(assumption="wide", words="width 2 or 4", stratum="narrow"),),
        "small-learning-rate": (
            Departure(assumption="small-learning-rate", words="2.5 to 4 times the step", stratum="large-step"),
        ),
        "gaussian-weights": (
            Departure(assumption="gaussian-weights", words="W of infinite variance", defect="weights-heavy-tailed"),
        ),
        "shared-weights": (
            Departure(assumption="shared-weights", words="W afresh at every evaluation", defect="weights-resampled"),
        ),
        "scale": (Departure(assumption="scale", words="W over n^(1/4)", defect="weights-scaled-too-little"),),
    }
)
