"""Claims forward-unique and backward-unique: one solution forward, one adjoint backward."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.measurements.adjoint_uniqueness import backward_discrepancies
from theory_check.neural_ode.measurements.forward_uniqueness import forward_discrepancies
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, smooth_activations, widths

FEW = Sizes(inputs=(1, 3), dimensions=(1, 4))


@checks("forward-unique")
@given(case=cases(lipschitz_activations(), width=widths(1, 24), sizes=FEW, any_weights=True))
def test_forward_solution_exists_and_is_unique(case: Case, audit: Audit) -> None:
    """Independent solvers agree, solutions neither meet nor run apart beyond Gronwall, and time can be reversed."""
    audit.at_most(
        case,
        *forward_discrepancies(case, audit),
        confirm=lambda: forward_discrepancies(case, audit, refined=True),
    )


@checks("backward-unique")
@given(case=cases(smooth_activations(), width=widths(1, 24), sizes=FEW, any_weights=True))
def test_adjoint_solution_is_unique(case: Case, audit: Audit) -> None:
    """The adjoint depends neither on the derivative chosen at a state nor on the solver."""
    audit.at_most(
        case,
        *backward_discrepancies(case, audit),
        confirm=lambda: backward_discrepancies(case, audit, refined=True),
    )
