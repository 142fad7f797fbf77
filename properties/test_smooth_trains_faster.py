"""Claim smooth-trains-faster: a kinked phi whose kinks are smoothed costs no more, in evaluations and in steps."""

from hypothesis import given
from hypothesis.strategies import SearchStrategy

from theory_check import Audit, Case, checks
from theory_check.claims.claim import Control, planted_controls
from theory_check.claims.quantity import Quantity
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.smooth_trains_faster import (
    COARSE,
    FINE,
    Comparison,
    compared_evaluations,
    compared_steps,
)
from theory_check.neural_ode.strategies import Sizes, cases, piecewise_linear_activations, standard_scales, widths

# A refutation takes three samples of networks: a small share keeps the shrinking of one short.
SHARE = 0.005


def solved() -> SearchStrategy[Case]:
    """Flows that move: the evaluations of one that does not are those of its first step."""
    return cases(
        piecewise_linear_activations(),
        width=widths(64, 64),
        sizes=Sizes(inputs=(2, 4), dimensions=(2, 4)),
        most_growth=2.0,
        strong=True,
    )


def trained() -> SearchStrategy[Case]:
    """Six inputs: fewer are learnt at once."""
    sizes = Sizes(inputs=(6, 6), dimensions=(4, 4))
    return cases(piecewise_linear_activations(), width=widths(64, 64), sizes=sizes, scales=standard_scales())


def judge(case: Case, audit: Audit, quantity: Quantity, compared: Comparison) -> None:
    """Non-inferiority of the mollified phi."""
    audit.non_inferior(case, quantity, compared.sample, larger=compared.larger, unusable=compared.unusable)


@checks("smooth-trains-faster", known_as="test_training_speed.py", share=SHARE)
@given(case=solved())
def test_slightly_smoothed_kinks_take_no_more_evaluations(case: Case, audit: Audit) -> None:
    """Mollified over 0.03 standard deviations of the state."""
    judge(case, audit, q.FINE_EVALUATIONS, compared_evaluations(case, audit.setting, FINE))


@checks(
    "smooth-trains-faster",
    known_as="test_training_speed.py",
    share=SHARE,
    controls=(
        Control(
            activation="relu", stratum="sphere", verdict="supported", conclusion="holds", quantity=q.COARSE_EVALUATIONS
        ),
        # Against itself every network is a tie, so that ten per cent decide.
        *planted_controls(q.COARSE_EVALUATIONS, "subject-charged-more", activation="relu"),
    ),
)
@given(case=solved())
def test_well_smoothed_kinks_take_no_more_evaluations(case: Case, audit: Audit) -> None:
    """Mollified over 0.3 standard deviations of the state."""
    judge(case, audit, q.COARSE_EVALUATIONS, compared_evaluations(case, audit.setting, COARSE))


@checks("smooth-trains-faster", known_as="test_training_speed.py", share=SHARE)
@given(case=trained())
def test_slightly_smoothed_kinks_take_no_more_steps(case: Case, audit: Audit) -> None:
    """Mollified over 0.03 standard deviations of the state."""
    judge(case, audit, q.FINE_STEPS, compared_steps(case, audit.setting, FINE))


@checks("smooth-trains-faster", known_as="test_training_speed.py", share=SHARE)
@given(case=trained())
def test_well_smoothed_kinks_take_no_more_steps(case: Case, audit: Audit) -> None:
    """Mollified over 0.3 standard deviations of the state."""
    judge(case, audit, q.COARSE_STEPS, compared_steps(case, audit.setting, COARSE))
