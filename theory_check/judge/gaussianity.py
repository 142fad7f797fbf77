"""Tests of a fully specified normal law, each with a p-value whose tail is known (docs/judgement.md#laws).

Samples are independent draws claimed to be N(0, scale^2), scale given and 1 by default: the network's output divided
by its conditional standard deviation, f / sqrt(S), is exactly N(0, 1) at every width (claim gaussian-output).

`TestResult.tail` says how a p-value may be used. Where it is exact, P(p <= a) = a for every a under the null, and where
it is a bound, P(p <= a) <= a: `staged_test` applies. Where it is approximate, only `confirmed_test` may use it.
"""

import math
from typing import ClassVar, Literal

import msgspec
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import special

from theory_check.judge.error_budget import CONFIRMATIONS, GROWTH, POWER, STAGES, NonFiniteEvidence

# From here on the chi-square limit of the statistic is near enough for a test that is confirmed.
NEYMAN_MINIMUM = 1000
# Shift, scale, skewness and heavy tails.
NEYMAN_DEGREE = 4
# The alternatives against which power is stated: errors of ten per cent, in the parameter that each test is about.
SCALE_ERROR = 1.1
MEAN_SHIFT = 0.1
CORRELATION = 0.1
RELATIVE_DIFFERENCE = 0.1
# With which the smallest detectable effect is detected.
TESTS = (
    "variance_test",
    "mean_test",
    "mean_zero_test",
    "mean_within_test",
    "correlation_test",
    "neyman_smooth_test",
    "dkw_band_test",
)

Samples = Float[NDArray[np.float64], " samples"]
Details = dict[str, float | int | str | bool | None]
Tail = Literal["exact", "bound", "approximate"]


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """One test of one sample.

    name: of the function that made it.
    statistic: its value, as that function defines it.
    p_value: in [0, 1].
    samples: how many numbers it saw.
    tail: whether the law of the p-value is known, bounded, or a limit (module docstring).
    allowance, inflation, standard_error: of the tests that take one, as they were given.
    details: other numbers, for a reader.
    """

    __test__: ClassVar[bool] = False  # pytest would collect the name

    name: str
    statistic: float
    p_value: float
    samples: int
    tail: Tail
    allowance: float | None = None
    inflation: float | None = None
    standard_error: float | None = None
    details: Details = {}

    @property
    def numbers(self) -> Details:
        """All that a reader may want to know of it, labelled."""
        given = {"allowance": self.allowance, "inflation": self.inflation, "standard error": self.standard_error}
        return {**{label: value for label, value in given.items() if value is not None}, **self.details}


class Detectable(msgspec.Struct, frozen=True, kw_only=True):
    """What a test can see.

    test: its name.
    samples: of one run.
    level: of one run.
    alternative: the departure that `power` is about.
    power: probability of rejecting it.
    effect: what `smallest_detectable` measures.
    smallest_detectable: that is seen with probability `smallest_detectable_power`.
    """

    test: str
    samples: int
    level: float
    alternative: str
    power: float
    effect: str
    smallest_detectable: float
    smallest_detectable_power: float


def variance_test(x: Samples, *, scale: float = 1.0, inflation: float = 1.0) -> TestResult:
    """Two-sided chi-square test of E[x^2] = scale^2; the statistic is mean(x^2) / scale^2.

    Exact for normal samples, inflation = 1. For a scale mixture x = sqrt(S) Z with E[S] = scale^2 and
    rho = Var(S) / E[S]^2, E[Z^4] = 3 gives Var(x^2) / E[S]^2 = 3 (1 + rho) - 1 = 2 (1 + 1.5 rho): pass
    inflation = 1 + 1.5 rho, the factor on the *variance* of x^2. The sum of M squares then has mean M and variance
    2 M inflation, which are those of inflation * chi-square(M / inflation), the law used (approximate).

    Raises:
        NonFiniteEvidence: a sample is not finite.
        ValueError: no samples, or `scale` or `inflation` out of range.
    """
    _require_inflation(inflation)
    z = _standardised(x, scale)
    with np.errstate(over="ignore"):  # an infinite sum of squares has p = 0, as it should
        total = float(np.sum(z**2))
    degrees, quotient = z.size / inflation, total / inflation
    p_value = min(1.0, 2 * float(min(special.chdtr(degrees, quotient), special.chdtrc(degrees, quotient))))
    return TestResult(
        name="variance_test",
        statistic=total / z.size,
        p_value=p_value,
        samples=z.size,
        tail="exact" if inflation == 1 else "approximate",
        inflation=inflation,
    )


