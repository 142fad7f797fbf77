"""The one place where numerical bounds are derived. Scalars in, scalars out: no torch.

Notation: L = (sigma_w / sqrt n) |W|_2 L1 bounds the Lipschitz constant of the vector field, so that two
solutions separate, and variations of the adjoint grow, at most like exp(L t) (Gronwall).
"""

import math

UNIT_ROUNDOFF = 2.0**-53


def growth(rate: float, duration: float) -> float:
    """exp(rate x duration): how much Gronwall lets a difference grow."""
    return math.exp(rate * duration)


def halving_bound(coarse: float, fine: float) -> float:
    """Error of the finest of three solutions with m, 2m and 4m steps, from their successive differences.

    For order p >= 1 the finest solution errs by |y_2m - y_4m| / (2^p - 1) <= `fine`. Where the scheme loses its order
    (a kink crossed inside a step) a single difference can vanish by accident, so `coarse` = |y_m - y_2m| is added.
    """
    return coarse + fine


def adaptive_bound(tolerance: float, magnitude: float, size: int, steps: float) -> float:
    """Sum of the errors, in 2-norm, that the accepted steps of an adaptive solve with rtol = atol = tolerance make.

    torchdiffeq keeps the root mean square of err_i / (tolerance (1 + |y_i|)) of a step at most 1, so that |err| is at
    most tolerance (sqrt(size) + |y|). `magnitude` bounds |y|, the 2-norm of all `size` numbers. What the flow makes
    of these errors later is a factor of its own: Gronwall's, or a measured one.
    """
    return steps * tolerance * (math.sqrt(size) + magnitude)


def summation_bound(terms: int, magnitude: float) -> float:
    """Rounding of a sum or inner product of `terms` numbers: gamma_terms times the sum of absolute values."""
    return terms * UNIT_ROUNDOFF / (1.0 - terms * UNIT_ROUNDOFF) * magnitude


def flow_rounding(steps: int, width: int, magnitude: float, rate: float, duration: float) -> float:
    """Rounding of a fixed-step solve: each step rounds its products (width terms) and its update, then Gronwall."""
    return steps * summation_bound(width + 8, magnitude) * growth(rate, duration)
