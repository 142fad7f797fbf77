"""Each bug planted in an adapter is refuted by the check that is named; the adapter without it passes that check."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from theory_check.conformance.records import CheckResult
from theory_check.conformance.solver import SolverUnderTest
from theory_check.judge.verdict import Verdict

_SPEC = importlib.util.spec_from_file_location("planted_adapters", Path(__file__).with_name("conftest.py"))
assert _SPEC is not None and _SPEC.loader is not None  # noqa: PT018
adapters: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(adapters)

ADAPTIVE, FIXED = "dopri5/adaptive/odeint", "rk4/fixed/odeint"
# Of SciPy: solves for 7 tolerances in 10 networks, several times over.
QUICK = "RK45/adaptive/adjoint along dense output"
BUGS = {
    "a tolerance is ignored": ("tolerance-response", QUICK, {"accuracy": adapters.ignored}),
    "the sign of the gradient is wrong": ("adjoint-gradient", ADAPTIVE, {"changed": adapters.flipped}),
    "the gradient of A is dropped": ("adjoint-gradient", ADAPTIVE, {"changed": adapters.dropped}),
    "the gradient has a NaN": ("adjoint-gradient", FIXED, {"changed": adapters.not_finite}),
    "the horizon is a tenth too long": ("forward-unique", FIXED, {"problem": adapters.late}),
    "the horizon is too long by a constant": ("time-rescaling", FIXED, {"problem": adapters.overshot}),
    "the direction of time is lost": ("reversibility", FIXED, {"problem": adapters.never_back}),
    "the horizon is too long, steps adapt": ("forward-unique", ADAPTIVE, {"problem": adapters.late}),
}
Checked = Callable[[SolverUnderTest, str], CheckResult]
Member = Callable[[str, str], SolverUnderTest]


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_refuted_and_the_adapter_without_it_passes(
    name: str, checked: Checked, member: Member
) -> None:
    """The same cases for both: draws do not depend on the solver."""
    check, solver, change = BUGS[name]
    inner = member("scipy" if solver == QUICK else "torchdiffeq", solver)
    assert checked(inner, check).verdict is Verdict.SUPPORTED
    result = checked(adapters.Planted(inner, **change), check)
    assert result.verdict is Verdict.REFUTED
    assert result.failure is not None


def test_euler_labelled_rk4_is_refuted_by_its_order(checked: Checked, member: Member) -> None:
    """The table says order 4, errors fall like the step."""
    euler = member("torchdiffeq", "euler/fixed/odeint")
    assert checked(euler, "order-of-accuracy").verdict is Verdict.SUPPORTED
    result = checked(adapters.Planted(euler, order=4), "order-of-accuracy")
    assert result.verdict is Verdict.REFUTED
    assert result.failure is not None
    assert result.failure.measured == pytest.approx(1.0, abs=0.2)


class _OfEuler(adapters.Planted):  # type: ignore[misc]
    """States of rk4, gradient of euler."""

    def gradient_of(self, problem: Any, accuracy: Any) -> Any:
        """Of the wrong scheme."""
        return replace(self.inner, method="euler").gradient_of(problem, accuracy)


def test_a_gradient_of_another_scheme_is_refuted_by_its_order(checked: Checked, member: Member) -> None:
    """It converges, at order 1 and not 4."""
    inner = member("torchdiffeq", FIXED)
    assert checked(inner, "discretize-optimize").verdict is Verdict.SUPPORTED
    assert checked(_OfEuler(inner), "discretize-optimize").verdict is Verdict.REFUTED
    # The difference of its own loss tells at once.
    assert checked(_OfEuler(inner), "adjoint-gradient").verdict is Verdict.REFUTED


def test_a_failure_says_where_its_error_comes_from(checked: Checked, member: Member) -> None:
    """The sign of a gradient is a matter of the way back, not of the states."""
    inner = member("torchdiffeq", ADAPTIVE)
    failure = checked(adapters.Planted(inner, changed=adapters.flipped), "adjoint-gradient").failure
    assert failure is not None
    assert failure.attribution["backward"] > 100 * failure.attribution["forward"]
    assert failure.problem is not None


def test_states_rebuilt_backwards_lose_digits_under_contraction(checked: Checked, member: Member) -> None:
    """Odeint keeps its states and passes, odeint_adjoint rebuilds them and is refuted: by the way back."""
    assert checked(member("torchdiffeq", ADAPTIVE), "gradient-under-contraction").verdict is Verdict.SUPPORTED
    result = checked(member("torchdiffeq", "dopri5/adaptive/odeint_adjoint"), "gradient-under-contraction")
    assert result.verdict is Verdict.REFUTED
    assert result.failure is not None
    assert result.failure.attribution["backward"] > 100 * result.failure.attribution["forward"]


class _GivesUp(adapters.Planted):  # type: ignore[misc]
    """Raises where it should solve."""

    def solve(self, problem: Any, accuracy: Any) -> Any:  # noqa: ARG002 (as the protocol has it)
        """Too many steps, say."""
        raise RuntimeError("max steps")


def test_a_solver_that_gives_up_is_an_error_and_no_pass(checked: Checked, member: Member) -> None:
    """Whatever a library raises."""
    result = checked(_GivesUp(member("torchdiffeq", ADAPTIVE)), "forward-unique")
    assert result.verdict is Verdict.ERROR
    assert "max steps" in result.reason


class _Flat(adapters.Planted):  # type: ignore[misc]
    """States with an axis too many."""

    def solve(self, problem: Any, accuracy: Any) -> Any:
        """Of a shape that numpy would stretch."""
        found = self.inner.solve(problem, accuracy)
        return replace(found, states=found.states[None])


def test_states_of_another_shape_are_an_error(checked: Checked, member: Member) -> None:
    """They could agree with anything, broadcast."""
    result = checked(_Flat(member("torchdiffeq", FIXED)), "time-rescaling")
    assert result.verdict is Verdict.ERROR
    assert "states must have shape" in result.reason
