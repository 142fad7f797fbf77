"""Claims nngp-limit and ntk-limit: ladders of widths support the truth and refute what is planted."""

from collections.abc import Callable
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from theory_check.judge.profile import PROFILES, Profile
from theory_check.judge.rates import replicates_needed
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, Data, Digits, Explicit, Sphere, materialise
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel
from theory_check.neural_ode.measurements import width_ladder
from theory_check.neural_ode.measurements.instance import Instance
from theory_check.neural_ode.measurements.width_ladder import (
    CONFIRMED_LEVEL,
    MEAN_NETWORKS,
    NUMERICAL_SHARE,
    PILOT_NETWORKS,
    POWER,
    RATE_MARGIN,
    Kind,
    WidthLadder,
    networks_at,
    sees_enough,
)
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks import gaussian_matrix
from theory_check.neural_ode.networks.tangent_kernel import empirical_kernels
from theory_check.neural_ode.planted.defects import planted
from theory_check.neural_ode.strategies import smooth_activations

SMALL = msgspec.structs.replace(PROFILES["quick"], kernel_rungs=(16, 32, 64, 128, 256))
# Biases are less at 32, and errors of twelve inputs average out: fewer networks decide.
LARGER = msgspec.structs.replace(SMALL, kernel_rungs=(32, 64, 128, 256, 512))
WIDE = msgspec.structs.replace(SMALL, kernel_rungs=(256, 512, 1024, 2048, 4096), most_replicates=10)
FIVE, TWELVE = Sphere(5, 5, 0), Sphere(12, 12, 0)
# Minutes: `tox run -e wide`.
MINUTES = pytest.mark.wide
BOTH = pytest.mark.parametrize("kind", ["nngp", "tangent"])

Ladders = Callable[..., WidthLadder]


@pytest.fixture
def ladder_of(another: Callable[..., object]) -> Ladders:
    """A factory of ladders on few widths."""

    def make(
        expression: str, kind: Kind, data: Data = FIVE, *, profile: Profile = SMALL, **scales: float
    ) -> WidthLadder:
        case = Case(activation=expression, data=data, width=8, neural_ode=NeuralODE(**scales))
        return WidthLadder(case, another(profile=profile), kind)

    return make


def root_mean_square(values: list[float] | np.ndarray) -> float:
    """What the claim speaks of."""
    return float(np.sqrt(np.mean(np.square(values))))


# --- the rate --------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "gelu(x)", "x"])
def test_the_rate_is_supported(expression: str, kind: Kind, ladder_of: Ladders) -> None:
    """The slope is -1/2 within the margin, on the rungs of the profile."""
    ladder = ladder_of(expression, kind, TWELVE, profile=LARGER)
    assert ladder.unusable() == ""
    result = ladder(0)
    assert result.verdict is Verdict.SUPPORTED
    assert abs(result.slope + 0.5) < RATE_MARGIN
    assert result.sizes == LARGER.kernel_rungs
    assert result.looks == 2
    assert all(wide < narrow for narrow, wide in pairwise(result.values))


@BOTH
def test_the_rate_is_supported_for_random_trees(
    kind: Kind, drawn: Callable[..., list[Case]], another: Callable[..., object]
) -> None:
    """Two expression trees on data and scales as the properties draw them."""
    cases = drawn(
        smooth_activations(), "sphere", 6, seed=4, width=(8, 8), inputs=(6, 8), most_growth=1.0, any_weights=False
    )
    trees = [case for case in cases if case.activation.count("(") > 2][:2]
    assert len({case.activation for case in trees}) == 2
    for case in trees:
        ladder = WidthLadder(case, another(profile=SMALL), kind)
        assert ladder.unusable() == ""
        assert ladder(0).verdict is Verdict.SUPPORTED, case.activation


