"""Claims structure-kept and spread-reduced: what the limits make of the correlations of the inputs."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.measurements.correlation_order import spread_discrepancies, structure_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, smooth_activations, widths

# Of d + 2 points two have a correlation of 0 or more.
CROWD = Sizes(inputs=(6, 8), dimensions=(3, 4))
# GELU and SiLU drive inputs apart where pre-activations are small: the first case of every search has such.
SMALL_FIRST = (0.5, 1.0, 2.0, 0.75, 1.5, 1.25)
SEVERAL = Sizes(inputs=(3, 6), dimensions=(2, 6))


@checks("structure-kept", share=0.25)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=CROWD, most_growth=2.0))
def test_limiting_correlations_grow_with_those_of_the_inputs(case: Case, audit: Audit) -> None:
    """On [0, 1] both kernels are non-decreasing functions of the correlation of two inputs."""
    audit.at_most(case, *structure_discrepancies(case, audit))


@checks("spread-reduced", share=0.5)
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
    audit.at_most(case, *spread_discrepancies(case, audit))
