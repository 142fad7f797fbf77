"""Claims resnet-limit and limits-commute at infinite width: first order in 1 / L, and width before depth."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case, Explicit, Sphere
from theory_check.neural_ode.limits.kernels import LimitKernels
from theory_check.neural_ode.measurements import depth_ladder
from theory_check.neural_ode.measurements.depth_ladder import DEPTH_MARGIN, DEPTHS, TOLERANCES, DepthLadder
from theory_check.neural_ode.measurements.width_ladder import CONFIRMED_LEVEL
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.planted.defects import planted
from theory_check.neural_ode.strategies import smooth_activations


def on_sphere(expression: str, *, inputs: int = 2, horizon: float = 1.0) -> Case:
    """Points in three dimensions."""
    return Case(
        activation=expression, data=Sphere(inputs, 3, 0), width=8, neural_ode=NeuralODE(sigma_v=1.5, horizon=horizon)
    )


@pytest.fixture(scope="module")
def typical(drawn: Callable[..., list[Case]]) -> list[Case]:
    """Six smooth expression trees, drawn as the property draws them."""
    return drawn(
        smooth_activations(), "sphere", 6, seed=1, width=(8, 8), inputs=(1, 2), any_weights=False, most_growth=1.0
    )


def identity_kernels(layers: int, c: float) -> tuple[float, float]:
    """Sigma and Theta of the linear network of one input of size one, by sums of binomial coefficients.

    With e = c / L: E[z_k z_l] = sum_j binom(k, j) binom(l, j) e^2j, and D[k, l] is the same of L - k and L - l.
    """
    k, j = np.ogrid[: layers + 1, : layers + 1]
    powers = special.binom(k, j) * (c / layers) ** j
    features = powers @ powers.T
    backward = features[::-1, ::-1]
    middle = (c / layers) ** 2 * float((backward[1:, 1:] * features[:-1, :-1]).sum())
    return float(features[-1, -1]), float(features[-1, -1]) + middle + float(backward[0, 0])


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "erf(x)"])
def test_kernels_of_the_layers_approach_the_limit_at_first_order(expression: str, bench: object) -> None:
    """Slope -1 within a twentieth, supported, with errors that fall on every rung; nothing random in it."""
    result = DepthLadder(on_sphere(expression), bench)(0)
    assert result.verdict is Verdict.SUPPORTED
    assert abs(result.slope + 1.0) <= DEPTH_MARGIN / 2
    assert result.sizes == DEPTHS
    assert (np.diff(result.values) < 0).all()


def test_random_smooth_trees_approach_the_limit_at_first_order(typical: list[Case], bench: object) -> None:
    """Six drawn expressions of all scales and horizons: supported, every one."""
    for case in typical:
        result = DepthLadder(case, bench)(0)
        assert result.verdict is Verdict.SUPPORTED, case
        assert abs(result.slope + 1.0) <= DEPTH_MARGIN, case


def test_errors_of_the_identity_are_those_of_binomial_sums(bench: object) -> None:
    """Relative errors of both kernels together, from closed forms; those of the ODE hold I_0."""
    c = 0.75
    case = Case(activation="x", data=Explicit(((1.0,),)), width=8, neural_ode=NeuralODE(sigma_w=0.5, horizon=1.5))
    result = DepthLadder(case, bench)(0)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    t, w = (nodes + 1) / 2, weights / 2
    inside = special.i0(2 * c * np.sqrt(np.outer(t, t)))
    sigma = float(special.i0(2 * c))
    theta = 2 * sigma + c**2 * float(w @ (inside * inside[::-1, ::-1]) @ w)
    expected = []
    for depth in DEPTHS:
        nngp, tangent = identity_kernels(depth, c)
        expected.append(math.hypot(nngp / sigma - 1, tangent / theta - 1))
    np.testing.assert_allclose(result.values, expected, rtol=1e-5)


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "erf(x)"])
def test_a_step_of_the_layers_that_is_off_is_refuted(expression: str, bench: object) -> None:
    """Ten per cent longer than T / L: the error stays what it is, and the extrapolation is far beyond its bound."""
    with planted("layer-kernels-step-off"):
        ladder = DepthLadder(on_sphere(expression), bench)
        result, extrapolated = ladder(0), ladder.extrapolated()
    assert result.verdict is Verdict.REFUTED
    assert result.p_value <= CONFIRMED_LEVEL
    assert abs(result.slope) <= 0.2
    for found in extrapolated:
        assert found.powerless == ""
        assert found.share > 100, found


@pytest.mark.parametrize(("expression", "last"), [("softplus(x)", TOLERANCES[1]), ("tanh(x)", TOLERANCES[2])])
def test_kernels_are_computed_more_finely_where_errors_are_small(
    expression: str, last: float, bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Growth 0.02: kernels to 1e-6 leave the ladder undecided, finer ones do not; growth 1 is content with 1e-6."""
    right, asked = depth_ladder.limit_kernels, []

    def recorded(*args: object) -> LimitKernels:
        asked.append(args[3])
        return right(*args)

    monkeypatch.setattr(depth_ladder, "limit_kernels", recorded)
    assert DepthLadder(on_sphere(expression), bench)(0).verdict is Verdict.SUPPORTED
    assert asked == [TOLERANCES[0]]
    asked.clear()
    case = on_sphere(expression, horizon=0.02)
    result = DepthLadder(case, bench)(0)
    assert result.verdict is Verdict.SUPPORTED
    assert abs(result.slope + 1.0) <= DEPTH_MARGIN / 2
    assert asked == list(TOLERANCES[: TOLERANCES.index(last) + 1])
    assert DepthLadder(case, bench, tolerances=TOLERANCES[:1])(0).verdict is Verdict.INCONCLUSIVE


