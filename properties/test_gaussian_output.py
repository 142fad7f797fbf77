"""Claim gaussian-output: the law of the output over random weights."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import Control, planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import broken
from theory_check.neural_ode.measurements.gaussian_output import RATE_MARGIN, OutputLaw, is_spread_out
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, widths

FEW = Sizes(inputs=(1, 3), dimensions=(2, 4))


@checks(
    "gaussian-output",
    known_as="test_gaussian_limit.py",
    share=0.5,
    controls=(
        *planted_controls(q.CONDITIONAL_VARIANCE, "readout-scaled-by-width"),
        *planted_controls(q.READOUT, "readout-tied-to-a-row"),
    ),
)
@given(case=cases(lipschitz_activations(), width=widths(16, 64), sizes=FEW, most_growth=2.0))
def test_output_given_the_features_is_standard_normal(case: Case, audit: Audit) -> None:
    """At every width f / sqrt(S) is exactly N(0, 1), and the readout is independent of W."""
    law = OutputLaw(case, audit.setting)
    audit.law(case, *law.conditional_tests(), unusable=law.unusable(), picture=law.conditional_picture)


@checks(
    "gaussian-output", known_as="test_gaussian_limit.py", share=0.15, controls=(broken("relu", "narrow", q.MIXTURE),)
)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=FEW, most_growth=1.0, suited=is_spread_out))
def test_output_law_at_the_top_width_is_normal(case: Case, audit: Audit) -> None:
    """At the top width of the ladder the outputs of all inputs are within a fixed allowance of N(0, Sigma)."""
    law = OutputLaw(case, audit.setting)
    unusable = law.unusable(case.width) or law.without_limit() or law.too_concentrated()
    if unusable:
        audit.not_executed(case, q.MIXTURE, unusable)
        return
    audit.law(case, *law.mixture_tests())


@checks("gaussian-output", known_as="test_gaussian_limit.py", share=0.15)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=FEW, most_growth=1.0))
def test_relative_variance_of_the_conditional_variance_falls(case: Case, audit: Audit) -> None:
    """Var(S) / E[S]^2 falls at least like 1 / width."""
    law = OutputLaw(case, audit.setting)
    audit.rate(
        case,
        q.RELATIVE_VARIANCE,
        law.relative_variance_ladder,
        expected=-1.0,
        margin=RATE_MARGIN,
        unusable=law.unusable(case.width),
    )


@checks(
    "gaussian-output",
    known_as="test_gaussian_limit.py",
    share=0.15,
    controls=(
        Control(activation="identity", stratum="sphere", verdict="supported", conclusion="holds", quantity=q.VARIANCE),
        *planted_controls(q.VARIANCE, "weights-scaled-by-width", activation="identity"),
    ),
)
@given(case=cases(lipschitz_activations(), width=widths(8, 8), sizes=FEW, most_growth=1.0))
def test_output_variance_has_a_limit(case: Case, audit: Audit) -> None:
    """E[S] is within a fixed allowance of Sigma, over all inputs."""
    law = OutputLaw(case, audit.setting)
    unusable = law.unusable(case.width) or law.without_limit()
    if unusable:
        audit.not_executed(case, q.VARIANCE, unusable)
        return
    audit.law(case, law.variance_test())
