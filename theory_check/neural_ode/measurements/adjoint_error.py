"""What errors of the states do to the adjoint, and the errors that an adaptive solve of both makes."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from theory_check.neural_ode.measurements.bounds import adaptive_bound
from theory_check.neural_ode.measurements.defect import quartic_defect
from theory_check.neural_ode.measurements.instance import DOPRI5_STAGES, Instance, largest_entry, slope_bounds
from theory_check.neural_ode.measurements.rounding import adjoint_rounding, state_rounding
from theory_check.neural_ode.networks.flow import FlowGradient
from theory_check.neural_ode.networks.model import recurrent_matrix
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.networks.schemes import StageAdjoint, Trajectory


@dataclass(frozen=True)
class SolveErrors:
    """Bounds of errors over all inputs, at any time: of the states, and of the adjoint along given states."""

    state: float
    adjoint: float


def adaptive_errors(
    instance: Instance,
    parameters: Parameters,
    trajectory: Trajectory,
    solved: FlowGradient,
    *,
    final: float,
    flat: float,
    carried: float,
    tolerance: float,
    by_defect: bool = False,
) -> SolveErrors:
    """Errors of an adaptive forward solve and of the backward solve from its checkpoints.

    For analytic phi every accepted step errs by at most the tolerance asked for; where derivatives of phi may jump that
    estimate can miss, and the defect of what was solved counts. What errors become later is measured: P bounds
    |dh_t / dh_s| for all s <= t. Rows of lambda start every piece at unit root mean square, in units of
    |lambda| / sqrt(width) at most, and |lambda| <= P |lambda_T|.

    Args:
        instance: the case.
        parameters: its weights.
        trajectory: an accurate solution.
        solved: the adaptive one, with states from checkpoints.
        final: bound of |lambda_T|, or whatever else times P bounds |lambda_t| at any time.
        flat: bound of |lambda_T| for phi' = 1.
        carried: P.
        tolerance: rtol and atol of every solve.
        by_defect: the defect counts for analytic phi as well, where it is less than what the tolerance allows: most
            steps err by far less. It costs eight evaluations of the field on every step.
    """
    states, horizon = trajectory.grid, instance.case.neural_ode.horizon
    steps = math.ceil(solved.evaluations / DOPRI5_STAGES)
    if not instance.activation.analytic:
        of_states, of_adjoint = _defects(instance, parameters, trajectory, solved)
    else:
        of_states, of_adjoint = _controlled(trajectory, steps, tolerance)
        if by_defect:
            measured = _defects(instance, parameters, trajectory, solved)
            of_states, of_adjoint = min(of_states, measured[0]), min(of_adjoint, measured[1])
    # There and back: twice the horizon.
    rounded = math.e * state_rounding(instance, parameters, states, steps=steps, duration=2.0 * horizon)
    own_rounding = adjoint_rounding(
        instance, parameters, states, final=final, flat=flat, carried=carried, steps=steps, duration=horizon
    )
    unit = carried * final / math.sqrt(states.shape[-1])
    return SolveErrors(state=carried * (of_states + rounded), adjoint=carried * unit * of_adjoint + own_rounding)


def _controlled(trajectory: Trajectory, steps: int, tolerance: float) -> tuple[float, float]:
    """What the tolerance allows to states and adjoint, before P.

    Rows of lambda grow by at most exp(L tau) <= e in a piece, so an entry is at most e sqrt(width); states that a piece
    rebuilds from a checkpoint have its error, and their own, with the same factor.
    """
    largest = max(largest_entry(trajectory.grid), math.e * math.sqrt(trajectory.grid.shape[-1]))
    of_steps = adaptive_bound(tolerance, largest, 2 * trajectory.grid[0].numel(), steps)
    return math.e * of_steps, of_steps


@torch.no_grad()
def _defects(
    instance: Instance, parameters: Parameters, trajectory: Trajectory, solved: FlowGradient
) -> tuple[float, float]:
    """Integrals of the defects of states and adjoint, before P.

    Seen forward, the states that the backward solve used start at h_0 and follow the flow, but for their defect and for
    gaps where one piece ends and the next starts from its checkpoint.
    """
    activation, A = instance.activation, recurrent_matrix(instance.case.neural_ode, parameters)

    def backward(y: Tensor) -> Tensor:
        h, adjoint = y.unbind(-3)
        return torch.stack([-(activation(h) @ A.mT), activation.derivative(h) * (adjoint @ A)], dim=-3)

    of_states, of_adjoint = map(sum, zip(*(quartic_defect(backward, piece) for piece in solved.pieces), strict=True))
    reached = [piece.final[0] for piece in solved.pieces]
    starts = [*(piece.samples[0, 0, 0] for piece in solved.pieces[1:]), trajectory.grid[0]]
    gaps = sum(float(torch.linalg.vector_norm(a - b)) for a, b in zip(reached, starts, strict=True))
    return of_states + gaps, of_adjoint


def largest_adjoint(trajectory: Trajectory, backward: StageAdjoint, final: float, rate: float) -> float:
    """Bound of |lambda_t| at any time, over all inputs, from an accurate discrete adjoint; to first order in its error.

    The weights of a step add up to the step times the mean of lambda over it, from which lambda is no further than a
    factor exp(L step). `final` is |lambda_T|.
    """
    means = torch.linalg.vector_norm(backward.weights.sum(dim=1) / trajectory.step, dim=(-2, -1))
    return max(final, float(means.max()) * math.exp(rate * trajectory.step))


def fixed_step_rounding(
    instance: Instance,
    parameters: Parameters,
    trajectory: Trajectory,
    *,
    final: float,
    flat: float,
    carried: float,
    start: float = 0.0,
) -> SolveErrors:
    """Rounding of a scheme's states, which started with an error of `start`, and of its exact adjoint."""
    states, horizon, steps = trajectory.grid, instance.case.neural_ode.horizon, len(trajectory.grid) - 1
    return SolveErrors(
        state=carried * (start + state_rounding(instance, parameters, states, steps=steps, duration=horizon)),
        adjoint=adjoint_rounding(
            instance, parameters, states, final=final, flat=flat, carried=carried, steps=steps, duration=horizon
        ),
    )


def adjoint_error(
    instance: Instance, rate: float, errors: SolveErrors, *, at_end: float, final: float, carried: float
) -> float:
    """Error of the adjoint at any time, over all inputs.

    An error of the states changes the coefficients of its equation by (L / L1) L2 times it, |lambda| <= P |lambda_T|;
    that and the error `at_end` of lambda_T are carried on with P, the adjoint's own errors come on top.
    """
    steep, bend = slope_bounds(instance.activation)
    along = instance.case.neural_ode.horizon * rate / steep * bend * errors.state * carried * final
    return carried * (at_end + along) + errors.adjoint
