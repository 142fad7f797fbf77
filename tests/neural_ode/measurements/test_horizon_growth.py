"""Claim horizon-growth: variances over horizons against closed forms, and that sigma_w ~ 1/T undoes them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Case, Explicit, Sphere
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.limits.dual_activation import InfiniteKernel, dual_values
from theory_check.neural_ode.limits.kernels import LimitKernels
from theory_check.neural_ode.measurements import horizon_growth
from theory_check.neural_ode.measurements.horizon_growth import (
    GROWN,
    asymptotic_slope,
    fall_discrepancies,
    growth_discrepancies,
    rescaled,
    rescaling_discrepancies,
    shows_its_growth,
)
from theory_check.neural_ode.measurements.instance import Instance
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.planted.defects import planted

GROWING = ["x", "softplus(x)", "relu(x)", "gelu(x)", "abs(x)", "2*x + sin(x)"]
BOUNDED = ["tanh(x)", "sigmoid(x)", "cos(x)", "3*erf(x)"]


def on_sphere(expression: str, *, sigma_w: float = 1.0, horizon: float = 2.0, width: int = 8) -> Case:
    """Two points in three dimensions."""
    model = NeuralODE(sigma_u=1.25, sigma_w=sigma_w, sigma_v=1.5, horizon=horizon)
    return Case(activation=expression, data=Sphere(2, 3, 0), width=width, neural_ode=model)


def by_quantity(found: tuple[Discrepancy, ...]) -> dict[str, Discrepancy]:
    """The comparisons by what they compare."""
    return {one.quantity: one for one in found}


@pytest.mark.parametrize(
    ("expression", "kappa"),
    [
        ("x", 1.0),
        ("abs(x)", 1.0),
        ("relu(x)", math.sqrt(0.5)),
        ("gelu(x)", math.sqrt(0.5)),
        ("softplus(x)", math.sqrt(0.5)),
        ("leaky_relu(x)", math.sqrt((1 + 0.01**2) / 2)),
        ("3*x + cos(x)", 3.0),
        ("tanh(x)", 0.0),
        ("cos(x)", 0.0),
        ("sin(x)", 0.0),
        ("square(x)", 0.0),
        ("sign_sqrt(x)", 0.0),
    ],
)
def test_the_slope_far_out(expression: str, kappa: float) -> None:
    """Root mean square of both sides; 0 for what is bounded, and for what grows otherwise than linearly."""
    assert asymptotic_slope(activation(expression)) == pytest.approx(kappa, rel=1e-6)


@given(right=st.floats(-2.0, 2.0), left=st.floats(-2.0, 2.0), rho=st.floats(0.0, 1.0), variance=st.floats(0.1, 10.0))
def test_the_dual_of_two_slopes_is_at_least_that_of_a_line(
    right: float, left: float, rho: float, variance: float
) -> None:
    """The inequality of the module's derivation: E[phi phi] >= (s_+^2 + s_-^2)/2 C for C >= 0; equal at C = Q."""
    a, b = (right + left) / 2, (right - left) / 2
    both = np.array([variance, variance])
    found = dual_values(f"({a})*x + ({b})*abs(x)", both, both, np.array([rho, 1.0]), tolerance=1e-9)
    least = (right**2 + left**2) / 2 * variance * np.array([rho, 1.0])
    assert found.values[0] >= least[0] - found.error_bound[0] - 1e-12
    assert found.values[1] == pytest.approx(least[1], abs=found.error_bound[1] + 1e-12)


@pytest.mark.parametrize("expression", GROWING + BOUNDED)
def test_what_the_claim_says_holds(expression: str, bench: object) -> None:
    """Nothing falls; bounded functions have a bounded output, growing ones grow; each by comparisons with power."""
    case = on_sphere(expression)
    found = by_quantity(fall_discrepancies(case, bench) + growth_discrepancies(case, bench))
    assert set(found) == {q.VARIANCE_FALL, q.GROWTH if expression in GROWING else q.VARIANCE_EXCESS}
    for one in found.values():
        assert one.powerless == ""
        assert one.error == 0.0


def test_growth_of_the_identity_is_that_of_bessel(bench: object) -> None:
    """Log variance grows by log I_0(6) - log I_0(3), whatever sigma_w and the horizon of the case."""
    exact = math.log(special.i0(4 * GROWN[0]) / special.i0(2 * GROWN[0]))
    for sigma_w in (0.5, 2.0):
        found = by_quantity(growth_discrepancies(on_sphere("x", sigma_w=sigma_w, horizon=0.7), bench))[q.GROWTH]
        assert found.details["growth of the logarithm"] == pytest.approx(exact, abs=1e-6)
        assert found.details["predicted for the asymptote"] == pytest.approx(exact, abs=1e-12)
        assert found.scale == pytest.approx(exact / 2)
        assert found.error == 0.0


