"""What a solver may err by: built from the bounds of `measurements.bounds`, the sizes read off a reference.

P bounds what an error of the states, or of the adjoint, made at one time can be at another; it is measured.
"""

import math
from dataclasses import dataclass

import torch

from theory_check.conformance.reference import Reference
from theory_check.conformance.solver import Solution
from theory_check.neural_ode.measurements.adjoint_error import SolveErrors, adjoint_error
from theory_check.neural_ode.measurements.bounds import adaptive_bound
from theory_check.neural_ode.measurements.instance import largest_entry, largest_norm, slope_bounds
from theory_check.neural_ode.measurements.rounding import adjoint_rounding, state_rounding
from theory_check.neural_ode.networks.model import final_adjoint


def state_noise(reference: Reference, steps: int) -> float:
    """Rounding of final states after so many steps."""
    grid, duration = reference.trajectory.grid, reference.problem.duration
    return reference.carried * state_rounding(
        reference.instance, reference.parameters, grid, steps=steps, duration=duration
    )


def state_allowance(reference: Reference, solution: Solution, tolerance: float) -> float:
    """Error of adaptive final states that the tolerance allows: every accepted step at its limit, carried on with P."""
    return reference.carried * local_allowance(reference, solution, tolerance) + state_noise(reference, solution.steps)


def local_allowance(reference: Reference, solution: Solution, tolerance: float) -> float:
    """The sum of the errors of the steps, before the flow has carried them on."""
    size = solution.controlled or solution.states.size
    return adaptive_bound(tolerance, largest_entry(reference.trajectory.grid), size, solution.steps)


@dataclass(frozen=True)
class GradientSizes:
    """What errors of a gradient are made of, over all inputs together.

    readout, residual: |v| and |dL/df|. squared: 1 where dL/df moves with f, 0 for the linear loss.
    features: the largest |phi(h_t)|. final: |lambda_T|.
    """

    readout: float
    residual: float
    squared: float
    features: float
    final: float


def gradient_sizes(reference: Reference) -> GradientSizes:
    """Read them off."""
    problem, trajectory = reference.problem, reference.trajectory
    model, parameters = reference.instance.case.neural_ode, reference.parameters
    end = final_adjoint(reference.activation, model, parameters, trajectory.final, reference.residual, 0.5)
    return GradientSizes(
        readout=float(torch.linalg.vector_norm(parameters.V)) / math.sqrt(parameters.V.shape[-1]),
        residual=float(torch.linalg.vector_norm(reference.residual)),
        squared=0.0 if problem.labels is None else 1.0,
        features=largest_norm(reference.activation(trajectory.grid)),
        final=float(torch.linalg.vector_norm(end)),
    )


def gradient_error(reference: Reference, errors: SolveErrors) -> float:
    """Error of the gradient with respect to h_0 and A, for errors of states and of the adjoint at any time.

    lambda_T = dL/df v phi'(h_T) errs by what f and phi' do; the gradient with respect to h_0 is lambda_0, that with
    respect to A the integral of lambda phi(h)^T.
    """
    sizes, duration = gradient_sizes(reference), reference.problem.duration
    at_end = end_error(reference, errors.state)
    of_adjoint = adjoint_error(
        reference.instance, reference.rate, errors, at_end=at_end, final=sizes.final, carried=reference.carried
    )
    steep, _ = slope_bounds(reference.activation)
    along = of_adjoint * sizes.features + reference.carried * sizes.final * steep * errors.state
    return of_adjoint + duration * along


def end_error(reference: Reference, state: float) -> float:
    """Error of lambda_T for an error of h_T."""
    sizes, (steep, bend) = gradient_sizes(reference), slope_bounds(reference.activation)
    return sizes.readout * (sizes.squared * sizes.readout * steep * state * steep + sizes.residual * bend * state)


def from_final_states(reference: Reference, state: float) -> float:
    """How much of a gradient's error an error of the final states can explain at most, by lambda_T."""
    sizes = gradient_sizes(reference)
    return reference.carried * end_error(reference, state) * (1.0 + reference.problem.duration * sizes.features)


def gradient_noise(reference: Reference, steps: int) -> float:
    """Rounding of a gradient after so many steps there and as many back."""
    grid, duration, sizes = reference.trajectory.grid, reference.problem.duration, gradient_sizes(reference)
    of_adjoint = adjoint_rounding(
        reference.instance,
        reference.parameters,
        grid,
        final=sizes.final,
        flat=sizes.readout * sizes.residual,
        carried=reference.carried,
        steps=steps,
        duration=duration,
    )
    # States are solved there and, where they are rebuilt, back.
    return gradient_error(reference, SolveErrors(state=2.0 * state_noise(reference, steps), adjoint=of_adjoint))


def gradient_allowance(reference: Reference, solution: Solution, tolerance: float) -> float:
    """Error of a gradient by the adjoint that the tolerance allows where states are kept from the forward solve.

    State and adjoint are each solved with every step at its limit; the adjoint takes as many steps as the states, and
    its entries are at most P |lambda_T|.
    """
    sizes = gradient_sizes(reference)
    of_states = local_allowance(reference, solution, tolerance)
    size = 2 * (solution.controlled or solution.states.size) + reference.problem.matrix.size
    largest = reference.carried * sizes.final * (1.0 + reference.problem.duration * sizes.features)
    of_adjoint = adaptive_bound(tolerance, largest, size, solution.steps)
    errors = SolveErrors(state=reference.carried * of_states, adjoint=reference.carried * of_adjoint)
    return gradient_error(reference, errors) + gradient_noise(reference, solution.steps)
