"""Claim gaussian-output: the law of the output over random weights, at every width and as the width grows.

Given U and W the output is exactly N(0, S) with S = sigma_v^2 |phi(h_T)|^2 / n, so at finite width it is a normal scale
mixture. Hence three parts: f / sqrt(S) is exactly N(0, 1) at every width; Var(S) / E[S]^2 falls at least like 1/n, and
E[S] approaches Sigma; at the top width f is within a fixed allowance of N(0, Sigma), jointly over inputs.
"""

import math
from collections.abc import Callable
from functools import cached_property

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from theory_check.judge.audit import LawTest
from theory_check.judge.error_budget import stage_samples
from theory_check.judge.gaussianity import (
    NEYMAN_MINIMUM,
    Details,
    TestResult,
    dkw_band_test,
    mean_test,
    mean_within_test,
    neyman_smooth_test,
    reported_normality,
    variance_test,
)
from theory_check.judge.profile import DECLARED_CALLS, FALSE_ALARM_RATE, PROFILES
from theory_check.judge.quantile_picture import quantile_picture
from theory_check.judge.rates import RateResult, fit_slope, relative_variance_with_error, replicates_afresh
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Case, materialise
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
from theory_check.neural_ode.measurements.instance import Instance, limit_tolerance, prepare, without_moments
from theory_check.neural_ode.measurements.width_ladder import LEAST_POWER, LOOKS, heat_picture, sees_enough, whitening
from theory_check.neural_ode.networks.ensemble import EnsembleResult, ensemble_variances
from theory_check.pictures.picture import Picture

Samples = NDArray[np.float64]

# Fixed beforehand, never computed from the data that are judged.
DISTANCE_ALLOWANCE = 0.005
# Times Var(S) / E[S]^2: the distance of f from normal, to first order; the maximum of |x (3 - x^2)| / 8 times the
# density of N(0, 1).
MIXTURE_SLOPE = 0.0689
# Of coordinates of h_T, at which random phi are looked at: those of the scales that are drawn, and their growth.
STATE_VARIANCES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
# They know E[phi^4] / E[phi^2]^2 to two per cent for the identity: enough to choose a width.
CONCENTRATION_DRAWS = 65_536
# Networks are widened up to here where the limit says that few neurons carry the output: 16 times the cost at most.
WIDEST = 512
# Relative: E[S] at the top width of a gate differs from its limit by O(1/n), a few percent.
VARIANCE_ALLOWANCE = 0.05
# Of the limit's own error, well below both.
LIMIT_SHARE = 1e-3
# The law of f given the features holds for every scheme; E[S] feels an error far below its allowance (tested).
SOLVER_STEPS = 4
# Of so many networks half at least must carry an output.
ALIVE_NETWORKS = 100
RATE_MARGIN = 0.15
# Of one ladder; a refutation takes three.
CONFIRMED_LEVEL = (FALSE_ALARM_RATE / DECLARED_CALLS) ** (1 / 3)


def concentration(activation: Activation, variance: float) -> float:
    """E[phi(z)^4] / E[phi(z)^2]^2 for z ~ N(0, variance): large where few neurons carry S; infinite for phi = 0."""
    z = np.linspace(-9.0, 9.0, 4001)
    density = np.exp(-(z**2) / 2)
    return _kurtosis(_numpy(activation(torch.from_numpy(math.sqrt(variance) * z))), density / density.sum())


def departure(concentrated: float, width: int) -> float:
    """Of f from the normal law, in sup-distance and to first order in Var(S) / E[S]^2, for independent neurons."""
    return MIXTURE_SLOPE * (concentrated - 1.0) / width


def is_spread_out(activation: Activation) -> bool:
    """Whether the limit can be seen with it at the top width of every profile, whatever scales are drawn."""
    least = min(profile.width_rungs[-1] for profile in PROFILES.values())
    return all(departure(concentration(activation, q), least) <= DISTANCE_ALLOWANCE for q in STATE_VARIANCES)


def _kurtosis(values: Samples, weights: Samples | float) -> float:
    # Divided by the largest first, so that no power underflows.
    largest = float(np.abs(values).max())
    if largest == 0.0:
        return math.inf
    squares = (values / largest) ** 2
    return float((squares**2 * weights).sum() / (squares * weights).sum() ** 2)


