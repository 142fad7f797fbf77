"""Claim adjoint-gradient: gradients by the adjoint are those of the loss, also on a user's own model."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import broken
from theory_check.neural_ode.measurements.adjoint_gradient import gradient_discrepancies
from theory_check.neural_ode.measurements.own_model.adjoint_gradient import (
    gradient_discrepancies as model_discrepancies,
)
from theory_check.neural_ode.strategies import Sizes, cases, model_cases, smooth_activations, widths


@checks(
    "adjoint-gradient",
    known_as="test_gradients.py",
    controls=(
        broken("abs", "pinned", q.DISCRETE),
        *planted_controls(q.CONTINUOUS, "adjoint-wrong-sign", "adjoint-without-derivative", stratum="arbitrary"),
        *planted_controls(q.STEPS, "adjoint-loose-solver", stratum="arbitrary"),
    ),
)
@given(
    case=cases(
        smooth_activations(), width=widths(1, 24), sizes=Sizes(inputs=(1, 3), dimensions=(1, 4)), any_weights=True
    )
)
def test_adjoint_gradient_equals_differences(case: Case, audit: Audit) -> None:
    """Differences of the loss equal the discrete and the continuous adjoint within attributed errors."""
    audit.at_most(
        case,
        *gradient_discrepancies(case, audit.setting),
        confirm=lambda: gradient_discrepancies(case, audit.setting, refined=True),
    )


@checks("adjoint-gradient", known_as="test_own_model.py", of_model=True)
@given(case=model_cases())
def test_adjoint_gradient_of_a_model_equals_differences(case: Case, audit: Audit) -> None:
    """Differences of the loss equal the discrete and the continuous adjoint within attributed errors."""
    audit.at_most(
        case,
        *model_discrepancies(case, audit.setting),
        confirm=lambda: model_discrepancies(case, audit.setting, refined=True),
    )
