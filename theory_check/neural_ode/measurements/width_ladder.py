"""Claims nngp-limit and ntk-limit: kernels of random networks approach their limits like width^(-1/2).

The error of one network is the root mean square, over the entries, of P^T (K_n - K) P, where P^T K P = I: K is
whitened, in the directions in which it is not small. All directions then count alike and their errors average out in
part; in plain entries one direction, that of a mean feature say, can make up most of the error, which takes ten times
the networks. Its root mean square over networks is fitted, never the error of the mean, whose bias falls like 1/n. How
many networks a rung takes follows from the spread of their errors, measured on networks of its own.
"""

import math
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.claims.quantity import Quantity
from theory_check.judge.audit import LawTest
from theory_check.judge.gaussianity import TestResult, detectable_by_gate, mean_within_test
from theory_check.judge.profile import DECLARED_CALLS, FALSE_ALARM_RATE
from theory_check.judge.rates import (
    RateResult,
    fit_rate,
    fit_slope,
    replicates_afresh,
    replicates_needed,
    root_mean_square_with_error,
)
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, materialise
from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
from theory_check.neural_ode.measurements.instance import Instance, prepare, without_moments
from theory_check.neural_ode.networks.ensemble import ensemble_variances
from theory_check.neural_ode.networks.gaussian_matrix import engine_named
from theory_check.neural_ode.networks.tangent_kernel import kernels_of
from theory_check.pictures.picture import Matrix, Picture

Array = NDArray[np.float64]
Kind = Literal["nngp", "tangent"]

# Kernels approach their limit like the root of 1 / n, by the central limit theorem.
EXPECTED = -0.5
RATE_MARGIN = 0.15
# Of one ladder; a refutation takes three.
CONFIRMED_LEVEL = (FALSE_ALARM_RATE / DECLARED_CALLS) ** (1 / 3)
# A ladder, and one measured afresh.
LOOKS = 2
LIMIT_TOLERANCE = 1e-7
# What the scheme and the limit's own error may add, relative to the least error on the ladder.
NUMERICAL_SHARE = 0.1
# Of the scheme: the first whose error is below NUMERICAL_SHARE of the least on the ladder.
STEPS = (2, 4, 8, 16, 32, 64)
# Directions are left out whose eigenvalue, in units of the diagonal, is below this share of the greatest.
SMALL_EIGENVALUE = 1e-3
# They know the variance of a rung to a fifth, from which the networks that are needed follow.
PILOT_NETWORKS = 48
POWER = 0.99
# Beyond this many neurons on a rung there are fewer networks than asked for, down to the least that have a spread.
NEURONS = 3_000_000
LEAST_NETWORKS = 3
# Relative: the mean over networks differs from the limit by O(1/n), one per cent or less at this width.
MEAN_WIDTH = 512
MEAN_ALLOWANCE = 0.02
# Three samples of so many see a difference of ten per cent, unless a phi spreads widely.
MEAN_NETWORKS = 40
# Of a mean that is compared with its limit, against a relative difference of ten per cent.
LEAST_POWER = 0.5


