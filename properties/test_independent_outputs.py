"""Claim independent-outputs: several outputs of one network share the size of its features, and nothing else."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.independent_outputs import EXPECTED, RATE_MARGIN, OutputIndependence
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, widths


@checks(
    "independent-outputs",
    known_as="test_independent_outputs.py",
    share=0.25,
    controls=planted_controls(q.OUTPUT_CORRELATION, "readouts-tied"),
)
@given(
    case=cases(
        lipschitz_activations(), width=widths(16, 64), sizes=Sizes(inputs=(1, 1), dimensions=(2, 4)), most_growth=1.0
    )
)
def test_outputs_are_uncorrelated_given_the_features(case: Case, audit: Audit) -> None:
    """At every width outputs over sqrt(S) are independent, and E[f1^2 f2^2] is E[S^2]."""
    outputs = OutputIndependence(case, audit.setting)
    audit.law(case, *outputs.tests(), unusable=outputs.unusable(), picture=outputs.picture)


@checks(
    "independent-outputs",
    known_as="test_independent_outputs.py",
    share=0.02,
    controls=planted_controls(q.COVARIANCE_RATE, "weights-scaled-too-little", activation="identity"),
)
@given(
    case=cases(
        lipschitz_activations(), width=widths(8, 8), sizes=Sizes(inputs=(6, 6), dimensions=(6, 8)), most_growth=0.5
    )
)
def test_covariance_of_squared_outputs_falls_like_the_inverse_width(case: Case, audit: Audit) -> None:
    """That covariance is Var(S), here of the outputs of all inputs: like 1 / width."""
    outputs = OutputIndependence(case, audit.setting)
    unusable = outputs.without_rate()
    if unusable:
        audit.not_executed(case, q.COVARIANCE_RATE, unusable)
        return
    audit.rate(case, q.COVARIANCE_RATE, outputs, expected=EXPECTED, margin=RATE_MARGIN)
