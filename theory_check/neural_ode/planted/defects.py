"""The catalogue of planted defects, and how one is made active.

A defect wraps one function of the engine where it is used, or changes a piece of its source. It is active for the
duration of a trial only; the claim that it belongs to must then be refuted.
"""

import importlib
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec

from theory_check.neural_ode.networks.gaussian_matrix import ScaledMatrix
from theory_check.neural_ode.networks.tableau import EULER
from theory_check.neural_ode.planted.defect import Defect, Function
from theory_check.neural_ode.planted.edits import EDITS
from theory_check.neural_ode.planted.mutation import edited


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


def _other_table(scheme: str, **changes: Any) -> Callable[[Function], Function]:
    """The table of one scheme with other entries."""

    def wrong_of(right: Function) -> Function:
        def wrong(name: str, steps: int) -> Any:
            tableau = right(name, steps)
            return replace(tableau, **changes) if name == scheme else tableau

        return wrong

    return wrong_of


def _adjoint_table_off(right: Function) -> Function:
    """The discrete adjoint of RK4 with a_10 = 0.525 in place of 0.5; the forward pass is right."""

    def wrong(activation: Any, neural_ode: Any, parameters: Any, trajectory: Any, *args: Any) -> Any:
        tableau = trajectory.tableau
        if tableau.name == "rk4":
            trajectory = replace(trajectory, tableau=replace(tableau, a=((), (0.525,), *tableau.a[2:])))
        return right(activation, neural_ode, parameters, trajectory, *args)

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


def _in_mean_field(right: Function) -> Function:
    """The output is divided by n, and the learning rate makes up for it: features move at a rate of their own size."""

    def wrong(activation: Any, neural_ode: Any, network: Any, *args: Any, learning_rate: float, **kwargs: Any) -> Any:
        n = network.V.shape[-1]
        model = msgspec.structs.replace(neural_ode, sigma_v=neural_ode.sigma_v / math.sqrt(n))
        trace = right(activation, model, network, *args, learning_rate=n / 2 * learning_rate, **kwargs)
        return replace(trace, kernels=tuple(n * kernel for kernel in trace.kernels))

    return wrong


def _kernels_of_run(change: Callable[[int, Any], Any]) -> Callable[[Function], Function]:
    """The kernels along gradient descent, changed by a function of their position."""

    def wrong_of(right: Function) -> Function:
        def wrong(*args: Any, **kwargs: Any) -> Any:
            trace = right(*args, **kwargs)
            return replace(trace, kernels=tuple(change(k, kernel) for k, kernel in enumerate(trace.kernels)))

        return wrong

    return wrong_of


def _other_rate(factor: float) -> Callable[[Function], Function]:
    def wrong_of(right: Function) -> Function:
        return lambda *args, learning_rate, **kwargs: right(*args, learning_rate=factor * learning_rate, **kwargs)

    return wrong_of


def _horizon_of_one(right: Function) -> Function:
    return lambda activation, neural_ode, *args, **kwargs: right(
        activation, msgspec.structs.replace(neural_ode, horizon=1.0), *args, **kwargs
    )


def _five_per_cent_off(right: Function) -> Function:
    def wrong(neural_ode: Any) -> Any:
        changed = right(neural_ode)
        return msgspec.structs.replace(changed, sigma_w=1.05 * changed.sigma_w)

    return wrong


def _subject_charged(right: Function) -> Function:
    return lambda _smooth, kinked: right(1.1 * kinked, kinked)


def _subject_slowed(right: Function) -> Function:
    return lambda largest, *, smooth: right(largest, smooth=smooth) * (0.9 if smooth else 1.0)


def _smoothed_too_much(right: Function) -> Function:
    return lambda activation, width: right(activation, 10 * width)


def _readout_tied(right: Function) -> Function:
    def wrong(*args: Any) -> Any:
        networks = right(*args)
        row = min(3, networks.W.shape[-2] - 1)
        return replace(networks, V=networks.W[..., row : row + 1, :].clone())

    return wrong


