"""Known failures are found by the general search in ten of ten seeds, and made as small as they can be."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from theory_check.judge.profile import PROFILES
from theory_check.judge.verdict import Outcome
from theory_check.neural_ode.case import Case, Digits, Explicit, Sphere, count_of, materialise, parallel_rows
from theory_check.neural_ode.claims.quantities import SEPARATION
from theory_check.neural_ode.model import NeuralODE
from theory_check.reporting.records import Report
from theory_check.search.plan import Plan, plans_of
from theory_check.search.property import Property
from theory_check.search.request import Request, make_request
from theory_check.search.trial import judge_case, run_trial

SEEDS = range(10)
FORWARD = "test_forward_solution_exists_and_is_unique"
BACKWARD = "test_adjoint_solution_is_unique"
DEFINITE = "test_tangent_kernel_is_positive_definite"
NONDEGENERATE = "test_limiting_nngp_kernel_is_positive_definite"
KINKS = {"relu": (0.0,), "leaky_relu": (0.0,), "abs": (0.0,), "hardtanh": (-1.0, 1.0)}


def _minimal(prop: Property, activation: str, stratum: str, seed: int) -> Outcome | None:
    """The smallest failing case of one trial on a named activation, or None."""
    found = run_trial(prop, Plan(0, "named", activation, stratum), Request(seed=seed, activations=(activation,)))
    if found.trial.minimal is None:
        return None
    assert (found.trial.verdict, found.trial.conclusion) == ("assumptions-not-met", "fails")
    return next(outcome for outcome in found.outcomes if outcome.case_id == found.trial.minimal)


def _first(prop: Property, activation: str, strata: tuple[str, ...], seed: int) -> Case:
    for stratum in strata:
        minimal = _minimal(prop, activation, stratum, seed)
        if minimal is not None:
            return minimal.case
    raise AssertionError(f"{activation} did not fail in any of {strata} with seed {seed}")


@pytest.mark.parametrize("activation", KINKS)
def test_kinked_functions_fail_backward_unique(properties: dict[str, Property], activation: str) -> None:
    """One input, width one, and the state at a kink of the function: named nowhere, found by the search."""
    prop = properties[BACKWARD]
    for seed in SEEDS:
        case = _first(prop, activation, ("pinned", "zero-input", "arbitrary", "digits"), seed)
        assert (count_of(case.data), case.width) == (1, 1)
        # Without a pinned coordinate the only input at a kink is the zero one: its state does not move when phi(0) = 0.
        state = case.weights.pinned if case.weights.pinned is not None else float(np.abs(materialise(case.data)).max())
        assert state in KINKS[activation]


def test_a_kink_at_zero_is_found_from_the_zero_input_too(properties: dict[str, Property]) -> None:
    """Without any pinned coordinate."""
    for seed in SEEDS:
        minimal = _minimal(properties[BACKWARD], "relu", "zero-input", seed)
        assert minimal is not None
        assert (minimal.case.data, minimal.case.width) == (Explicit(((0.0,),)), 1)


@pytest.mark.parametrize("seed", [4, 9])
def test_a_case_that_was_passed_over_does_not_make_a_search_flaky(properties: dict[str, Property], seed: int) -> None:
    """The smallest failing case may be one that a search passed over when its classes were full."""
    prop = next(prop for name, prop in properties.items() if prop.claim.id == "spread-reduced")
    request = Request(seed=seed)
    (plan,) = (plan for plan in plans_of(prop, request) if plan.name == "named-tanh-digits")
    assert run_trial(prop, plan, request).trial.verdict == "refuted"


def test_sign_sqrt_fails_forward_unique(properties: dict[str, Property]) -> None:
    """From the state at rest, where its slope is infinite: one input, the zero one, width one.

    As the claim's control: half of all weights of width one contract, and there the solution is unique.
    """
    prop = properties[FORWARD]
    for seed in SEEDS:
        request = Request(seed=seed)
        (plan,) = (
            plan for plan in plans_of(prop, request) if plan.kind == "control" and plan.activation == "sign_sqrt"
        )
        found = run_trial(prop, plan, request)
        (minimal,) = (outcome for outcome in found.outcomes if outcome.case_id == found.trial.minimal)
        assert minimal.quantity == SEPARATION
        assert (minimal.case.data, minimal.case.width) == (Explicit(((0.0,),)), 1)


def test_affine_functions_fail_ntk_positive_definite(properties: dict[str, Property]) -> None:
    """With the fewest inputs that exceed d + 1, in the least dimension of that stratum."""
    for seed in SEEDS:
        for activation, inputs in (("identity", 4), ("2*x + 1", 4)):
            minimal = _minimal(properties[DEFINITE], activation, "crowded", seed)
            assert minimal is not None
            data = minimal.case.data
            assert isinstance(data, Sphere)
            assert (data.count, data.dimension) == (inputs, 2)


@pytest.mark.parametrize(("activation", "stratum", "sign"), [("softplus", "repeated", 1), ("tanh", "antipodal", -1)])
def test_parallel_inputs_fail_ntk_positive_definite(
    properties: dict[str, Property], activation: str, stratum: str, sign: int
) -> None:
    """Two inputs, one the other's double or, for an odd function, its negative."""
    for seed in SEEDS:
        minimal = _minimal(properties[DEFINITE], activation, stratum, seed)
        assert minimal is not None
        first, second = materialise(minimal.case.data)
        np.testing.assert_array_equal(second, sign * first)
        assert parallel_rows(materialise(minimal.case.data)) == (0, 1)


