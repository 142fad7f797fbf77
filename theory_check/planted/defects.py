"""The catalogue of planted defects, and how one is made active.

A defect replaces one function of the engine, where it is used, by a wrong one. It is active for the duration of a
control trial only; the claim that it belongs to must then be refuted.
"""

import importlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Defect:
    """A wrong implementation.

    name: how controls refer to it.
    description: what is wrong, in a line.
    target: "module:attribute" of the function that is replaced.
    wrong: from the right function to the wrong one.
    """

    name: str
    description: str
    target: str
    wrong: Callable[[Function], Function]


def _adjoint_wrong_sign(right: Function) -> Function:
    def wrong(activation: Any, *args: Any, **kwargs: Any) -> Any:
        original = activation.one_sided_derivative
        return right(replace(activation, one_sided_derivative=lambda x, side: -original(x, side)), *args, **kwargs)

    return wrong


def _adjoint_without_derivative(right: Function) -> Function:
    def wrong(activation: Any, *args: Any, **kwargs: Any) -> Any:
        return right(replace(activation, one_sided_derivative=lambda x, _side: x * 0 + 1), *args, **kwargs)

    return wrong


def _loose_solver(right: Function) -> Function:
    def wrong(*args: Any, rtol: float, atol: float, **kwargs: Any) -> Any:
        return right(*args, rtol=1e3 * rtol, atol=1e3 * atol, **kwargs)

    return wrong


def _divided_by_root_width(right: Function) -> Function:
    def wrong(neural_ode: Any, parameters: Any, *args: Any) -> Any:
        return right(neural_ode, parameters, *args) / math.sqrt(parameters.W.shape[-1])

    return wrong


def _readout_tied(right: Function) -> Function:
    def wrong(*args: Any) -> Any:
        networks = right(*args)
        row = min(3, networks.W.shape[-2] - 1)
        return replace(networks, V=networks.W[..., row : row + 1, :].clone())

    return wrong


DEFECTS = {
    defect.name: defect
    for defect in (
        Defect(
            "adjoint-wrong-sign",
            "the continuous adjoint's equation has the wrong sign",
            "theory_check.networks.flow:from_checkpoints",
            _adjoint_wrong_sign,
        ),
        Defect(
            "adjoint-without-derivative",
            "the continuous adjoint's equation misses phi'",
            "theory_check.networks.flow:from_checkpoints",
            _adjoint_without_derivative,
        ),
        Defect(
            "adjoint-loose-solver",
            "the adjoint is solved at a thousand times the tolerance asked for",
            "theory_check.measurements.gradient_accuracy:solve_adjoint",
            _loose_solver,
        ),
        Defect(
            "readout-scaled-by-width",
            "the output is scaled by 1/n in place of 1/sqrt n",
            "theory_check.networks.ensemble:readout",
            _divided_by_root_width,
        ),
        Defect(
            "weights-scaled-by-width",
            "W is scaled by 1/n in place of 1/sqrt n",
            "theory_check.networks.schemes:recurrent_matrix",
            _divided_by_root_width,
        ),
        Defect(
            "readout-tied-to-a-row",
            "the readout is a row of W in place of independent weights",
            "theory_check.networks.ensemble:_stacked",
            _readout_tied,
        ),
    )
}


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Make a defect active; None plants nothing.

    Raises:
        ValueError: an unknown defect.
    """
    if name is None:
        yield
        return
    if name not in DEFECTS:
        raise ValueError(f"unknown defect {name!r}; known: {', '.join(DEFECTS)}")
    defect = DEFECTS[name]
    module_name, attribute = defect.target.split(":")
    module = importlib.import_module(module_name)
    right = getattr(module, attribute)
    setattr(module, attribute, defect.wrong(right))
    try:
        yield
    finally:
        setattr(module, attribute, right)
