"""A user's model, "package.module:build": imported, built under a seed of its own, checked to be a vector field."""

import copy
import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from theory_check.neural_ode.activations.activation import ActivationError
from theory_check.neural_ode.activations.user_function import PATTERN, imported
from theory_check.neural_ode.networks.own_model.probing import check_field, find_dimension, takes_time
from theory_check.neural_ode.networks.own_model.vector_field import ModelError, VectorField

_LARGEST_NUMPY_SEED = 2**32


def load_model(reference: str, seed: int, *, trust_code: bool = False) -> VectorField:
    """Build the model behind "package.module:build" from a seed, and check that it is a vector field.

    `build` takes no argument, or the seed. While it runs, the generators of torch, numpy and random start from the
    seed, and go on afterwards as if nothing had been drawn. Parameters and buffers in other floating-point formats are
    brought to float64.

    Args:
        reference: "package.module:build", importable from the current folder too.
        seed: at least 0 and below 2^63.
        trust_code: whether the module may be imported, which runs its code.

    Raises:
        ModelError: what is wrong, in one line: it cannot be imported, called or used (`probing.check_field`), it builds
            two models from one seed, or nothing says what dimension its states have.
    """
    if not PATTERN.fullmatch(reference):
        raise ModelError(
            f"a model must be MODULE:NAME, a function that builds a torch.nn.Module, got {reference!r:.80}"
        )
    if not trust_code:
        raise ModelError(f"{reference} would run code: pass --trust-code (trust_code=True) to allow it")
    try:
        build = imported(reference)
    except ActivationError as error:
        raise ModelError(str(error)) from None
    module, again = (_built(reference, build, seed) for _ in range(2))
    converted = _to_float64(reference, module)
    _to_float64(reference, again)
    ours, theirs = module.state_dict(), again.state_dict()
    if ours.keys() != theirs.keys() or not all(_same(ours[name], theirs[name]) for name in ours):
        raise ModelError(f"{reference} builds two models from one seed: draw its parameters from torch's generator")
    field = VectorField(reference, module, 1, takes_time(reference, module), converted)
    field = replace(field, dimension=find_dimension(field))
    check_field(field)
    return field


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global generators start from a seed, and go on afterwards as if nothing had been drawn."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - the user's code may use it
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed % _LARGEST_NUMPY_SEED)  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def _built(reference: str, build: object, seed: int) -> torch.nn.Module:
    if not callable(build):
        raise ModelError(f"{reference} is not callable: it is a {type(build).__name__}, not a function that builds one")
    arguments = (seed,) if _takes_seed(build) else ()
    try:
        with seeded(seed):
            module = build(*arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's function may raise anything
        said = " ".join(str(error).split())[:200]
        raise ModelError(f"{reference} cannot be built: {type(error).__name__}: {said}") from None
    if not isinstance(module, torch.nn.Module):
        raise ModelError(f"{reference} must return a torch.nn.Module, it returned a {type(module).__name__}")
    # Two builds may hand out one object: what one audit does to it is not for another to see.
    return copy.deepcopy(module)


def _takes_seed(build: Callable[..., object]) -> bool:
    """Whether it has a parameter called `seed`, or one that it cannot do without."""
    try:
        parameters = inspect.signature(build).parameters
    except (TypeError, ValueError):
        return False
    positional = [p for p in parameters.values() if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    return bool(positional) and (positional[0].name == "seed" or positional[0].default is inspect.Parameter.empty)


def _to_float64(reference: str, module: torch.nn.Module) -> str:
    values = [*module.parameters(), *module.buffers()]
    if any(value.is_complex() for value in values):
        raise ModelError(f"{reference} has complex parameters: real ones are needed")
    kinds = {value.dtype for value in values if value.is_floating_point()} - {torch.float64}
    module.double()
    names = " and ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
    return f"{names} parameters were converted to float64" if names else ""


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one.nan_to_num(), other.nan_to_num())
