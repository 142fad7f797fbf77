"""Claim independent-outputs: outputs of one network are uncorrelated at every width, and independent in the limit.

Given U and W the outputs f_k are independent N(0, S), so that they share S and nothing else: f_k / sqrt(S) are
independent N(0, 1), and E[f1^2 f2^2] - E[f1^2] E[f2^2] = E[S^2] - E[S]^2 = Var(S), which falls like 1/n.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from theory_check.judge.audit import LawTest
from theory_check.judge.error_budget import stage_samples
from theory_check.judge.gaussianity import Details, TestResult, correlation_test, mean_within_test
from theory_check.judge.quantile_picture import quantile_picture
from theory_check.judge.rates import RateResult, fit_slope, replicates_afresh, root_mean_square_with_error
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.gaussian_output import CONFIRMED_LEVEL, OutputLaw
from theory_check.neural_ode.measurements.instance import Instance
from theory_check.neural_ode.measurements.width_ladder import whitening
from theory_check.neural_ode.networks.ensemble import EnsembleResult, ensemble_variances
from theory_check.pictures.picture import Picture

Samples = NDArray[np.float64]

# Var(S) falls like 1 / n.
EXPECTED = -1.0
RATE_MARGIN = 0.15
# An even number: every two of them make a pair.
OUTPUTS = 16
# Var(S) = a / n + b / n^2 + ...: from 32 on the second term moves the slope by 0.05 at most for sigma_w T L1 <= 1/2.
WIDTHS = (32, 48, 72, 108, 162)
# On a rung: they know a variance to a tenth.
NETWORKS = 320
# The law holds for every scheme, and so does the rate: the network of few steps is a network of its own.
SOLVER_STEPS = 2


class OutputIndependence:
    """Fresh ensembles of one case, of several outputs each, drawn when a test asks for them."""

    def __init__(self, case: Case, setting: Setting, *, networks: int = NETWORKS) -> None:
        self.networks = networks
        self.law = OutputLaw(case, setting)
        self.instance: Instance = self.law.instance
        self.profile = setting.profile
        self._drawn: dict[int, EnsembleResult] = {}

    def unusable(self) -> str:
        """Why outputs cannot be judged, or empty: the features of most networks all vanish."""
        return self.law.unusable(self.instance.case.width)

    def without_rate(self) -> str:
        """Why no slope can be read, or empty: there is no limiting kernel to measure S by."""
        return self.unusable() or self.law.without_limit()

    def tests(self) -> tuple[LawTest, ...]:
        """Correlation of the outputs given the features, and the mean of f1^2 f2^2 against that of S^2."""
        return (
            LawTest(q.OUTPUT_CORRELATION, exact=True, sample=self._correlation),
            LawTest(q.OUTPUT_MOMENT, exact=False, sample=self._moment),
        )

    def picture(self) -> Picture | None:
        """Sums and differences of two outputs given the features: both N(0, 2) only where they are uncorrelated."""
        f, S = self._alive(0)
        g = (f / np.sqrt(S)[:, None])[:, :2] / math.sqrt(2)
        samples = {
            "(f₁ + f₂) / √(2S)": g[:, 0] + g[:, 1],
            "(f₁ − f₂) / √(2S)": g[:, 0] - g[:, 1],
        }
        return quantile_picture("Two outputs given the features beside N(0, 1)", samples)

    def __call__(self, stage: int) -> RateResult:
        """The slope of log Var(S) against log width, over all entries of S whitened by the limiting kernel.

        Where that cannot be decided, it is measured afresh with four times the networks, or with as many as the spread
        that the first have shown asks for.
        """
        result = self._ladder(stage, self.networks)
        if result.verdict is not Verdict.INCONCLUSIVE:
            return result
        return self._ladder(stage, replicates_afresh(result, self.networks, RATE_MARGIN))

    def _ladder(self, stage: int, networks: int) -> RateResult:
        directions, _ = whitening(self.law.limits.nngp)
        logs, errors = [], []
        for width in WIDTHS:
            S = _numpy(self._ensemble(f"widths {stage} of {networks}", width, networks, outputs=1).S)
            whitened = np.einsum("ik,nij,jl->nkl", directions, S, directions)
            deviations = np.sqrt(((whitened - whitened.mean(axis=0)) ** 2).mean(axis=(1, 2)))
            log, error = root_mean_square_with_error(deviations)
            logs.append(2 * log)
            errors.append(2 * error)
        return fit_slope(
            np.array(WIDTHS, dtype=np.float64),
            np.array(logs),
            np.array(errors),
            expected=EXPECTED,
            margin=RATE_MARGIN,
            refute_level=CONFIRMED_LEVEL,
            degrees_of_freedom=networks - 1,
        )

    def _correlation(self, stage: int) -> TestResult:
        """Of disjoint pairs of f_k / sqrt(S), which are independent N(0, 1) all of them."""
        f, S = self._alive(stage)
        g = f / np.sqrt(S)[:, None]
        return correlation_test(g[:, ::2].ravel(), g[:, 1::2].ravel())

    def _moment(self, stage: int) -> TestResult:
        """Mean of f1^2 f2^2 - S^2 over all pairs of outputs, over E[S]^2; both sides of the claim beside it."""
        f, S = self._alive(stage)
        f, S = f / math.sqrt(S.mean()), S / S.mean()
        squares, products = (f**2).mean(axis=1), _products(f)
        differences = products - S**2
        result = mean_within_test(
            float(differences.mean()), _standard_error(differences), allowance=0.0, samples=differences.size
        )
        # Influence of a network on mean(f1^2 f2^2) - mean(f1^2)^2, and on the variance of S.
        direct = products - squares.mean() * (2 * squares - squares.mean())
        through = (S - S.mean()) ** 2
        details: Details = {
            "E[f1^2 f2^2] - E[f1^2] E[f2^2], over E[S]^2": float(direct.mean()),
            "its standard error": _standard_error(direct),
            "Var(S) / E[S]^2": float(S.var(ddof=1)),
            "standard error of Var(S) / E[S]^2": _standard_error(through),
        }
        return msgspec.structs.replace(result, details={**result.details, **details})

    def _alive(self, stage: int) -> tuple[Samples, Samples]:
        """Outputs and S of the first input, at the case's own width; where all features vanish there is no law."""
        if stage not in self._drawn:
            networks = stage_samples(self.profile.networks, stage)
            self._drawn[stage] = self._ensemble(f"outputs {stage}", self.instance.case.width, networks, outputs=OUTPUTS)
        drawn = self._drawn[stage]
        f, S = _numpy(drawn.outputs[:, 0]), _numpy(drawn.S[:, 0, 0])
        return f[S > 0], S[S > 0]

    def _ensemble(self, purpose: str, width: int, networks: int, *, outputs: int) -> EnsembleResult:
        return ensemble_variances(
            self.instance.activation,
            self.instance.case.neural_ode,
            self.instance.inputs,
            width=width,
            seeds=[self.instance.seed(f"{purpose} {width}", k) for k in range(networks)],
            outputs=outputs,
            steps=SOLVER_STEPS,
        )


def _products(f: Samples) -> Samples:
    """Mean of f_k^2 f_l^2 over all pairs k != l of the outputs of each network."""
    count = f.shape[1]
    means: Samples = ((f**2).sum(axis=1) ** 2 - (f**4).sum(axis=1)) / (count * (count - 1))
    return means


def _standard_error(values: Samples) -> float:
    return float(values.std(ddof=1)) / math.sqrt(values.size)


def _numpy(values: Tensor) -> Samples:
    array: Samples = values.cpu().numpy()
    return array
