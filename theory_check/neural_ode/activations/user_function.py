"""A user's own function, "package.module:name": imported, checked to be an activation, bounds measured."""

import importlib
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation, ActivationError
from theory_check.neural_ode.activations.corners import beside, locations, measured_at
from theory_check.neural_ode.activations.measured_bounds import measure
from theory_check.neural_ode.activations.parsing import suggestion

PATTERN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
ElementwiseFunction: TypeAlias = Callable[[Tensor], Tensor]
# Vector and scalar paths of a library may differ in the last places.
_ULPS = 64.0
# Steps over which a derivative given by hand is compared with its function.
_STEP = 2.0**-10


def load_user_function(reference: str) -> Activation:
    """Import "package.module:name" and make it an activation with measured bounds.

    An `Activation` is used as it is; a torch.nn.Module class is instantiated without arguments.

    Raises:
        ActivationError: it cannot be imported or called, or it is not elementwise, is random, changes shape, dtype or
            its input, is not finite on [-8, 8], or has no gradient through torch.autograd.
    """
    return from_object(imported(reference), reference)


def from_object(loaded: object, reference: str, derivative: ElementwiseFunction | None = None) -> Activation:
    """Make what `reference` stands for an activation with measured bounds.

    Args:
        loaded: an `Activation`, a torch.nn.Module class without arguments, or an elementwise function.
        reference: "package.module:name", by which cases and messages call it.
        derivative: of the function, where torch.autograd has none; from the right where it jumps.

    Raises:
        ActivationError: as `load_user_function`, or the derivative is not that of the function.
    """
    if isinstance(loaded, Activation):
        # Known by the reference from here on: another process finds it by that and by nothing else.
        return replace(loaded, name=reference, expression=reference)
    if isinstance(loaded, type) and issubclass(loaded, torch.nn.Module):
        try:
            loaded = loaded().eval()
        except TypeError as error:
            raise ActivationError(f"{reference} needs arguments to be made: {_line(error)}") from None
    if not callable(loaded):
        raise ActivationError(f"{reference} is not callable: it is a {type(loaded).__name__}")
    function: ElementwiseFunction = loaded
    for dtype in (torch.float64, torch.float32):
        _check(reference, function, dtype)
    if derivative is None:
        slope = _autograd_slope(function)
        _check_slope(reference, slope)
    else:
        for dtype in (torch.float64, torch.float32):
            _check(f"the derivative of {reference}", derivative, dtype)
        _check_derivative(reference, function, derivative)
        slope = derivative

    def detached(x: Tensor) -> Tensor:
        with torch.no_grad():
            return function(x)

    seen = measure(detached, slope)
    one_sided = beside(lambda x, _side: slope(x), seen.kinks)
    corners = measured_at(seen.kinks, lambda x, side: float(one_sided(torch.tensor(x, dtype=torch.float64), side)))
    return Activation(
        name=reference,
        expression=reference,
        function=function,
        one_sided_derivative=one_sided,
        lipschitz=seen.lipschitz,
        derivative_lipschitz=math.inf if seen.kinks else seen.curvature,
        lower=seen.lower,
        upper=seen.upper,
        kinks=locations(corners),
        degree=None,
        analytic=False,
        ball=None,
        bounds="measured",
        operators=1,
        curvature=seen.curvature,
        corners=corners,
    )


