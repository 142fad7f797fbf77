"""Claim adjoint-gradient: right gradients hold, wrong ones are refuted, bounds lie above the truth."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from theory_check.case.record import Seeds
from theory_check.claims.quantity import Quantity
from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.case import Case, Explicit, Weights
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements import adjoint_gradient
from theory_check.neural_ode.measurements.adjoint_error import adaptive_errors, largest_adjoint
from theory_check.neural_ode.measurements.adjoint_gradient import gradient_discrepancies
from theory_check.neural_ode.measurements.gradient_error import gradient_error, gradient_sizes
from theory_check.neural_ode.measurements.instance import propagator_bound, with_bounded_growth
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.flow import FlowGradient, solve_adjoint
from theory_check.neural_ode.networks.gradients import loss_gradient_discrete
from theory_check.neural_ode.networks.parameters import Parameters, add_scaled, norm
from theory_check.neural_ode.networks.schemes import adjoint, forward
from theory_check.neural_ode.planted.defects import planted
from theory_check.neural_ode.strategies import smooth_activations

CASE = Case(activation="softplus(x)", data=Explicit(((1.0, -0.5), (2.0, 1.0))), width=6, weights=Weights(gain=2.0))
Change = Callable[[FlowGradient], FlowGradient]


def failing(found: tuple[Discrepancy, ...]) -> set[str]:
    """Quantities that exceed their bound."""
    return {d.quantity for d in found if not d.powerless and d.error > d.bound}


def judged(found: tuple[Discrepancy, ...]) -> bool:
    """Every comparison is made and none exceeds its bound."""
    return not failing(found) and not any(d.powerless for d in found)


@pytest.mark.parametrize("stratum", ["arbitrary", "digits", "zero-input", "pinned"])
def test_gradients_of_smooth_networks_hold(stratum: str, drawn: Callable[..., list[Case]], bench: object) -> None:
    """Drawn trees: three differences against each adjoint, and the steps of the solver."""
    for case in drawn(smooth_activations(), stratum, 5, seed=31):
        found = gradient_discrepancies(case, bench)
        assert [d.quantity for d in found] == 3 * [q.DISCRETE] + 3 * [q.CONTINUOUS] + [q.STEPS]
        assert judged(found), case


@pytest.mark.parametrize("stratum", ["arbitrary", "digits"])
def test_elu_whose_second_derivative_jumps_holds(
    stratum: str, drawn: Callable[..., list[Case]], changed: Callable[..., Case], bench: object
) -> None:
    """Nine random cases each: it once gave a false refutation."""
    for case in drawn(smooth_activations(), stratum, 9, seed=41, width=(1, 8)):
        assert judged(gradient_discrepancies(changed(case, activation="elu(x)"), bench)), case


def test_a_loss_that_is_flat_to_rounding_holds(bench: object) -> None:
    """At a pinned state phi(h) = 1e-12: the loss does not move at all, yet it rounds. Once a false refutation."""
    for row in ((2.0, 2.5, 1.5), (2.0, 0.0, 2.0), (0.0, 0.0, 2.0)):
        case = Case(
            activation="erf(-x + 0.5)",
            data=Explicit((row,)),
            width=1,
            neural_ode=NeuralODE(sigma_v=0.5, horizon=2.0),
            weights=Weights(structure="symmetric", gain=0.25, pinned=0.499999999999),
            stratum="pinned",
        )
        assert judged(gradient_discrepancies(case, bench))


def test_a_residual_of_nearly_nothing_holds(bench: object, changed: Callable[..., Case]) -> None:
    """Labels equal to the outputs up to 1e-3 or 1e-6: the rounding of f counts, not that of the small loss."""
    instance = bench.instance(CASE)
    parameters, _ = with_bounded_growth(instance, instance.parameters(), 3.0)
    outputs = forward(instance.activation, CASE.neural_ode, parameters, instance.inputs, steps=64).outputs[:, 0]
    for off in (1e-3, 1e-6):
        # Labels are part of the case, so its weights change with them: three rounds settle nothing, but give residuals.
        case = changed(CASE, data=Explicit(CASE.data.rows, tuple((outputs + off).tolist())))
        assert not failing(gradient_discrepancies(case, bench))


def test_labels_that_happen_to_meet_the_outputs_are_moved(bench: object) -> None:
    """Drawn five millionths from the output, they left a gradient too small to compare; given ones stay."""
    seeds = Seeds(16, "adjoint-gradient")
    case = Case(activation="softplus(x)", data=Explicit(((0.0,),)), width=1, stratum="arbitrary")
    found = gradient_discrepancies(case, replace(bench, seeds=seeds))
    assert judged(found)
    assert max(d.scale or 0.0 for d in found) > 0.1
    instance = replace(bench, seeds=seeds).instance(case)
    outputs = instance.labels()[:, None] + 1e-5
    assert torch.equal(adjoint_gradient._labels(instance, outputs), instance.labels()[:, None] + 1.0)
    own = bench.instance(case, data=Explicit(((0.0,),), (0.5,)))
    given = own.labels()[:, None]
    assert torch.equal(adjoint_gradient._labels(own, given), given)


@pytest.mark.parametrize(
    ("expression", "rows", "scales", "width", "root"),
    [
        # Bounds of adaptive solves: 1.5 % of the gradient at a tolerance of 1e-11.
        (
            "tanh(x)",
            ((0.0, 0.0, 0.0, 0.0), (1.0, 1.5, 1.5, 2.0)),
            NeuralODE(sigma_u=0.75, sigma_w=1.5, sigma_v=1.5, horizon=2.0),
            16,
            4,
        ),
        # 1.7 % at 1e-12: P |lambda_T| is many times the adjoint, and steps err by far less than they may.
        (
            "x*exp(0.5*(-x**2))",
            ((0.0, 0.0, 0.0, 0.0), (0.0, 1.0, 1.5, -0.5)),
            NeuralODE(sigma_u=0.75, horizon=2.0),
            17,
            0,
        ),
    ],
)
def test_where_the_flow_amplifies_more_is_measured_before_nothing_can_be_said(
    expression: str,
    rows: tuple[tuple[float, ...], ...],
    scales: NeuralODE,
    width: int,
    root: int,
    bench: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once underpowered: a zero input beside another, W symmetric, so that errors grow 25-fold."""
    case = Case(
        activation=expression,
        data=Explicit(rows),
        width=width,
        neural_ode=scales,
        weights=Weights(structure="symmetric", gain=2.0),
        stratum="zero-input",
    )
    setting = replace(bench, seeds=Seeds(root, "adjoint-gradient"))
    found = gradient_discrepancies(case, setting)
    assert len(found) == 7
    assert judged(found)
    # The first attempt hands over.
    monkeypatch.setattr(adjoint_gradient, "gradient_discrepancies", lambda *_, **__: ())
    assert gradient_discrepancies(case, setting) == ()


