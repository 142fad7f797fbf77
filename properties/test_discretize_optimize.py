"""Claim discretize-optimize: gradients of a scheme approach those of the ODE at the scheme's order."""

from hypothesis import given

from theory_check import Audit, Case, checks
from theory_check.claims.claim import planted_controls
from theory_check.claims.quantity import Quantity
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.claims.controls import broken
from theory_check.neural_ode.measurements.discretize_optimize import GradientOrder
from theory_check.neural_ode.strategies import Sizes, cases, differentiable_activations, widths

SHARE = 0.02
CASES = cases(
    differentiable_activations(),
    width=widths(32, 48),
    sizes=Sizes(inputs=(1, 2), dimensions=(2, 4)),
    most_growth=1.0,
    strong=True,
)


def _judge(case: Case, audit: Audit, scheme: str, quantity: Quantity) -> None:
    order = GradientOrder(case, audit.setting, scheme)
    audit.rate(case, quantity, order, expected=order.expected, margin=order.margin, unusable=order.unusable())


@checks("discretize-optimize", known_as="test_gradient_order.py", share=SHARE)
@given(case=CASES)
def test_gradients_of_euler_are_of_first_order(case: Case, audit: Audit) -> None:
    """Those of the residual network against those of the Neural ODE: like the step."""
    _judge(case, audit, "euler", q.EULER_ORDER)


@checks("discretize-optimize", known_as="test_gradient_order.py", share=SHARE)
@given(case=CASES)
def test_gradients_of_the_midpoint_rule_are_of_second_order(case: Case, audit: Audit) -> None:
    """Like the square of the step."""
    _judge(case, audit, "midpoint", q.MIDPOINT_ORDER)


@checks(
    "discretize-optimize",
    known_as="test_gradient_order.py",
    share=SHARE,
    controls=(
        # elu'' jumps: smooth in the paper's sense, and still too rough for a scheme of order four.
        broken("relu", "sphere", q.RK4_ORDER),
        broken("elu", "sphere", q.RK4_ORDER),
        *planted_controls(q.RK4_ORDER, "rk4-is-euler"),
    ),
)
@given(case=CASES)
def test_gradients_of_rk4_are_of_fourth_order(case: Case, audit: Audit) -> None:
    """Like the fourth power of the step."""
    _judge(case, audit, "rk4", q.RK4_ORDER)
