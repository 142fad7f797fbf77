"""Strategies draw what they say, from the whole of it, without rejecting a draw, and shrink to the simplest."""

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from theory_check.case.record import canonical_json
from theory_check.judge.definiteness import certified_lower_bound
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation as load
from theory_check.neural_ode.activations.mollification import is_piecewise_linear
from theory_check.neural_ode.activations.nonlinearity import is_certified_nonlinear
from theory_check.neural_ode.activations.parsing import parse
from theory_check.neural_ode.activations.polynomial import coefficients, degree
from theory_check.neural_ode.case import (
    MAX_CORRELATION,
    Case,
    Digits,
    Explicit,
    Sphere,
    correlations,
    count_of,
    labels_of,
    materialise,
    parallel_rows,
)
from theory_check.neural_ode.claims.departures import DEPARTURES
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.neural_ode.measurements.horizon_growth import asymptotic_slope
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.strategies import (
    Narrowing,
    Sizes,
    cases,
    differentiable_activations,
    growing_activations,
    kinked_activations,
    lipschitz_activations,
    narrowed,
    not_lipschitz_activations,
    piecewise_linear_activations,
    polynomial_activations,
    smooth_activations,
    weak_polynomial_activations,
    widths,
)
from theory_check.neural_ode.strategies.activations import KINKED, SMOOTH, STEEPEST
from theory_check.neural_ode.strategies.narrowing import current_narrowing
from theory_check.neural_ode.strategies.neural_odes import GAINS, STRUCTURES
from theory_check.runs.properties import load_properties, property_files
from theory_check.search.property import property_of

ACTIVATIONS = {
    "smooth": smooth_activations(),
    "kinked": kinked_activations(),
    "polynomial": polynomial_activations(),
    "not-lipschitz": not_lipschitz_activations(),
    "lipschitz": lipschitz_activations(),
    "growing": growing_activations(),
}
STRATA = sorted({stratum for claim in CLAIMS.values() for stratum in claim.strata} | {
    control.stratum
    for path in property_files()
    for prop in map(property_of, vars(load_properties(path)).values())
    if prop is not None
    for control in prop.controls
} | {
    departure.stratum for departures in DEPARTURES.values() for departure in departures if departure.stratum
})  # fmt: skip
Value = TypeVar("Value")
GIVEN = Explicit(tuple((float(k), float(k * k % 7), 1.0) for k in range(1, 41)))


@pytest.fixture(scope="module", autouse=True)
def _digits_loaded() -> None:
    """Importing scikit-learn inside a strategy would disturb the draws, and Hypothesis warns of it."""
    materialise(Digits((0,)))


def drawn(strategy: SearchStrategy[Value], count: int, seed: int = 0) -> list[Value]:
    """`count` examples in Hypothesis's own way, health checks on; every draw that was started has to end."""
    started: list[None] = []
    found: list[Value] = []

    @st.composite
    def counted(draw: DrawFn) -> Value:
        started.append(None)
        return draw(strategy)

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None, phases=(Phase.generate,))
    @hypothesis.given(counted())
    def collect(value: Value) -> None:
        found.append(value)

    collect()
    # Hypothesis itself may give up a draw for its length or a repetition; a filter would give up far more.
    assert len(started) <= 1.1 * len(found) + 5
    return found


def minimal(strategy: SearchStrategy[Value], condition: Callable[[Value], bool] = lambda _: True) -> Value:
    """What the strategy shrinks to."""
    settings = hypothesis.settings(database=None, max_examples=2000, phases=(Phase.generate, Phase.shrink))
    return hypothesis.find(strategy, condition, settings=settings)


@pytest.fixture(scope="module")
def smooth() -> list[Activation]:
    """500 smooth functions."""
    return drawn(smooth_activations(), 500)


@pytest.fixture(scope="module")
def kinked() -> list[Activation]:
    """150 kinked functions."""
    return drawn(kinked_activations(), 150)


# --- activations -------------------------------------------------------------------------------------------------


