"""Claim backward-unique: one adjoint backward, of the paper's networks and of a user's own model."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import broken
from theory_check.neural_ode.measurements.backward_unique import backward_discrepancies
from theory_check.neural_ode.measurements.own_model.backward_unique import backward_discrepancies as model_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, model_cases, smooth_activations, widths

FEW = Sizes(inputs=(1, 3), dimensions=(1, 4))


@checks(
    "backward-unique",
    known_as="test_unique_solutions.py",
    controls=(
        broken("relu", "zero-input", q.JUMP),
        broken("relu", "pinned", q.JUMP),
        broken("hardtanh", "pinned", q.JUMP),
    ),
)
@given(case=cases(smooth_activations(), width=widths(1, 24), sizes=FEW, any_weights=True))
def test_adjoint_solution_is_unique(case: Case, audit: Audit) -> None:
    """The adjoint depends neither on the derivative chosen at a state nor on the solver."""
    audit.at_most(
        case,
        *backward_discrepancies(case, audit.setting),
        confirm=lambda: backward_discrepancies(case, audit.setting, refined=True),
    )


@checks("backward-unique", known_as="test_own_model.py", of_model=True)
@given(case=model_cases())
def test_adjoint_solution_of_a_model_is_unique(case: Case, audit: Audit) -> None:
    """The adjoint depends neither on the side of a state that its derivative is taken on nor on the solver."""
    audit.at_most(
        case,
        *model_discrepancies(case, audit.setting),
        confirm=lambda: model_discrepancies(case, audit.setting, refined=True),
    )
