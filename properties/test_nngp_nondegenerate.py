"""Claim nngp-nondegenerate: the kernel of the Gaussian process at infinite width has no zero eigenvalue."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import singular_controls
from theory_check.neural_ode.measurements.definiteness import limit_spectrum
from theory_check.neural_ode.strategies import Sizes, cases, smooth_activations, widths


@checks("nngp-nondegenerate", known_as="test_limiting_kernel.py", controls=singular_controls(q.NNGP_EIGENVALUE))
@given(
    case=cases(smooth_activations(), width=widths(8, 8), sizes=Sizes(inputs=(1, 6), dimensions=(2, 6)), most_growth=2.0)
)
def test_limiting_nngp_kernel_is_positive_definite(case: Case, audit: Audit) -> None:
    """The smallest eigenvalue of the normalised kernel, its error bound subtracted, is proved positive."""
    spectrum = limit_spectrum(case, audit.setting, "nngp")
    audit.positive_definite(
        case,
        q.NNGP_EIGENVALUE,
        spectrum.certificate,
        spectrum.details,
        picture=spectrum.sketch,
    )
