"""Claim ntk-positive-definite: no zero eigenvalue in the limit, nor in the kernel of a user's own model."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import singular_controls
from theory_check.neural_ode.measurements.definiteness import limit_spectrum
from theory_check.neural_ode.measurements.own_model.ntk_positive_definite import empirical_spectrum
from theory_check.neural_ode.strategies import Sizes, cases, model_cases, smooth_activations, widths


@checks("ntk-positive-definite", known_as="test_tangent_kernel.py", controls=singular_controls(q.EIGENVALUE))
@given(
    case=cases(smooth_activations(), width=widths(8, 8), sizes=Sizes(inputs=(1, 8), dimensions=(2, 6)), most_growth=2.0)
)
def test_tangent_kernel_is_positive_definite(case: Case, audit: Audit) -> None:
    """The smallest eigenvalue of the normalised kernel, its error bound subtracted, is proved positive."""
    spectrum = limit_spectrum(case, audit.setting, "tangent")
    audit.positive_definite(
        case,
        q.EIGENVALUE,
        spectrum.certificate,
        spectrum.details,
        picture=spectrum.sketch,
    )


@checks("ntk-positive-definite", known_as="test_own_model.py", of_model=True)
@given(case=model_cases(inputs=(1, 6)))
def test_empirical_kernel_of_a_model_is_positive_definite(case: Case, audit: Audit) -> None:
    """The smallest eigenvalue of the normalised empirical kernel, its error bound subtracted, is proved positive."""
    spectrum = empirical_spectrum(case, audit.setting)
    audit.positive_definite(
        case,
        q.EMPIRICAL_EIGENVALUE,
        spectrum.certificate,
        spectrum.details,
        picture=spectrum.sketch,
    )
