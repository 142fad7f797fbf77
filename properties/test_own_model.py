"""Claims that make sense for any vector field, on a user's own module; run for `--model` alone."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.neural_ode.claims.quantities import EMPIRICAL_EIGENVALUE
from theory_check.neural_ode.measurements.own_model.adjoint_uniqueness import backward_discrepancies
from theory_check.neural_ode.measurements.own_model.convergence import convergence_discrepancies
from theory_check.neural_ode.measurements.own_model.forward_uniqueness import forward_discrepancies
from theory_check.neural_ode.measurements.own_model.gradient_accuracy import gradient_discrepancies
from theory_check.neural_ode.measurements.own_model.tangent_kernel import empirical_spectrum
from theory_check.neural_ode.strategies import model_cases


@checks("forward-unique", of_model=True)
@given(case=model_cases())
def test_forward_solution_of_a_model_exists_and_is_unique(case: Case, audit: Audit) -> None:
    """Independent solvers agree, solutions neither meet nor run apart beyond Gronwall, and time can be reversed."""
    audit.at_most(
        case,
        *forward_discrepancies(case, audit),
        confirm=lambda: forward_discrepancies(case, audit, refined=True),
    )


@checks("backward-unique", of_model=True)
@given(case=model_cases())
def test_adjoint_solution_of_a_model_is_unique(case: Case, audit: Audit) -> None:
    """The adjoint depends neither on the side of a state that its derivative is taken on nor on the solver."""
    audit.at_most(
        case,
        *backward_discrepancies(case, audit),
        confirm=lambda: backward_discrepancies(case, audit, refined=True),
    )


@checks("adjoint-gradient", of_model=True)
@given(case=model_cases())
def test_adjoint_gradient_of_a_model_equals_differences(case: Case, audit: Audit) -> None:
    """Differences of the loss equal the discrete and the continuous adjoint within attributed errors."""
    audit.at_most(
        case,
        *gradient_discrepancies(case, audit),
        confirm=lambda: gradient_discrepancies(case, audit, refined=True),
    )


@checks("ntk-positive-definite", of_model=True)
@given(case=model_cases(inputs=(1, 6)))
def test_empirical_kernel_of_a_model_is_positive_definite(case: Case, audit: Audit) -> None:
    """The smallest eigenvalue of the normalised empirical kernel, its error bound subtracted, is proved positive."""
    spectrum = empirical_spectrum(case, audit)
    audit.positive_definite(
        case,
        EMPIRICAL_EIGENVALUE,
        spectrum.certificate,
        spectrum.details,
        picture=spectrum.sketch,
    )


@checks("linear-convergence", of_model=True)
@given(case=model_cases(inputs=(2, 4)))
def test_gradient_descent_on_a_model_converges_linearly(case: Case, audit: Audit) -> None:
    """Every step decreases the loss by the stated factor, while the kernel keeps half of its smallest eigenvalue."""
    audit.at_most(case, *convergence_discrepancies(case, audit))
