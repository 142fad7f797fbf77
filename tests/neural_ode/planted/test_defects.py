"""A planted defect is active while it is planted, in the one place where it is looked up, and nowhere afterwards."""

import importlib

import msgspec
import pytest

from theory_check.judge.profile import PROFILES
from theory_check.neural_ode.claims.quantities import CONTINUOUS
from theory_check.neural_ode.planted.defects import DEFECTS, planted
from theory_check.neural_ode.planted.mutation import resolved
from theory_check.runs.properties import load_property
from theory_check.search.plan import Plan
from theory_check.search.property import property_of
from theory_check.search.request import Request
from theory_check.search.trial import run_trial

GRADIENT = "test_gradients.py::test_adjoint_gradient_equals_differences"


def _target(name: str) -> object:
    """What a defect changes: the function that stands under a name, or the code of a function."""
    defect = DEFECTS[name]
    if isinstance(defect.wrong, tuple):
        return resolved(defect.target).__code__
    module, attribute = defect.target.split(":")
    found: object = getattr(importlib.import_module(module), attribute)
    return found


@pytest.mark.parametrize("name", DEFECTS)
def test_the_right_function_comes_back(name: str) -> None:
    """At the end, and after an exception too."""
    right = _target(name)
    with planted(name):
        assert _target(name) is not right
    assert _target(name) is right
    with pytest.raises(ZeroDivisionError), planted(name):
        raise ZeroDivisionError
    assert _target(name) is right


def test_no_defect_changes_nothing() -> None:
    """None is what a trial without a defect plants."""
    before = {name: _target(name) for name in DEFECTS}
    with planted(None):
        assert {name: _target(name) for name in DEFECTS} == before


def test_an_unknown_defect_is_refused() -> None:
    """Naming the known ones; a control that plants nothing would look at the right implementation."""
    with (
        pytest.raises(ValueError, match=r"unknown defect 'adjoint-wrong'; known: .*, adjoint-wrong-sign"),
        planted("adjoint-wrong"),
    ):
        pytest.fail("nothing was planted")


def test_a_defect_has_the_name_it_is_found_by() -> None:
    """And a description that fits a line of a report."""
    for name, defect in DEFECTS.items():
        assert defect.name == name
        assert 0 < len(defect.description) <= 100


@pytest.mark.parametrize("stratum", ["arbitrary", "digits"])
def test_a_wrong_sign_refutes_the_claim_for_random_activations_too(stratum: str) -> None:
    """Not only for the function of the control."""
    module, function = load_property(GRADIENT)
    prop = property_of(getattr(module, function))
    assert prop is not None
    profile = msgspec.structs.replace(PROFILES["quick"], shrink_calls=0)
    plan, request = Plan(0, "random", "random", stratum), Request(profile=profile, seed=5)
    with planted("adjoint-wrong-sign"):
        found = run_trial(prop, plan, request)
    assert found.trial.verdict == "refuted"
    assert [o.quantity for o in found.outcomes if o.case_id == found.trial.minimal] == [CONTINUOUS]