def mean_test(x: Samples, *, scale: float = 1.0) -> TestResult:
    """Two-sided test of E[x] = 0 by z = sqrt(M) mean(x) / scale, exactly N(0, 1); raises as `variance_test`."""
    z = _standardised(x, scale)
    statistic = float(np.sum(z / z.size)) * math.sqrt(z.size)
    return TestResult(
        name="mean_test", statistic=statistic, p_value=_two_sided_normal(statistic), samples=z.size, tail="exact"
    )


def mean_zero_test(x: Samples, variance: float) -> TestResult:
    """Two-sided test that independent statistics of exactly known variance, of any law, have mean 0.

    z = sqrt(M / variance) mean(x) is N(0, 1) only by the central limit theorem, so the tail is approximate. Catches
    weights that are tied, which the law of f cannot show: v . W_j / sqrt(n) has mean 0 and variance 1 for independent
    v and W_j. Dividing by |W_j| in place of sqrt(n) makes it exactly N(0, 1): then prefer `mean_test`.

    Raises:
        NonFiniteEvidence: a sample is not finite.
        ValueError: no samples, or `variance` not positive and finite.
    """
    if not (math.isfinite(variance) and variance > 0):
        raise ValueError(f"variance must be a positive finite number, got {variance!r}")
    result = mean_test(x, scale=math.sqrt(variance))
    return msgspec.structs.replace(result, name="mean_zero_test", tail="approximate", details={"variance": variance})


def mean_within_test(difference: float, standard_error: float, *, allowance: float, samples: int) -> TestResult:
    """Is the mean of which `difference` is an estimate within `allowance` of zero?

    t = (|difference| - allowance) / standard_error, two-sided, by Student's law with samples - 1 degrees of freedom:
    exact for a mean of normal numbers that differs by nothing, and half as often as stated at the edge of the
    allowance. Means of other numbers are normal by the central limit theorem only: the tail is approximate.

    Args:
        difference: the mean, minus what it should be.
        standard_error: estimated from the same samples.
        allowance: in the unit of `difference`.
        samples: independent numbers that both are made of, at least 2.

    Raises:
        NonFiniteEvidence: a number is not finite.
        ValueError: a standard error that is not positive, too few samples, or `allowance` out of range.
    """
    _require_allowance(allowance)
    if not (math.isfinite(difference) and math.isfinite(standard_error)):
        raise NonFiniteEvidence(f"difference {difference!r} and standard error {standard_error!r} must be finite")
    _require_standard_error(standard_error, samples)
    t = max(0.0, abs(difference) - allowance) / standard_error
    return TestResult(
        name="mean_within_test",
        statistic=difference,
        p_value=min(1.0, 2 * float(special.stdtr(samples - 1, -t))),
        samples=samples,
        tail="approximate",
        allowance=allowance,
        standard_error=standard_error,
    )


def correlation_test(x: Samples, y: Samples) -> TestResult:
    """Two-sided test that pairs of N(0, 1) numbers are uncorrelated; the statistic is r = x.y / (|x| |y|).

    No mean is taken out, so x / |x| is uniform on the sphere and t = r sqrt((M - 1) / (1 - r^2)) has exactly Student's
    law with M - 1 degrees of freedom, whatever y is.

    Raises:
        NonFiniteEvidence: a sample is not finite.
        ValueError: fewer than two pairs, samples of different number, or all zero.
    """
    first, second = _standardised(x, 1.0), _standardised(y, 1.0)
    if first.size != second.size or first.size < 2:
        raise ValueError(f"at least two pairs are needed, got {first.size} and {second.size} samples")
    lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if not all(lengths):
        raise ValueError("a correlation needs samples that are not all zero")
    r = max(-1.0, min(1.0, float((first / lengths[0]) @ (second / lengths[1]))))
    t = math.inf if abs(r) == 1.0 else abs(r) * math.sqrt((first.size - 1) / (1 - r * r))
    p_value = min(1.0, 2 * float(special.stdtr(first.size - 1, -t)))
    return TestResult(name="correlation_test", statistic=r, p_value=p_value, samples=first.size, tail="exact")


