"""The model under audit: a Neural ODE with weights shared over time and no biases.

For inputs x in R^d and parameters U (n x d), W (n x n), V (m x n) with independent N(0, 1) entries:

    h_0   = (sigma_u / sqrt d) U x
    dh/dt = (sigma_w / sqrt n) W phi(h_t),   0 <= t <= horizon
    f(x)  = (sigma_v / sqrt n) V phi(h_T)

This file holds the scalars only. It needs no torch, so that cases can be read and written without it.
"""

import math

import msgspec


class NeuralODE(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scales and horizon of the model.

    Args:
        sigma_u: standard deviation of the input weights, before the factor 1 / sqrt d. Positive.
        sigma_w: standard deviation of the recurrent weights, before 1 / sqrt n. Zero or more.
        sigma_v: standard deviation of the output weights, before 1 / sqrt n. Positive.
        horizon: the final time T, in the units in which the vector field is written. Positive.

    Raises:
        ValueError: a scale or the horizon is not a finite number in its range.

    Outputs and kernels depend on `sigma_w` and `horizon` only through their product (time rescaling).
    """

    sigma_u: float = 1.0
    sigma_w: float = 1.0
    sigma_v: float = 1.0
    horizon: float = 1.0

    def __post_init__(self) -> None:
        for name in ("sigma_u", "sigma_v", "horizon"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive finite number, got {value!r}")
        if not (math.isfinite(self.sigma_w) and self.sigma_w >= 0):
            raise ValueError(f"sigma_w must be zero or a positive finite number, got {self.sigma_w!r}")
