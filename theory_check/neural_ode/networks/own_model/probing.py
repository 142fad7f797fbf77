"""Is a module a vector field? What states it takes, and what would make a verdict about it mean nothing."""

import inspect
from dataclasses import replace

import torch
from torch import Tensor

from theory_check.neural_ode.networks.own_model.vector_field import ModelError, VectorField

# States of these dimensions are tried where the module does not say its own.
PROBED = (*range(1, 65), 96, 100, 128, 256, 512, 784, 1024)
MOST_DIMENSION = 4096
ROWS = 5
TIMES = (0.0, 0.5)


def takes_time(reference: str, module: torch.nn.Module) -> bool:
    """Whether `forward` takes (t, state), as fields of torchdiffeq do, or the state alone.

    Raises:
        ModelError: it takes something else.
    """
    parameters = inspect.signature(module.forward).parameters.values()
    positional = [p for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    needed = [p.name for p in positional if p.default is p.empty]
    extra = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if extra or not 1 <= len(needed) <= 2:
        named = ", ".join(needed + extra) or "nothing by name"
        raise ModelError(f"forward of {reference} must take (state) or (t, state), it takes {named}")
    return len(needed) == 2


def find_dimension(field: VectorField) -> int:
    """The dimension of the state: the module's attribute `dimension`, else the only one of `PROBED` that it takes.

    Raises:
        ModelError: the attribute is none, or the module takes states of several dimensions, or of none.
    """
    said: object = getattr(field.module, "dimension", None)
    if said is not None:
        if isinstance(said, bool) or not isinstance(said, int) or not 1 <= said <= MOST_DIMENSION:
            raise ModelError(f"dimension of {field.reference} must be a whole number from 1 to 4096, got {said!r:.40}")
        return said
    taken: list[int] = []
    problem = ""
    for dimension in PROBED:
        try:
            _called(replace(field, dimension=dimension), 0.0, _states(dimension))
        except ModelError as error:
            # One that takes the state and returns something else says more than all that do not take it.
            problem = problem if "must return" in problem else str(error)
        else:
            taken.append(dimension)
        if len(taken) > 1:
            break
    if len(taken) == 1:
        return taken[0]
    if taken:
        raise ModelError(
            f"{field.reference} takes states of dimension {taken[0]} and of {taken[1]}: set its attribute `dimension`"
        )
    raise ModelError(
        f"{field.reference} takes states of no dimension up to {PROBED[-1]} that was tried (set its attribute "
        f"`dimension`): {problem}"
    )


def check_field(field: VectorField) -> None:
    """Refuse what cannot be judged: a verdict must be a function of the case.

    Raises:
        ModelError: the slope has another shape than the state, another format or values that are not finite; two
            evaluations differ (randomness, or a memory); rows influence one another; the state is changed in place.
    """
    name, states = field.reference, _states(field.dimension)
    for time in TIMES:
        first = _called(field, time, states)
        if not torch.isfinite(first).all():
            row = int(torch.argmin(torch.isfinite(first).all(dim=1).to(torch.int8)))
            shown = ", ".join(f"{value:.4g}" for value in states[row][:4])
            raise ModelError(f"{name} is not finite at the state ({shown}{', ...' if field.dimension > 4 else ''})")
        if not torch.equal(first, _called(field, time, states)):
            raise ModelError(
                f"two evaluations of {name} at one state differ: it is random or keeps a memory (dropout or batch norm "
                "in train mode? call .eval() in build)"
            )
        others = states.flip(0) * 1.5 + 0.25
        for row in range(ROWS):
            mixed = others.clone()
            mixed[row] = states[row]
            # The same shapes and the same place: not a bit may change.
            if not torch.equal(_called(field, time, mixed)[row], first[row]):
                raise ModelError(
                    f"rows of {name} influence one another: the slope of a state changes with the other states of its "
                    "batch (batch norm in train mode? call .eval() in build)"
                )


def _states(dimension: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(ROWS, dimension, generator=generator, dtype=torch.float64)
    states[-1] = 0.0
    return states


def _called(field: VectorField, time: float, states: Tensor) -> Tensor:
    """One call, with what every call must keep."""
    name, before = field.reference, states.clone()
    arguments = (torch.tensor(time, dtype=torch.float64), states) if field.takes_time else (states,)
    try:
        with torch.no_grad():
            slope = field.module(*arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's module may raise anything
        said = " ".join(str(error).split())[:160]
        raise ModelError(f"{name} fails on a state of shape {tuple(states.shape)}: {said}") from None
    if not isinstance(slope, Tensor):
        raise ModelError(f"{name} returns a {type(slope).__name__}, not a tensor")
    if slope.shape != states.shape:
        raise ModelError(
            f"{name} must return a slope of the state's shape {tuple(states.shape)}, got {tuple(slope.shape)}"
        )
    if slope.dtype != states.dtype:
        raise ModelError(f"{name} returns {str(slope.dtype).removeprefix('torch.')} for a state in float64")
    if not torch.equal(before, states):
        raise ModelError(f"{name} changes its state in place")
    return slope.clone()
