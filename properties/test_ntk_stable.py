"""Claim ntk-stable: the tangent kernel stays in training."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import broken
from theory_check.neural_ode.measurements.descent_ladder import DescentLadder
from theory_check.neural_ode.measurements.ntk_stable import stability_discrepancies
from theory_check.neural_ode.measurements.width_ladder import EXPECTED, RATE_MARGIN
from theory_check.neural_ode.strategies import Sizes, cases, smooth_activations, widths

TRAINED = cases(
    smooth_activations(), width=widths(64, 64), sizes=Sizes(inputs=(2, 6), dimensions=(2, 6)), most_growth=1.0
)
FEW = cases(smooth_activations(), width=widths(64, 64), sizes=Sizes(inputs=(2, 4), dimensions=(2, 6)), most_growth=1.0)


@checks(
    "ntk-stable",
    known_as="test_convergence.py",
    share=0.02,
    controls=planted_controls(q.KERNEL_RATE, "training-in-mean-field", activation="sigmoid"),
)
@given(case=FEW)
def test_kernel_moves_less_the_wider_the_network(case: Case, audit: Audit) -> None:
    """The largest distance of the tangent kernel from its start falls at least like n^(-1/2)."""
    ladder = DescentLadder(case, audit.setting, "kernel")
    audit.rate(
        case,
        q.KERNEL_RATE,
        ladder,
        expected=EXPECTED,
        margin=RATE_MARGIN,
        unusable=ladder.unusable(),
        details=ladder.details,
    )


@checks(
    "ntk-stable",
    known_as="test_convergence.py",
    share=0.2,
    controls=(broken("softplus", "narrow", q.KEPT_EIGENVALUE), broken("identity", "crowded", q.KEPT_EIGENVALUE)),
)
@given(case=TRAINED)
def test_kernel_keeps_its_smallest_eigenvalue(case: Case, audit: Audit) -> None:
    """From a stated width on it stays above half of that of the limit."""
    audit.at_most(case, *stability_discrepancies(case, audit.setting))
