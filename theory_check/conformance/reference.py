"""What a solver is compared with: states and gradients with a bound of their error.

The scheme of order eight with its exact adjoint, at m, 2m and 4m steps, whose differences bound its error (halving);
beside it SciPy's DOP853 with the adjoint along dense output. How far the two are apart counts as error of the
reference, so that a wrong reference takes the power of a comparison and never refutes a library.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from theory_check.case.record import Seeds
from theory_check.conformance.libraries.scipy import ScipySolver
from theory_check.conformance.libraries.torch_model import loaded
from theory_check.conformance.problem import Gradient, Matrix, Problem
from theory_check.conformance.solver import Accuracy
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Case, Sphere
from theory_check.neural_ode.measurements.bounds import halving_bound, summation_bound
from theory_check.neural_ode.measurements.instance import Instance, field_growth, propagator_bound
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.parameters import Parameters
from theory_check.neural_ode.networks.schemes import Trajectory, adjoint, forward

SCHEME = "dop853"
# For each unit of L T: the coarsest step is 1 / (4 L).
STEPS_PER_GROWTH = 4
FEWEST_STEPS = 8
SCIPY = ScipySolver("DOP853", 8)
# SciPy raises a smaller rtol to 100 ulps.
SCIPY_TOLERANCE = 1e-13


@dataclass(frozen=True, eq=False)
class Reference:
    """States and gradient of a problem; everything is computed when it is asked for.

    problem: what is solved; it runs forwards.
    beside_scipy: whether SciPy's solution counts as well; not where SciPy is on trial.
    finer: a factor on the number of steps.
    """

    problem: Problem
    beside_scipy: bool = True
    finer: int = 1

    @property
    def activation(self) -> Activation:
        """Phi."""
        return loaded(self.problem.expression)

    @cached_property
    def instance(self) -> Instance:
        """The problem in the project's terms: all scales 1, the initial states as inputs."""
        inputs, width = self.problem.initial.shape
        case = Case(
            activation=self.problem.expression,
            data=Sphere(1, 2, 0),
            width=width,
            neural_ode=NeuralODE(horizon=self.problem.duration),
        )
        states = torch.as_tensor(self.problem.initial, dtype=torch.float64).reshape(inputs, width)
        return Instance(case, self.activation, states, Seeds(0, "conformance"))

    @cached_property
    def parameters(self) -> Parameters:
        """U, W and v whose scaled values are 1, A and v."""
        root = math.sqrt(self.problem.initial.shape[1])
        A, v = (torch.as_tensor(x, dtype=torch.float64) for x in (self.problem.matrix, self.problem.readout))
        return Parameters(U=root * torch.eye(len(A), dtype=torch.float64), W=root * A, V=root * v[None])

    @cached_property
    def rate(self) -> float:
        """L, the Lipschitz constant of the field."""
        return field_growth(self.instance, self.parameters)

    @cached_property
    def carried(self) -> float:
        """P: what an error of the states at one time can be at a later one."""
        return propagator_bound(self.instance, self.parameters, self.rate)

    @cached_property
    def _rungs(self) -> tuple[Trajectory, ...]:
        steps = self.finer * max(FEWEST_STEPS, math.ceil(STEPS_PER_GROWTH * self.rate * self.problem.duration))
        model, inputs = self.instance.case.neural_ode, self.instance.inputs
        return tuple(
            forward(self.activation, model, self.parameters, inputs, scheme=SCHEME, steps=k * steps) for k in (1, 2, 4)
        )

    @property
    def trajectory(self) -> Trajectory:
        """The finest one."""
        return self._rungs[-1]

    @cached_property
    def final(self) -> Matrix:
        """h_T."""
        return self.trajectory.final.numpy()

    @cached_property
    def final_error(self) -> float:
        """Of h_T: by halving, and the distance to SciPy's."""
        error = halving_bound(*(float(torch.linalg.vector_norm(b.final - a.final)) for a, b in pairwise(self._rungs)))
        # The initial states and A pass through two roundings of a scale each.
        error += self.carried * summation_bound(2, float(np.linalg.norm(self.problem.initial)))
        if self.beside_scipy:
            solution = SCIPY.solve(self.problem, Accuracy(tolerance=SCIPY_TOLERANCE))
            error += float(np.linalg.norm(solution.states - self.final))
        return error

    @cached_property
    def residual(self) -> Tensor:
        """dL/df, (inputs, 1)."""
        return self._residual(self.trajectory)

    def _residual(self, trajectory: Trajectory) -> Tensor:
        if self.problem.labels is None:
            return torch.ones_like(trajectory.outputs)
        return trajectory.outputs - torch.as_tensor(self.problem.labels, dtype=torch.float64)[:, None]

    @cached_property
    def _gradients(self) -> tuple[Gradient, ...]:
        return tuple(self._gradient(trajectory) for trajectory in self._rungs)

    def _gradient(self, trajectory: Trajectory) -> Gradient:
        model = self.instance.case.neural_ode
        back = adjoint(self.activation, model, self.parameters, trajectory, self._residual(trajectory))
        by_A = torch.einsum("sgiw,sgiv->wv", back.weights, self.activation(trajectory.stages))
        return Gradient(back.lambda_0.numpy(), by_A.numpy())

    @property
    def gradient(self) -> Gradient:
        """Of the loss."""
        return self._gradients[-1]

    @cached_property
    def gradient_error(self) -> float:
        """Of the gradient: by halving, and the distance to SciPy's."""
        error = halving_bound(*(b.minus(a).norm() for a, b in pairwise(self._gradients)))
        if self.beside_scipy:
            found = SCIPY.gradient_of(self.problem, Accuracy(tolerance=SCIPY_TOLERANCE))
            error += found.minus(self.gradient).norm()
        return error

    def refined(self) -> "Reference":
        """With twice the steps."""
        return replace(self, finer=2 * self.finer)
