"""Claim linear-convergence: the loss falls at a linear rate, of the paper's networks and of a user's own model."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import broken
from theory_check.neural_ode.measurements.descent_ladder import DescentLadder
from theory_check.neural_ode.measurements.linear_convergence import convergence_discrepancies
from theory_check.neural_ode.measurements.own_model.linear_convergence import (
    convergence_discrepancies as model_discrepancies,
)
from theory_check.neural_ode.measurements.width_ladder import EXPECTED, RATE_MARGIN
from theory_check.neural_ode.strategies import Sizes, cases, model_cases, smooth_activations, widths

TRAINED = cases(
    smooth_activations(), width=widths(64, 64), sizes=Sizes(inputs=(2, 6), dimensions=(2, 6)), most_growth=1.0
)
FEW = cases(smooth_activations(), width=widths(64, 64), sizes=Sizes(inputs=(2, 4), dimensions=(2, 6)), most_growth=1.0)


@checks(
    "linear-convergence",
    known_as="test_convergence.py",
    share=0.02,
    controls=planted_controls(q.LINEARISED_RATE, "learning-rate-ten-per-cent-too-large", activation="sigmoid"),
)
@given(case=FEW)
def test_training_follows_its_linearisation(case: Case, audit: Audit) -> None:
    """Outputs deviate from the run of the kernel at the start at least like n^(-1/2)."""
    ladder = DescentLadder(case, audit.setting, "outputs")
    audit.rate(
        case,
        q.LINEARISED_RATE,
        ladder,
        expected=EXPECTED,
        margin=RATE_MARGIN,
        unusable=ladder.unusable(),
        details=ladder.details,
    )


@checks(
    "linear-convergence",
    known_as="test_convergence.py",
    share=0.5,
    controls=(
        broken("softplus", "large-step", q.DECREASE),
        broken("identity", "crowded", q.STALL),
        broken("softplus", "contradictory", q.STALL),
    ),
)
@given(case=TRAINED)
def test_gradient_descent_converges_linearly(case: Case, audit: Audit) -> None:
    """From a stated width on, every step decreases the loss by the stated factor."""
    audit.at_most(case, *convergence_discrepancies(case, audit.setting))


@checks("linear-convergence", known_as="test_own_model.py", of_model=True)
@given(case=model_cases(inputs=(2, 4)))
def test_gradient_descent_on_a_model_converges_linearly(case: Case, audit: Audit) -> None:
    """Every step decreases the loss by the stated factor, while the kernel keeps half of its smallest eigenvalue."""
    audit.at_most(case, *model_discrepancies(case, audit.setting))