def neyman_smooth_test(x: Samples, *, scale: float = 1.0) -> TestResult:
    """Neyman's smooth test of order 4 on u = Phi(x / scale): chi-square with 4 degrees of freedom.

    The statistic is sum_{k=1..4} (sum_i pi_k(u_i))^2 / M with pi_k the Legendre polynomials, orthonormal on [0, 1].
    It sees a shift (1), a wrong scale (2), skewness (3) and heavy tails (4). Its law is a limit: not exact.

    Raises:
        NonFiniteEvidence: a sample is not finite.
        ValueError: fewer than 1000 samples, or `scale` out of range.
    """
    z = _standardised(x, scale)
    if z.size < NEYMAN_MINIMUM:
        raise ValueError(f"Neyman's smooth test takes at least {NEYMAN_MINIMUM} samples, got {z.size}")
    components = _legendre(z).mean(axis=1) * math.sqrt(z.size)
    statistic = float(components @ components)
    return TestResult(
        name="neyman_smooth_test",
        statistic=statistic,
        p_value=float(special.chdtrc(NEYMAN_DEGREE, statistic)),
        samples=z.size,
        tail="approximate",
        details={f"component_{k + 1}": float(c) for k, c in enumerate(components)},
    )


def dkw_band_test(x: Samples, *, scale: float = 1.0, allowance: float = 0.0) -> TestResult:
    """Dvoretzky-Kiefer-Wolfowitz band: is the law within `allowance` of N(0, scale^2) in sup-distance?

    The statistic is D = sup |F_M - Phi|. If sup |F - Phi| <= allowance then D - allowance <= sup |F_M - F|, so
    p = min(1, 2 exp(-2 M max(0, D - allowance)^2)) by Massart's constant, at every M and every level: a bound.

    Raises:
        NonFiniteEvidence: a sample is not finite.
        ValueError: no samples, or `scale` or `allowance` out of range.

    Source: P. Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Ann. Probab. 18 (1990).
    """
    _require_allowance(allowance)
    z = np.sort(_standardised(x, scale))
    cumulative = special.ndtr(z)
    steps = np.arange(z.size + 1) / z.size
    distance = float(max((steps[1:] - cumulative).max(), (cumulative - steps[:-1]).max()))
    excess = max(0.0, distance - allowance)
    return TestResult(
        name="dkw_band_test",
        statistic=distance,
        p_value=min(1.0, 2 * math.exp(-2 * z.size * excess**2)),
        samples=z.size,
        tail="bound",
        allowance=allowance,
    )


def reported_normality(x: Samples) -> dict[str, float]:
    """p-values of statsmodels' normality tests with mean and variance unknown; reported beside, never judged.

    Their tails are wrong where a gate would need them, so no verdict may rest on them. Data are checked
    first: `normal_ad` answers p = 0 on NaN.

    Raises:
        NonFiniteEvidence: a sample is not finite.
        ValueError: fewer than 20 samples, or samples that are all equal.
    """
    from statsmodels.stats.diagnostic import lilliefors, normal_ad  # slow to import  # noqa: PLC0415
    from statsmodels.stats.stattools import jarque_bera, omni_normtest  # noqa: PLC0415

    z = _standardised(x, 1.0)
    if z.size < 20:  # scipy's kurtosis test, inside omni_normtest, is not valid below
        raise ValueError(f"normality tests take at least 20 samples, got {z.size}")
    largest = np.abs(z).max()
    if np.ptp(z / (largest or 1.0)) == 0:
        raise ValueError(f"all {z.size} samples equal {z[0]!r}: a normality test has no scale")
    z = z / largest  # the tests are free of scale, their fourth powers are not free of overflow
    return {
        "normal_ad": float(normal_ad(z)[1]),
        "lilliefors": float(lilliefors(z, dist="norm", pvalmethod="approx")[1]),
        "jarque_bera": float(jarque_bera(z)[1]),
        "omni_normtest": float(omni_normtest(z)[1]),
    }


