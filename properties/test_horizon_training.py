"""Claim horizon-training: what the horizon does to training."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import Control, planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.horizon_training import divergence_discrepancies, stretching_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, growing_activations, widths

TRAINED = Sizes(inputs=(1, 4), dimensions=(2, 6))


@checks(
    "horizon-training",
    known_as="test_horizon.py",
    controls=planted_controls(q.STRETCHED_RUN, "stretched-five-per-cent-off"),
)
@given(case=cases(growing_activations(), width=widths(1, 24), sizes=TRAINED, most_growth=1.0))
def test_training_feels_the_horizon_through_sigma_w_times_horizon(case: Case, audit: Audit) -> None:
    """A run for (sigma_w / 4, 4 T) is that for (sigma_w, T), to the last bit."""
    audit.at_most(case, *stretching_discrepancies(case, audit.setting))


@checks(
    "horizon-training",
    known_as="test_horizon.py",
    share=0.3,
    controls=(
        # lambda_max grows for a bounded phi, too: like a power of the horizon, and training diverges as well.
        Control(
            activation="tanh",
            stratum="sphere",
            verdict="assumptions-not-met",
            conclusion="holds",
            quantity=q.DIVERGENCE,
        ),
        Control(
            activation="tanh",
            stratum="digits",
            verdict="assumptions-not-met",
            conclusion="holds",
            quantity=q.DIVERGENCE,
        ),
    ),
)
@given(case=cases(growing_activations(), width=widths(8, 8), sizes=TRAINED, most_growth=1.0))
def test_training_diverges_over_long_horizons(case: Case, audit: Audit) -> None:
    """The learning rate of the case's horizon is beyond 2 / lambda_max at a longer one, and the residual grows."""
    audit.at_most(case, *divergence_discrepancies(case, audit.setting))
