"""Claim spread-reduced: the limits bring inputs closer together."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import Control
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.spread_reduced import spread_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, smooth_activations, widths

# GELU and SiLU drive inputs apart where pre-activations are small: the first case of every search has such.
SMALL_FIRST = (0.5, 1.0, 2.0, 0.75, 1.5, 1.25)
SEVERAL = Sizes(inputs=(3, 6), dimensions=(2, 6))


@checks(
    "spread-reduced",
    known_as="test_correlations.py",
    share=0.5,
    controls=(
        Control(
            activation="softplus", stratum="sphere", verdict="supported", conclusion="holds", quantity=q.STATE_SPREAD
        ),
        Control(
            activation="softplus", stratum="digits", verdict="supported", conclusion="holds", quantity=q.STATE_SPREAD
        ),
        # Not a defect: this reading, which no text of the authors has, is false for odd functions that saturate.
        Control(activation="tanh", stratum="sphere", verdict="refuted", conclusion="fails", quantity=q.OUTPUT_SPREAD),
    ),
)
@given(
    case=cases(
        smooth_activations(),
        width=widths(8, 8),
        sizes=SEVERAL,
        most_growth=2.0,
        strong=True,
        input_scales=SMALL_FIRST,
    )
)
def test_limiting_correlations_exceed_those_of_the_inputs(case: Case, audit: Audit) -> None:
    """Final states and outputs of two inputs are more correlated than the inputs."""
    audit.at_most(case, *spread_discrepancies(case, audit.setting))
