"""A module as a vector field in float64, with its parameters as one vector.

    dh/dt = F(t, h; theta),   h_0 = x,   f(x) = r . h_T

Rows are inputs, one each. The readout r is fixed and none of the module's parameters.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.tableau import RK4, stepper_along


class ModelError(ValueError):
    """A user's model cannot be built or used; the message is one line."""


@dataclass(frozen=True)
class VectorField:
    """A module that was built, checked and brought to float64.

    Attributes:
        reference: "package.module:build", by which cases and messages call it.
        module: as it was built; its own parameters stay what they are.
        dimension: of the state.
        takes_time: whether it is called as module(t, h), t a scalar tensor, and not as module(h).
        converted: what was brought to float64, in words; empty where everything was.
        parameters: values in place of the module's own, by name; None leaves those.
    """

    reference: str
    module: torch.nn.Module
    dimension: int
    takes_time: bool
    converted: str = ""
    parameters: Mapping[str, Tensor] | None = None

    def __call__(self, t: Tensor, h: Float[Tensor, "*rows dimension"]) -> Float[Tensor, "*rows dimension"]:
        """The slope at time t."""
        rows = h.reshape(-1, h.shape[-1])
        arguments = (t, rows) if self.takes_time else (rows,)
        slope: Tensor = (
            functional_call(self.module, dict(self.parameters), arguments)
            if self.parameters
            else self.module(*arguments)
        )
        return slope.reshape(h.shape)

    def at(
        self, times: Float[Tensor, " points"], states: Float[Tensor, "points *rows dimension"]
    ) -> Float[Tensor, "points *rows dimension"]:
        """Slopes at several times, each with states of its own."""
        if not self.takes_time:
            return self(times[0], states)
        return torch.stack([self(t, h) for t, h in zip(times, states, strict=True)])

    @property
    def trainable(self) -> dict[str, torch.nn.Parameter]:
        """The module's parameters that ask for a gradient, by name."""
        return {name: value for name, value in self.module.named_parameters() if value.requires_grad}

    @property
    def vector(self) -> Float[Tensor, " parameters"]:
        """Their values as one vector, in the order of their names in the module."""
        values = [value.detach().reshape(-1) for value in self.trainable.values()]
        return torch.cat(values) if values else torch.zeros(0, dtype=torch.float64)

    @property
    def blocks(self) -> dict[str, slice]:
        """Where each parameter lies in that vector."""
        found, place = {}, 0
        for name, value in self.trainable.items():
            found[name] = slice(place, place + value.numel())
            place += value.numel()
        return found

    def with_vector(self, vector: Float[Tensor, " parameters"]) -> "VectorField":
        """The same field with other values of its parameters, through which gradients flow."""
        blocks, shapes = self.blocks, {name: value.shape for name, value in self.trainable.items()}
        return replace(self, parameters={name: vector[place].view(shapes[name]) for name, place in blocks.items()})

    def moved_to(self, vector: Float[Tensor, " parameters"]) -> "VectorField":
        """The same field with other values of its parameters for good: cheaper to call, nothing flows through them."""
        module = copy.deepcopy(self.module)
        with torch.no_grad():
            for name, value in module.named_parameters():
                if name in self.blocks:
                    value.copy_(vector[self.blocks[name]].view(value.shape))
        return replace(self, module=module)


def solve(
    field: VectorField,
    start: Float[Tensor, "inputs dimension"],
    *,
    duration: float,
    steps: int,
    begin: float = 0.0,
) -> Float[Tensor, "points inputs dimension"]:
    """States at the ends of `steps` equal steps of the classical Runge-Kutta scheme over a signed `duration`.

    Gradients flow through it where torch records them: it is the discrete adjoint's forward pass.

    Raises:
        NonFiniteState: the state overflowed.
    """
    step = duration / steps
    clock = torch.tensor([begin + 0.5 * step * k for k in range(2 * steps + 1)], dtype=start.dtype)
    advance, states = stepper_along(field, RK4, step), [start]
    for k in range(steps):
        now, half, end = clock[2 * k : 2 * k + 3]
        states.append(advance(states[-1], (now, half, half, end))[0])
    if not torch.isfinite(states[-1].detach()).all():
        raise NonFiniteState(f"the state after a time of {duration} ({steps} steps of rk4) is not finite")
    return torch.stack(states)


def times_of(duration: float, steps: int, begin: float = 0.0) -> Float[Tensor, " points"]:
    """The times of the states that `solve` returns."""
    return torch.tensor([begin + duration * k / steps for k in range(steps + 1)], dtype=torch.float64)


def scheme_steps(rate: float, duration: float, least: int = 8) -> int:
    """Steps that keep rate x step at 1/4 or less."""
    return max(least, math.ceil(4 * rate * abs(duration)))
