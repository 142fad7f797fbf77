"""Functions handed over as Python objects: known from then on by "module:name", to this process and no other.

Their code runs here already, so that finding one again by its name needs no trust. Another process (a worker of
pytest-xdist, a replay) knows them once it has imported the file that hands them over.
"""

from theory_check.neural_ode.activations.activation import Activation, ActivationError
from theory_check.neural_ode.activations.user_function import PATTERN, ElementwiseFunction, from_object

_KNOWN: dict[str, tuple[ElementwiseFunction, ElementwiseFunction | None, Activation]] = {}


def known(reference: str) -> Activation | None:
    """The activation that was handed over under this name, or None."""
    found = _KNOWN.get(reference)
    return found[2] if found else None


def handed_over(function: ElementwiseFunction, derivative: ElementwiseFunction | None = None) -> Activation:
    """Make a function an activation with measured bounds, and remember it by "module:name".

    Args:
        function: elementwise in torch, for float64 and float32; defined at the top level of a module, by which cases
            name it.
        derivative: of the same form, from the right where it jumps; None takes that of torch.autograd.

    Raises:
        ActivationError: it has no such name, another function of its module has it as well, or it cannot be used
            (see `load_user_function`).
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    reference = f"{module}:{name}"
    if not (module and name and PATTERN.fullmatch(reference)):
        raise ActivationError(
            f"{name or type(function).__name__} has no name by which cases could call it: "
            "define it with def at the top level of a module"
        )
    before = _KNOWN.get(reference)
    if before and before[:2] == (function, derivative):
        return before[2]
    # A module that is imported again (another session of one process) has another dictionary of names.
    if before and getattr(before[0], "__globals__", None) is getattr(function, "__globals__", None):
        raise ActivationError(f"two activations are called {reference}: give each function a name of its own")
    found = from_object(function, reference, derivative)
    _KNOWN[reference] = (function, derivative, found)
    return found