class WidthLadder:
    """Networks of growing width beside the limit of one case.

    Raises:
        InfiniteKernel: (an ArithmeticError) the limit does not exist; when it is first needed.
    """

    def __init__(self, case: Case, setting: Setting, kind: Kind) -> None:
        self.instance: Instance = prepare(case, setting)
        self.kind = kind
        self.rungs = setting.profile.kernel_rungs
        self.most_replicates = setting.profile.most_replicates

    def unusable(self) -> str:
        """Why no ladder can be measured, or empty: a kernel that vanishes, or numerics as large as the errors."""
        if not (np.diagonal(self.limit) > 0).all():
            return "the limiting kernel of an input with itself is not positive"
        if without_moments(self.instance.activation):
            return without_moments(self.instance.activation)
        # The errors on the ladder are at least about what the widest networks, if Gaussian, would show.
        least = math.sqrt(float(self._pilot.mean()))
        least *= math.sqrt(self.rungs[0] / self.rungs[-1])
        if self.numerical_error > NUMERICAL_SHARE * least:
            return f"the numerical error {self.numerical_error:.2g} of a kernel is not below a tenth of {least:.2g}"
        return ""

    def __call__(self, stage: int) -> RateResult:
        """Fresh networks on every rung, and the slope of their errors.

        The spread of some errors is estimated too small, or grows with the width: a ladder that cannot decide is
        measured afresh with four times the networks, or with as many as it has shown to be needed.
        """
        result = self.measured(stage, self.replicates)
        if result.verdict is not Verdict.INCONCLUSIVE:
            return result
        return self.measured(stage, replicates_afresh(result, self.replicates, RATE_MARGIN))

    def measured(self, stage: int, networks: int) -> RateResult:
        """The slope from so many fresh networks on every rung, fewer where they are too wide for that."""
        counts = [networks_at(width, networks) for width in self.rungs]
        errors = [
            self.errors(f"ladder {stage} of {networks}", width, count)
            for width, count in zip(self.rungs, counts, strict=True)
        ]
        sizes = np.array(self.rungs, dtype=np.float64)
        stated = {"expected": EXPECTED, "margin": RATE_MARGIN, "refute_level": CONFIRMED_LEVEL, "looks": LOOKS}
        if len(set(counts)) == 1:
            return fit_rate(sizes, np.stack(errors), **stated)
        logs, deviations = zip(*map(root_mean_square_with_error, errors), strict=True)
        weights = np.array(counts, dtype=np.float64)
        return fit_slope(
            sizes, np.array(logs), np.array(deviations), degrees_of_freedom=weights - 1.0, weights=weights, **stated
        )

    def mean_test(self, name: Quantity | str) -> LawTest:
        """Is the mean kernel at a width of 512 within a fixed allowance of the limit, in size?

        The size of a kernel is the mean diagonal entry of P^T K_n P: 1 for the limit.
        """

        def sample(stage: int) -> TestResult:
            result = of(MEAN_NETWORKS, stage)
            return result if sees_enough(result) else of(4 * MEAN_NETWORKS, stage)

        means: list[Array] = []

        def of(networks: int, stage: int) -> TestResult:
            kernels = self.kernels(f"mean {stage} of {networks}", MEAN_WIDTH, networks)
            means.append(kernels.mean(axis=0))
            sizes = np.array([float(np.diagonal(self._whitened(kernel)).mean()) - 1.0 for kernel in kernels])
            error = float(sizes.std(ddof=1)) / math.sqrt(len(sizes))
            return mean_within_test(float(sizes.mean()), error, allowance=MEAN_ALLOWANCE, samples=len(sizes))

        words = "NNGP kernel" if self.kind == "nngp" else "Tangent kernel"
        return LawTest(
            name,
            exact=False,
            sample=sample,
            least_power=LEAST_POWER,
            sketch=lambda: heat_picture(words, self.limit, means[-1], MEAN_WIDTH),
        )

    @property
    def details(self) -> dict[str, float | int | str]:
        """What the ladder rests on."""
        return {
            "directions": self._directions.shape[1],
            f"steps of {self.scheme}": self.steps,
            "engine": " and ".join(sorted({engine_named(None, width) for width in self.rungs})),
            "numerical error of a kernel": self.numerical_error,
        }

    # --- parts --------------------------------------------------------------------------------------------------

    @cached_property
    def limits(self) -> LimitKernels:
        """Both limiting kernels."""
        case = self.instance.case
        return limit_kernels(
            self.instance.activation,
            materialise(case.data),
            case.neural_ode,
            LIMIT_TOLERANCE,
            tangent=self.kind == "tangent",
        )

    @property
    def limit(self) -> Float[Array, "inputs inputs"]:
        """The one on trial."""
        return self.limits.nngp if self.kind == "nngp" else self.limits.tangent

    @cached_property
    def replicates(self) -> int:
        """Networks on each rung for which a rate that is right is supported with probability 0.99, or all there are."""
        spread = float(self._pilot.std(ddof=1) / (2 * self._pilot.mean()))
        sizes = np.array(self.rungs, dtype=np.float64)
        return min(replicates_needed(spread, sizes, RATE_MARGIN, power=POWER), self.most_replicates)

    @cached_property
    def _pilot(self) -> Float[Array, " networks"]:
        """Squared errors of networks of the least width that are used for nothing else."""
        return self.errors("pilot", self.rungs[0], PILOT_NETWORKS) ** 2

    @property
    def scheme(self) -> str:
        """Of order four; of order eight where every product is dear, since W is revealed."""
        return "rk4" if engine_named(None, self.rungs[-1]) == "dense" else "dop853"

    @cached_property
    def steps(self) -> int:
        """Of the scheme: the fewest whose kernel is near enough to that of twice as many."""
        wanted = 0.2 * NUMERICAL_SHARE / math.sqrt(self.rungs[-1])
        choices = (1, *STEPS) if self.scheme == "dop853" else STEPS
        return next((s for s in choices if self._step_error(s) <= wanted), STEPS[-1])

    @cached_property
    def numerical_error(self) -> float:
        """Relative error of a kernel by the scheme, and of the limit by its bound."""
        error = self.limits.nngp_error if self.kind == "nngp" else self.limits.tangent_error
        # |P^T E P|_F <= |S^-1 E S^-1|_F / (least eigenvalue kept), S^2 the diagonal.
        scale = np.sqrt(np.diagonal(self.limit))
        bound = float(np.linalg.norm(error / np.outer(scale, scale))) / self._least_eigenvalue
        return float(self._step_error(self.steps) + bound / self._directions.shape[1])

    def _step_error(self, steps: int) -> float:
        coarse, fine = (self.kernels("scheme", self.rungs[0], 1, s)[0] for s in (steps, 2 * steps))
        return self._size(coarse - fine)

    def errors(self, stage: str, width: int, networks: int) -> Float[Array, " networks"]:
        """The error of each of so many networks."""
        return np.array([self._size(kernel - self.limit) for kernel in self.kernels(stage, width, networks)])

    def kernels(
        self, stage: str, width: int, networks: int, steps: int | None = None
    ) -> Float[Array, "networks inputs inputs"]:
        """Kernels of independent networks, one seed for each."""
        instance, model = self.instance, self.instance.case.neural_ode
        stage = f"{self.kind} {stage} {width}"
        steps = steps or self.steps
        if self.kind == "nngp":
            seeds = [instance.seed(stage, k) for k in range(networks)]
            drawn = ensemble_variances(
                instance.activation,
                model,
                instance.inputs,
                width=width,
                seeds=seeds,
                scheme=self.scheme,
                steps=steps,
            )
            covariances: Array = drawn.S.cpu().numpy()
            return covariances
        found = [
            kernels_of(
                instance.activation,
                model,
                instance.network(width=width, stage=stage, replicate=k),
                instance.inputs,
                scheme=self.scheme,
                steps=steps,
            ).tangent
            for k in range(networks)
        ]
        return np.stack([kernel.cpu().numpy() for kernel in found])

    @cached_property
    def _spectrum(self) -> tuple[Float[Array, "inputs directions"], float]:
        return whitening(self.limit)

    @property
    def _directions(self) -> Float[Array, "inputs directions"]:
        return self._spectrum[0]

    @property
    def _least_eigenvalue(self) -> float:
        return self._spectrum[1]

    def _whitened(self, kernel: Float[Array, "inputs inputs"]) -> Float[Array, "directions directions"]:
        whitened: Array = self._directions.T @ kernel @ self._directions
        return whitened

    def _size(self, difference: Float[Array, "inputs inputs"]) -> float:
        """Root mean square of the entries of P^T (difference) P."""
        return float(np.sqrt((self._whitened(difference) ** 2).mean()))


