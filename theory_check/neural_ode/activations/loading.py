"""From what a person writes to an Activation: a name, an expression in x, "package.module:name", or a function."""

from functools import lru_cache

import torch

from theory_check.neural_ode.activations.activation import Activation, ActivationError
from theory_check.neural_ode.activations.algebra import from_text
from theory_check.neural_ode.activations.catalogue import CATALOGUE, FUNCTIONS
from theory_check.neural_ode.activations.own_function import handed_over, known
from theory_check.neural_ode.activations.parsing import MAX_LENGTH, shown, suggestion
from theory_check.neural_ode.activations.user_function import PATTERN, ElementwiseFunction, load_user_function


def activation(
    name_or_expression: str | ElementwiseFunction,
    *,
    derivative: ElementwiseFunction | None = None,
    trust_code: bool = False,
) -> Activation:
    """The activation a name, an expression, a reference to code or a function stands for.

    Args:
        name_or_expression: a name of the catalogue ("softplus"); an expression in x ("tanh(2*x) + 0.1*x") made of
            numbers, pi, e, + - * /, ** with an exponent from 0 to 16, catalogue functions and exp; or
            "package.module:name", a function of one torch tensor; or such a function itself, which is called
            "module:name" from then on.
        derivative: of a function that is handed over, of the same form; that of torch.autograd by default.
        trust_code: whether "package.module:name" may be imported, which runs its code.

    Returns:
        The activation. Its bounds are proved for the catalogue and wherever the rules of the algebra give finite
        ones; otherwise they are measured, and `bounds` says so.

    Raises:
        ActivationError: (a ValueError) what is wrong with the input, in one line.
    """
    if not isinstance(name_or_expression, str):
        return handed_over(name_or_expression, derivative)
    if derivative is not None:
        raise ActivationError(f"only a function can be given a derivative, got one for {name_or_expression!r:.60}")
    return known(name_or_expression) or _loaded(name_or_expression, trust_code=trust_code)


@lru_cache(maxsize=1024)
def _loaded(name_or_expression: str, *, trust_code: bool) -> Activation:
    text = name_or_expression.strip() if len(name_or_expression) <= MAX_LENGTH else name_or_expression
    if text in FUNCTIONS:
        return FUNCTIONS[text]
    if len(text) <= MAX_LENGTH and PATTERN.fullmatch(text):
        if not trust_code:
            raise ActivationError(f"{text} would run code: pass --trust-code (trust_code=True) to allow it")
        return load_user_function(text)
    if len(text) <= MAX_LENGTH and text.isidentifier() and text not in ("x", "pi", "e"):
        raise ActivationError(f"unknown activation {shown(text)}: {suggestion(text, CATALOGUE)}")
    found = from_text(text)
    _check_finite(found)
    return found


def _check_finite(found: Activation) -> None:
    """Raise where the function is not finite on a grid over [-8, 8] that holds tenths and binary fractions."""
    grid = torch.cat(
        [
            torch.arange(-2048, 2049, dtype=torch.float64) / 256,
            torch.arange(-800, 801, dtype=torch.float64) / 100,
        ]
    )
    finite = torch.isfinite(found(grid))
    if not bool(finite.all()):
        point = float(grid[int(torch.argmin(finite.to(torch.int8)))])
        raise ActivationError(f"{shown(found.expression)} is not finite: {found.value_at(point)} at x = {point}")
