"""Claim structure-kept: the limits keep the order of the correlations of the inputs."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.structure_kept import structure_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, widths

# Of d + 2 points two have a correlation of 0 or more.
CROWD = Sizes(inputs=(6, 8), dimensions=(3, 4))


@checks(
    "structure-kept",
    known_as="test_correlations.py",
    share=0.25,
    controls=planted_controls(q.NNGP_ORDER, "kernel-shuffled"),
)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=CROWD, most_growth=2.0))
def test_limiting_correlations_grow_with_those_of_the_inputs(case: Case, audit: Audit) -> None:
    """On [0, 1] both kernels are non-decreasing functions of the correlation of two inputs."""
    audit.at_most(case, *structure_discrepancies(case, audit.setting))