def test_at_a_kink_the_difference_is_no_adjoint(bench: object) -> None:
    """With abs pinned beside 0 differences straddle the kink, and the property stops at the scheme's own gradient."""
    case = replace_weights(CASE, "abs", Weights(pinned=1e-6))
    found = gradient_discrepancies(case, bench)
    assert failing(found) == {q.DISCRETE}
    assert failing(gradient_discrepancies(case, bench, refined=True)) == {q.DISCRETE}


def replace_weights(case: Case, expression: str, weights: Weights) -> Case:
    """Another activation and other weights on the same data."""
    return Case(activation=expression, data=case.data, width=case.width, weights=weights, stratum="pinned")


@pytest.mark.parametrize(
    ("defect", "quantity"),
    [
        ("adjoint-wrong-sign", q.CONTINUOUS),
        ("adjoint-without-derivative", q.CONTINUOUS),
        ("adjoint-loose-solver", q.STEPS),
    ],
)
def test_planted_defects_are_refuted_in_every_case(
    defect: str, quantity: Quantity, drawn: Callable[..., list[Case]], changed: Callable[..., Case], bench: object
) -> None:
    """Softplus on drawn inputs, weights and widths, W not zero; a loose solver shows where the tolerance limits it."""
    found = [c for c in drawn(smooth_activations(), "arbitrary", 9, seed=51) if c.weights.structure != "zero"][:6]
    with planted(defect):
        seen = [failing(gradient_discrepancies(changed(case, activation="softplus(x)"), bench)) for case in found]
    # Over a short horizon one step is accurate at a thousand times the tolerance too.
    assert sum(quantity in quantities for quantities in seen) >= (len(found) if quantity == q.CONTINUOUS else 4)