def test_growing_functions_grow_linearly() -> None:
    """Every draw is Lipschitz with proved bounds and has a slope far out; lines with bounded trees are among them."""
    growing = drawn(growing_activations(), 200)
    for phi in growing:
        # The least is that of 0.5 * (0.5 * x) on one half-line: a quarter over the root of two.
        assert asymptotic_slope(phi) >= 0.176, phi
        assert phi.is_lipschitz, phi
        assert phi.bounds == "proved", phi
    assert sum("*x + (" in phi.expression for phi in growing) > 20
    assert minimal(growing_activations()).expression == "x"


def test_smooth_trees_are_smooth_nonlinear_proved_and_not_too_steep(smooth: list[Activation]) -> None:
    """Class, certificate by value, proved bounds and steepness of every draw."""
    assert len(smooth) == 500
    for phi in smooth:
        assert phi.classification == "smooth", phi
        assert not phi.kinks, phi
        assert phi.bounds == "proved", phi
        assert 0 < phi.lipschitz <= STEEPEST * (1 + 1e-12), phi
        assert is_certified_nonlinear(phi), phi


def test_steepness_is_also_what_the_functions_do(smooth: list[Activation]) -> None:
    """Chords of the functions themselves on a grid are no steeper than L1, their slopes no more curved than L2."""
    x = torch.linspace(-12.0, 12.0, 4801, dtype=torch.float64)
    step = float(x[1] - x[0])
    for phi in smooth[::5]:
        values, slopes = phi(x), phi.derivative(x)
        rounding = 1e-10 * (1.0 + float(values.abs().max()))
        assert float(values.diff().abs().max()) <= phi.lipschitz * step + rounding, phi
        assert float(slopes.diff().abs().max()) <= phi.derivative_lipschitz * step + rounding, phi


def test_a_third_of_the_trees_is_deep(smooth: list[Activation]) -> None:
    """At least 30 % have three operators or more, and a good part of the catalogue occurs."""
    deep = sum(phi.operators >= 3 for phi in smooth)
    assert deep >= 0.3 * len(smooth)
    # Slopes and shifts are operators as well: of functions of the catalogue a third of the trees holds three or more.
    calls = [len(re.findall(r"[a-z]\(", phi.expression)) for phi in smooth]
    assert sum(count >= 3 for count in calls) >= 0.3 * len(smooth)
    names = Counter(name for phi in smooth for name in SMOOTH if f"{name}(" in phi.expression)
    assert set(names) == set(SMOOTH)
    assert len({phi.expression for phi in smooth}) >= 300


def test_kinks_are_where_the_derivative_jumps(kinked: list[Activation]) -> None:
    """The one-sided slopes differ at every kink; elsewhere the slope moves no faster than the curvature allows."""
    grid = np.linspace(-16.0, 16.0, 12_801) + math.pi * 1e-4
    for phi in kinked:
        assert (phi.classification, phi.bounds) == ("kinked", "proved"), phi
        assert phi.lipschitz <= STEEPEST * (1 + 1e-12), phi
        assert math.isfinite(phi.curvature), phi
        assert phi.kinks, phi
        for kink in phi.kinks:
            assert phi.slope_at(kink, -1) != phi.slope_at(kink, 1), (phi, kink)
        slopes = phi.derivative(torch.from_numpy(grid)).numpy()
        between = np.ones(len(grid) - 1, dtype=bool)
        at = np.searchsorted(grid, phi.kinks)
        between[at[(at > 0) & (at < len(grid))] - 1] = False
        moved = np.abs(np.diff(slopes))[between]
        assert (moved <= phi.curvature * np.diff(grid)[between] + 1e-11 * (1 + phi.lipschitz)).all(), phi


def test_kinked_trees_use_every_kinked_function(kinked: list[Activation]) -> None:
    """All of the kinked catalogue occurs, and functions of several kinks do."""
    assert {name for phi in kinked for name in KINKED if f"{name}(" in phi.expression} == set(KINKED)
    assert max(len(phi.kinks) for phi in kinked) >= 2


