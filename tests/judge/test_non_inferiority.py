"""The ratio of totals of paired costs: coverage, false alarms, power, verdicts, refusals."""

import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from theory_check.judge.error_budget import NonFiniteEvidence
from theory_check.judge.non_inferiority import MARGIN, judge_ratio
from theory_check.judge.verdict import Verdict

# level^(1/3) of a call of an audit, 1e-6 / 50,000.
LEVEL = 2.7e-4
REPEATS = 2_000
NETWORKS = 20


def pairs(generator: np.random.Generator, ratio: float, law: str, repeats: int = REPEATS) -> tuple[np.ndarray, ...]:
    """Costs of both sides, (repeats, networks), with a large part in common."""
    size = (repeats, NETWORKS)
    if law == "normal":
        shared = 100 + 10 * generator.standard_normal(size)
        return ratio * (shared + 5 * generator.standard_normal(size)), shared + 5 * generator.standard_normal(size)
    # Steps of gradient descent: skewed to the right, whole numbers.
    shared = 150 * generator.gamma(6.0, 1 / 6.0, size)
    sides = [shared * generator.gamma(60.0, 1 / 60.0, size) for _ in range(2)]
    return np.ceil(ratio * sides[0]) + 50, np.ceil(sides[1]) + 50


@pytest.mark.parametrize("law", ["normal", "steps"])
@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_the_interval_covers_the_ratio_of_totals(law: str, confidence: float) -> None:
    """As often as it says, by a Clopper-Pearson interval; skewed whole numbers lose at most a quarter of the misses."""
    generator = np.random.default_rng(1)
    subject, reference = pairs(generator, 1.2, law)
    if law == "steps":
        # The true ratio of means, by far more networks than a sample has.
        many = pairs(generator, 1.2, law, 100_000)
        ratio = many[0].sum() / many[1].sum()
    else:
        ratio = 1.2
    covered = 0
    for s, k in zip(subject, reference, strict=True):
        low, high = judge_ratio(s, k, refute_level=LEVEL, support_confidence=confidence).interval
        covered += low <= ratio <= high
    missed = REPEATS - covered
    least, most = stats.binomtest(missed, REPEATS).proportion_ci(1 - 1e-6, method="exact")
    allowed = (1 - confidence) * (1.0 if law == "normal" else 1.25)
    assert least <= allowed
    assert most >= (1 - confidence) / 1.25


def test_the_interval_holds_what_a_t_test_does_not_reject() -> None:
    """Its ends are the ratios m at which scipy's one-sample test of S - m K has the p-value that the level asks for."""
    subject, reference = (side[0] for side in pairs(np.random.default_rng(2), 1.1, "steps", 1))
    found = judge_ratio(subject, reference, refute_level=LEVEL, support_confidence=0.99)
    assert found.ratio == pytest.approx(subject.sum() / reference.sum(), rel=1e-12)

    def excess(m: float) -> float:
        return float(stats.ttest_1samp(subject - m * reference, 0.0).pvalue) - 0.01

    for end, side in zip(found.interval, (0.5, 2.0), strict=True):
        assert end == pytest.approx(optimize.brentq(excess, found.ratio * 0.9999999, side), rel=1e-6)
    test = stats.ttest_1samp(subject - (1 + MARGIN) * reference, 0.0, alternative="greater")
    assert found.p_value == pytest.approx(float(test.pvalue), rel=1e-9)


@pytest.mark.parametrize(
    ("ratio", "verdict", "no_difference"),
    [
        (0.5, Verdict.SUPPORTED, False),
        (0.98, Verdict.SUPPORTED, True),
        (1.0, Verdict.SUPPORTED, True),
        (1.05, Verdict.INCONCLUSIVE, False),
        (1.2, Verdict.REFUTED, False),
    ],
)
def test_verdicts(ratio: float, verdict: Verdict, no_difference: bool) -> None:  # noqa: FBT001
    """Below the margin, at it, above it; and no difference only where both ends lie within 5 %."""
    generator = np.random.default_rng(3)
    reference = 100 + 20 * generator.standard_normal(40)
    subject = ratio * reference + generator.standard_normal(40)
    found = judge_ratio(subject, reference, refute_level=LEVEL)
    assert (found.verdict, found.no_difference) == (verdict, no_difference)


