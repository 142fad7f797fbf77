"""The one place where numerical bounds are derived. Scalars in, scalars out: no torch.

Notation: L = (sigma_w / sqrt n) |W|_2 L1 bounds the Lipschitz constant of the vector field, so that two
solutions separate, and variations of the adjoint grow, at most like exp(L t) (Gronwall). All norms are 2-norms,
over all inputs together where nothing else is said.
"""

import math

UNIT_ROUNDOFF = 2.0**-53
# Roundings of one step of a four-stage scheme apart from its products: at most ten additions, each with a factor.
STEP_ROUNDINGS = 20
# Roundings of one operator of an expression: torch's elementary functions err by a few ulps.
OPERATOR_ROUNDINGS = 8


def growth(rate: float, duration: float) -> float:
    """exp(rate x duration): how much Gronwall lets a difference grow."""
    return math.exp(rate * duration)


def halving_bound(coarse: float, fine: float) -> float:
    """Error of the finest of three solutions with m, 2m and 4m steps, from their successive differences.

    For order p >= 1 the finest solution errs by |y_2m - y_4m| / (2^p - 1) <= `fine`. Where the scheme loses its order
    to one jump of a derivative inside a step, errors follow where in the step it lies: a single difference can vanish
    by accident, the sum of both is at least three times the error. Where several such errors cancel in one number the
    sum can vanish too; so take norms of vectors, or `defect_bound`.
    """
    return coarse + fine


def defect_bound(rate: float, duration: float, defect: float) -> float:
    """Error of a solution p with p' = F(p) + d, from `defect`, the integral of |d|: at most exp(L t) of it (Gronwall).

    Holds for every Lipschitz field, whatever order the scheme keeps.
    """
    return growth(rate, duration) * defect


def adaptive_bound(tolerance: float, largest: float, size: int, steps: int) -> float:
    """Sum of the errors, in 2-norm, that the accepted steps of an adaptive solve with rtol = atol = tolerance make.

    torchdiffeq keeps the root mean square of err_i / (tolerance (1 + |y_i|)) over all `size` numbers of a step at most
    1, so that |err| <= tolerance sqrt(size) (1 + max |y_i|). `largest` bounds |y_i|. What the flow makes of these
    errors later is a factor of its own: Gronwall's, or a measured one.
    """
    return steps * tolerance * math.sqrt(size) * (1.0 + largest)


def summation_bound(terms: int, magnitude: float) -> float:
    """Rounding of a sum or inner product of `terms` numbers: gamma_terms times the sum of absolute values."""
    return terms * UNIT_ROUNDOFF / (1.0 - terms * UNIT_ROUNDOFF) * magnitude


def evaluation_bound(operators: int, value: float, slope: float, argument: float, size: int = 1) -> float:
    """Rounding of a function of `operators` elementary ones at `size` arguments; `value` and `argument` are norms.

    Every operator errs by a few ulps of its own value, and what is applied to that value later has at most the
    Lipschitz constant that is left of `slope`: so each contributes a few ulps of value + slope (1 + |argument|),
    constants inside the expression being of size 1.
    """
    return summation_bound(OPERATOR_ROUNDINGS * (operators + 1), value + slope * (math.sqrt(size) + argument))


def flow_rounding(steps: int, state: float, duration: float, slope_error: float) -> float:
    """Rounding that a fixed-step solve makes, before the flow has carried it on.

    Each step rounds its sums of numbers of size `state`; the slopes, each wrong by `slope_error`, enter with weights
    that add up to `duration`.
    """
    return steps * summation_bound(STEP_ROUNDINGS, state) + duration * slope_error
