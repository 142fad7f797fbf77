"""What errors of the states do to an adjoint and a gradient, with constants measured on the reached set.

    lambda_T = g,   dlambda/dt = -(dF/dh)^T lambda,   dL/dtheta = integral of lambda^T dF/dtheta,   dL/dh_0 = lambda_0

L bounds |dF/dh|, M bounds |dF/dtheta|, B is a Lipschitz constant of both along the states; all inputs together.
"""

import math
from dataclasses import dataclass

from theory_check.neural_ode.measurements.bounds import adaptive_bound, flow_rounding, growth, summation_bound
from theory_check.neural_ode.measurements.instance import DOPRI5_STAGES
from theory_check.neural_ode.measurements.own_model.curvature import Curvature
from theory_check.neural_ode.measurements.own_model.reached_set import ReachedSet


@dataclass(frozen=True)
class Sizes:
    """What errors are derived from.

    Attributes:
        reached: the states and L, M's tube.
        curved: M and B.
        duration: of the solve; L T is bounded by who chose it.
        final: |lambda_T|.
        count, parameters: numbers in a state over all inputs, and in theta.
    """

    reached: ReachedSet
    curved: Curvature
    duration: float
    final: float
    count: int
    parameters: int

    @property
    def carried(self) -> float:
        """exp(L T): what the flow makes of an error of the state, and of one of the adjoint."""
        return growth(self.reached.lipschitz, self.duration)

    @property
    def adjoint(self) -> float:
        """Bound of |lambda_t|."""
        return self.carried * self.final


def scheme_rounding(sizes: Sizes, steps: int) -> float:
    """Rounding of a scheme's states, carried to the end."""
    reached = sizes.reached
    return sizes.carried * flow_rounding(steps, reached.largest, sizes.duration, reached.noise)


def rounding_of_adjoint(sizes: Sizes, steps: int) -> float:
    """Rounding of lambda at any time, given the states."""
    slope = sizes.curved.noise * sizes.adjoint
    return sizes.carried * flow_rounding(steps, sizes.adjoint, sizes.duration, slope)


def rounding_of_integral(sizes: Sizes, steps: int) -> float:
    """Rounding of dL/dtheta as a sum over steps, given states and adjoint."""
    integrand = sizes.adjoint * sizes.curved.parameters
    summed = summation_bound(4 * steps, sizes.duration * integrand)
    return summed + sizes.duration * sizes.curved.noise * sizes.adjoint


def adjoint_error(sizes: Sizes, *, state: float, at_end: float, own: float) -> float:
    """Error of lambda at any time, for an error `state` of the states and `at_end` of lambda_T."""
    along = sizes.duration * sizes.curved.bend * state * sizes.adjoint
    return sizes.carried * (at_end + along) + own


def gradient_error(sizes: Sizes, *, state: float, own: float, own_integral: float) -> float:
    """Error of the whole gradient of 1/2 |f - y|^2, f = r . h_T with |r| = 1: lambda_T errs by `state` as f does."""
    of_adjoint = adjoint_error(sizes, state=state, at_end=state, own=own)
    along = of_adjoint * sizes.curved.parameters + sizes.adjoint * sizes.curved.bend * state
    return of_adjoint + sizes.duration * along + own_integral


@dataclass(frozen=True)
class SolveErrors:
    """Bounds of the errors of an adaptive solve forward, and of the backward one from its checkpoints.

    Attributes:
        state: of the states at any time.
        adjoint: of lambda, given the states.
        integral: of dL/dtheta, given both.
    """

    state: float
    adjoint: float
    integral: float


def adaptive_errors(
    sizes: Sizes, tolerance: float, forward_evaluations: int, backward_evaluations: int, gradient: float
) -> SolveErrors:
    """Every accepted step errs by at most the tolerance asked for, in each of state, adjoint and gradient.

    torchdiffeq's adjoint controls the root mean square of each part on its own. A piece between checkpoints has
    L tau <= 1, so that it carries errors by e at most.
    """
    there, back = (math.ceil(n / DOPRI5_STAGES) for n in (forward_evaluations, backward_evaluations))
    largest = sizes.reached.largest_entry
    of_states = adaptive_bound(tolerance, largest, sizes.count, there)
    again = math.e * adaptive_bound(tolerance, largest, sizes.count, back)
    rounded = scheme_rounding(sizes, there) + math.e * flow_rounding(
        back, sizes.reached.largest, sizes.duration, sizes.reached.noise
    )
    adjoint = sizes.carried * adaptive_bound(tolerance, sizes.adjoint, sizes.count, back)
    integral = adaptive_bound(tolerance, gradient, sizes.parameters, back) if sizes.parameters else 0.0
    return SolveErrors(
        state=sizes.carried * of_states + again + rounded,
        adjoint=adjoint + rounding_of_adjoint(sizes, back),
        integral=integral + rounding_of_integral(sizes, back),
    )
