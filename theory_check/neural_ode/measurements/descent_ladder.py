"""Claims ntk-stable and linear-convergence: what moves along gradient descent falls at least like width^(-1/2).

"kernel": the largest |Theta_k - Theta_0| along the run, as the root mean square over the entries of P^T (.) P with P
from `whitening` of the limiting tangent kernel. "outputs": the largest |f_k - y - (I - eta Theta_0)^k (f_0 - y)|.
Labels have the size of the outputs, s^2 = mean Sigma(x, x): where they are much larger a network has to be much wider
before its kernel stays. To lowest order what moves is proportional to |f_0 - y| and to its square, whose law has
nothing to do with the width; s^2 + |f_0 - y|^2 in its place, never small, is divided out, which halves the networks.

Networks and their gradients are those of one scheme, exactly, and a network is compared with itself: no discretisation
error enters.
"""

import math
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.rates import RateResult, fit_rate, replicates_afresh
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, materialise
from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
from theory_check.neural_ode.measurements.instance import Instance, limit_tolerance, prepare, without_moments
from theory_check.neural_ode.measurements.width_ladder import CONFIRMED_LEVEL, EXPECTED, RATE_MARGIN, whitening
from theory_check.neural_ode.networks.descent import gradient_descent
from theory_check.neural_ode.networks.tangent_kernel import kernels_of

Array = NDArray[np.float64]
Moving = Literal["kernel", "outputs"]

# Each the root of three times the one before, from where 1/n counts to what a core trains in a second.
WIDTHS = (32, 56, 96, 168, 288)
# On a rung; a ladder that cannot decide is measured afresh with as many as its spread asks for.
NETWORKS = 12
# Long enough for the kernel to move, short enough for dozens of networks.
DESCENT_STEPS = 6
KERNEL_EVERY = 3
# The rates hold for every scheme; this is the cheapest of order two.
SCHEME, SOLVER_STEPS = "midpoint", 2


class DescentLadder:
    """Networks of growing width, each trained for a few steps.

    Raises:
        InfiniteKernel: (an ArithmeticError) the limit, which whitens kernels, does not exist; when it is first needed.
    """

    def __init__(self, case: Case, setting: Setting, moving: Moving) -> None:
        self.instance: Instance = prepare(case, setting)
        self.moving = moving

    def unusable(self) -> str:
        """Why no ladder can be measured, or empty."""
        if not (np.diagonal(self._limits.nngp) > 0).all():
            return "the limiting kernel of an input with itself is not positive"
        return without_moments(self.instance.activation)

    def __call__(self, stage: int) -> RateResult:
        """Fresh networks on every rung, and the slope of what moves; four times as many or more where undecided."""
        result = self.measured(stage, NETWORKS)
        if result.verdict is not Verdict.INCONCLUSIVE:
            return result
        return self.measured(stage, replicates_afresh(result, NETWORKS, RATE_MARGIN))

    def measured(self, stage: int, networks: int) -> RateResult:
        """The slope from so many fresh networks on every rung."""
        errors = [self.errors(f"ladder {stage} of {networks}", width, networks) for width in WIDTHS]
        return fit_rate(
            np.array(WIDTHS, dtype=np.float64),
            np.stack(errors),
            expected=EXPECTED,
            margin=RATE_MARGIN,
            refute_level=CONFIRMED_LEVEL,
            one_sided="at-least",
        )

    @property
    def details(self) -> dict[str, float | int | str]:
        """What the ladder rests on."""
        return {"steps of descent": DESCENT_STEPS, f"steps of {SCHEME}": SOLVER_STEPS}

    def errors(self, stage: str, width: int, networks: int) -> Float[Array, " networks"]:
        """What moves, in each of so many networks."""
        return np.array([self._moved(f"{self.moving} {stage} {width}", width, k) for k in range(networks)])

    def _moved(self, stage: str, width: int, replicate: int) -> float:
        instance, model = self.instance, self.instance.case.neural_ode
        variance = float(np.diagonal(self._limits.nngp).mean())
        labels = math.sqrt(variance) * instance.labels()
        network = instance.network(width=width, stage=stage, replicate=replicate)
        start = kernels_of(
            instance.activation, model, network, instance.inputs, scheme=SCHEME, steps=SOLVER_STEPS
        ).tangent
        values, vectors = np.linalg.eigh(start.cpu().numpy())
        rate = instance.case.eta_factor / float(values[-1])
        trace = gradient_descent(
            instance.activation,
            model,
            network,
            instance.inputs,
            labels,
            learning_rate=rate,
            steps=DESCENT_STEPS,
            scheme=SCHEME,
            solver_steps=SOLVER_STEPS,
            kernel_every=KERNEL_EVERY if self.moving == "kernel" else None,
        )
        if trace.diverged_at is not None:
            raise ArithmeticError(f"the run at width {width} is not finite after {trace.diverged_at} steps")
        residuals = (trace.outputs - labels).cpu().numpy()
        size = math.sqrt(1.0 + float(residuals[0] @ residuals[0]) / variance)
        if self.moving == "kernel":
            kernels = [kernel.cpu().numpy() for kernel in trace.kernels]
            return max(self._whitened_size(kernel - kernels[0]) for kernel in kernels[1:]) / size
        powers = (1.0 - rate * values) ** np.arange(len(residuals))[:, None]
        predicted = (powers * (residuals[0] @ vectors)) @ vectors.T
        return float(np.linalg.norm(residuals - predicted, axis=1).max()) / math.sqrt(variance) / size**2

    @cached_property
    def _limits(self) -> LimitKernels:
        instance = self.instance
        tolerance = limit_tolerance(instance.activation)
        inputs = materialise(instance.case.data)
        return limit_kernels(instance.activation, inputs, instance.case.neural_ode, tolerance)

    @cached_property
    def _directions(self) -> Float[Array, "inputs directions"]:
        return whitening(self._limits.tangent)[0]

    def _whitened_size(self, difference: Float[Array, "inputs inputs"]) -> float:
        return float(np.sqrt(((self._directions.T @ difference @ self._directions) ** 2).mean()))
