"""The catalogue of planted defects, and how one is made active.

A defect replaces one function of the engine, where it is used, by a wrong one. It is active for the duration of a
control trial only; the claim that it belongs to must then be refuted.
"""

import importlib
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from theory_check.networks.gaussian_matrix import ScaledMatrix

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
        return right(neural_ode, parameters, *args) / math.sqrt(parameters.V.shape[-1])

    return wrong


class _Resampled:
    """Another matrix in every product: the same numbers in other places, as good as fresh ones, and reproducible."""

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix
        self._calls = itertools.count()

    def times(self, rows: Any) -> Any:
        # Rolled along both axes, without moving what is stored.
        k = 5 * next(self._calls)
        return self._matrix.times(rows.roll(-2 * k, dims=-1)).roll(k, dims=-1)

    def transposed_times(self, rows: Any) -> Any:
        k = 5 * next(self._calls)
        return self._matrix.transposed_times(rows.roll(-k, dims=-1)).roll(2 * k, dims=-1)


def _resampled(right: Function) -> Function:
    return lambda activation, A: right(activation, _Resampled(A))


def _scaled(factor: Callable[[int], float]) -> Callable[[Function], Function]:
    """A times a function of the width."""

    def wrong_of(right: Function) -> Function:
        return lambda neural_ode, network: ScaledMatrix(right(neural_ode, network), factor(network.V.shape[-1]))

    return wrong_of


def _without_first(right: Function) -> Function:
    """The first of the results is zero."""

    def wrong(*args: Any) -> Any:
        first, *others = right(*args)
        return first * 0.0, *others

    return wrong


def _euler_step_off(right: Function) -> Function:
    def wrong(field: Any, tableau: Any, step: float) -> Any:
        return right(field, tableau, 1.1 * step if tableau.name == "euler" else step)

    return wrong


def _other_horizon(change: Callable[[float], float]) -> Callable[[Function], Function]:
    def wrong_of(right: Function) -> Function:
        def wrong(activation: Any, inputs: Any, neural_ode: Any, *args: Any, **kwargs: Any) -> Any:
            changed = msgspec.structs.replace(neural_ode, horizon=change(neural_ode.horizon))
            return right(activation, inputs, changed, *args, **kwargs)

        return wrong

    return wrong_of


def _shuffled(right: Function) -> Function:
    def wrong(*args: Any, **kwargs: Any) -> Any:
        kernels = right(*args, **kwargs)
        order = [*range(1, len(kernels.nngp)), 0]
        moved = {name: getattr(kernels, name)[:, order] for name in ("nngp", "tangent")}
        # The diagonal stays, or nothing could be normalised.
        for name, kernel in moved.items():
            kernel[range(len(order)), range(len(order))] = getattr(kernels, name).diagonal()
        return replace(kernels, **{name: (kernel + kernel.T) / 2 for name, kernel in moved.items()})

    return wrong


def _not_rescaled(_right: Function) -> Function:
    return lambda neural_ode: msgspec.structs.replace(neural_ode, horizon=1.0)


def _subject_charged(right: Function) -> Function:
    return lambda subject, rival: right(1.1 * subject, rival)


def _subject_slowed(right: Function) -> Function:
    return lambda largest, *, subject: right(largest, subject=subject) * (0.9 if subject else 1.0)


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
            "theory_check.networks.schemes:recurrence",
            _scaled(lambda width: width**-0.5),
        ),
        Defect(
            "weights-ten-per-cent-off",
            "W is scaled by 1.1 / sqrt n in place of 1 / sqrt n",
            "theory_check.networks.schemes:recurrence",
            _scaled(lambda _width: 1.1),
        ),
        Defect(
            "weights-resampled",
            "W is another one at every evaluation of the field in place of the same at all times",
            "theory_check.networks.schemes:_field",
            _resampled,
        ),
        Defect(
            "kernel-without-recurrent-term",
            "the tangent kernel lacks the term of W",
            "theory_check.networks.tangent_kernel:_stage_sum",
            _without_first,
        ),
        Defect(
            "weights-scaled-too-little",
            "W is scaled by n^(-1/4) in place of n^(-1/2)",
            "theory_check.networks.schemes:recurrence",
            _scaled(lambda width: width**0.25),
        ),
        Defect(
            "euler-step-off",
            "the step of the L-layer network is ten per cent longer than T / L",
            "theory_check.networks.schemes:stepper",
            _euler_step_off,
        ),
        Defect(
            "layer-kernels-step-off",
            "the kernels of the L-layer network take a step ten per cent longer than T / L",
            "theory_check.measurements.depth_ladder:layer_kernels",
            _other_horizon(lambda horizon: 1.1 * horizon),
        ),
        Defect(
            "kernel-shuffled",
            "the rows of the limiting kernels are shuffled",
            "theory_check.measurements.correlation_order:limit_kernels",
            _shuffled,
        ),
        Defect(
            "horizon-inverted",
            "the limit is taken at 1 / T in place of T",
            "theory_check.measurements.horizon_growth:limit_kernels",
            _other_horizon(lambda horizon: 1 / horizon),
        ),
        Defect(
            "horizon-ignored",
            "the limit is taken at horizon 1 in place of T",
            "theory_check.measurements.horizon_growth:limit_kernels",
            _other_horizon(lambda _horizon: 1.0),
        ),
        Defect(
            "weights-not-rescaled",
            "sigma_w stays what it is where it was to be sigma_w T",
            "theory_check.measurements.horizon_growth:rescaled",
            _not_rescaled,
        ),
        Defect(
            "readout-tied-to-a-row",
            "the readout is a row of W in place of independent weights",
            "theory_check.networks.ensemble:_stacked",
            _readout_tied,
        ),
        Defect(
            "subject-charged-more",
            "ten per cent is added to the evaluations of phi, and none to those of its kinked counterpart",
            "theory_check.measurements.training_speed:log_ratios",
            _subject_charged,
        ),
        Defect(
            "subject-learns-slower",
            "the learning rate of phi is ten per cent too small, that of its kinked rival is right",
            "theory_check.measurements.training_speed:learning_rates",
            _subject_slowed,
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