def detectable(
    samples: int,
    level: float,
    test: str,
    *,
    power: float = POWER,
    allowance: float = 0.0,
    inflation: float = 1.0,
    standard_error: float = math.nan,
) -> Detectable:
    """What one run of a test at `level` can see: power against a stated alternative, smallest detectable effect.

    Closed forms, per test (M samples; q_p denotes a quantile of the test's null law):

    - variance_test: effect = variance ratio r > 1. x ~ N(0, r) makes the sum r times its null law, so the power is
      P(chi2 >= q_{1-level/2} / r) + P(chi2 <= q_{level/2} / r) and the smallest r is q_{1-level/2} / q_{1-power}.
    - mean_test, mean_zero_test: effect = |mean| in standard deviations, (z_{1-level/2} + z_power) / sqrt(M).
    - correlation_test: effect = |correlation|; Fisher's artanh r is about normal with variance 1 / M.
    - mean_within_test: effect = the difference d, with t noncentral by (d - allowance) / standard_error. For many
      samples the power is Phi((d - allowance) / standard_error - z_{1-level/2}) and the smallest d is
      allowance + (z_{1-level/2} + z_power) standard_error. The estimated standard error stands for the true one.
    - neyman_smooth_test: effect = |(E pi_1, ..., E pi_4)|, the square root of the non-centrality per sample.
    - dkw_band_test: effect = sup |F - Phi|. It rejects beyond b = allowance + sqrt(ln(2/level) / 2M), and where
      |F - Phi| is largest Hoeffding gives P(D < effect - t) <= exp(-2 M t^2): the smallest is
      b + sqrt(ln(1/(1-power)) / 2M), and the power shown is a lower bound.

    The alternative is a scale error of 10 % (r = 1.21), for tests of a zero mean a shift of 0.1 standard deviations, a
    correlation of 0.1, and for `mean_within_test` a relative difference of 10 %.

    Args:
        samples: M, at least 1.
        level: significance level of the one test, in (0, 1).
        test: the name of the test, as in `TestResult.name`.
        power: with which the smallest effect is detected, in (level, 1).
        allowance: as in `dkw_band_test`.
        inflation: as in `variance_test`.
        standard_error: as in `mean_within_test`, which alone needs it.

    Raises:
        ValueError: an unknown test, or a number out of range.
    """
    if samples < 1 or not 0 < level < power < 1:
        raise ValueError(f"samples >= 1 and 0 < level < power < 1 are needed, got {samples!r}, {level!r}, {power!r}")
    _require_allowance(allowance)
    _require_inflation(inflation)
    alternative = f"scale error of {SCALE_ERROR - 1:.0%}"
    if test == "variance_test":
        effect = "variance ratio"
        attained, smallest = _variance_power(samples / inflation, level, power)
    elif test in {"mean_test", "mean_zero_test"}:
        effect, alternative = "mean, in standard deviations", f"mean of {MEAN_SHIFT:g} standard deviations"
        critical, root = -float(special.ndtri(level / 2)), math.sqrt(samples)
        attained = float(special.ndtr(MEAN_SHIFT * root - critical) + special.ndtr(-MEAN_SHIFT * root - critical))
        smallest = (critical + float(special.ndtri(power))) / root
    elif test == "correlation_test":
        effect, alternative = "correlation", f"correlation of {CORRELATION:g}"
        critical, root = -float(special.ndtri(level / 2)), math.sqrt(samples)
        attained = float(special.ndtr(math.atanh(CORRELATION) * root - critical))
        smallest = math.tanh((critical + float(special.ndtri(power))) / root)
    elif test == "mean_within_test":
        effect, alternative = "relative difference", f"relative difference of {RELATIVE_DIFFERENCE:.0%}"
        _require_standard_error(standard_error, samples)
        degrees = samples - 1.0
        critical = -float(special.stdtrit(degrees, level / 2))
        # Beyond some 1e10 SciPy answers NaN; the power is 1 long before.
        shift = min((RELATIVE_DIFFERENCE - allowance) / standard_error, 1e6)
        attained = 1 - float(special.nctdtr(degrees, shift, critical))
        smallest = allowance + float(special.nctdtrinc(degrees, 1 - power, critical)) * standard_error
    elif test == "neyman_smooth_test":
        effect = "norm of the first four Legendre moments"
        attained, smallest = _neyman_power(samples, level, power)
    elif test == "dkw_band_test":
        effect = "sup-distance"
        band = allowance + math.sqrt(math.log(2 / level) / (2 * samples))
        attained = -math.expm1(-2 * samples * max(0.0, _scale_error_distance() - band) ** 2)
        smallest = band + math.sqrt(-math.log1p(-power) / (2 * samples))
    else:
        raise ValueError(f"unknown test {test!r}; known: {', '.join(TESTS)}")
    return Detectable(
        test=test,
        samples=samples,
        level=level,
        alternative=alternative,
        power=attained,
        effect=effect,
        smallest_detectable=smallest,
        smallest_detectable_power=power,
    )


