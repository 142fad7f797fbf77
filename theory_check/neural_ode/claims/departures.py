"""How each assumption of the paper is broken, and the others are left alone."""

from types import MappingProxyType

from theory_check.claims.departure import Departure
from theory_check.neural_ode.claims.vocabulary import Stratum

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
