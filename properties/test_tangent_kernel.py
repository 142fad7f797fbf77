"""Claim ntk-positive-definite: the limit of the tangent kernel has no zero eigenvalue."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.claims.quantities import EIGENVALUE
from theory_check.neural_ode.measurements.definiteness import limit_spectrum
from theory_check.neural_ode.strategies import Sizes, cases, smooth_activations, widths


@checks("ntk-positive-definite")
@given(
    case=cases(smooth_activations(), width=widths(8, 8), sizes=Sizes(inputs=(1, 8), dimensions=(2, 6)), most_growth=2.0)
)
def test_tangent_kernel_is_positive_definite(case: Case, audit: Audit) -> None:
    """The smallest eigenvalue of the normalised kernel, its error bound subtracted, is proved positive."""
    spectrum = limit_spectrum(case, audit, "tangent")
    audit.positive_definite(
        case,
        EIGENVALUE,
        spectrum.certificate,
        spectrum.details,
        picture=spectrum.sketch,
    )