@BOTH
@pytest.mark.parametrize(
    "expression", ["softplus(x)", pytest.param("tanh(x)", marks=MINUTES), pytest.param("gelu(x)", marks=MINUTES)]
)
def test_the_rate_is_supported_for_wide_networks(expression: str, kind: Kind, ladder_of: Ladders) -> None:
    """Six digits, widths up to 4,096, on as few networks as a rate can be fitted to."""
    result = ladder_of(expression, kind, Digits(tuple(range(6))), profile=WIDE)(0)
    assert result.verdict is Verdict.SUPPORTED
    assert abs(result.slope + 0.5) < RATE_MARGIN
    assert result.sizes == WIDE.kernel_rungs


@MINUTES
@BOTH
def test_the_rate_is_supported_for_two_random_trees_on_wide_networks(
    kind: Kind, drawn: Callable[..., list[Case]], another: Callable[..., object]
) -> None:
    """The first two drawn as the property draws them."""
    typical = drawn(
        smooth_activations(), "digits", 2, seed=2, width=(8, 8), inputs=(6, 6), any_weights=False, most_growth=1.0
    )
    for case in typical:
        result = WidthLadder(case, another(profile=WIDE), kind)(0)
        assert result.verdict is Verdict.SUPPORTED, (case.activation, result.reason)


@pytest.mark.parametrize("defect", ["kernel-without-recurrent-term", pytest.param("weights-resampled", marks=MINUTES)])
def test_planted_defects_are_refuted_on_wide_networks(defect: str, ladder_of: Ladders) -> None:
    """The tangent kernel without its term of W; the NNGP kernel with weights that are not shared."""
    kind: Kind = "tangent" if defect == "kernel-without-recurrent-term" else "nngp"
    with planted(defect):
        result = ladder_of("softplus(x)", kind, Digits(tuple(range(6))), profile=WIDE).measured(0, 10)
    assert result.verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    ("defect", "kind", "expression"),
    [
        ("weights-resampled", "nngp", "softplus(x)"),
        ("weights-resampled", "nngp", "x"),
        ("kernel-without-recurrent-term", "tangent", "x"),
    ],
)
def test_planted_defects_are_refuted(defect: str, kind: Kind, expression: str, ladder_of: Ladders) -> None:
    """Each of three ladders refutes, at a level at which three of them confirm."""
    with planted(defect):
        ladder = ladder_of(expression, kind, profile=LARGER)
        assert ladder.unusable() == ""
        for stage in range(3):
            result = ladder(stage)
            assert result.verdict is Verdict.REFUTED
            assert result.p_value <= CONFIRMED_LEVEL
            assert result.slope > -0.5 + RATE_MARGIN


def test_a_ladder_that_cannot_decide_takes_four_times_the_networks(ladder_of: Ladders) -> None:
    """The bias at small widths leaves the identity open at first; of tanh, the first ladder decides."""
    for expression, first, factor in (("x", Verdict.INCONCLUSIVE, 4), ("tanh(x)", Verdict.SUPPORTED, 1)):
        ladder = ladder_of(expression, "nngp")
        assert ladder.measured(0, ladder.replicates).verdict is first
        result = ladder(0)
        assert result.verdict is Verdict.SUPPORTED
        assert result.replicates == factor * ladder.replicates


@BOTH
def test_replicates_follow_the_spread_of_the_pilot(kind: Kind, ladder_of: Ladders) -> None:
    """As many as `replicates_needed` asks for, or all there are; a spread of squares of e counts half, relative."""
    ladder = ladder_of("x", kind)
    squares = ladder.errors("pilot", 16, PILOT_NETWORKS) ** 2
    spread = float(np.std(squares, ddof=1) / np.mean(squares)) / 2
    needed = replicates_needed(spread, np.array(SMALL.kernel_rungs, dtype=float), RATE_MARGIN, power=POWER)
    assert 10 < needed < SMALL.most_replicates
    assert ladder.replicates == needed
    few = ladder_of("x", kind, profile=msgspec.structs.replace(SMALL, most_replicates=needed - 1))
    assert few.replicates == needed - 1


