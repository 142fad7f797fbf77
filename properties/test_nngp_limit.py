"""Claim nngp-limit: NNGP kernels of wide networks approach their limit."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.width_ladder import EXPECTED, RATE_MARGIN, WidthLadder
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, widths

# Errors of several inputs average out in part, so that fewer networks show the rate.
SOME = Sizes(inputs=(4, 6), dimensions=(4, 6))


@checks(
    "nngp-limit",
    known_as="test_infinite_width.py",
    share=0.1,
    controls=planted_controls(q.NNGP_RATE, "weights-scaled-by-width", "weights-resampled"),
)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=SOME, most_growth=1.0))
def test_empirical_nngp_kernels_approach_the_limit(case: Case, audit: Audit) -> None:
    """The root mean square error falls like width^(-1/2)."""
    ladder = WidthLadder(case, audit.setting, "nngp")
    unusable = ladder.unusable()
    audit.rate(
        case, q.NNGP_RATE, ladder, expected=EXPECTED, margin=RATE_MARGIN, unusable=unusable, details=ladder.details
    )


@checks(
    "nngp-limit",
    known_as="test_infinite_width.py",
    share=0.1,
    controls=planted_controls(q.NNGP_MEAN, "weights-ten-per-cent-off"),
)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=SOME, most_growth=1.0))
def test_mean_nngp_kernel_is_the_limit(case: Case, audit: Audit) -> None:
    """At a width of 512 the mean over networks is within a fixed allowance of the limit, in size."""
    ladder = WidthLadder(case, audit.setting, "nngp")
    audit.law(case, ladder.mean_test(q.NNGP_MEAN), unusable=ladder.unusable())