@contextmanager
def _current_folder_importable() -> Iterator[None]:
    """A console script does not look in the current folder; python -m does. Last, so that nothing is shadowed."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)


def imported(reference: str) -> object:
    """What "package.module:name" stands for, the current folder being looked in last.

    Raises:
        ActivationError: the module cannot be imported, or has no such name.
    """
    module_name, _, attribute = reference.partition(":")
    try:
        with _current_folder_importable():
            found: object = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a user's module may raise anything)
        raise ActivationError(f"cannot import {module_name!r}: {_line(error)}") from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            close = suggestion(part, (n for n in dir(found) if not n.startswith("_")))
            hint = f": {close}" if close.startswith("did") else ""
            raise ActivationError(f"{module_name!r} has no {part!r}{hint}")
        found = getattr(found, part)
    return found


def _check(reference: str, function: Callable[[Tensor], Tensor], dtype: torch.dtype) -> None:
    """Elementwise, pure and finite on [-8, 8], in one precision."""
    grid = torch.linspace(-8.0, 8.0, 1025, dtype=dtype)
    values = _called(reference, function, grid)
    finite = torch.isfinite(values)
    if not bool(finite.all()):
        at = int(torch.argmin(finite.to(torch.int8)))
        raise ActivationError(f"{reference} is not finite: it gives {float(values[at])} at x = {float(grid[at])}")
    margin = _ULPS * torch.finfo(dtype).eps * (1.0 + values.abs())
    order = torch.randperm(len(grid), generator=torch.Generator().manual_seed(0))
    square = grid[:1024].reshape(32, 32)
    alike = {
        "the same input gives another value": (_called(reference, function, grid), values),
        "permuted entries give other values": (_called(reference, function, grid[order]), values[order]),
        "a matrix gives other values than a vector": (_called(reference, function, square).reshape(-1), values[:1024]),
        "entries alone give other values": (
            torch.cat([_called(reference, function, grid[i : i + 1]) for i in range(0, 1025, 64)]),
            values[::64],
        ),
        "columns give other values than a vector": (
            torch.cat([_called(reference, function, square[:, j : j + 1]) for j in range(32)], dim=1).reshape(-1),
            values[:1024],
        ),
    }
    margins = (margin, margin[order], margin[:1024], margin[::64], margin[:1024])
    for (what, (seen, expected)), allowed in zip(alike.items(), margins, strict=True):
        if not bool(((seen - expected).abs() <= allowed).all()):
            raise ActivationError(f"{reference} is not an elementwise function: {what}")


def _called(reference: str, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """One call, with what every call must keep."""
    before = x.clone()
    try:
        with torch.no_grad():
            values = function(x)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a user's function may raise anything)
        raise ActivationError(f"{reference} fails on {_kind(x)}: {type(error).__name__}: {_line(error)}") from None
    if not isinstance(values, Tensor):
        raise ActivationError(f"{reference} returns a {type(values).__name__}, not a tensor")
    if not torch.equal(before, x):
        raise ActivationError(f"{reference} changes its input in place")
    if values.shape != x.shape:
        raise ActivationError(f"{reference} changes the shape {tuple(x.shape)} to {tuple(values.shape)}")
    if values.dtype != x.dtype:
        raise ActivationError(f"{reference} changes the dtype {x.dtype} to {values.dtype}")
    return values.clone() if values is x else values


def _autograd_slope(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def slope(x: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = x.detach().clone().requires_grad_()
            (gradient,) = torch.autograd.grad(function(leaf).sum(), leaf)
        return gradient

    return slope


def _check_slope(reference: str, slope: Callable[[Tensor], Tensor]) -> None:
    grid = torch.linspace(-8.0, 8.0, 1025, dtype=torch.float64)
    try:
        slope(grid)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a user's function may raise anything)
        raise ActivationError(f"{reference} has no gradient through torch.autograd: {_line(error)}") from None


def _check_derivative(reference: str, function: ElementwiseFunction, derivative: ElementwiseFunction) -> None:
    """Between kinks a function grows by the integral of its derivative: Simpson's rule over short steps says so."""
    half = _STEP / 2
    middle = torch.linspace(-8.0, 8.0, 1025, dtype=torch.float64) + _STEP / math.pi
    with torch.no_grad():
        left, centre, right = (derivative(middle + shift) for shift in (-half, 0.0, half))
        growth = (function(middle + half) - function(middle - half)) / _STEP
        mean, spread = (left + 4 * centre + right) / 6, torch.maximum((right - left).abs(), (right - centre).abs())
        # Rounding of the difference, and all that the derivative changes within the step: a kink may lie there.
        allowed = spread + 64 * torch.finfo(torch.float64).eps * (1 + function(middle).abs()) / _STEP
    wrong = (growth - mean).abs() > allowed
    if bool(wrong.any()):
        at = int(torch.argmax(wrong.to(torch.int8)))
        raise ActivationError(
            f"the derivative of {reference} is {float(centre[at]):.6g} at x = {float(middle[at]):.6g}, "
            f"where the function grows by {float(growth[at]):.6g} a unit"
        )


def _kind(x: Tensor) -> str:
    return f"{str(x.dtype).removeprefix('torch.')} of shape {tuple(x.shape)}"


def _line(error: BaseException) -> str:
    """The first line of an error's message."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
