"""Claim ntk-limit: tangent kernels of wide networks approach their limit."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.width_ladder import EXPECTED, RATE_MARGIN, WidthLadder
from theory_check.neural_ode.strategies import Sizes, cases, smooth_activations, widths

# Errors of several inputs average out in part, so that fewer networks show the rate.
SOME = Sizes(inputs=(4, 6), dimensions=(4, 6))


@checks(
    "ntk-limit",
    known_as="test_infinite_width.py",
    share=0.1,
    # The share of the term of W in the kernel is a quarter for the identity, a tenth for softplus.
    controls=planted_controls(q.TANGENT_RATE, "kernel-without-recurrent-term", activation="identity"),
)
@given(case=cases(smooth_activations(), width=widths(8, 8), sizes=SOME, most_growth=1.0))
def test_empirical_tangent_kernels_approach_the_limit(case: Case, audit: Audit) -> None:
    """The root mean square error falls like width^(-1/2)."""
    ladder = WidthLadder(case, audit.setting, "tangent")
    unusable = ladder.unusable()
    audit.rate(
        case, q.TANGENT_RATE, ladder, expected=EXPECTED, margin=RATE_MARGIN, unusable=unusable, details=ladder.details
    )


@checks("ntk-limit", known_as="test_infinite_width.py", share=0.1)
@given(case=cases(smooth_activations(), width=widths(8, 8), sizes=SOME, most_growth=1.0))
def test_mean_tangent_kernel_is_the_limit(case: Case, audit: Audit) -> None:
    """At a width of 512 the mean over networks is within a fixed allowance of the limit, in size."""
    ladder = WidthLadder(case, audit.setting, "tangent")
    audit.law(case, ladder.mean_test(q.TANGENT_MEAN), unusable=ladder.unusable())
