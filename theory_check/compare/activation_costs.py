"""What an activation costs and gives in a Neural ODE, measured on networks and data that all activations share.

Weights, inputs and labels are those of one case whose activation plays no part (`shared_instance`): another activation
in the comparison changes no number of the others, and networks are drawn once.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from theory_check.compare.records import Cell
from theory_check.judge.median_interval import median_interval
from theory_check.judge.plain_numbers import Detail
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Case, Data
from theory_check.neural_ode.measurements.instance import Instance, prepare
from theory_check.neural_ode.measurements.smooth_trains_faster import TOLERANCE, solver_evaluations
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.descent import gradient_descent
from theory_check.neural_ode.networks.gradients import loss_gradient_discrete
from theory_check.neural_ode.networks.parameters import Parameters, add_scaled, norm
from theory_check.neural_ode.networks.tangent_kernel import kernels_of

# RK4 with eight steps takes 32 evaluations there, and as many products with derivatives back.
SCHEME, STEPS, EVALUATIONS = "rk4", 8, 32
# The error of the reference over the error that is measured against it, at most.
REFERENCE_SHARE = 0.1
MOST_DOUBLINGS = 5
DESCENT_STEPS, DESCENT_SOLVER_STEPS = 40, 4


@dataclass(frozen=True)
class SharedNetworks:
    """Networks, inputs and labels that every activation gets.

    instance: its activation is exchanged for the one that is measured.
    """

    instance: Instance
    networks: tuple[Parameters, ...]

    def with_activation(self, activation: Activation) -> Instance:
        """The instance with this phi."""
        return replace(self.instance, activation=activation)


def shared_networks(setting: Setting, data: Data, model: NeuralODE, width: int, networks: int) -> SharedNetworks:
    """Draw them: the weights are those of the case of phi(x) = x."""
    instance = prepare(Case(activation="x", data=data, width=width, neural_ode=model), setting)
    drawn = tuple(instance.parameters(stage="compared", replicate=k) for k in range(networks))
    return SharedNetworks(instance, drawn)


def gradient_error(shared: SharedNetworks, activation: Activation) -> Cell:
    """Median relative error of the discrete gradient for EVALUATIONS evaluations of the field."""
    worst = 0.0

    def of_network(instance: Instance, network: Parameters) -> float:
        nonlocal worst
        error, share = _error_and_share(instance, network)
        worst = max(worst, share)
        return error

    cell = _measured(shared, activation, of_network)
    details: dict[str, Detail] = {"scheme": SCHEME, "steps": STEPS, "evaluations": EVALUATIONS}
    if cell.value is None:
        return _with(cell, details)
    note = "" if worst <= REFERENCE_SHARE else f"the reference is known to {worst:.2g} of the error only"
    return _with(cell, {**details, "largest error of a reference over the error measured": worst}, note)


def evaluations(shared: SharedNetworks, activation: Activation) -> Cell:
    """Median number of evaluations of the field that dopri5 takes to the tolerance."""
    return _with(
        _measured(shared, activation, lambda i, p: solver_evaluations(activation, i, p)), {"tolerance": TOLERANCE}
    )


def observed_factor(shared: SharedNetworks, activation: Activation) -> Cell:
    """Median over networks of the factor by which a step of gradient descent shrinks |f - y|, eta = 1 / lambda_max.

    Beside it what (I - eta Theta_0)^k makes of the same residual: training that follows its kernel has the same factor.
    """
    linearised: list[float] = []

    def of_network(instance: Instance, network: Parameters) -> float:
        factor, predicted = _factors(instance, network)
        linearised.append(predicted)
        return factor

    cell = _measured(shared, activation, of_network)
    details: dict[str, Detail] = {"steps of descent": DESCENT_STEPS, f"steps of {SCHEME}": DESCENT_SOLVER_STEPS}
    if cell.value is not None:
        details["median factor of the linearised run"] = float(np.median(linearised))
    return _with(cell, details)


def _measured(
    shared: SharedNetworks, activation: Activation, of_network: Callable[[Instance, Parameters], float]
) -> Cell:
    """The median over networks; missing as soon as one of them has no such number."""
    instance, values = shared.with_activation(activation), []
    failures: list[str] = []
    for network in shared.networks:
        try:
            value = of_network(instance, network)
        except ArithmeticError as problem:
            failures.append(" ".join(str(problem).split()))
            continue
        values.append(value) if math.isfinite(value) else failures.append("not finite")
    total = len(shared.networks)
    if failures:
        note = f"fails in {len(failures)} of {total} networks: {failures[0]}"
        return Cell(basis="missing", networks=total, note=note)
    median, low, high = median_interval(values)
    return Cell(basis="measured", value=median, low=low, high=high, networks=total)


def _with(cell: Cell, details: dict[str, Detail], note: str = "") -> Cell:
    return Cell(
        basis=cell.basis,
        value=cell.value,
        low=cell.low,
        high=cell.high,
        networks=cell.networks,
        note=note or cell.note,
        details=details,
    )


def _error_and_share(instance: Instance, network: Parameters) -> tuple[float, float]:
    """Relative error of the scheme's gradient, and the share of it by which the reference may be off.

    The reference is a gradient of another scheme whose steps are doubled until that changes it by little beside the
    error; for errors of first order and more the change bounds the error that is left. Of order eight where phi and
    phi' are Lipschitz; where phi' jumps every scheme loses its order, and the midpoint rule gets furthest for its cost.
    """
    labels = instance.labels()[:, None]
    scheme, steps = ("dop853", 8) if instance.activation.is_smooth else ("midpoint", 16 * STEPS)

    def gradient(name: str, count: int) -> Parameters:
        model = instance.case.neural_ode
        return loss_gradient_discrete(
            instance.activation, model, network, instance.inputs, labels, scheme=name, steps=count
        )

    found, coarse = gradient(SCHEME, STEPS), gradient(scheme, steps)
    error = share = math.nan
    for _ in range(MOST_DOUBLINGS):
        steps *= 2
        fine = gradient(scheme, steps)
        error, change = _distance(found, fine), _distance(coarse, fine)
        # Equal to the last bit: a field that RK4 solves exactly, W = 0 for one.
        share = change / error if error > 0 else 0.0
        if share <= REFERENCE_SHARE:
            break
        coarse = fine
    return error, share


def _distance(found: Parameters, reference: Parameters) -> float:
    size = norm(reference)
    if size == 0:
        raise ArithmeticError("the gradient of the loss is zero: phi passes nothing on")
    return norm(add_scaled(found, -1.0, reference)) / size


def _factors(instance: Instance, network: Parameters) -> tuple[float, float]:
    """Of gradient descent, and of its linearisation around the start: geometric means over the steps."""
    model, labels = instance.case.neural_ode, instance.labels()
    kernel = kernels_of(
        instance.activation, model, network, instance.inputs, scheme=SCHEME, steps=DESCENT_SOLVER_STEPS
    ).tangent
    if not kernel.isfinite().all():
        raise ArithmeticError("the tangent kernel is not finite")
    values, vectors = np.linalg.eigh(kernel.cpu().numpy())
    if not values[-1] > 0:
        raise ArithmeticError("the tangent kernel is zero: no parameter changes the output")
    rate = 1.0 / float(values[-1])
    trace = gradient_descent(
        instance.activation,
        model,
        network,
        instance.inputs,
        labels,
        learning_rate=rate,
        steps=DESCENT_STEPS,
        kernel_every=None,
        scheme=SCHEME,
        solver_steps=DESCENT_SOLVER_STEPS,
    )
    if trace.diverged_at is not None:
        raise ArithmeticError(f"gradient descent is not finite after {trace.diverged_at} steps")
    losses: Sequence[float] = trace.losses.tolist()
    if losses[0] == 0:
        raise ArithmeticError("the labels are met at the start: there is nothing to train")
    residual = vectors.T @ (trace.outputs[0] - labels).cpu().numpy()
    linear = float(np.linalg.norm((1.0 - rate * values) ** DESCENT_STEPS * residual) / np.linalg.norm(residual))
    return _mean_factor(math.sqrt(losses[-1] / losses[0])), _mean_factor(linear)


def _mean_factor(total: float) -> float:
    return float(total ** (1.0 / DESCENT_STEPS))