def detectable_by_gate(result: TestResult, level: float, *, confirmed: bool) -> Detectable:
    """What a whole call at `level` can see, judged from its first sample: `detectable`, with the gate allowed for.

    A staged test rejects at least as often as its first stage alone, and as often as its first stage lets through what
    its second, of four times the samples, rejects: lower bounds, of which the greater counts. A confirmed one needs
    three samples at level^(1/3) each, so its power is the cube of that of one sample.

    Args:
        result: of the first sample.
        level: of the whole call.
        confirmed: the call is a `confirmed_test`, else a `staged_test`.

    Raises:
        ValueError: a test whose power is not known, or a number out of range.
    """
    given = {
        name: value
        for name in ("allowance", "inflation", "standard_error")
        if (value := getattr(result, name)) is not None
    }
    if confirmed:
        each = level ** (1 / CONFIRMATIONS)
        seen = detectable(result.samples, each, result.name, power=POWER ** (1 / CONFIRMATIONS), **given)
        return msgspec.structs.replace(seen, power=seen.power**CONFIRMATIONS, smallest_detectable_power=POWER)
    beta = level / STAGES
    gamma = beta ** (1 / STAGES)
    first = detectable(result.samples, beta, result.name, power=POWER, **given)
    both = POWER**0.5
    passed = detectable(result.samples, beta + gamma, result.name, power=both, **given)
    second = detectable(GROWTH * result.samples, beta / gamma, result.name, power=both, **given)
    larger = max(passed.smallest_detectable, second.smallest_detectable)
    return msgspec.structs.replace(
        first,
        power=max(first.power, passed.power * second.power),
        smallest_detectable=min(first.smallest_detectable, larger),
    )


def _variance_power(degrees: float, level: float, power: float) -> tuple[float, float]:
    """Power of the chi-square test against a variance ratio of 1.21, and the ratio it detects with `power`."""
    upper = float(special.chdtri(degrees, level / 2))
    lower = 2 * float(special.gammaincinv(degrees / 2, level / 2))
    ratio = SCALE_ERROR**2
    attained = float(special.chdtrc(degrees, upper / ratio) + special.chdtr(degrees, lower / ratio))
    return attained, upper / float(special.chdtri(degrees, power))


def _neyman_power(samples: int, level: float, power: float) -> tuple[float, float]:
    """The same for Neyman's test, by the non-central chi-square law."""
    critical = float(special.chdtri(NEYMAN_DEGREE, level))
    # The moments of a scale error by the trapezoid rule, which converges geometrically for these integrands.
    nodes = np.linspace(-12.0, 12.0, 961)
    weights = np.exp(-(nodes**2) / 2) * (nodes[1] - nodes[0]) / math.sqrt(2 * math.pi)
    moments = _legendre(SCALE_ERROR * nodes) @ weights
    attained = 1 - float(special.chndtr(critical, NEYMAN_DEGREE, samples * (moments @ moments)))
    return attained, math.sqrt(float(special.chndtrinc(critical, NEYMAN_DEGREE, 1 - power)) / samples)


def _scale_error_distance() -> float:
    """The sup |Phi(x / s) - Phi(x)|, attained where the two densities meet: x^2 = 2 s^2 ln s / (s^2 - 1)."""
    s = SCALE_ERROR
    x = s * math.sqrt(2 * math.log(s) / (s**2 - 1))
    return float(special.ndtr(x) - special.ndtr(x / s))


def _standardised(x: Samples, scale: float) -> NDArray[np.float64]:
    """Samples divided by scale, as a checked one-dimensional float64 array."""
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be a positive finite number, got {scale!r}")
    samples = np.asarray(x, dtype=np.float64)
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(f"samples must be a non-empty one-dimensional array, got shape {samples.shape}")
    with np.errstate(over="ignore"):
        standardised: NDArray[np.float64] = samples / scale
    bad = ~np.isfinite(standardised)
    if bad.any():
        first = int(np.argmax(bad))
        raise NonFiniteEvidence(
            f"{np.count_nonzero(bad)} of {bad.size} samples are not finite, the first is {samples[first]} at {first}"
        )
    return standardised


def _legendre(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal Legendre polynomials 1 to 4 at u = Phi(z), shape (4, samples)."""
    t = special.erf(z / math.sqrt(2))  # 2 u - 1, without the cancellation
    degrees = np.arange(1, NEYMAN_DEGREE + 1)[:, None]
    values: NDArray[np.float64] = np.sqrt(2 * degrees + 1) * special.eval_legendre(degrees, t)
    return values


def _two_sided_normal(z: float) -> float:
    return min(1.0, 2 * float(special.ndtr(-abs(z))))


def _require_inflation(inflation: float) -> None:
    if not (math.isfinite(inflation) and inflation >= 1):
        raise ValueError(f"inflation must be a finite number of at least 1, got {inflation!r}")


def _require_standard_error(standard_error: float, samples: int) -> None:
    if not (math.isfinite(standard_error) and standard_error > 0):
        raise ValueError(f"standard_error must be a positive finite number, got {standard_error!r}")
    if samples < 2:
        raise ValueError(f"an estimated standard error takes at least 2 samples, got {samples!r}")


def _require_allowance(allowance: float) -> None:
    if not 0 <= allowance < 1:
        raise ValueError(f"allowance must lie in [0, 1), got {allowance!r}")
