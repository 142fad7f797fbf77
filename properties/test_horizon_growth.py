"""Claim horizon-growth: what the horizon does to variances."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.horizon_growth import (
    fall_discrepancies,
    growth_discrepancies,
    rescaling_discrepancies,
    shows_its_growth,
)
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, widths

FEW = Sizes(inputs=(1, 2), dimensions=(1, 4))


@checks(
    "horizon-growth",
    known_as="test_horizon.py",
    share=0.15,
    controls=planted_controls(q.VARIANCE_FALL, "horizon-inverted", activation="tanh"),
)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=FEW, most_growth=2.0))
def test_variances_grow_with_the_horizon(case: Case, audit: Audit) -> None:
    """That of the limiting state never falls, whatever phi."""
    audit.at_most(case, *fall_discrepancies(case, audit.setting))


@checks(
    "horizon-growth",
    known_as="test_horizon.py",
    share=0.15,
    controls=planted_controls(q.GROWTH, "horizon-ignored", activation="identity"),
)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=FEW, most_growth=2.0, suited=shows_its_growth))
def test_variance_of_the_output_follows_phi(case: Case, audit: Audit) -> None:
    """It is bounded where phi is, and grows exponentially with the horizon where phi grows linearly."""
    audit.at_most(case, *growth_discrepancies(case, audit.setting))


@checks("horizon-growth", known_as="test_horizon.py", controls=planted_controls(q.RESCALING, "weights-not-rescaled"))
@given(case=cases(lipschitz_activations(), width=widths(1, 24), sizes=FEW, most_growth=2.0))
def test_scaled_weights_undo_the_horizon(case: Case, audit: Audit) -> None:
    """With sigma_w = c / T the states at T are those of horizon 1 and sigma_w = c, to rounding."""
    audit.at_most(case, *rescaling_discrepancies(case, audit.setting))
