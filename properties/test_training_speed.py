"""Claim smooth-trains-faster: a smooth phi costs no more than a kinked one, in evaluations and in steps."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.quantities import DESCENT_STEPS, EVALUATIONS
from theory_check.measurements.training_speed import compared_evaluations, compared_steps
from theory_check.strategies import Sizes, cases, smooth_activations, standard_scales, widths

SIX = Sizes(inputs=(6, 6), dimensions=(4, 4))
# A refutation takes three samples of networks: a small share keeps the shrinking of one short.
SHARE = 0.005


@checks("smooth-trains-faster", share=SHARE)
@given(
    case=cases(
        smooth_activations(),
        width=widths(64, 64),
        sizes=Sizes(inputs=(2, 4), dimensions=(2, 4)),
        most_growth=2.0,
        strong=True,
    )
)
def test_smooth_functions_take_no_more_evaluations(case: Case, audit: Audit) -> None:
    """Of the field by the adaptive solver, beside the kinked function of the same range and steepness."""
    audit.median_ratio(case, EVALUATIONS, lambda sample: compared_evaluations(case, audit, sample))


@checks("smooth-trains-faster", share=SHARE)
@given(case=cases(smooth_activations(), width=widths(64, 64), sizes=SIX, scales=standard_scales()))
def test_smooth_functions_take_no_more_steps(case: Case, audit: Audit) -> None:
    """Of gradient descent to a hundredth of the loss at the start, beside a kinked function that saturates."""
    audit.median_ratio(
        case,
        DESCENT_STEPS,
        lambda sample: compared_steps(case, audit, sample),
        larger=lambda sample: compared_steps(case, audit, sample, most=True),
    )
