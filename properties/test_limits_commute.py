"""Claim limits-commute: width first or depth first, the kernels are the same."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.claims.quantity import Quantity
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.depth_ladder import DepthLadder
from theory_check.neural_ode.measurements.limits_commute import JointLadder
from theory_check.neural_ode.measurements.width_ladder import EXPECTED, RATE_MARGIN
from theory_check.neural_ode.strategies import Sizes, cases, smooth_activations, widths

FEW = Sizes(inputs=(1, 2), dimensions=(2, 4))
SOME = Sizes(inputs=(4, 6), dimensions=(4, 6))


@checks(
    "limits-commute",
    known_as="test_depth_limit.py",
    share=0.1,
    controls=planted_controls(q.NNGP_EXTRAPOLATED, "layer-kernels-step-off"),
)
@given(case=cases(smooth_activations(), width=widths(8, 8), sizes=FEW, most_growth=1.0, strong=True))
def test_layers_extrapolated_give_the_kernels_of_the_ode(case: Case, audit: Audit) -> None:
    """Width first: the kernels of L layers, extrapolated in L by themselves, are those of the ODE."""
    audit.at_most(case, *DepthLadder(case, audit.setting).extrapolated())


@checks(
    "limits-commute",
    known_as="test_depth_limit.py",
    share=0.1,
    controls=planted_controls(q.JOINT_RATE, "weights-resampled"),
)
@given(case=cases(smooth_activations(), width=widths(8, 8), sizes=SOME, most_growth=1.0, strong=True))
def test_width_limit_is_uniform_in_depth(case: Case, audit: Audit) -> None:
    """Both at once: NNGP kernels approach those of their depth like width^(-1/2) while the depth grows with width."""
    judge_joint(case, audit, q.JOINT_RATE, JointLadder(case, audit.setting))


@checks(
    "limits-commute",
    known_as="test_depth_limit.py",
    share=0.1,
    controls=planted_controls(q.JOINT_TANGENT_RATE, "kernel-without-recurrent-term", activation="identity"),
)
@given(case=cases(smooth_activations(), width=widths(8, 8), sizes=SOME, most_growth=1.0, strong=True))
def test_width_limit_of_the_tangent_kernel_is_uniform_in_depth(case: Case, audit: Audit) -> None:
    """The same for the tangent kernels."""
    judge_joint(case, audit, q.JOINT_TANGENT_RATE, JointLadder(case, audit.setting, "tangent"))


def judge_joint(case: Case, audit: Audit, quantity: Quantity, ladder: JointLadder) -> None:
    """The rate of the width, on a ladder of width and depth together."""
    audit.rate(case, quantity, ladder, expected=EXPECTED, margin=RATE_MARGIN, unusable=ladder.unusable())
