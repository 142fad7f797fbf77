"""Which of a claim's assumptions a case does not meet."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from theory_check.claims.claim import Claim, Unmet
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.mollification import is_piecewise_linear
from theory_check.neural_ode.activations.nonlinearity import is_certified_nonlinear
from theory_check.neural_ode.case import Case, materialise, parallel_rows
from theory_check.neural_ode.claims.vocabulary import EXPLAINED
from theory_check.neural_ode.measurements.horizon_growth import asymptotic_slope

LEAST_WIDTH = 8


def _roughness(activation: Activation, _case: Case) -> str | None:
    if activation.is_smooth:
        return None
    kinks = ", ".join(f"{kink:.6g}" for kink in activation.kinks[:4])
    return f"the derivative of {activation.name} " + (f"jumps at {kinks}" if kinks else "is not Lipschitz")


def coincidence(_activation: Activation | None, case: Case) -> str | None:
    """Which input is zero, or which two are parallel, or None."""
    rows = parallel_rows(materialise(case.data))
    if rows is None:
        return None
    first, second = rows
    return f"row {first} is zero" if first == second else f"rows {first} and {second} are parallel"


def _structure(_activation: Activation, case: Case) -> str | None:
    weights = case.weights
    return None if weights.structure == "gaussian" and weights.pinned is None else f"weights {weights.structure}"


# What of a case does not meet an assumption, in words, or None. That weights are shared is the model's own.
_FINDINGS: dict[str, Callable[[Activation, Case], str | None]] = {
    "lipschitz": lambda phi, _: None if phi.is_lipschitz else f"{phi.name} has unbounded slope",
    "smooth": _roughness,
    "differentiable": lambda phi, _: None if phi.differentiable else f"{phi.name} is not known to have them",
    "nonlinear": lambda phi, _: None if is_certified_nonlinear(phi) else f"{phi.name} is affine",
    "linear-growth": lambda phi, _: None if asymptotic_slope(phi) > 0 else f"{phi.name} does not",
    "piecewise-linear": lambda phi, _: None if is_piecewise_linear(phi) else f"{phi.name} is not",
    "distinct-inputs": coincidence,
    "wide": lambda _, case: None if case.width >= LEAST_WIDTH else f"width {case.width}",
    "small-learning-rate": lambda _, case: (
        None if case.eta_factor <= 1.0 else f"learning rate {case.eta_factor} / lambda_max"
    ),
    "gaussian-weights": _structure,
    "scale": lambda _, case: None if case.weights.gain == 1.0 else f"weights times {case.weights.gain}",
    "shared-weights": lambda _phi, _case: None,
}


Predicate = Callable[[Case], bool]
_NONE: Mapping[str, Predicate] = MappingProxyType({})


def unmet_assumption(
    claim: Claim, activation: Activation, case: Case, own: Mapping[str, Predicate] = _NONE
) -> Unmet | None:
    """The first assumption of `claim` that `case` does not meet, or None when all hold.

    `activation` is the loaded activation of the case; `own` says of a user's own assumptions whether a case meets them.
    """
    for assumption in claim.assumptions:
        if assumption in own:
            if not own[assumption](case):
                return Unmet(assumption, "not met")
            continue
        finding = _FINDINGS[assumption](activation, case)
        if finding is not None:
            return Unmet(EXPLAINED[assumption], finding)
    return None