def test_functions_without_a_lipschitz_constant_have_none() -> None:
    """Classified so, and in fact steeper than 100 near 0 or far out."""
    near, far = (torch.linspace(-reach, reach, 2_001, dtype=torch.float64) for reach in (1e-3, 60.0))
    for phi in drawn(not_lipschitz_activations(), 60):
        assert phi.classification == "not-lipschitz", phi
        assert max(float((phi(x).diff() / x.diff()).abs().max()) for x in (near, far)) > 100, phi


def test_polynomials_are_polynomials() -> None:
    """The degree is that of the tree: differences one order higher vanish, those of that order do not."""
    x = torch.arange(-4.0, 5.0, dtype=torch.float64)
    degrees = set()
    for phi in drawn(polynomial_activations(), 100):
        assert phi.degree is not None, phi
        assert phi.degree <= 3
        degrees.add(phi.degree)
        values = phi(x)
        assert values.diff(n=phi.degree + 1).abs().max() <= 1e-9, phi
        assert phi.degree == 0 or values.diff(n=phi.degree).abs().min() >= 1e-6, phi
    assert degrees >= {1, 2, 3}


def test_lipschitz_functions_are_of_every_kind() -> None:
    """The identity, smooth and kinked functions."""
    kinds = Counter(phi.classification for phi in drawn(lipschitz_activations(), 100))
    assert set(kinds) == {"affine", "smooth", "kinked"}


# --- cases -------------------------------------------------------------------------------------------------------


def in_stratum(stratum: str, count: int = 60, **narrowing: object) -> list[Case]:
    """Cases of a stratum as the properties draw them."""
    with narrowed(Narrowing(stratum=stratum, **narrowing)):
        return drawn(cases(lipschitz_activations(), any_weights=True), count)


@pytest.mark.parametrize("stratum", STRATA)
def test_cases_are_valid_and_of_the_size_asked_for(stratum: str) -> None:
    """Inputs, dimensions, widths, growth and text of every case of every stratum."""
    for case in in_stratum(stratum):
        rows = materialise(case.data)
        assert case.stratum == stratum
        assert rows.shape[0] == count_of(case.data)
        assert 1 <= rows.shape[1] <= 64
        assert np.isfinite(rows).all()
        assert 1 <= case.width <= 32
        phi = load(case.activation)
        model = case.neural_ode
        assert model.sigma_w * model.horizon * max(1.0, phi.lipschitz) <= 4.0 * (1 + 1e-12)
        assert canonical_json(case)
        assert (case.eta_factor > 2) == (stratum == "large-step")
        assert (case.weights.pinned is not None) <= (stratum == "pinned")


def test_strong_cases_have_at_least_half_of_the_growth() -> None:
    """Whatever the steepness: sigma_w x horizon x max(1, L1) lies between half of the greatest and the greatest."""
    for stratum in ("sphere", "digits"):
        with narrowed(Narrowing(stratum=stratum)):
            found = drawn(cases(lipschitz_activations(), most_growth=1.0, strong=True), 60)
        growths = [
            case.neural_ode.sigma_w * case.neural_ode.horizon * max(1.0, load(case.activation).lipschitz)
            for case in found
        ]
        assert min(growths) >= 0.5 * (1 - 1e-12)
        assert max(growths) <= 1 + 1e-12
        assert min(growths) < 0.8


def test_sphere_and_digits_are_kept_apart() -> None:
    """No two inputs of these strata are correlated beyond 0.95, and at most 2 d lie on a sphere."""
    for stratum in ("sphere", "digits"):
        for case in in_stratum(stratum):
            off = np.abs(correlations(materialise(case.data)))[~np.eye(count_of(case.data), dtype=bool)]
            assert (off <= MAX_CORRELATION + 1e-12).all()
            if isinstance(case.data, Sphere):
                assert case.data.count <= 2 * case.data.dimension


def test_a_zero_input_is_the_first_row() -> None:
    """The first row of that stratum is zero; the others are anything."""
    found = in_stratum("zero-input")
    assert all(not materialise(case.data)[0].any() for case in found)
    assert any(materialise(case.data)[1:].any() for case in found)


