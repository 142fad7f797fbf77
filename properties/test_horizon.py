"""Claims horizon-growth and horizon-training: what the horizon does to variances and to training."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.measurements.horizon_growth import (
    fall_discrepancies,
    growth_discrepancies,
    rescaling_discrepancies,
    shows_its_growth,
)
from theory_check.neural_ode.measurements.horizon_training import divergence_discrepancies, stretching_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, growing_activations, lipschitz_activations, widths

FEW = Sizes(inputs=(1, 2), dimensions=(1, 4))
TRAINED = Sizes(inputs=(1, 4), dimensions=(2, 6))


@checks("horizon-growth", share=0.15)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=FEW, most_growth=2.0))
def test_variances_grow_with_the_horizon(case: Case, audit: Audit) -> None:
    """That of the limiting state never falls, whatever phi."""
    audit.at_most(case, *fall_discrepancies(case, audit))


@checks("horizon-growth", share=0.15)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=FEW, most_growth=2.0, suited=shows_its_growth))
def test_variance_of_the_output_follows_phi(case: Case, audit: Audit) -> None:
    """It is bounded where phi is, and grows exponentially with the horizon where phi grows linearly."""
    audit.at_most(case, *growth_discrepancies(case, audit))


@checks("horizon-growth")
@given(case=cases(lipschitz_activations(), width=widths(1, 24), sizes=FEW, most_growth=2.0))
def test_scaled_weights_undo_the_horizon(case: Case, audit: Audit) -> None:
    """With sigma_w = c / T the states at T are those of horizon 1 and sigma_w = c, to rounding."""
    audit.at_most(case, *rescaling_discrepancies(case, audit))


@checks("horizon-training")
@given(case=cases(growing_activations(), width=widths(1, 24), sizes=TRAINED, most_growth=1.0))
def test_training_feels_the_horizon_through_sigma_w_times_horizon(case: Case, audit: Audit) -> None:
    """A run for (sigma_w / 4, 4 T) is that for (sigma_w, T), to the last bit."""
    audit.at_most(case, *stretching_discrepancies(case, audit))


@checks("horizon-training", share=0.3)
@given(case=cases(growing_activations(), width=widths(8, 8), sizes=TRAINED, most_growth=1.0))
def test_training_diverges_over_long_horizons(case: Case, audit: Audit) -> None:
    """The learning rate of the case's horizon is beyond 2 / lambda_max at a longer one, and the residual grows."""
    audit.at_most(case, *divergence_discrepancies(case, audit))
