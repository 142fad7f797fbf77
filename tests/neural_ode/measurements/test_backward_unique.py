"""Claim backward-unique: the choice of phi' matters at kinks, and never for smooth phi."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from theory_check.case.record import Seeds
from theory_check.neural_ode.case import Case, Explicit, Weights
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements import backward_unique
from theory_check.neural_ode.measurements.backward_unique import backward_discrepancies
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.schemes import adjoint, forward
from theory_check.neural_ode.strategies import smooth_activations

SOLVERS = q.ADJOINT_AGREEMENT
ZERO = Explicit(((0.0, 0.0),))
ONE = Explicit(((1.0, -0.5),))
ROWS = Explicit(((1.0, -0.5), (2.0, 1.0)))


def case_at(expression: str, data: Explicit, pinned: float | None = None, width: int = 8) -> Case:
    """Typical weights, the state pinned or not."""
    return Case(
        activation=expression,
        data=data,
        width=width,
        neural_ode=NeuralODE(horizon=1.0),
        weights=Weights(pinned=pinned),
        stratum="pinned" if pinned is not None else "zero-input",
    )


def test_at_zero_the_adjoint_of_relu_is_what_the_derivative_is_chosen_to_be(bench: object) -> None:
    """Probe (a): x = 0, lambda_0 for phi'(0) = 0, 1/2, 1 has growing norms from 0 on; the jump is all of it."""
    case = case_at("relu", ZERO)
    instance = bench.instance(case)
    parameters = instance.parameters()
    run = forward(instance.activation, case.neural_ode, parameters, instance.inputs)
    ones = torch.ones_like(run.outputs)
    norms = [
        float(torch.linalg.vector_norm(adjoint(*_model(instance, parameters), run, ones, clarke).lambda_0))
        for clarke in (0.0, 0.5, 1.0)
    ]
    assert norms[0] == 0.0
    assert 0.1 < norms[1] < norms[2]
    jump, _ = backward_discrepancies(case, bench)
    assert jump.quantity == q.JUMP
    assert jump.error == pytest.approx(norms[2], rel=1e-9)
    assert jump.error > 1e6 * jump.bound


def _model(instance: object, parameters: object) -> tuple[object, object, object]:
    return instance.activation, instance.case.neural_ode, parameters


@pytest.mark.parametrize(
    ("expression", "kink"), [("relu", 0.0), ("hardtanh", -1.0), ("hardtanh", 1.0), ("abs(x - 0.3)", 0.3)]
)
def test_a_state_that_stays_at_a_kink_gives_two_adjoints(expression: str, kink: float, bench: object) -> None:
    """Probe (b): pinned at any kink, representable or not, every choice of derivative has its own adjoint."""
    jump, _ = backward_discrepancies(case_at(expression, ROWS, kink), bench)
    assert jump.error > 1e-4 * jump.scale
    assert jump.error > 1e3 * jump.bound


def test_the_jump_does_not_shrink_with_the_distance(bench: object) -> None:
    """Probe (c): beside the kink by less than the shift it is the same jump; far beside it there is none."""
    jumps = [backward_discrepancies(case_at("relu", ONE, eps, 3), bench)[0] for eps in (0.0, 1e-13, -1e-14)]
    refined = [backward_discrepancies(case_at("relu", ONE, 1e-13, 3), bench, refined=True)[0]]
    # The weights are those of each case, so sizes differ; none is small.
    assert all(jump.error > 1e-3 * jump.scale for jump in jumps + refined)
    away = backward_discrepancies(case_at("relu", ONE, 1e-6, 3), bench)[0]
    assert away.error <= away.bound


@pytest.mark.parametrize("stratum", ["arbitrary", "digits", "zero-input", "pinned"])
def test_smooth_functions_have_one_adjoint(stratum: str, drawn: Callable[..., list[Case]], bench: object) -> None:
    """Drawn trees, steep ones among them: both comparisons are made and hold."""
    for case in drawn(smooth_activations(), stratum, 4, seed=21):
        for found in backward_discrepancies(case, bench):
            assert not found.powerless, case
            assert found.error <= found.bound, case


@pytest.mark.parametrize(
    "expression", ["elu(x)", "tanh(8*x)", "sin(7*x + 1)", "4*softplus(2*x)", "0.001*tanh(x) + x", "x"]
)
def test_elu_and_steep_functions_have_one_adjoint(expression: str, bench: object) -> None:
    """A second derivative that jumps, L2 far above L1 or next to nothing, also at the place of the jump."""
    for data, pinned in ((ZERO, None), (ROWS, 0.0), (ROWS, 0.5)):
        for found in backward_discrepancies(case_at(expression, data, pinned), bench):
            assert not found.powerless
            assert found.error <= found.bound


def test_the_bound_of_the_jump_is_used(bench: object) -> None:
    """tanh(8 x) changes its derivative by nearly what its L2 allows: the bound is within ten times the change."""
    jump, _ = backward_discrepancies(case_at("tanh(8*x)", ROWS, 0.08, width=1), bench)
    assert 0.1 < jump.share <= 1


def test_an_adjoint_off_by_a_thousandth_is_seen(bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The discrete adjoint scaled by 1.001 no longer agrees with the continuous one."""
    case = case_at("softplus", ROWS)
    assert all(d.error <= d.bound for d in backward_discrepancies(case, bench))
    right = backward_unique.solve_adjoint

    def wrong(*args: object, **kwargs: object) -> object:
        solved = right(*args, **kwargs)
        solved.lambda_0.mul_(1.001)
        return solved

    monkeypatch.setattr(backward_unique, "solve_adjoint", wrong)
    _, solvers = backward_discrepancies(case, bench)
    assert solvers.quantity == SOLVERS
    assert solvers.error > solvers.bound


def test_a_derivative_with_a_small_step_is_seen(bench: object) -> None:
    """A user's kink of one millionth, met exactly, is still a kink: 1e-6 relu(x) + tanh(x) at 0."""
    jump, _ = backward_discrepancies(case_at("tanh(x) + 0.000001*relu(x)", ROWS, 0.0), bench)
    assert jump.error > jump.bound


@pytest.mark.parametrize("expression", ["exp(x)", "x**2"])
def test_without_a_lipschitz_constant_nothing_is_concluded(expression: str, bench: object) -> None:
    """The adjoint of exp is unique; a bound for slopes of at most 1 would say it is not."""
    for data in (ONE, ZERO):
        found = backward_discrepancies(case_at(expression, data, width=1), bench)
        assert all("no Lipschitz constant" in d.powerless for d in found)


def test_where_the_flow_amplifies_the_solve_is_tightened_before_nothing_can_be_said(
    bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once underpowered: L T = 4, and the bound of an adaptive solve to 1e-12 was above 1 % of the adjoint."""
    case = Case(
        activation="tanh(x)",
        data=Explicit(((0.0, 0.0, 0.0), (-2.5, -1.0, -2.0))),
        width=7,
        neural_ode=NeuralODE(sigma_w=0.75, sigma_v=1.5, horizon=3.0),
        weights=Weights(structure="symmetric", gain=2.0),
        stratum="zero-input",
    )
    setting = replace(bench, seeds=Seeds(2, "backward-unique"))
    assert not any(d.powerless for d in backward_discrepancies(case, setting))
    measured = backward_unique._solvers
    monkeypatch.setattr(backward_unique, "_solvers", lambda *args, **_: measured(*args, refined=False))
    assert backward_discrepancies(case, setting)[1].powerless