def test_crowded_inputs_are_more_than_an_affine_model_can_tell_apart() -> None:
    """N > d + 1, and the points are apart."""
    for case in in_stratum("crowded"):
        count, dimension = materialise(case.data).shape
        assert count > dimension + 1
        assert parallel_rows(materialise(case.data)) is None


def test_independent_inputs_are_told_apart_by_an_affine_model() -> None:
    """2 <= N <= d, and their Gram matrix is certified to be regular."""
    for case in in_stratum("independent"):
        rows = materialise(case.data)
        assert 2 <= rows.shape[0] <= rows.shape[1]
        assert certified_lower_bound(correlations(rows), 1e-14).certified


def test_weak_polynomials_are_polynomials_that_are_neither_affine_nor_steep() -> None:
    """Degree 2 or 3 by their coefficients, both of which occur, and slopes of 1/4 at most over [-8, 8]."""
    found = drawn(weak_polynomial_activations(), 60)
    degrees = {degree(coefficients(parse(phi.expression, frozenset(CATALOGUE)))) for phi in found}
    assert degrees == {2, 3}
    for phi in found:
        assert not phi.is_lipschitz
        assert is_certified_nonlinear(phi)
        grid = torch.linspace(-8.0, 8.0, 101, dtype=torch.float64)
        assert float(phi.derivative(grid).abs().max()) <= 0.25


@pytest.mark.parametrize(("stratum", "sign"), [("repeated", 1.0), ("antipodal", -1.0), ("contradictory", 1.0)])
def test_degenerate_inputs_hold_one_input_twice(stratum: str, sign: float) -> None:
    """The last row is the first, or its negative; contradictory ones ask for two labels at it."""
    for case in in_stratum(stratum):
        rows = materialise(case.data)
        assert len(rows) >= 2
        assert (rows[-1] == sign * rows[0]).all()
        assert rows[0].any()
        assert parallel_rows(rows) is not None
        labels = labels_of(case.data, 0)
        assert (labels[0] != labels[-1]) or stratum != "contradictory"


def test_pinned_cases_aim_at_kinks() -> None:
    """The value is a kink of the activation, or within 1e-6 of one, and often the kink itself."""
    found = [case for case in in_stratum("pinned", 200) if load(case.activation).kinks]
    distances = [min(abs(case.weights.pinned - k) for k in load(case.activation).kinks) for case in found]
    assert len(found) >= 20
    assert max(distances) <= 1.0000001e-6
    assert distances.count(0.0) >= 3
    assert sum(0 < d < 1e-8 for d in distances) >= 3


def test_structured_weights_occur_only_where_they_are_asked_for() -> None:
    """Every structure and gain with any_weights, plain ones without."""
    seen = in_stratum("sphere", 200)
    assert {case.weights.structure for case in seen} == set(STRUCTURES)
    assert {case.weights.gain for case in seen} == set(GAINS)
    with narrowed(Narrowing(stratum="sphere")):
        plain = drawn(cases(smooth_activations()), 30)
    assert {(case.weights.structure, case.weights.gain) for case in plain} == {("gaussian", 1.0)}


def test_narrow_cases_are_narrow_whatever_width_is_asked_for() -> None:
    """Widths 2 and 4 in that stratum; elsewhere those asked for."""
    with narrowed(Narrowing(stratum="narrow")):
        assert {case.width for case in drawn(cases(smooth_activations(), width=widths(64, 64)), 20)} == {2, 4}
    with narrowed(Narrowing(stratum="sphere")):
        assert {case.width for case in drawn(cases(smooth_activations(), width=widths(64, 64)), 20)} == {64}


def test_a_named_activation_is_the_only_one() -> None:
    """A trial on one activation draws no other."""
    with narrowed(Narrowing(activation=load("gelu"), stratum="arbitrary")):
        assert {case.activation for case in drawn(cases(smooth_activations()), 20)} == {"gelu(x)"}