def test_no_difference_is_said_of_narrow_intervals_alone() -> None:
    """One that reaches below 0.95 is supported and no more than that."""
    generator = np.random.default_rng(4)
    reference = 100 + 20 * generator.standard_normal(40)
    found = judge_ratio(0.96 * reference + 3 * generator.standard_normal(40), reference, refute_level=LEVEL)
    assert found.interval[0] < 1 - MARGIN < found.interval[1] < 1 + MARGIN
    assert (found.verdict, found.no_difference) == (Verdict.SUPPORTED, False)


def test_every_pair_alike_leaves_no_doubt() -> None:
    """A side against itself is supported; the same and ten per cent is refuted."""
    costs = np.array([310.0, 322.0, 346.0, 400.0, 298.0])
    same, more = (judge_ratio(factor * costs, costs, refute_level=LEVEL) for factor in (1.0, 1.1))
    assert (same.verdict, same.no_difference) == (Verdict.SUPPORTED, True)
    assert same.p_value > 0.999
    assert more.verdict is Verdict.REFUTED
    assert more.interval == pytest.approx((1.1, 1.1), rel=1e-9)


def test_costs_of_unknown_size_bound_nothing() -> None:
    """Where not even the reference's mean is known to differ from 0 there is no upper end."""
    costs = np.array([1.0, 1.0, 1.0, 1.0, 1e6])
    found = judge_ratio(costs[::-1], costs, refute_level=LEVEL)
    assert found.interval == (0.0, math.inf)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_power_is_that_of_the_verdicts() -> None:
    """At the stated ratios each verdict comes in nine of ten samples, as near as the t-test's own spread allows."""
    generator = np.random.default_rng(5)
    found = judge_ratio(*(side[0] for side in pairs(generator, 1.0, "normal", 1)), refute_level=LEVEL)
    assert found.supported_to < 1 + MARGIN < found.refuted_from
    # The spread of one sample is not the true one: the stated ratio is made from the mean over many.
    stated = [judge_ratio(s, k, refute_level=LEVEL) for s, k in zip(*pairs(generator, 1.0, "normal", 400), strict=True)]
    for verdict, ratio in (
        (Verdict.REFUTED, np.mean([f.refuted_from for f in stated])),
        (Verdict.SUPPORTED, np.mean([f.supported_to for f in stated])),
    ):
        seen = [
            judge_ratio(s, k, refute_level=LEVEL).verdict is verdict
            for s, k in zip(*pairs(generator, float(ratio), "normal", 400), strict=True)
        ]
        assert 0.75 < np.mean(seen) < 0.97


def test_false_alarms_in_the_tail_that_an_audit_looks_at() -> None:
    """Of one sample at 2.7e-4 with the ratio at the margin: of 200,000, no more than three times as many as stated."""
    generator = np.random.default_rng(6)
    repeats = 200_000
    shared = generator.gamma(6.0, 1 / 6.0, (repeats, NETWORKS))
    s, k = (shared * generator.gamma(60.0, 1 / 60.0, shared.shape) for _ in range(2))
    against = (1 + MARGIN) * (s - k)
    t = against.mean(axis=1) / against.std(axis=1, ddof=1) * math.sqrt(NETWORKS)
    alarms = int((special.stdtr(NETWORKS - 1, -t) <= LEVEL).sum())
    # The same p-value that is judged.
    assert judge_ratio((1 + MARGIN) * s[0], k[0], refute_level=LEVEL).p_value == pytest.approx(
        special.stdtr(NETWORKS - 1, -t[0]), rel=1e-9
    )
    assert alarms <= 3 * LEVEL * repeats


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_evidence(bad: float) -> None:
    """Before anything is compared."""
    with pytest.raises(NonFiniteEvidence, match="1 of 5 subject costs"):
        judge_ratio(np.array([bad, 1.0, 1.0, 1.0, 1.0]), np.ones(5), refute_level=LEVEL)


@pytest.mark.parametrize(
    ("subject", "reference", "level", "message"),
    [
        (np.ones(4), np.ones(4), LEVEL, "at least 5 positive"),
        (np.ones(5), np.zeros(5), LEVEL, "reference costs must be at least 5 positive"),
        (np.ones(6), np.ones(5), LEVEL, "got 6 of the subject and 5"),
        (np.ones(5), np.ones(5), 0.0, r"refute_level must lie in \(0, 1\), got 0.0"),
    ],
)
def test_bad_input_is_refused(subject: np.ndarray, reference: np.ndarray, level: float, message: str) -> None:
    """In a line, with the value."""
    with pytest.raises(ValueError, match=message):
        judge_ratio(subject, reference, refute_level=level)