def test_growth_is_looked_for_where_phi_is_near_its_asymptote(bench: object) -> None:
    """Below its threshold a ReLU is dead: growth comes later, and where it comes too late nothing is said."""

    def of(expression: str) -> Discrepancy:
        case = Case(activation=expression, data=Explicit(((1.0,),)), width=8)
        return by_quantity(growth_discrepancies(case, bench))[q.GROWTH]

    late, never = of("relu(0.5*x - 1.0)"), of("relu(x - 3.0)")
    assert not late.powerless
    assert late.error == 0.0
    assert late.details["growth of the logarithm"] > 2.0
    assert never.powerless.startswith("up to sigma_w T = 15.6 E[phi^2] is ")


def test_growth_at_horizons_out_of_reach_is_no_error(bench: object) -> None:
    """Variances overflow, or cannot be computed: nothing is said of growth, and no picture drawn. Once an error."""
    (found,) = growth_discrepancies(on_sphere("softplus(x)"), bench, grown=(1e6, 2e6))
    assert found.powerless == "variances at sigma_w T = 1.41e+06 and beyond, near the asymptote, are out of reach"
    assert found.sketch is None


def test_growth_is_looked_for_over_less_where_bounds_of_more_say_nothing(
    bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 1.5 to 3 the bound is too wide, to 2.25 no limit is known, to 1.875 both are: growth over that is judged."""
    right = horizon_growth._limits
    kappa = math.sqrt(0.5)

    def clouded(instance: Instance, horizon: float) -> LimitKernels:
        if horizon == pytest.approx(2.25 / kappa):
            raise InfiniteKernel("out of reach")
        found = right(instance, horizon)
        wide = horizon == pytest.approx(3.0 / kappa)
        return replace(found, nngp_error=found.nngp) if wide else found

    monkeypatch.setattr(horizon_growth, "_limits", clouded)
    (found,) = growth_discrepancies(on_sphere("softplus(x)"), bench)
    assert (found.powerless, found.error) == ("", 0.0)
    predicted = math.log(special.i0(3.75) / special.i0(3.0))
    assert found.scale == pytest.approx(predicted / 2)
    assert found.details["growth of the logarithm"] > predicted / 2
    (found,) = growth_discrepancies(on_sphere("softplus(x)"), bench, added=horizon_growth.ADDED[:2])
    assert found.powerless.startswith("underpowered")


SILENT = "silu(0.5*(-relu(2.0*x)))"  # bounded, which its bounds do not show
LATE = (
    "silu(0.5*(-leaky_relu(1.5*x - 0.5)))",
    "1.5*(hardtanh(-0.5*x - 1.0)*cos(3.0*x + 1.0)) - 0.5*softplus(-x + 1.0)",
)


@pytest.mark.parametrize("expression", [LATE[1], SILENT, "square(x)"])
def test_no_phi_is_excused_from_a_variance_that_does_not_fall(expression: str, bench: object) -> None:
    """Nothing can be said of the growth of its output: that of the state is judged all the same."""
    case = on_sphere(expression, sigma_w=0.25, horizon=1.0)
    (found,) = fall_discrepancies(case, bench)
    assert (found.powerless, found.error) == ("", 0.0)
    with planted("horizon-inverted"):
        (wrong,) = fall_discrepancies(on_sphere(expression, sigma_w=0.25), bench)
    assert wrong.error > wrong.bound


@pytest.mark.parametrize("expression", [SILENT, "sign_sqrt(x)", "square(x)"])
def test_of_an_output_that_neither_is_bounded_nor_grows_linearly_nothing_is_said(
    expression: str, bench: object
) -> None:
    """The claim speaks of neither; a random phi of this kind gives way."""
    (found,) = growth_discrepancies(on_sphere(expression), bench)
    assert found.powerless == "of an output the claim speaks where phi grows linearly, or is known to be bounded"
    assert not shows_its_growth(activation(expression))


@pytest.mark.parametrize(
    ("expression", "shows"),
    [
        ("softplus(x)", True),
        ("tanh(3*x)", True),
        ("x", True),
        ("leaky_relu(x)", True),
        *((late, False) for late in LATE),
    ],
)
def test_phi_whose_growth_comes_too_late_are_told_apart(expression: str, shows: bool) -> None:  # noqa: FBT001
    """A slope of 0.005 far out beside 0.8 near 0: no horizon that can be computed shows what it does."""
    assert shows_its_growth(activation(expression)) is shows


def test_a_horizon_that_is_ignored_leaves_growth_missing(bench: object) -> None:
    """The same variance at both horizons: all that was asked for is missing."""
    for expression in GROWING:
        with planted("horizon-ignored"):
            found = by_quantity(growth_discrepancies(on_sphere(expression), bench))[q.GROWTH]
        assert found.powerless == ""
        assert found.error == pytest.approx(found.scale)
        assert found.error > found.bound


def test_an_inverted_horizon_is_a_fall(bench: object) -> None:
    """The longer horizon gets the variance of the shorter one; the fall is that difference."""
    for expression in ("tanh(x)", "softplus(x)", "cos(x)"):
        with planted("horizon-inverted"):
            (found,) = fall_discrepancies(on_sphere(expression), bench)
        assert found.powerless == ""
        assert found.error > 0.1 * found.scale
        assert found.error > 1000 * found.bound


def test_a_bounded_output_above_its_bound_is_seen(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variance of tanh where its bound is said to be half of what it is: beyond it, relative to it."""
    case = on_sphere("tanh(x)", sigma_w=2.0)
    right = by_quantity(growth_discrepancies(case, bench))[q.VARIANCE_EXCESS]
    assert right.error == 0.0
    monkeypatch.setattr(Activation, "supremum", 0.5)
    wrong = by_quantity(growth_discrepancies(case, bench))[q.VARIANCE_EXCESS]
    assert 1.0 < wrong.error < 3.0
    assert wrong.error > wrong.bound


def test_variances_that_vanish_hold_by_no_bound(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zero input under tanh, its variances known to 1 %: nothing falls, and nothing is known to stay."""
    right = horizon_growth.limit_kernels

    def blurred(*args: object, **kwargs: object) -> object:
        limit = right(*args, **kwargs)
        return replace(limit, state_error=limit.state_error + 0.01)

    case = Case(activation="tanh(x)", data=Explicit(((0.0, 0.0),)), width=8)
    (known,) = fall_discrepancies(case, bench)
    assert (known.error, known.bound, known.powerless) == (0.0, 0.0, "")
    monkeypatch.setattr(horizon_growth, "limit_kernels", blurred)
    (found,) = fall_discrepancies(case, bench)
    assert found.powerless.startswith("underpowered")


def test_inputs_of_no_size_fall_nowhere(bench: object) -> None:
    """An input of zeros under tanh stays zero over all horizons: no scale, no fall, and growth is not asked for."""
    case = Case(activation="tanh(x)", data=Explicit(((0.0, 0.0),)), width=8)
    (found,) = fall_discrepancies(case, bench)
    assert (found.error, found.scale, found.powerless) == (0.0, 0.0, "")


@pytest.mark.parametrize("expression", ["softplus(x)", "tanh(x)", "relu(x)", "x"])
@pytest.mark.parametrize(("sigma_w", "horizon"), [(0.3, 5.0), (2.5, 0.4), (1e-3, 100.0), (1.0, 1.0)])
def test_scaled_weights_undo_the_horizon(expression: str, sigma_w: float, horizon: float, bench: object) -> None:
    """Equal within a bound of rounding that is below 1e-9 of the states."""
    case = on_sphere(expression, sigma_w=sigma_w, horizon=horizon)
    (found,) = rescaling_discrepancies(case, bench)
    assert found.powerless == ""
    assert found.error <= found.bound <= 1e-9 * found.scale
    assert rescaled(case.neural_ode) == NeuralODE(sigma_u=1.25, sigma_w=sigma_w * horizon, sigma_v=1.5, horizon=1.0)


def test_weights_that_are_not_rescaled_are_seen(bench: object) -> None:
    """sigma_w kept while the horizon becomes 1: states differ by far more than rounding."""
    for expression in ("softplus(x)", "tanh(x)"):
        with planted("weights-not-rescaled"):
            (found,) = rescaling_discrepancies(on_sphere(expression), bench)
        assert found.error > 0.01 * found.scale
        assert found.error > 1e6 * found.bound


def test_without_a_lipschitz_constant_nothing_is_said(bench: object) -> None:
    """An infinite bound, which is powerless."""
    (found,) = rescaling_discrepancies(on_sphere("square(x)", sigma_w=0.1), bench)
    assert found.bound == math.inf
    assert found.powerless
