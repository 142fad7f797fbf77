"""Claim limits-commute where width and depth grow together; width first and then depth is in `depth_ladder.py`.

Networks of growing width, and of depth growing with it, are compared with the kernels of their own depth: an error that
falls like n^(-1/2) whatever the depth is what lets the limits be exchanged.
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.judge.rates import RateResult, fit_rate, replicates_afresh
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, materialise
from theory_check.neural_ode.limits.layers import layer_kernels
from theory_check.neural_ode.measurements.instance import Instance, prepare, without_moments
from theory_check.neural_ode.measurements.width_ladder import (
    CONFIRMED_LEVEL,
    EXPECTED,
    LIMIT_TOLERANCE,
    LOOKS,
    RATE_MARGIN,
    Kind,
    whitening,
)
from theory_check.neural_ode.networks.ensemble import ensemble_variances
from theory_check.neural_ode.networks.tangent_kernel import kernels_of

Array = NDArray[np.float64]

# Layers on the first rung of networks of which both grow; and networks on a rung, four times as many where too few.
FIRST_DEPTH = 4
NETWORKS = 40


class JointLadder:
    """Kernels of networks whose depth grows like the root of their width, beside the limiting kernel of their depth.

    Args:
        case: activation, inputs and scales; its width plays no part.
        setting: where networks are drawn, and the widths of the ladder.
        kind: the NNGP kernel or the tangent kernel, both by the Euler scheme, which is the residual network.

    Raises:
        InfiniteKernel: (an ArithmeticError) the limit does not exist; when it is first needed.
    """

    def __init__(self, case: Case, setting: Setting, kind: Kind = "nngp") -> None:
        self.instance: Instance = prepare(case, setting)
        self.kind = kind
        self.rungs = setting.profile.kernel_rungs

    def unusable(self) -> str:
        """Why no ladder can be measured, or empty."""
        return without_moments(self.instance.activation)

    def __call__(self, stage: int) -> RateResult:
        """The slope of the error against width; where it cannot decide, afresh with four times the networks or more."""
        result = self._ladder(stage, NETWORKS)
        if result.verdict is not Verdict.INCONCLUSIVE:
            return result
        return self._ladder(stage, replicates_afresh(result, NETWORKS, RATE_MARGIN))

    def _ladder(self, stage: int, networks: int) -> RateResult:
        errors = np.stack([self._errors(f"joint {stage} of {networks}", width, networks) for width in self.rungs])
        return fit_rate(
            np.array(self.rungs, dtype=np.float64),
            errors,
            expected=EXPECTED,
            margin=RATE_MARGIN,
            refute_level=CONFIRMED_LEVEL,
            looks=LOOKS,
        )

    def _errors(self, stage: str, width: int, networks: int) -> Float[Array, " networks"]:
        """Root mean square of the entries of the whitened error of each network."""
        instance, model = self.instance, self.instance.case.neural_ode
        # Any path on which both grow will do; along this one the widest networks are not the deepest by far.
        depth = round(FIRST_DEPTH * math.sqrt(width / self.rungs[0]))
        tangent = self.kind == "tangent"
        limits = layer_kernels(
            instance.activation, materialise(instance.case.data), model, depth, LIMIT_TOLERANCE, tangent=tangent
        )
        limit = limits.tangent if tangent else limits.nngp
        directions, _ = whitening(limit)
        found = self._kernels(f"{stage} {width}", width, networks, depth)
        differences = directions.T @ (found - limit) @ directions
        errors: Array = np.sqrt((differences**2).mean(axis=(1, 2)))
        return errors

    def _kernels(self, stage: str, width: int, networks: int, depth: int) -> Float[Array, "networks inputs inputs"]:
        """Kernels of independent networks of that many layers."""
        instance, model = self.instance, self.instance.case.neural_ode
        if self.kind == "nngp":
            seeds = [instance.seed(stage, k) for k in range(networks)]
            drawn = ensemble_variances(
                instance.activation, model, instance.inputs, width=width, seeds=seeds, scheme="euler", steps=depth
            )
            covariances: Array = drawn.S.cpu().numpy()
            return covariances
        drawn_networks = (instance.network(width=width, stage=f"tangent {stage}", replicate=k) for k in range(networks))
        kernels = [
            kernels_of(instance.activation, model, network, instance.inputs, scheme="euler", steps=depth).tangent
            for network in drawn_networks
        ]
        return np.stack([kernel.cpu().numpy() for kernel in kernels])