def test_given_rows_are_the_users_own() -> None:
    """Every row of a case is one of the user's, none twice, also when a kink is laid on them."""
    for stratum in ("given", "pinned"):
        for case in in_stratum(stratum, given=GIVEN):
            assert isinstance(case.data, Explicit)
            assert set(case.data.rows) <= set(GIVEN.rows)
            assert len(set(case.data.rows)) == len(case.data.rows)
            assert 1 <= len(case.data.rows) <= 4


def test_offending_given_rows_are_always_among_those_taken() -> None:
    """Two parallel rows of the user's are in every case: the claim's assumption is never met by luck."""
    given = Explicit((*GIVEN.rows, tuple(-2.0 * x for x in GIVEN.rows[7])), tuple(float(k) for k in range(41)))
    for case in in_stratum("given", given=given):
        assert parallel_rows(materialise(case.data)) is not None
        assert {given.rows[7], given.rows[40]} <= set(case.data.rows)
        assert len(case.data.rows) <= 4
        assert case.data.labels == tuple(float(given.rows.index(row)) for row in case.data.rows)


def test_a_single_given_row_is_enough() -> None:
    """Data of one row make cases of one input."""
    only = Explicit(((1.0, 2.0),))
    assert {case.data for case in in_stratum("given", 10, given=only)} == {only}


def test_sizes_are_kept() -> None:
    """Numbers and dimensions asked for bound those drawn."""
    sizes = Sizes(inputs=(2, 3), dimensions=(3, 5))
    for stratum in ("sphere", "digits", "arbitrary"):
        with narrowed(Narrowing(stratum=stratum)):
            for case in drawn(cases(smooth_activations(), sizes=sizes), 40):
                rows = materialise(case.data)
                assert 2 <= len(rows) <= 3
                assert rows.shape[1] <= (64 if stratum == "digits" else 5)


# --- narrowing and shrinking -------------------------------------------------------------------------------------


def test_narrowing_ends_with_its_context() -> None:
    """Nested, left by an exception or in order, the outer narrowing is back."""
    outer, inner = Narrowing(stratum="sphere"), Narrowing(stratum="crowded")
    assert current_narrowing() == Narrowing()
    with narrowed(outer):
        with narrowed(inner):
            assert current_narrowing() is inner
        assert current_narrowing() is outer
        with pytest.raises(ZeroDivisionError), narrowed(inner):
            _ = 1 / 0
        assert current_narrowing() is outer
    assert current_narrowing() == Narrowing()


def test_a_random_phi_that_does_not_suit_gives_way_to_a_plain_one() -> None:
    """Of its class; one that suits, one of another class and one that the trial names stay."""
    for strategy, plain in ((smooth_activations(), "softplus(x)"), (kinked_activations(), "relu(x)")):
        assert {case.activation for case in drawn(cases(strategy, suited=lambda _: False), 20)} == {plain}
        assert {case.activation for case in drawn(cases(strategy, suited=lambda _: True), 20)} != {plain}
    affine = drawn(cases(polynomial_activations(1), suited=lambda _: False), 20)
    assert {load(case.activation).classification for case in affine} == {"affine"}
    unsuited = cases(smooth_activations(), suited=lambda _: False)
    with narrowed(Narrowing(activation=load("tanh"))):
        assert {case.activation for case in drawn(unsuited, 5)} == {"tanh(x)"}
    with narrowed(Narrowing(activations="kinked")):
        assert {case.activation for case in drawn(unsuited, 5)} == {"relu(x)"}


def test_what_gave_way_is_told_case_by_case() -> None:
    """To whoever narrows the search; of a property that takes every phi, and of a named phi, there is nothing."""
    for suits in (True, False):
        narrowing = Narrowing()
        with narrowed(narrowing):
            found = drawn(cases(smooth_activations(), suited=lambda _, suits=suits: suits), 10)
        assert narrowing.gave_way == {canonical_json(case): not suits for case in found}
    affine = Narrowing()
    with narrowed(affine):
        drawn(cases(polynomial_activations(1), suited=lambda _: False), 5)
    assert set(affine.gave_way.values()) == {False}  # it stays, as it has no plain one to give way to
    for narrowing, suited in ((Narrowing(), None), (Narrowing(activation=load("tanh")), lambda _: False)):
        with narrowed(narrowing):
            drawn(cases(smooth_activations(), suited=suited), 5)
        assert not narrowing.gave_way