def _changed_gradient(**factors: float) -> Change:
    def change(solved: FlowGradient) -> FlowGradient:
        parts = {name: getattr(solved.gradient, name) * factors.get(name, 1.0) for name in ("U", "W", "V")}
        return replace(solved, gradient=Parameters(**parts))

    return change


def _stale_adjoint(solved: FlowGradient) -> FlowGradient:
    """The adjoint behind dU is lambda as it was when the last piece of the backward solve started."""
    stale = solved.pieces[-1].samples[0, 0, 1]
    size = torch.linalg.vector_norm(solved.lambda_0, dim=1, keepdim=True)
    now = solved.pieces[-1].final[1]
    lambda_0 = stale * size / torch.linalg.vector_norm(now, dim=1, keepdim=True)
    share = torch.linalg.vector_norm(lambda_0) / torch.linalg.vector_norm(solved.lambda_0)
    gradient = Parameters(U=solved.gradient.U * share, W=solved.gradient.W, V=solved.gradient.V)
    return replace(solved, gradient=gradient)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("dU missing", _changed_gradient(U=0.0)),
        ("dW missing", _changed_gradient(W=0.0)),
        ("dV missing", _changed_gradient(V=0.0)),
        ("dW off by 1 %", _changed_gradient(W=1.01)),
        ("dU off by 0.1 %", _changed_gradient(U=1.001)),
        ("stale adjoint", _stale_adjoint),
    ],
)
def test_other_wrong_gradients_are_seen(
    name: str, change: Change, bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts left out, a factor in one part, an adjoint of the wrong time: differences show each."""
    assert judged(gradient_discrepancies(CASE, bench))
    monkeypatch.setattr(adjoint_gradient, "solve_adjoint", lambda *a, **k: change(solve_adjoint(*a, **k)))
    assert failing(gradient_discrepancies(CASE, bench)) == {q.CONTINUOUS}, name


@pytest.mark.parametrize("part", ["U", "W", "V"])
def test_a_wrong_discrete_adjoint_is_seen(part: str, bench: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part of the scheme's own gradient off by 1e-6."""

    def wrong(*args: object, **kwargs: object) -> Parameters:
        gradient = loss_gradient_discrete(*args, **kwargs)
        return replace(gradient, **{part: getattr(gradient, part) * 1.000001})

    monkeypatch.setattr(adjoint_gradient, "loss_gradient_discrete", wrong)
    assert failing(gradient_discrepancies(CASE, bench)) == {q.DISCRETE}


@pytest.mark.parametrize("refined", [False, True])
def test_the_bound_of_the_solver_is_above_its_error_and_not_absurdly(
    drawn: Callable[..., list[Case]], bench: object, *, refined: bool
) -> None:
    """Twenty drawn cases at tolerance 1e-5, where the error shows, against the scheme with many steps."""
    shares = []
    for stratum in ("arbitrary", "digits"):
        for case in drawn(smooth_activations(), stratum, 10, seed=61, width=(1, 12)):
            instance = bench.instance(case)
            parameters, rate = with_bounded_growth(instance, instance.parameters(), 3.0)
            labels = instance.labels()[:, None]
            solved = solve_adjoint(
                instance.activation,
                case.neural_ode,
                parameters,
                instance.inputs,
                lambda f, y=labels: f - y,
                rtol=1e-5,
                atol=1e-5,
            )
            model = (instance.activation, case.neural_ode, parameters, instance.inputs)
            fine = forward(*model, steps=64)
            gradients = [loss_gradient_discrete(*model, labels, steps=steps) for steps in (32, 64)]
            own = norm(add_scaled(gradients[1], -1.0, gradients[0]))
            sizes, carried = (
                gradient_sizes(instance, parameters, fine, labels),
                propagator_bound(instance, parameters, rate),
            )
            if refined:
                backward = adjoint(instance.activation, case.neural_ode, parameters, fine, fine.outputs - labels)
                largest = largest_adjoint(fine, backward, sizes.final, rate)
                sizes = replace(sizes, final=min(sizes.final, largest / carried))
            errors = adaptive_errors(
                instance,
                parameters,
                fine,
                solved,
                by_defect=refined,
                tolerance=1e-5,
                final=sizes.final,
                flat=sizes.flat,
                carried=carried,
            )
            bound = gradient_error(instance, parameters, sizes, errors, rate=rate, carried=carried)
            error = norm(add_scaled(gradients[1], -1.0, solved.gradient))
            # What the reference itself may err by counts for it: a difference of orders shows most of it.
            assert error <= bound + solved.quadrature_error + own, case
            if own < 0.01 * error:
                shares.append(error / bound)
    assert len(shares) >= 5
    # Seen over 100 cases: the bound is 40 times the error or more; what is measured instead brings it nearer.
    assert max(shares) > (1e-3 if refined else 1e-4)
    assert max(shares) <= 1


def test_the_size_of_the_adjoint_is_between_what_it_is_and_its_worst(bench: object) -> None:
    """Measured at the ends of steps, where the continuous adjoint is known as well."""
    instance = bench.instance(CASE)
    parameters, rate = with_bounded_growth(instance, instance.parameters(), 3.0)
    labels = instance.labels()[:, None]
    model = (instance.activation, CASE.neural_ode, parameters, instance.inputs)
    fine = forward(*model, steps=64)
    sizes = gradient_sizes(instance, parameters, fine, labels)
    backward = adjoint(instance.activation, CASE.neural_ode, parameters, fine, fine.outputs - labels)
    largest = largest_adjoint(fine, backward, sizes.final, rate)
    seen = max(sizes.final, float(torch.linalg.vector_norm(backward.lambda_0)))
    assert seen <= largest <= 1.1 * math.exp(rate * CASE.neural_ode.horizon) * sizes.final


def test_steps_use_nearly_all_of_their_tolerance(drawn: Callable[..., list[Case]], bench: object) -> None:
    """The ratio comes close to 3/2, its largest for the right solver, and rounding adds little to that."""
    ratios = []
    for case in drawn(smooth_activations(), "arbitrary", 5, seed=71, width=(1, 12)):
        for refined in (False, True):
            steps = gradient_discrepancies(case, bench, refined=refined)[-1]
            assert steps.quantity == q.STEPS
            assert steps.error <= steps.bound <= 1.65
            assert steps.details["rounding"] <= 0.15
            ratios.append(steps.error)
    assert max(ratios) > 1.2


def test_large_states_do_not_break_the_check_of_steps(bench: object) -> None:
    """Inputs of size 1e3 to 1e6 on functions that grow: the rounding of large products is allowed for."""
    for expression, sizes in (("silu(x)", (1e3, 1e6)), ("softplus(x)", (1e6,))):
        for size in sizes:
            case = Case(activation=expression, data=Explicit(((size, -size), (size, 0.0))), width=5)
            found = gradient_discrepancies(case, bench, refined=True)
            assert not failing(found), (expression, size)


def test_a_gradient_that_is_exactly_zero_is_compared_with_the_size_of_the_adjoint(bench: object) -> None:
    """With x = 0, W = 0, phi(0) = 0 nothing rounds, nothing is zero over zero, and every comparison can be made."""
    case = Case(
        activation="silu(x)",
        data=Explicit(((0.0, 0.0, 0.0),)),
        width=15,
        neural_ode=NeuralODE(sigma_w=0.5, horizon=4.0),
        weights=Weights(structure="zero"),
        stratum="zero-input",
    )
    found = gradient_discrepancies(case, bench)
    assert not any(d.powerless for d in found)
    assert all(d.error <= d.bound for d in found)
