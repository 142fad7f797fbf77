"""Hypothesis strategies: activations, widths, horizons, scales, data, whole cases. Valid by construction."""

from theory_check.neural_ode.strategies.activations import (
    affine_activations,
    bounded_activations,
    differentiable_activations,
    growing_activations,
    kinked_activations,
    lipschitz_activations,
    not_lipschitz_activations,
    piecewise_linear_activations,
    polynomial_activations,
    smooth_activations,
    weak_polynomial_activations,
)
from theory_check.neural_ode.strategies.cases import cases, model_cases
from theory_check.neural_ode.strategies.data import (
    Sizes,
    arbitrary_data,
    crowded_data,
    degenerate_data,
    digits_data,
    independent_data,
    sphere_data,
)
from theory_check.neural_ode.strategies.narrowing import Narrowing, narrowed
from theory_check.neural_ode.strategies.neural_odes import (
    arbitrary_weights,
    horizons,
    neural_odes,
    standard_scales,
    widths,
)

__all__ = [
    "Narrowing",
    "Sizes",
    "affine_activations",
    "arbitrary_data",
    "arbitrary_weights",
    "bounded_activations",
    "cases",
    "crowded_data",
    "degenerate_data",
    "differentiable_activations",
    "digits_data",
    "growing_activations",
    "horizons",
    "independent_data",
    "kinked_activations",
    "lipschitz_activations",
    "model_cases",
    "narrowed",
    "neural_odes",
    "not_lipschitz_activations",
    "piecewise_linear_activations",
    "polynomial_activations",
    "smooth_activations",
    "sphere_data",
    "standard_scales",
    "weak_polynomial_activations",
    "widths",
]
