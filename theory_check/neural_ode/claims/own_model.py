"""Which claims speak of a user's own module, and why the others do not."""

from collections.abc import Mapping
from types import MappingProxyType

# Asked of any vector field with parameters; the kernel is then the empirical one, the width that which the module has.
MODEL_CLAIMS = ("forward-unique", "backward-unique", "adjoint-gradient", "ntk-positive-definite", "linear-convergence")
# Of these, those that say nothing without a trainable parameter.
OF_PARAMETERS = ("ntk-positive-definite", "linear-convergence")

WITHOUT_PARAMETERS = "without a trainable parameter there is no tangent kernel"
_WIDTH = "about the limit of infinite width, or about networks of several widths"
_WEIGHTS = "about sigma_w and Gaussian weights, or about activations compared"
_ORDERS = "about derivatives of every order, which only an expression shows"

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "discretize-optimize": _ORDERS,
        "resnet-limit": _WIDTH,
        "gaussian-output": _WIDTH,
        "nngp-limit": _WIDTH,
        "nngp-nondegenerate": _WIDTH,
        "independent-outputs": _WIDTH,
        "structure-kept": _WIDTH,
        "spread-reduced": _WIDTH,
        "limits-commute": _WIDTH,
        "ntk-limit": _WIDTH,
        "ntk-stable": _WIDTH,
        "horizon-growth": _WEIGHTS,
        "horizon-training": _WEIGHTS,
        "smooth-trains-faster": _WEIGHTS,
    }
)


def why_not(claim: str, *, parameters: int) -> str:
    """Why a claim does not apply to a module with so many trainable parameters; empty where it does."""
    if claim in OF_PARAMETERS and not parameters:
        return WITHOUT_PARAMETERS
    return LEFT_OUT.get(claim, "")


def left_out(*, parameters: int) -> list[str]:
    """A line for every reason, with the claims that it leaves out."""
    reasons: dict[str, list[str]] = {}
    for claim in (*LEFT_OUT, *OF_PARAMETERS):
        reason = why_not(claim, parameters=parameters)
        if reason:
            reasons.setdefault(reason, []).append(claim)
    return [f"left out: {', '.join(claims)} ({reason})" for reason, claims in reasons.items()]
