"""What a solver is asked: an initial value problem and a loss, as plain numpy. Loads no torch and no jax.

With states as rows, one input each (docs/theory.md#the-model, the scales put into A and v):

    dh/dt = A phi(h)         from times[0] to times[1], forwards or backwards
    f     = v . phi(h_T)     one output for each input
    L     = 1/2 sum (f - y)^2, or sum f where there are no labels y
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Matrix = Float[NDArray[np.float64], "rows columns"]


@dataclass(frozen=True, eq=False)
class Problem:
    """An initial value problem with a loss of its final states; everything float64.

    expression: phi, canonical text of an activation (`theory_check.activation`).
    matrix: A, (width, width).
    initial: h_0, (inputs, width).
    readout: v, (width,).
    labels: y, (inputs,), or None for the linear loss.
    times: first and last time; the last may be the earlier one.
    """

    expression: str
    matrix: Matrix
    initial: Matrix
    readout: Float[NDArray[np.float64], " width"]
    labels: Float[NDArray[np.float64], " inputs"] | None
    times: tuple[float, float]

    @property
    def duration(self) -> float:
        """How long the solve is, whichever way it runs."""
        return abs(self.times[1] - self.times[0])

    def moved(self, direction: "Gradient", by: float) -> Self:
        """The same problem with initial states and A moved along a direction."""
        return replace(self, initial=self.initial + by * direction.initial, matrix=self.matrix + by * direction.matrix)

    def reversed_from(self, final: Matrix) -> Self:
        """The problem that leads from final states back to the initial ones."""
        return replace(self, initial=final, times=(self.times[1], self.times[0]))


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient of the loss, or a direction: with respect to the initial states and to A."""

    initial: Matrix
    matrix: Matrix

    def flat(self) -> Float[NDArray[np.float64], " numbers"]:
        """All numbers in one vector."""
        return np.concatenate([np.ravel(self.initial), np.ravel(self.matrix)]).astype(np.float64)

    def minus(self, other: "Gradient") -> "Gradient":
        """The difference."""
        return Gradient(self.initial - other.initial, self.matrix - other.matrix)

    def norm(self) -> float:
        """2-norm over all numbers; not finite where one of them is not."""
        return float(np.linalg.norm(self.flat()))

    def inner(self, other: "Gradient") -> float:
        """Inner product over all numbers."""
        return float(self.flat() @ other.flat())
