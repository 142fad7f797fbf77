"""What it means that a claim fails in a quantity, by its id: a sentence with the numbers of the smallest case."""

from collections.abc import Mapping
from types import MappingProxyType

from theory_check.neural_ode.claims import quantities as q

FAILURES: Mapping[str, str] = MappingProxyType(
    {
        q.SEPARATION.id: "two solutions that start {bound:.2g} of the smallest step apart stay "
        "apart: there is more than one",
        q.BLOW_UP.id: "the state of the smallest case doubles in ever shorter times, {bound:.3g} together at most, "
        "which is before T = {measured:.3g}: there is no solution up to T",
        q.JUMP.id: "the adjoint changes by {measured:.3g} with the derivative that is "
        "chosen at a kink, so it is not unique",
        q.DISCRETE.id: "the loss has no derivative at a kink: its difference misses the adjoint by {measured:.2g}",
        q.CONTINUOUS.id: "the continuous adjoint misses the difference of the loss by {measured:.2g}",
        q.RK4_ORDER.id: "kinks spoil the order of RK4: gradients err like step^{measured:.2g} in place of step^4",
        q.OUTPUT_SPREAD.id: "outputs of two inputs are less correlated than the inputs, by {measured:.3g}",
        q.STATE_SPREAD.id: "final states of two inputs are less correlated than the inputs, by {measured:.3g}",
        q.EIGENVALUE.id: "the limiting tangent kernel is singular: no eigenvalue below {bound:.1g} "
        "can be told from zero",
        q.NNGP_EIGENVALUE.id: "the limiting NNGP kernel is singular: no eigenvalue below {bound:.1g} "
        "can be told from zero",
        q.KEPT_EIGENVALUE.id: "the limiting tangent kernel is singular, so it has no smallest eigenvalue to keep",
        q.STALL.id: "{measured:.0%} of the loss lie where the tangent kernel vanishes, which descent cannot reach",
        q.DECREASE.id: "the loss decreases by {measured:.3g} of the stated factor in some step",
        q.FINE_EVALUATIONS.id: "kinks smoothed by 0.03 take {measured:.3g} times the evaluations of the solver",
        q.COARSE_EVALUATIONS.id: "kinks smoothed by 0.3 take {measured:.3g} times the evaluations of the solver",
        q.FINE_STEPS.id: "kinks smoothed by 0.03 take {measured:.3g} times the steps of gradient descent",
        q.COARSE_STEPS.id: "kinks smoothed by 0.3 take {measured:.3g} times the steps of gradient descent",
        q.BEYOND_STABILITY.id: "long horizons leave eta lambda_max below 2: training does not diverge",
        q.VARIANCE_FALL.id: "the variance of the state falls by {measured:.2g} as the horizon grows",
    }
)