def heat_picture(
    words: str, limit: Float[Array, "inputs inputs"], mean: Float[Array, "inputs inputs"], width: int
) -> Picture:
    """A limiting kernel beside the mean over networks of one width."""
    return Picture(
        kind="kernel",
        title=f"{words}: limit beside networks",
        x_label="input",
        y_label="input",
        matrices=(
            Matrix(name="infinite width", rows=tuple(map(tuple, limit.tolist()))),
            Matrix(name=f"mean at width {width}", rows=tuple(map(tuple, mean.tolist()))),
        ),
        note="Equal colours are equal entries.",
    )


def sees_enough(result: TestResult) -> bool:
    """Whether the test of a mean, three samples of it, sees a relative difference of ten per cent; else take more."""
    return detectable_by_gate(result, FALSE_ALARM_RATE / DECLARED_CALLS, confirmed=True).power >= LEAST_POWER


def networks_at(width: int, networks: int) -> int:
    """Of so many networks on a rung, those that are affordable at this width."""
    return min(networks, max(LEAST_NETWORKS, NEURONS // width))


def whitening(kernel: Float[Array, "inputs inputs"]) -> tuple[Float[Array, "inputs directions"], float]:
    """P with P^T K P = I, and the least eigenvalue that was kept of the kernel normalised to unit diagonal."""
    scale = np.sqrt(np.diagonal(kernel))
    values, vectors = np.linalg.eigh(kernel / np.outer(scale, scale))
    kept = values >= SMALL_EIGENVALUE * values[-1]
    return vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None], float(values[kept][0])