# --- the mean --------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "gelu(x)", "x"])
def test_the_mean_is_that_of_the_limit(expression: str, kind: Kind, ladder_of: Ladders) -> None:
    """On the truth p-values are not small; the test does not claim an exact tail."""
    test = ladder_of(expression, kind).mean_test("mean")
    result = test.sample(0)
    assert (test.name, test.exact, result.tail) == ("mean", False, "approximate")
    assert result.samples in {MEAN_NETWORKS, 4 * MEAN_NETWORKS}
    assert sees_enough(result)
    assert result.p_value > 0.05


@BOTH
@pytest.mark.parametrize("expression", ["softplus(x)", "x"])
def test_a_mean_that_is_off_is_seen(expression: str, kind: Kind, ladder_of: Ladders) -> None:
    """Weights that are ten per cent too large leave the rate as it is and move the mean."""
    with planted("weights-ten-per-cent-off"):
        ladder = ladder_of(expression, kind)
        result = ladder.mean_test("mean").sample(0)
        assert result.p_value < CONFIRMED_LEVEL / 10
        assert result.statistic > 0.05


@BOTH
def test_the_size_of_a_kernel_is_its_trace_relative_to_the_limit(kind: Kind, ladder_of: Ladders) -> None:
    """The statistic is the mean over networks of tr(K^-1 K_n) / N - 1, at a width of 512."""
    ladder = ladder_of("tanh(x)", kind)
    result = ladder.mean_test("mean").sample(3)
    kernels = ladder.kernels(f"mean 3 of {result.samples}", 512, result.samples)
    sizes = np.trace(np.linalg.solve(ladder.limit, kernels), axis1=1, axis2=2) / 5
    assert result.statistic == pytest.approx(sizes.mean() - 1, rel=1e-8)


# --- the error of a network ------------------------------------------------------------------------------------------


@BOTH
def test_the_limit_is_whitened(kind: Kind, ladder_of: Ladders) -> None:
    """P^T K P is the identity, and the error is |K^(-1/2) (K_n - K) K^(-1/2)| / N in the Frobenius norm."""
    ladder = ladder_of("softplus(x)", kind, Explicit(((1.0, 0.0), (0.0, 3.0), (0.4, 0.2))), sigma_v=1.5)
    np.testing.assert_allclose(ladder._whitened(ladder.limit), np.eye(3), atol=1e-9)
    relative = np.linalg.solve(ladder.limit, ladder.kernels("some", 32, 4) - ladder.limit)
    expected = np.sqrt(np.trace(relative @ relative, axis1=1, axis2=2)) / 3
    np.testing.assert_allclose(ladder.errors("some", 32, 4), expected, rtol=1e-8)
    assert ladder.details["directions"] == 3


@BOTH
@pytest.mark.parametrize(
    ("expression", "data", "directions"),
    [
        ("softplus(x)", Explicit(((1.0, 0.0), (0.0, 1.0), (1.0, 0.0))), 2),
        ("softplus(x)", Explicit(((1.0, 0.0), (1.0, 1e-2))), 1),
        ("softplus(x)", Explicit(((1.0, 0.0), (1.0, 0.5))), 2),
        ("x", Sphere(8, 4, 3), 4),
    ],
)
def test_small_directions_are_left_out(
    expression: str, data: Data, directions: int, kind: Kind, ladder_of: Ladders
) -> None:
    """Of a repeated input, of inputs at a small angle, and of an affine phi with more inputs than dimensions."""
    ladder = ladder_of(expression, kind, data)
    assert ladder.details["directions"] == directions
    np.testing.assert_allclose(ladder._whitened(ladder.limit), np.eye(directions), atol=1e-9)