def _readouts_mixed(correlation: float) -> Callable[[Function], Function]:
    """Every second row of V has this correlation with the one before it."""

    def wrong_of(right: Function) -> Function:
        def wrong(*args: Any) -> Any:
            networks = right(*args)
            V = networks.V.clone()
            own = math.sqrt(1 - correlation**2) * V[..., 1::2, :]
            V[..., 1::2, :] = own + correlation * V[..., ::2, :][..., : own.shape[-2], :]
            return replace(networks, V=V)

        return wrong

    return wrong_of


DEFECTS = {
    defect.name: defect
    for defect in (
        *EDITS,
        Defect(
            "adjoint-wrong-sign",
            "the continuous adjoint's equation has the wrong sign",
            "theory_check.neural_ode.networks.flow:from_checkpoints",
            _adjoint_wrong_sign,
        ),
        Defect(
            "adjoint-without-derivative",
            "the continuous adjoint's equation misses phi'",
            "theory_check.neural_ode.networks.flow:from_checkpoints",
            _adjoint_without_derivative,
        ),
        Defect(
            "adjoint-loose-solver",
            "the adjoint is solved at a thousand times the tolerance asked for",
            "theory_check.neural_ode.measurements.adjoint_gradient:solve_adjoint",
            _loose_solver,
        ),
        Defect(
            "readout-scaled-by-width",
            "the output is scaled by 1/n in place of 1/sqrt n",
            "theory_check.neural_ode.networks.ensemble:readout",
            _divided_by_root_width,
        ),
        Defect(
            "weights-scaled-by-width",
            "W is scaled by 1/n in place of 1/sqrt n",
            "theory_check.neural_ode.networks.schemes:recurrence",
            _scaled(lambda width: width**-0.5),
        ),
        Defect(
            "weights-ten-per-cent-off",
            "W is scaled by 1.1 / sqrt n in place of 1 / sqrt n",
            "theory_check.neural_ode.networks.schemes:recurrence",
            _scaled(lambda _width: 1.1),
            subtle=True,
        ),
        Defect(
            "weights-resampled",
            "W is another one at every evaluation of the field in place of the same at all times",
            "theory_check.neural_ode.networks.schemes:_field",
            _resampled,
        ),
        Defect(
            "kernel-without-recurrent-term",
            "the tangent kernel lacks the term of W",
            "theory_check.neural_ode.networks.tangent_kernel:_stage_sum",
            _without_first,
        ),
        Defect(
            "weights-scaled-too-little",
            "W is scaled by n^(-1/4) in place of n^(-1/2)",
            "theory_check.neural_ode.networks.schemes:recurrence",
            _scaled(lambda width: width**0.25),
        ),
        Defect(
            "euler-step-off",
            "the step of the L-layer network is ten per cent longer than T / L",
            "theory_check.neural_ode.networks.schemes:stepper",
            _euler_step_off,
            subtle=True,
        ),
        Defect(
            "midpoint-off-centre",
            "the midpoint rule takes its slope at 0.55 of a step in place of its middle",
            "theory_check.neural_ode.networks.schemes:tableau_of",
            _other_table("midpoint", a=((), (0.55,)), c=(0.0, 0.55)),
            subtle=True,
        ),
        Defect(
            "rk4-is-euler",
            "Euler's scheme is called RK4",
            "theory_check.neural_ode.networks.schemes:tableau_of",
            _other_table("rk4", a=EULER.a, b=EULER.b, c=EULER.c),
        ),
        Defect(
            "rk4-adjoint-coefficient-off",
            "one coefficient of RK4 is five per cent off in its discrete adjoint",
            "theory_check.neural_ode.measurements.discretize_optimize:adjoint",
            _adjoint_table_off,
            subtle=True,
        ),
        Defect(
            "layer-kernels-step-off",
            "the kernels of the L-layer network take a step ten per cent longer than T / L",
            "theory_check.neural_ode.measurements.depth_ladder:layer_kernels",
            _other_horizon(lambda horizon: 1.1 * horizon),
            subtle=True,
        ),
        Defect(
            "kernel-shuffled",
            "the rows of the limiting kernels are shuffled",
            "theory_check.neural_ode.measurements.structure_kept:limit_kernels",
            _shuffled,
        ),
        Defect(
            "horizon-inverted",
            "the limit is taken at 1 / T in place of T",
            "theory_check.neural_ode.measurements.horizon_growth:limit_kernels",
            _other_horizon(lambda horizon: 1 / horizon),
        ),
        Defect(
            "horizon-ignored",
            "the limit is taken at horizon 1 in place of T",
            "theory_check.neural_ode.measurements.horizon_growth:limit_kernels",
            _other_horizon(lambda _horizon: 1.0),
        ),
        Defect(
            "weights-not-rescaled",
            "sigma_w stays what it is where it was to be sigma_w T",
            "theory_check.neural_ode.measurements.horizon_growth:rescaled",
            _not_rescaled,
        ),
        Defect(
            "readout-tied-to-a-row",
            "the readout is a row of W in place of independent weights",
            "theory_check.neural_ode.networks.ensemble:_stacked",
            _readout_tied,
        ),
        Defect(
            "readouts-tied",
            "every second row of V is the one before it",
            "theory_check.neural_ode.networks.ensemble:_stacked",
            _readouts_mixed(1.0),
        ),
        Defect(
            "readouts-correlated",
            "every second row of V has correlation 0.1 with the one before it",
            "theory_check.neural_ode.networks.ensemble:_stacked",
            _readouts_mixed(0.1),
            subtle=True,
        ),
        Defect(
            "training-in-mean-field",
            "in training the output is scaled by 1/n, and the learning rate makes up for it",
            "theory_check.neural_ode.measurements.descent_ladder:gradient_descent",
            _in_mean_field,
        ),
        Defect(
            "kernel-drifts-by-ten-per-cent",
            "the tangent kernel is ten per cent too large after the start of training",
            "theory_check.neural_ode.measurements.descent_ladder:gradient_descent",
            _kernels_of_run(lambda k, kernel: 1.1 * kernel if k else kernel),
            subtle=True,
        ),
        Defect(
            "kernel-diagonal-too-small",
            "the diagonal of the tangent kernel is ten per cent too small in training",
            "theory_check.neural_ode.measurements.ntk_stable:gradient_descent",
            _kernels_of_run(lambda _k, kernel: kernel - 0.1 * kernel.diagonal().diag()),
            subtle=True,
        ),
        Defect(
            "learning-rate-ten-per-cent-too-large",
            "gradient descent takes a learning rate ten per cent larger than the one asked for",
            "theory_check.neural_ode.measurements.descent_ladder:gradient_descent",
            _other_rate(1.1),
            subtle=True,
        ),
        Defect(
            "learning-rate-ten-per-cent-too-small",
            "gradient descent takes a learning rate ten per cent smaller than the one asked for",
            "theory_check.neural_ode.measurements.horizon_training:gradient_descent",
            _other_rate(0.9),
            subtle=True,
        ),
        Defect(
            "horizon-ignored-in-training",
            "gradient descent trains a network of horizon 1 in place of T",
            "theory_check.neural_ode.measurements.horizon_training:gradient_descent",
            _horizon_of_one,
        ),
        Defect(
            "stretched-five-per-cent-off",
            "sigma_w is five per cent larger than what the longer horizon asks for",
            "theory_check.neural_ode.measurements.horizon_training:stretched",
            _five_per_cent_off,
            subtle=True,
        ),
        Defect(
            "subject-charged-more",
            "phi is compared with itself in the place of its mollification, and charged ten per cent more",
            "theory_check.neural_ode.measurements.smooth_trains_faster:paired",
            _subject_charged,
            subtle=True,
        ),
        Defect(
            "subject-learns-slower",
            "the learning rate of the mollified phi is ten per cent too small, that of the kinked one is right",
            "theory_check.neural_ode.measurements.smooth_trains_faster:learning_rates",
            _subject_slowed,
            subtle=True,
        ),
        Defect(
            "kinks-smoothed-too-much",
            "kinks are smoothed over ten times the width that is stated",
            "theory_check.neural_ode.measurements.smooth_trains_faster:partner",
            _smoothed_too_much,
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
    if isinstance(defect.wrong, tuple):
        with edited(defect.target, *defect.wrong):
            yield
        return
    module_name, attribute = defect.target.split(":")
    module = importlib.import_module(module_name)
    right = getattr(module, attribute)
    setattr(module, attribute, defect.wrong(right))
    try:
        yield
    finally:
        setattr(module, attribute, right)
