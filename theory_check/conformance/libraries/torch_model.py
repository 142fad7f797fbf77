"""The field and the loss in torch, for libraries that are written in it."""

from functools import lru_cache

import torch
from torch import Tensor

from theory_check.conformance.problem import Gradient, Problem
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation


@lru_cache(maxsize=256)
def loaded(expression: str) -> Activation:
    """Phi in torch."""
    return activation(expression)


def tensors(problem: Problem) -> tuple[Tensor, Tensor]:
    """A and the initial states, float64 leaves that ask for gradients."""
    return tuple(torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (problem.matrix, problem.initial))  # type: ignore[return-value]


def loss(problem: Problem, final: Tensor) -> Tensor:
    """L of final states, one row for each input."""
    f = loaded(problem.expression)(final) @ torch.as_tensor(problem.readout, dtype=torch.float64)
    if problem.labels is None:
        return f.sum()
    return 0.5 * ((f - torch.as_tensor(problem.labels, dtype=torch.float64)) ** 2).sum()


def gradient(problem: Problem, final: Tensor, A: Tensor, initial: Tensor) -> Gradient:
    """By autograd, through whatever made `final`."""
    by_A, by_initial = torch.autograd.grad(loss(problem, final), (A, initial), allow_unused=True)
    return Gradient(
        initial=_array(by_initial, initial),
        matrix=_array(by_A, A),
    )


def _array(found: Tensor | None, like: Tensor):  # type: ignore[no-untyped-def]
    return (torch.zeros_like(like) if found is None else found).detach().numpy().copy()
