"""Controls that several claims share."""

from theory_check.claims.claim import Control
from theory_check.claims.quantity import Quantity
from theory_check.neural_ode.claims.vocabulary import Stratum

_SINGULAR: tuple[tuple[str, Stratum], ...] = (
    ("identity", "crowded"),
    ("softplus", "repeated"),
    ("tanh", "antipodal"),
)


def singular_controls(quantity: Quantity) -> tuple[Control, ...]:
    """Kernels that cannot be positive definite: of an affine phi, and of inputs that are parallel."""
    return tuple(broken(activation, stratum, quantity) for activation, stratum in _SINGULAR)


def broken(activation: str, stratum: Stratum, quantity: Quantity) -> Control:
    """A case that breaks an assumption of the claim, and in which its conclusion must be seen to fail."""
    return Control(
        activation=activation,
        stratum=stratum,
        verdict="assumptions-not-met",
        conclusion="fails",
        quantity=quantity,
    )
