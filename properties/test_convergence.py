"""Claim linear-convergence: gradient descent converges to zero loss at a linear rate."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.measurements.descent_convergence import convergence_discrepancies
from theory_check.strategies import Sizes, cases, smooth_activations, widths


@checks("linear-convergence", share=0.5)
@given(
    case=cases(
        smooth_activations(), width=widths(64, 64), sizes=Sizes(inputs=(2, 6), dimensions=(2, 6)), most_growth=1.0
    )
)
def test_gradient_descent_converges_linearly(case: Case, audit: Audit) -> None:
    """From a stated width on, every step decreases the loss by the stated factor."""
    audit.at_most(case, *convergence_discrepancies(case, audit))
