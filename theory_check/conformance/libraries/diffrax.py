"""diffrax: its explicit methods, adaptive and with constant steps, and its adjoints.

Compiling takes seconds, so one compiled function serves all cases of a solver: states are padded with zeros to one
shape, and activations are branches of one switch. JAX computes in float64 from here on, in this process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from theory_check.conformance.libraries.jax_activation import jax_activation
from theory_check.conformance.problem import Gradient, Problem
from theory_check.conformance.solver import Accuracy, GradientKind, Solution, SolverFailed, Stepping

jax.config.update("jax_enable_x64", True)  # noqa: FBT003 (the signature is JAX's)
# Half the time to compile; what is computed stays float64.
jax.config.update("jax_disable_most_optimizations", True)  # noqa: FBT003

METHODS: Mapping[str, Any] = MappingProxyType(
    {
        name: getattr(diffrax, name)
        for name in (
            "Tsit5",
            "Dopri5",
            "Dopri8",
            "Bosh3",
            "Heun",
            "Midpoint",
            "Ralston",
            "ReversibleHeun",
            "Euler",
            "LeapfrogMidpoint",
        )
    }
)
FIXED_ONLY = ("Euler", "LeapfrogMidpoint")
WAYS: Mapping[str, GradientKind] = MappingProxyType(
    {
        "RecursiveCheckpointAdjoint": "discrete",
        "DirectAdjoint": "discrete",
        "ForwardMode": "discrete",
        "BacksolveAdjoint": "rebuilt",
    }
)
# With these every way of taking gradients is tried in the quick profile too; with the others its default alone.
LEADING = ("Tsit5",)
DEFAULT_WAY = "RecursiveCheckpointAdjoint"
INPUTS, WIDTH = 3, 8
# diffrax's own default.
MAX_STEPS = 4096


@dataclass(frozen=True)
class DiffraxSolver:
    """One method of diffrax with one of its adjoints."""

    method: str
    stepping: Stepping
    order: int
    gradient: str
    kind: GradientKind
    library: str = "diffrax"
    version: str = version("diffrax")
    thorough: bool = False
    order_rises: bool = False

    def solve(self, problem: Problem, accuracy: Accuracy) -> Solution:
        """Final states."""
        arguments = _padded(problem, accuracy)  # first: it may make what is compiled out of date
        final, accepted, failed = _compiled(self.method, self.stepping, DEFAULT_WAY)[0](*arguments)
        if bool(failed):
            raise SolverFailed("diffrax did not reach the end: result is not successful")
        inputs, width = problem.initial.shape
        return Solution(np.array(final[:inputs, :width]), int(accepted), controlled=INPUTS * WIDTH)

    def gradient_of(self, problem: Problem, accuracy: Accuracy) -> Gradient:
        """By the adjoint."""
        arguments = _padded(problem, accuracy)
        of_loss = _compiled(self.method, self.stepping, self.gradient)[1]
        try:
            (by_A, by_initial), failed = of_loss(*arguments)
            failed = bool(failed)
        except (ValueError, RuntimeError) as seen:  # equinox raises from inside of the compiled function
            raise SolverFailed(" ".join(str(seen).split())[:300]) from None
        if failed:
            raise SolverFailed("diffrax did not reach the end: result is not successful")
        inputs, width = problem.initial.shape
        return Gradient(np.array(by_initial[:inputs, :width]), np.array(by_A[:width, :width]))


class _Panel:
    """The activations that compiled functions have a branch for; what is new makes them compile again."""

    def __init__(self) -> None:
        self.expressions: tuple[str, ...] = ()

    def include(self, expressions: Sequence[str]) -> None:
        new = [e for e in expressions if e not in self.expressions]
        if new:
            self.expressions = (*self.expressions, *new)
            _compiled.cache_clear()


PANEL = _Panel()


def prepare(expressions: Sequence[str]) -> None:
    """Announce activations, so that functions are compiled once for all of them."""
    PANEL.include(expressions)


@lru_cache(maxsize=512)
def _compiled(method: str, stepping: Stepping, way: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The final states, and the gradient of the loss, as jitted functions."""
    branches = [jax_activation(expression) for expression in PANEL.expressions]

    def phi(x: jax.Array, which: jax.Array) -> jax.Array:
        return branches[0](x) if len(branches) == 1 else jax.lax.switch(which, branches, x)

    def field(_t: jax.Array, h: jax.Array, args: Any) -> jax.Array:
        A, which = args
        return phi(h, which) @ A.T

    def final(
        A: jax.Array, initial: jax.Array, first: float, last: float, tolerance: float, steps: int, which: int
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        fixed = stepping == "fixed"
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            METHODS[method](),
            first,
            last,
            (last - first) / steps if fixed else None,
            initial,
            args=(A, which),
            stepsize_controller=(
                diffrax.ConstantStepSize() if fixed else diffrax.PIDController(rtol=tolerance, atol=tolerance)
            ),
            adjoint=getattr(diffrax, way)(),
            max_steps=MAX_STEPS,
            throw=False,
        )
        failed = found.result != diffrax.RESULTS.successful
        return found.ys[-1], found.stats["num_accepted_steps"], failed

    def loss(parameters: tuple[jax.Array, jax.Array], problem: tuple[Any, ...]) -> tuple[jax.Array, jax.Array]:
        readout, labels, counted, linear, rest = problem
        h, _, failed = final(*parameters, *rest)
        f = phi(h, rest[-1]) @ readout
        each = jnp.where(linear, f, 0.5 * (f - labels) ** 2)
        return (counted * each).sum(), failed

    derivative = jax.jacfwd if way == "ForwardMode" else jax.grad
    of_loss = derivative(loss, has_aux=True)

    def states(A: Any, initial: Any, _readout: Any, _labels: Any, _counted: Any, _linear: Any, *rest: Any) -> Any:
        return final(A, initial, *rest)

    def gradient(A: Any, initial: Any, readout: Any, labels: Any, counted: Any, linear: Any, *rest: Any) -> Any:
        return of_loss((A, initial), (readout, labels, counted, linear, rest))

    return jax.jit(states), jax.jit(gradient)