def test_the_first_case_has_the_first_input_scale() -> None:
    """What a search must not leave to luck stands first."""
    found = drawn(cases(smooth_activations(), input_scales=(0.5, 1.0, 2.0)), 30)
    assert found[0].neural_ode.sigma_u == 0.5
    assert {case.neural_ode.sigma_u for case in found} == {0.5, 1.0, 2.0}


def test_without_narrowing_the_plain_strata_are_searched() -> None:
    """A property run on its own draws sphere and digits."""
    assert {case.stratum for case in drawn(cases(smooth_activations()), 30)} == {"sphere", "digits"}


@pytest.mark.parametrize("kind", sorted(ACTIVATIONS))
def test_two_hundred_draws_give_two_hundred_functions(kind: str) -> None:
    """No health check fails and nothing is rejected; polynomials of short coefficients may run out before."""
    found = drawn(ACTIVATIONS[kind], 200)
    assert len(found) == 200 or kind == "not-lipschitz"  # that space has fewer members
    assert len(found) >= 50


@pytest.mark.parametrize("stratum", STRATA)
def test_two_hundred_draws_give_two_hundred_cases(stratum: str) -> None:
    """Valid by construction: none is filtered, in any stratum."""
    assert len(in_stratum(stratum, 200)) == 200


def test_activations_shrink_to_a_leaf_of_the_catalogue() -> None:
    """The simplest smooth, kinked and other functions; a condition keeps what it needs and no more."""
    assert minimal(smooth_activations()).expression == "tanh(x)"
    assert minimal(kinked_activations()).expression == "relu(x)"
    assert minimal(not_lipschitz_activations()).expression == "square(x)"
    assert minimal(piecewise_linear_activations()).expression == "abs(x)"
    assert minimal(lipschitz_activations()).expression == "x"
    assert minimal(smooth_activations(), lambda phi: "elu(" in phi.expression.replace("gelu", "")).operators == 1


def test_cases_shrink_to_one_input_least_width_and_unit_scales() -> None:
    """Mathematical coordinates: fewest inputs, least width, simplest activation, short decimals."""
    for stratum, inputs in (("sphere", 1), ("arbitrary", 1), ("zero-input", 1), ("pinned", 1), ("repeated", 2)):
        with narrowed(Narrowing(stratum=stratum)):
            case = minimal(cases(smooth_activations(), width=widths(1, 24), any_weights=True))
        assert count_of(case.data) == inputs
        assert case.width == 1
        assert case.activation == "tanh(x)"
        assert case.neural_ode == NeuralODE()
        assert (case.weights.structure, case.weights.gain) == ("gaussian", 1.0)
        assert case.weights.pinned in {None, 0.0}


def test_a_product_needs_a_bounded_factor() -> None:
    """Every name that a product may take as its bounded factor is bounded in the catalogue."""
    assert {name for name in SMOOTH if math.isfinite(CATALOGUE[name].supremum)} == {
        "tanh",
        "sin",
        "erf",
        "sigmoid",
        "arctan",
        "cos",
    }


def test_differentiable_activations_hold_no_elu() -> None:
    """Smooth ones with derivatives of every order, in 200 draws."""
    found = drawn(differentiable_activations(), 200)
    assert all(f.differentiable and f.is_smooth for f in found)
    assert len({f.expression for f in found}) > 50


def test_piecewise_linear_functions_have_kinks_to_smooth() -> None:
    """All of them, one kink and more, of every kinked function of the catalogue; none is too steep."""
    phis = drawn(piecewise_linear_activations(), 150)
    assert all(is_piecewise_linear(phi) for phi in phis)
    assert all(phi.lipschitz <= STEEPEST for phi in phis)
    assert {name for name in KINKED if any(f"{name}(" in phi.expression for phi in phis)} == set(KINKED)
    assert {1, 2} <= {len(phi.kinks) for phi in phis}
    assert not any("smooth_relu" in phi.expression for phi in phis)
