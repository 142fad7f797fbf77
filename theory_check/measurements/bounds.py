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


def adaptive_bound(tolerance: float, magnitude: float, size: int, steps: float, rate: float, duration: float) -> float:
    """Error in 2-norm of an adaptive solve with rtol = atol = tolerance.

    Each accepted step has root-mean-square error at most tolerance (1 + magnitude), that is sqrt(size) times this in
    2-norm, and is carried to the end by at most exp(rate x duration).
    """
    return steps * tolerance * (1.0 + magnitude) * math.sqrt(size) * growth(rate, duration)


def summation_bound(terms: int, magnitude: float) -> float:
    """Rounding of a sum or inner product of `terms` numbers: gamma_terms times the sum of absolute values."""
    return terms * UNIT_ROUNDOFF / (1.0 - terms * UNIT_ROUNDOFF) * magnitude


def flow_rounding(steps: int, width: int, magnitude: float, rate: float, duration: float) -> float:
    """Rounding of a fixed-step solve: each step rounds its products (width terms) and its update, then Gronwall."""
    return steps * summation_bound(width + 8, magnitude) * growth(rate, duration)
