"""Which of a claim's assumptions a case does not meet."""

from theory_check.activations.activation import Activation
from theory_check.activations.nonlinearity import is_certified_nonlinear
from theory_check.case import Case, materialise, parallel_rows
from theory_check.claims.claim import EXPLAINED, Assumption, Claim
from theory_check.measurements.horizon_growth import asymptotic_slope

LEAST_WIDTH = 8


def unmet_assumption(claim: Claim, activation: Activation, case: Case) -> str | None:
    """The first assumption of `claim` that `case` does not meet, in words, or None when all hold.

    `activation` is the loaded activation of the case.
    """
    for assumption in claim.assumptions:
        finding = _finding(assumption, activation, case)
        if finding is not None:
            return f"{EXPLAINED[assumption]}: {finding}"
    return None


def _finding(assumption: Assumption, activation: Activation, case: Case) -> str | None:
    match assumption:
        case "distinct-inputs":
            rows = parallel_rows(materialise(case.data))
            if rows is None:
                return None
            first, second = rows
            return f"row {first} is zero" if first == second else f"rows {first} and {second} are parallel"
        case "wide":
            return None if case.width >= LEAST_WIDTH else f"width {case.width}"
        case "small-learning-rate":
            return None if case.eta_factor <= 1.0 else f"learning rate {case.eta_factor} / lambda_max"
        case "gaussian-weights":
            plain = case.weights.structure == "gaussian" and case.weights.gain == 1.0 and case.weights.pinned is None
            return None if plain else f"weights {case.weights.structure} x {case.weights.gain}"
        case _:
            return _of_activation(assumption, activation)


def _of_activation(assumption: Assumption, activation: Activation) -> str | None:
    match assumption:
        case "lipschitz":
            return None if activation.is_lipschitz else f"{activation.name} has unbounded slope"
        case "smooth":
            if activation.is_smooth:
                return None
            kinks = ", ".join(f"{kink:.6g}" for kink in activation.kinks[:4])
            return f"the derivative of {activation.name} " + (f"jumps at {kinks}" if kinks else "is not Lipschitz")
        case "nonlinear":
            return None if is_certified_nonlinear(activation) else f"{activation.name} is affine"
        case "linear-growth":
            return None if asymptotic_slope(activation) > 0 else f"{activation.name} does not"
        case _:
            raise ValueError(f"not an assumption on phi: {assumption}")
