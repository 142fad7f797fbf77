"""Claim adjoint-gradient: adjoint gradients are the derivative of the loss."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.measurements.gradient_accuracy import gradient_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, smooth_activations, widths


@checks("adjoint-gradient")
@given(
    case=cases(
        smooth_activations(), width=widths(1, 24), sizes=Sizes(inputs=(1, 3), dimensions=(1, 4)), any_weights=True
    )
)
def test_adjoint_gradient_equals_differences(case: Case, audit: Audit) -> None:
    """Differences of the loss equal the discrete and the continuous adjoint within attributed errors."""
    audit.at_most(
        case,
        *gradient_discrepancies(case, audit),
        confirm=lambda: gradient_discrepancies(case, audit, refined=True),
    )
