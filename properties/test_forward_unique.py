"""Claim forward-unique: one solution forward, of the paper's networks and of a user's own model."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import broken
from theory_check.neural_ode.measurements.forward_unique import forward_discrepancies
from theory_check.neural_ode.measurements.own_model.forward_unique import forward_discrepancies as model_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, model_cases, widths

FEW = Sizes(inputs=(1, 3), dimensions=(1, 4))


@checks(
    "forward-unique",
    known_as="test_unique_solutions.py",
    controls=(broken("sign_sqrt", "zero-input", q.SEPARATION), broken("square", "arbitrary", q.BLOW_UP)),
)
@given(case=cases(lipschitz_activations(), width=widths(1, 24), sizes=FEW, any_weights=True))
def test_forward_solution_exists_and_is_unique(case: Case, audit: Audit) -> None:
    """Independent solvers agree, solutions neither meet nor run apart beyond Gronwall, and time can be reversed."""
    audit.at_most(
        case,
        *forward_discrepancies(case, audit.setting),
        confirm=lambda: forward_discrepancies(case, audit.setting, refined=True),
    )


@checks("forward-unique", known_as="test_own_model.py", of_model=True)
@given(case=model_cases())
def test_forward_solution_of_a_model_exists_and_is_unique(case: Case, audit: Audit) -> None:
    """Independent solvers agree, solutions neither meet nor run apart beyond Gronwall, and time can be reversed."""
    audit.at_most(
        case,
        *model_discrepancies(case, audit.setting),
        confirm=lambda: model_discrepancies(case, audit.setting, refined=True),
    )