@BOTH
def test_kernels_are_those_of_networks_with_the_seeds_of_the_case(kind: Kind, ladder_of: Ladders) -> None:
    """Each is the kernel of that kind of one network, solved with the ladder's steps unless others are given."""
    ladder = ladder_of("tanh(x)", kind, sigma_w=1.3, sigma_v=0.7)
    case = ladder.instance.case
    for steps in (None, 5):
        kernels = ladder.kernels("stage", 24, 3, steps)
        assert kernels.shape == (3, 5, 5)
        for k, kernel in enumerate(kernels):
            seed = ladder.instance.seed(f"{kind} stage 24", k)
            found = empirical_kernels(
                "tanh", materialise(case.data), case.neural_ode, 24, seed, steps=steps or ladder.steps
            )
            np.testing.assert_allclose(kernel, found[kind == "tangent"], rtol=1e-11, atol=1e-13)


@BOTH
def test_every_stage_has_networks_of_its_own(kind: Kind, ladder_of: Ladders, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pilot, every ladder, the larger one after it and every test of the mean; each is the same again."""
    for name, smaller in (("PILOT_NETWORKS", 12), ("MEAN_NETWORKS", 8), ("MEAN_WIDTH", 64)):
        monkeypatch.setattr(width_ladder, name, smaller)
    ladder = ladder_of("x", kind)
    ladder.steps  # noqa: B018 - made once, with seeds of its own
    used: list[int] = []
    right = Instance.seed

    def recorded(self: Instance, stage: str = "", replicate: int = 0) -> int:
        used.append(right(self, stage, replicate))
        return used[-1]

    monkeypatch.setattr(Instance, "seed", recorded)

    def measured() -> tuple[list[object], list[list[int]]]:
        results: list[object] = []
        seeds: list[list[int]] = []
        for measure in (
            lambda: ladder.errors("pilot", 16, 12).tolist(),
            lambda: ladder.measured(0, 10),
            lambda: ladder.measured(0, 20),
            lambda: ladder.measured(1, 10),
            lambda: ladder.mean_test("mean").sample(0),
            lambda: ladder.mean_test("mean").sample(1),
        ):
            used.clear()
            results.append(measure())
            seeds.append(list(used))
        return results, seeds

    results, seeds = measured()
    # Eight networks of width 64 know a mean too badly, so that 32 more are drawn.
    assert [len(some) for some in seeds] == [12, 50, 100, 50, 40, 40]
    assert len(set().union(*seeds)) == 292
    assert measured() == (results, seeds)
    assert results[1] != results[3]
    assert results[4] != results[5]


# --- numerics, and what cannot be measured ---------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("expression", "sigma_w", "fewest"), [("softplus(x)", 1.0, 2), ("sin(2*x)", 2.0, 4)], ids=["mild", "wild"]
)
def test_the_scheme_adds_nothing_that_counts(
    expression: str, sigma_w: float, fewest: int, kind: Kind, ladder_of: Ladders
) -> None:
    """Against 64 steps: a tenth of the errors at most, on the first rung and the last.

    The error stated is that of the network seen. RK4 leaves a sixteenth of the difference to twice as many steps.
    """
    ladder = ladder_of(expression, kind, sigma_w=sigma_w)
    assert fewest <= ladder.steps <= 2 * fewest
    (seen,) = ladder.kernels("scheme", 16, 1) - ladder.kernels("scheme", 16, 1, 64)
    assert ladder._size(seen) == pytest.approx(ladder.numerical_error, rel=0.1)
    for width in (16, 256):
        kernels, fine = ladder.kernels("some", width, 4), ladder.kernels("some", width, 4, 64)
        by_scheme = root_mean_square([ladder._size(difference) for difference in kernels - fine])
        assert 0 < by_scheme <= NUMERICAL_SHARE * root_mean_square(ladder.errors("some", width, 4))


@BOTH
def test_the_error_of_the_limit_counts(kind: Kind, ladder_of: Ladders) -> None:
    """A kernel of size 1e-20 is lost in the error bound of its limit: the ladder says so and by how much."""
    ladder = ladder_of("relu(x - 9)", kind)
    error = ladder.limits.nngp_error if kind == "nngp" else ladder.limits.tangent_error
    assert 1 < ladder._size(error) <= ladder.numerical_error
    assert ladder.unusable().startswith(f"the numerical error {ladder.numerical_error:.2g} of a kernel is not below")


@BOTH
@pytest.mark.parametrize(
    ("expression", "data"), [("0.0*x", FIVE), ("tanh(x)", Explicit(((0.0, 0.0), (1.0, 1.0))))], ids=["zero", "odd"]
)
def test_kernels_that_vanish_cannot_be_measured(expression: str, data: Data, kind: Kind, ladder_of: Ladders) -> None:
    """No phi, and an input whose features vanish: there is nothing that errors could be relative to."""
    assert ladder_of(expression, kind, data).unusable() == "the limiting kernel of an input with itself is not positive"


@BOTH
def test_numerics_are_compared_with_the_errors_at_the_top(kind: Kind, ladder_of: Ladders) -> None:
    """The least error is foretold from the pilot, by width^(-1/2); one above a tenth of it is too much."""
    ladder = ladder_of("tanh(x)", kind)
    foretold = root_mean_square(ladder.errors("pilot", 16, PILOT_NETWORKS)) / 4
    assert foretold == pytest.approx(root_mean_square(ladder.errors("top", 256, 48)), rel=0.3)
    for factor, usable in ((0.99, True), (1.01, False)):
        ladder.__dict__["numerical_error"] = factor * NUMERICAL_SHARE * foretold
        assert (ladder.unusable() == "") == usable


@BOTH
def test_a_limit_that_does_not_exist_raises_when_it_is_needed(kind: Kind, ladder_of: Ladders) -> None:
    """The square of a state grows beyond all bounds; making the ladder is no error."""
    ladder = ladder_of("x**2", kind, sigma_w=9.0)
    with pytest.raises(InfiniteKernel, match="too large"):
        ladder.unusable()


# --- widths that are not stored --------------------------------------------------------------------------------------


@BOTH
def test_a_ladder_goes_on_where_weights_are_revealed(
    kind: Kind, ladder_of: Ladders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored up to 128, revealed beyond, by ever fewer networks: supported, order eight."""
    monkeypatch.setattr(gaussian_matrix, "DENSE_UP_TO", 128)
    monkeypatch.setattr(width_ladder, "NEURONS", 6400)
    ladder = ladder_of("tanh(x)", kind, TWELVE, profile=LARGER)
    assert ladder.unusable() == ""
    assert ladder.scheme == "dop853"
    assert ladder.details["engine"] == "dense and revealed"
    assert [networks_at(width, 40) for width in LARGER.kernel_rungs] == [40, 40, 40, 25, 12]
    result = ladder.measured(0, 40)
    assert result.verdict is Verdict.SUPPORTED
    assert abs(result.slope + 0.5) < 0.1
    stored, revealed = ladder.kernels("stage", 128, 2, 8), ladder.kernels("stage", 256, 2, 8)
    monkeypatch.setattr(gaussian_matrix, "DENSE_UP_TO", 4096)
    assert ladder.scheme == "rk4"
    np.testing.assert_allclose(ladder.kernels("stage", 128, 2, 8), stored, rtol=0, atol=1e-5)
    assert np.abs(ladder.kernels("stage", 256, 2, 8) - revealed).max() > 0.02


def test_weights_that_are_off_are_refuted_where_they_are_revealed(
    ladder_of: Ladders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted defect acts on products, so that it reaches revealed weights as well."""
    monkeypatch.setattr(gaussian_matrix, "DENSE_UP_TO", 16)
    ladder = ladder_of("softplus(x)", "tangent", TWELVE, profile=SMALL)
    with planted("weights-scaled-by-width"):
        assert ladder.measured(0, 30).verdict is Verdict.REFUTED


def test_rungs_keep_at_least_three_networks() -> None:
    """However wide; and all of them where that is affordable."""
    assert [networks_at(width, 40) for width in (100, 10_000, 100_000, 10**6, 10**9)] == [40, 40, 30, 3, 3]