@pytest.mark.parametrize(
    ("activation", "verdict", "conclusion", "status"),
    [("relu", "assumptions-not-met", "fails", 1), ("softplus", "supported", None, 0)],
)
def test_backward_unique_of_a_named_activation(
    audited: Callable[[Request], Report], activation: str, verdict: str, conclusion: str | None, status: int
) -> None:
    """ReLU does not refute the claim: it shows that the assumption is needed, and fails whoever named it."""
    report = audited(make_request(claims=["backward-unique"], activations=[activation]))
    assert report.exit_status == status
    (claim,) = report.claims
    named = {trial.stratum: trial for trial in claim.trials if trial.kind == "named"}
    assert set(named) == {"arbitrary", "digits", "zero-input", "pinned"}
    assert (named["pinned"].verdict, named["pinned"].conclusion) == (verdict, conclusion)
    assert all(trial.as_expected for trial in claim.trials if trial.kind == "control")


def test_an_affine_function_does_not_pass_ntk_positive_definite(audited: Callable[[Request], Report]) -> None:
    """The conclusion fails for what the user named."""
    report = audited(make_request(claims=["ntk-positive-definite"], activations=["identity"]))
    assert report.exit_status == 1


GOOD = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [2.0, -1.0, 1.0]])


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (GOOD[1], "rows 1 and 4 of {} are parallel"),
        (3.0 * GOOD[2], "rows 2 and 4 of {} are parallel"),
        (0.0 * GOOD[0], "row 4 of {} is zero"),
    ],
)
def test_rows_that_are_not_distinct_are_named_and_are_no_usage_error(
    audited: Callable[[Request], Report], tmp_path: Path, row: np.ndarray, named: str
) -> None:
    """A claim on distinct inputs answers assumptions not met; copies make its conclusion fail."""
    source = str(tmp_path / "rows.npy")
    np.save(source, np.vstack([GOOD, row]))
    report = audited(make_request(data=source, claims=["ntk-positive-definite"], activations=["softplus"]))
    (trial,) = (trial for trial in report.claims[0].trials if trial.kind == "named")
    assert (trial.verdict, trial.stratum) == ("assumptions-not-met", "given")
    assert named.format(source) in trial.reason
    assert named.format(source) in report.warnings
    zero = not row.any()
    assert report.exit_status == (3 if zero else 1)
    assert (trial.conclusion == "fails") is not zero


def test_rows_of_ones_own_that_are_distinct_are_supported(audited: Callable[[Request], Report], tmp_path: Path) -> None:
    """All of them in one kernel, wherever the claim can take them."""
    source = str(tmp_path / "rows.csv")
    np.savetxt(source, GOOD, delimiter=",")
    report = audited(make_request(data=source, claims=["ntk-positive-definite"], activations=["softplus"]))
    assert (report.exit_status, report.warnings) == (0, ())
    (trial,) = (trial for trial in report.claims[0].trials if trial.kind == "named")
    assert trial.executed == PROFILES["quick"].named_examples
    rows = [outcome.case.data.rows for outcome in report.claims[0].outcomes if outcome.case.stratum == "given"]
    assert max(map(len, rows)) == len(GOOD)


def test_a_note_on_rows_is_for_claims_that_need_distinct_ones(
    audited: Callable[[Request], Report], tmp_path: Path
) -> None:
    """The adjoint is unique whatever the inputs, so that a repeated row is no reason for anything there."""
    source = str(tmp_path / "rows.npy")
    np.save(source, GOOD[[0, 0]])
    report = audited(make_request(data=source, claims=["backward-unique"], activations=["softplus"]))
    assert report.exit_status == 0
    assert not any(trial.reason for trial in report.claims[0].trials if trial.kind == "named")


@pytest.mark.parametrize("claim", ["ntk-positive-definite", "nngp-nondegenerate"])
def test_a_bound_larger_than_the_kernel_does_not_fail_a_claim(properties: dict[str, Property], claim: str) -> None:
    """One digit under x^2, a kernel of 1 known to 100: its conclusion was said to fail, with exit status 1."""
    prop = properties[DEFINITE if claim == "ntk-positive-definite" else NONDEGENERATE]
    case = Case(
        activation="square(x)",
        data=Digits((0,)),
        width=8,
        neural_ode=NeuralODE(horizon=0.5, sigma_u=2.0, sigma_w=0.75),
        stratum="digits",
    )
    outcome = judge_case(prop, case, make_request(activations=["square"]))
    assert outcome.verdict == "assumptions-not-met"
    assert outcome.conclusion in {"undecided", "holds"}
    assert outcome.conclusion == "holds" or "neither proves the smallest positive nor shows" in outcome.reason


@pytest.mark.parametrize(
    ("expression", "strength"), [("square", 0.1), ("square", 0.3), ("x**2/2", 0.1), ("x**2/2", 2.0)]
)
def test_a_square_of_six_inputs_in_five_dimensions_never_fails(
    properties: dict[str, Property], expression: str, strength: float
) -> None:
    """Certified where the flow is weak, undecided where its limit cannot be computed."""
    case = Case(activation=expression, data=Sphere(6, 5, 1), width=8, neural_ode=NeuralODE(sigma_w=strength))
    request = make_request(activations=[expression])
    for name in (DEFINITE, NONDEGENERATE):
        found = judge_case(properties[name], msgspec.structs.replace(case, activation=request.activations[0]), request)
        assert found.conclusion == ("holds" if strength < 1 else "undecided")
