"""The gradient of the loss three ways: discrete adjoint, continuous adjoint, differences along a direction."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.networks.schemes import adjoint, forward, gradient_of_pass


def loss(outputs: Float[Tensor, "inputs outputs"], labels: Float[Tensor, "inputs outputs"]) -> Float[Tensor, ""]:
    """1/2 sum (f - y)^2, without a factor 1/N."""
    return 0.5 * (outputs - labels).square().sum()


def loss_gradient_discrete(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Parameters,
    inputs: Float[Tensor, "inputs dimension"],
    labels: Float[Tensor, "inputs outputs"],
    *,
    scheme: str = "rk4",
    steps: int = 32,
    clarke: float = 0.5,
) -> Parameters:
    """Gradient of the loss of the scheme, exact to rounding.

    Raises:
        ValueError, MemoryShortage, NonFiniteState: as `schemes.forward`.
    """
    trajectory = forward(activation, neural_ode, parameters, inputs, scheme=scheme, steps=steps)
    cotangent = trajectory.outputs - labels
    stage_adjoint = adjoint(activation, neural_ode, parameters, trajectory, cotangent, clarke)
    return gradient_of_pass(activation, neural_ode, trajectory, stage_adjoint, cotangent)


@dataclass(frozen=True)
class Difference:
    """A derivative by differences, with estimates of its two errors.

    Attributes:
        value: the derivative at 0.
        truncation: estimated error of the extrapolation.
        rounding: estimated error made by the noise of the function.
    """

    value: float
    truncation: float
    rounding: float


# A function of a real number, evaluated at many at once: networks along a line are solved together.
Values = Callable[[Sequence[float]], Sequence[float]]


def directional_difference(function: Values, *, initial_step: float, levels: int = 5) -> Difference:
    """The derivative of `function` at 0 by central differences, extrapolated (Richardson).

    Row k of the table starts with D(s) = (f(s) - f(-s)) / (2 s) at s = initial_step / 2^k. For smooth f the error of D
    is a series in s^2, so column j removes its j-th term: T[k,j] = T[k,j-1] + (T[k,j-1] - T[k-1,j-1]) / (4^j - 1).

    Truncation of T[k,j] is estimated by its larger distance to the two entries it was made of, which are less accurate
    (Ridders, 1982). Rounding: with values of f known to e, D is known to e / s; the recursion adds such errors with the
    weights 4^j and 1 over 4^j - 1. e is the larger of u max |f| and the noise level measured by fourth differences at
    nine points 2^-20 initial_step apart, where smooth f contributes nothing: independent errors of deviation sigma
    give differences of deviation sqrt(70) sigma (More and Wild, 2011), and errors spread evenly over [-e, e] have
    e = sqrt(3) sigma. The entry with the least sum of both is returned. All this presumes smooth f: a kink of f
    within the steps leaves no series to extrapolate, and neither estimate is then worth anything.

    Args:
        function: f, from points to values. Called once, with 2 levels + 9 points.
        initial_step: the largest step.
        levels: rows of the table, at least 2.

    Raises:
        ValueError: a step that is not positive, or fewer than two levels.
        NonFiniteState: a value of the function is not finite.
    """
    if not (math.isfinite(initial_step) and initial_step > 0):
        raise ValueError(f"initial_step must be a positive finite number, got {initial_step!r}")
    if levels < 2:
        raise ValueError(f"levels must be at least 2, got {levels!r}")
    steps = [initial_step / 2**k for k in range(levels)]
    central, noise = _central_differences(function, steps)
    values = [[difference] for difference in central]
    rounding = [[noise / s] for s in steps]
    best: Difference | None = None
    for k in range(1, levels):
        for j in range(1, k + 1):
            power = 4.0**j
            fine, coarse = values[k][j - 1], values[k - 1][j - 1]
            value = fine + (fine - coarse) / (power - 1)
            values[k].append(value)
            rounding[k].append((power * rounding[k][j - 1] + rounding[k - 1][j - 1]) / (power - 1))
            entry = Difference(value, max(abs(value - fine), abs(value - coarse)), rounding[k][j])
            if best is None or entry.truncation + entry.rounding < best.truncation + best.rounding:
                best = entry
    assert best is not None  # noqa: S101  levels >= 2 makes at least one entry
    return best


def low_order_difference(function: Values, *, initial_step: float) -> Difference:
    """The derivative of `function` at 0 by central differences alone, for f whose derivative is only Lipschitz.

    Steps s, s/2 and s/4. The error of D(s) then falls at least like s, so that the finest errs by at most
    |D(s/2) - D(s/4)|; |D(s) - D(s/2)| is added, since a single difference can vanish by accident. Rounding as in
    `directional_difference`.

    Raises:
        NonFiniteState: a value of the function is not finite.
    """
    steps = [initial_step / 2**k for k in range(3)]
    (first, second, third), noise = _central_differences(function, steps)
    return Difference(third, abs(first - second) + abs(second - third), noise / steps[-1])


def _central_differences(function: Values, steps: list[float]) -> tuple[list[float], float]:
    """(f(s) - f(-s)) / (2 s) for every step, and the error of single values of f."""
    points = [*steps, *(-s for s in steps), *(k * steps[0] * 2.0**-20 for k in range(-4, 5))]
    values = [float(value) for value in function(points)]
    for point, value in zip(points, values, strict=True):
        if not math.isfinite(value):
            raise NonFiniteState(f"the function is not finite at {point!r}: {value!r}")
    count = len(steps)
    pairs = zip(values[:count], values[count : 2 * count], steps, strict=True)
    return [(plus - minus) / (2 * s) for plus, minus, s in pairs], _noise(values[: 2 * count], values[2 * count :])


def _noise(values: list[float], near: list[float]) -> float:
    """The error e of single values of the function."""
    fourth = np.diff(np.array(near), 4)
    deviation = math.sqrt(float(np.mean(fourth**2)) / 70)
    size = max(abs(value) for value in values + near)
    return max(float(np.finfo(np.float64).eps) / 2 * size, math.sqrt(3) * deviation)