class OutputLaw:
    """Fresh ensembles of one case, drawn when a test asks for them and shared by the tests of a stage."""

    def __init__(self, case: Case, setting: Setting, *, widest: int = WIDEST, limit_share: float = LIMIT_SHARE) -> None:
        self.instance: Instance = prepare(case, setting)
        self.widest, self.limit_share = widest, limit_share
        self.profile = setting.profile
        self._drawn: dict[tuple[str, int, int], EnsembleResult] = {}

    def ensemble(self, purpose: str, stage: int, width: int, networks: int) -> EnsembleResult:
        """Independent networks: one seed for each, from the case, the purpose, the stage and the replicate."""
        key = (purpose, stage, width)
        if key not in self._drawn:
            name = f"{purpose} {stage} {width}"
            case = self.instance.case
            self._drawn[key] = ensemble_variances(
                self.instance.activation,
                case.neural_ode,
                self.instance.inputs,
                width=width,
                seeds=[self.instance.seed(name, k) for k in range(networks)],
                steps=SOLVER_STEPS,
            )
        return self._drawn[key]

    def conditional_tests(self) -> tuple[LawTest, ...]:
        """Tests of f / sqrt(S) ~ N(0, 1) at the case's own width, and of the independence of readout and W."""
        return (
            LawTest(q.READOUT, exact=True, sample=self._readout),
            LawTest(
                q.CONDITIONAL_VARIANCE,
                exact=True,
                sample=lambda stage: variance_test(self._standardised(stage)),
            ),
            LawTest(q.CONDITIONAL_MEAN, exact=True, sample=lambda stage: mean_test(self._standardised(stage))),
            LawTest(q.CONDITIONAL_SHAPE, exact=False, sample=self._shape),
            LawTest(
                q.CONDITIONAL_LAW,
                exact=True,
                sample=lambda stage: dkw_band_test(self._standardised(stage)),
            ),
            LawTest(q.CONDITIONAL_JOINT, exact=True, sample=lambda stage: variance_test(self._combined(stage))),
        )

    def conditional_picture(self) -> Picture | None:
        """Quantiles of f / sqrt(S), of the first input and of all inputs combined, beside those of N(0, 1)."""
        samples = {"f / √S": self._standardised(0)}
        combined = self._combined(0)
        if len(combined) == len(samples["f / √S"]) and self.instance.inputs.shape[0] > 1:
            samples["all inputs combined"] = combined
        return quantile_picture("Output given the features beside N(0, 1)", samples)

    def unusable(self, width: int | None = None) -> str:
        """Why the output cannot be judged: most networks have no feature left (a shifted ReLU, say); else empty.

        At `width`, by default the case's own, where the tests of f / sqrt(S) need networks with S > 0, and no moments.
        """
        if width is not None and without_moments(self.instance.activation):
            return without_moments(self.instance.activation)
        if width is None:
            alive = len(self._standardised(0))
            least = NEYMAN_MINIMUM
        else:
            drawn = self.ensemble("alive", 0, width, ALIVE_NETWORKS)
            alive, least = int((drawn.S[:, 0, 0] > 0).sum()), ALIVE_NETWORKS // 2
        return "" if alive >= least else f"all features vanish in too many networks: {alive} are left, {least} needed"

    def _own(self, stage: int) -> EnsembleResult:
        case = self.instance.case
        return self.ensemble("conditional", stage, case.width, stage_samples(self.profile.networks, stage))

    def _standardised(self, stage: int) -> Samples:
        drawn = self._own(stage)
        return _ratio(drawn.f[:, 0], drawn.S[:, 0, 0])

    def _combined(self, stage: int) -> Samples:
        """C . f / sqrt(c^T S c) for a random c: exactly N(0, 1) as well, and blind to none of the covariances in S."""
        drawn = self._own(stage)
        c = torch.randn(drawn.f.shape[1], generator=self.instance.generator("combination"), dtype=torch.float64)
        c = c.to(drawn.f)
        # Two at a time: torch contracts three in another order where opt_einsum happens to be installed.
        return _ratio(drawn.f @ c, torch.einsum("kj,j->k", torch.einsum("i,kij->kj", c, drawn.S), c))

    def _shape(self, stage: int) -> TestResult:
        """Neyman's smooth test; statsmodels' tests are reported beside it and judge nothing."""
        x = self._standardised(stage)
        result = neyman_smooth_test(x)
        return _with_details(result, {f"statsmodels {name}": p for name, p in reported_normality(x).items()})

    def _readout(self, stage: int) -> TestResult:
        """W v / |v| has independent N(0, 1) entries; v tied to any row of W puts |v| among them."""
        return variance_test(_numpy(self._own(stage).readout_products.flatten()))

    def mixture_tests(self) -> tuple[LawTest, ...]:
        """Is f within a fixed allowance of N(0, Sigma), at `mixture_width`?

        Of the first input alone, and jointly: of the outputs of all inputs in one direction, drawn beforehand.
        """
        width = self.mixture_width
        alone, joint = self._looked_along

        def along(direction: Samples) -> Callable[[int], TestResult]:
            def sample(stage: int) -> TestResult:
                drawn = self.ensemble("mixture", stage, width, stage_samples(self.profile.networks, stage))
                return dkw_band_test(_numpy(drawn.f) @ direction, allowance=DISTANCE_ALLOWANCE)

            return sample

        def sketch() -> Picture | None:
            f = _numpy(self.ensemble("mixture", 0, width, stage_samples(self.profile.networks, 0)).f)
            samples = {"f of the first input": f @ alone, "f of all inputs combined": f @ joint}
            title = f"Output of networks of width {width} beside its limit"
            return quantile_picture(title, samples, allowance=DISTANCE_ALLOWANCE)

        return (
            LawTest(q.MIXTURE, exact=True, sample=along(alone), sketch=sketch),
            LawTest(q.JOINT_MIXTURE, exact=True, sample=along(joint), sketch=sketch),
        )

    def too_concentrated(self) -> str:
        """Why no width is wide enough for this phi, or empty: few of its neurons carry S, so that f is a mixture.

        No question where narrow networks are on trial.
        """
        if self.instance.case.stratum == "narrow":
            return ""
        expected = departure(self._concentration, self.mixture_width)
        if expected <= DISTANCE_ALLOWANCE:
            return ""
        return (
            f"few neurons carry the output (E[phi^4] / E[phi^2]^2 = {self._concentration:.3g}): at width "
            f"{self.mixture_width} its law is about {expected:.2g} from the limit's, more than the allowance "
            f"{DISTANCE_ALLOWANCE}"
        )

    @cached_property
    def mixture_width(self) -> int:
        """Where f is held against the limit: the top width, or the first double of it at which f can be near enough.

        Where narrow networks are on trial it is the case's own. Decided by the limit alone, never by what is judged.
        """
        if self.instance.case.stratum == "narrow":
            return self.instance.case.width
        width = self.profile.width_rungs[-1]
        while departure(self._concentration, width) > DISTANCE_ALLOWANCE and 2 * width <= self.widest:
            width *= 2
        return width

    @cached_property
    def _concentration(self) -> float:
        """E[phi^4] / E[phi^2]^2 of what a neuron adds to f in the limit, from draws of its own; the greater of both."""
        values, vectors = np.linalg.eigh(self.limits.state)
        generator = self.instance.generator("concentration")
        z = torch.randn(CONCENTRATION_DRAWS, len(values), generator=generator, dtype=torch.float64)
        states = _numpy(z) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
        features = _numpy(self.instance.activation(torch.from_numpy(states)))
        return max(_kurtosis(features @ d, 1.0 / len(features)) for d in self._looked_along)

    @cached_property
    def _looked_along(self) -> tuple[Samples, Samples]:
        """Directions along which f has unit variance in the limit: the first input, and a random one of all outputs."""
        directions, _ = whitening(self.limits.nngp)
        weights = torch.randn(directions.shape[1], generator=self.instance.generator("direction"), dtype=torch.float64)
        joint: Samples = directions @ _numpy(weights / torch.linalg.vector_norm(weights))
        alone = np.zeros(len(joint))
        alone[0] = self.limits.nngp[0, 0] ** -0.5
        return alone, joint

    def relative_variance_ladder(self, stage: int) -> RateResult:
        """Slope of log Var(S) / E[S]^2 against log width; at least as steep as -1 supports the claim.

        S has heavy tails where the flow amplifies, so a ladder that cannot decide is measured afresh with four times
        the networks, or with as many as its spread asks for.
        """
        networks = self.profile.ladder_networks
        result = self._ladder(stage, networks)
        if result.verdict is Verdict.INCONCLUSIVE:
            result = self._ladder(stage, replicates_afresh(result, networks, RATE_MARGIN))
        return result

    def _ladder(self, stage: int, networks: int) -> RateResult:
        widths = self.profile.width_rungs
        purpose = f"ladder of {networks}"
        samples = [_numpy(self.ensemble(purpose, stage, width, networks).S[:, 0, 0]) for width in widths]
        logs, errors = zip(*(relative_variance_with_error(s) for s in samples), strict=True)
        return fit_slope(
            np.array(widths, dtype=np.float64),
            np.array(logs),
            np.array(errors),
            expected=-1.0,
            margin=RATE_MARGIN,
            refute_level=CONFIRMED_LEVEL,
            degrees_of_freedom=networks - 1,
            one_sided="at-least",
            looks=LOOKS,
        )

    def variance_test(self) -> LawTest:
        """Is the mean of S, over all inputs, within a fixed allowance of Sigma at the top width?

        Of P^T S P, where P^T Sigma P = I, the mean diagonal entry is taken: all directions of Sigma count alike.
        """
        directions, _ = whitening(self.limits.nngp)
        width, means = self.profile.width_rungs[-1], []

        def sample(stage: int) -> TestResult:
            networks = self.profile.ladder_networks
            result = of(networks, stage)
            # S has heavy tails where the flow amplifies: a mean that is known too badly is taken afresh.
            return result if sees_enough(result) else of(4 * networks, stage)

        def of(networks: int, stage: int) -> TestResult:
            drawn = self.ensemble(f"limit of {networks}", stage, width, networks)
            means.append(_numpy(drawn.S.mean(dim=0)))
            sizes = np.einsum("ik,nij,jk->n", directions, _numpy(drawn.S), directions) / directions.shape[1] - 1.0
            error = float(sizes.std(ddof=1)) / math.sqrt(networks)
            return mean_within_test(float(sizes.mean()), error, allowance=VARIANCE_ALLOWANCE, samples=networks)

        return LawTest(
            q.VARIANCE,
            exact=False,
            sample=sample,
            least_power=LEAST_POWER,
            sketch=lambda: heat_picture("Output covariance", self.limits.nngp, means[-1], width),
        )

    @cached_property
    def limits(self) -> LimitKernels:
        """Both limiting kernels; only that of the output is asked for."""
        case, activation = self.instance.case, self.instance.activation
        tolerance = limit_tolerance(activation)
        return limit_kernels(activation, materialise(case.data), case.neural_ode, tolerance, tangent=False)

    def without_limit(self) -> str:
        """Why f cannot be compared with the limit, or empty: it vanishes, or its error bound is too large."""
        diagonal, error = np.diagonal(self.limits.nngp), self.limits.nngp_error
        if not (diagonal > 0).all():
            return "the limiting output variance is zero for an input"
        share = float((error / np.sqrt(np.outer(diagonal, diagonal))).max())
        return "" if share <= self.limit_share else f"the limiting kernel is known to {share:.1%} only"


def _ratio(f: Tensor, S: Tensor) -> Samples:
    """F / sqrt(S); a network whose features all vanish has f = S = 0 and says nothing about the law given them."""
    kept = (f != 0) | (S != 0)
    return _numpy(f[kept] / S[kept].sqrt())


def _numpy(values: Tensor) -> Samples:
    array: Samples = values.cpu().numpy()
    return array


def _with_details(result: TestResult, details: Details) -> TestResult:
    return msgspec.structs.replace(result, details={**result.details, **details})