def _padded(problem: Problem, accuracy: Accuracy) -> tuple[Any, ...]:
    """Arguments of one shape: neurons that stay at zero and are not read, inputs that no loss counts."""
    prepare((problem.expression,))
    inputs, width = problem.initial.shape
    if inputs > INPUTS or width > WIDTH:
        raise SolverFailed(f"at most {INPUTS} inputs and {WIDTH} neurons are compiled for, got {inputs} and {width}")
    labels = np.zeros(inputs) if problem.labels is None else problem.labels
    return (
        np.pad(problem.matrix, (0, WIDTH - width)),
        np.pad(problem.initial, ((0, INPUTS - inputs), (0, WIDTH - width))),
        np.pad(problem.readout, (0, WIDTH - width)),
        np.pad(labels, (0, INPUTS - inputs)),
        np.pad(np.ones(inputs), (0, INPUTS - inputs)),
        problem.labels is None,
        float(problem.times[0]),
        float(problem.times[1]),
        float(accuracy.tolerance or 1.0),
        float(accuracy.steps or 1),
        PANEL.expressions.index(problem.expression),
    )


def members() -> tuple[DiffraxSolver, ...]:
    """Every explicit method for ordinary equations with every adjoint that applies."""
    steppings: tuple[Stepping, ...] = ("adaptive", "fixed")
    found = []
    for stepping in steppings:
        for method, make in METHODS.items():
            if stepping == "adaptive" and method in FIXED_ONLY:
                continue
            order = make().order(diffrax.ODETerm(lambda _t, h, _args: h))
            for way, kind in WAYS.items():
                thorough = way != DEFAULT_WAY and method not in LEADING
                found.append(DiffraxSolver(method, stepping, order, way, kind, thorough=thorough))
    return tuple(found)
