"""Claim horizon-growth: variances grow with the horizon, and sigma_w ~ 1/T undoes it."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.measurements.horizon_growth import growth_discrepancies, rescaling_discrepancies
from theory_check.strategies import Sizes, cases, lipschitz_activations, widths

FEW = Sizes(inputs=(1, 2), dimensions=(1, 4))


@checks("horizon-growth", share=0.15)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=FEW, most_growth=2.0))
def test_variances_grow_with_the_horizon(case: Case, audit: Audit) -> None:
    """That of the state never falls; that of the output is bounded where phi is, exponential where phi grows."""
    audit.at_most(case, *growth_discrepancies(case, audit))


@checks("horizon-growth")
@given(case=cases(lipschitz_activations(), width=widths(1, 24), sizes=FEW, most_growth=2.0))
def test_scaled_weights_undo_the_horizon(case: Case, audit: Audit) -> None:
    """With sigma_w = c / T the states at T are those of horizon 1 and sigma_w = c, to rounding."""
    audit.at_most(case, *rescaling_discrepancies(case, audit))