def test_the_extrapolated_layers_give_the_kernels_of_the_ode(typical: list[Case], bench: object) -> None:
    """Catalogue and drawn: within a bound that is below 1e-5 of the kernel."""
    cases = [*map(on_sphere, ("softplus(x)", "tanh(x)", "erf(x)", "elu(x)")), *typical]
    for case in cases:
        for found in DepthLadder(case, bench).extrapolated():
            assert found.error <= found.bound <= 1e-5 * found.scale, (case, found)


@pytest.mark.parametrize("factor", [1 + 1e-4, 1 - 1e-4])
@pytest.mark.parametrize("kind", ["nngp", "tangent"])
def test_a_kernel_off_by_a_ten_thousandth_is_seen(
    factor: float, kind: str, bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either kernel of the ODE, either way: that one is beyond its bound, the other is not."""
    right = depth_ladder.limit_kernels

    def off(*args: object) -> LimitKernels:
        kernels = right(*args)
        return replace(kernels, **{kind: factor * getattr(kernels, kind)})

    monkeypatch.setattr(depth_ladder, "limit_kernels", off)
    for expression in ("softplus(x)", "tanh(x)", "erf(x)"):
        nngp, tangent = DepthLadder(on_sphere(expression), bench).extrapolated()
        assert (nngp.error > nngp.bound) == (kind == "nngp"), expression
        assert (tangent.error > tangent.bound) == (kind == "tangent"), expression


def test_errors_of_kernels_grow_by_no_more_than_the_constant_of_the_bound(
    bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It exceeds the product of (2^k + 1) / (2^k - 1) over all orders; errors of alternating sign, the worst, obey."""
    product = math.prod((2.0**k + 1) / (2.0**k - 1) for k in range(1, 200))
    right, share = depth_ladder.layer_kernels, 1e-3
    signs = {depth: (-1.0) ** k for k, depth in enumerate(DEPTHS)}

    def shifted(size: float) -> Callable[..., LimitKernels]:
        def wrong(activation: object, inputs: object, model: object, layers: int, *args: object) -> LimitKernels:
            kernels = right(activation, inputs, model, layers, *args)
            error = np.full_like(kernels.nngp, share)
            return replace(kernels, nngp=kernels.nngp + size * signs[layers] * share, nngp_error=error)

        return wrong

    found = {}
    for size in (0.0, 1.0, -1.0):
        monkeypatch.setattr(depth_ladder, "layer_kernels", shifted(size))
        found[size] = DepthLadder(on_sphere("softplus(x)"), bench).extrapolated()[0]
    allowed = found[0.0].details["kernels of the layers"]
    assert product * share <= allowed <= 1.01 * product * share
    # Three orders on four depths: 3 x 5/3 x 9/7 of the factor.
    for size in (1.0, -1.0):
        assert found[size].error == pytest.approx(45 / 7 * share, rel=1e-2)
        assert found[size].error <= allowed
