"""Every control of every claim comes out as the claim says, shown by the quantity that it names.

With another seed than the self-test's, which runs the same controls.
"""

from dataclasses import replace

import msgspec
import pytest

from theory_check.claims.claim import Claim, Control
from theory_check.judge.profile import Profile
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.neural_ode.planted.catalogue import SELF_TEST_CONTROLS
from theory_check.neural_ode.planted.defects import DEFECTS, planted
from theory_check.runs.properties import load_properties, property_files
from theory_check.search.plan import CONTROL_EXAMPLES, plans_of
from theory_check.search.property import Property, property_of
from theory_check.search.request import Request
from theory_check.search.trial import run_trial

SEED = 101
OF_PROPERTIES = [
    (prop, control)
    for path in property_files()
    for prop in map(property_of, vars(load_properties(path)).values())
    if prop is not None
    for control in prop.controls
]
CONTROLS = [
    (claim, control)
    for claim in CLAIMS.values()
    for control in (
        *(control for prop, control in OF_PROPERTIES if prop.claim is claim),
        *SELF_TEST_CONTROLS.get(claim.id, ()),
    )
]


def _name(value: object) -> str | None:
    if isinstance(value, Claim):
        return value.id
    if isinstance(value, Control):
        return "-".join(filter(None, [value.activation, value.stratum, value.defect]))
    return None


@pytest.mark.parametrize(("claim", "control"), CONTROLS, ids=_name)
def test_a_control_comes_out_as_expected(
    properties: dict[str, Property], brief: Profile, claim: Claim, control: Control
) -> None:
    """The search finds the failure by itself, narrowed to the control's activation and stratum only."""
    prop = properties[control.test]
    request = Request(profile=brief, seed=SEED, mode="selftest")
    assert prop.claim is claim
    (plan,) = (plan for plan in plans_of(prop, request) if plan.control == control)
    found = run_trial(prop, plan, request)
    assert found.trial.as_expected is True, found.trial
    assert found.trial.verdict == control.verdict
    minimal = [outcome for outcome in found.outcomes if outcome.case_id == found.trial.minimal]
    if control.conclusion == "fails":
        assert [(o.quantity, o.conclusion, o.defect) for o in minimal] == [(control.quantity, "fails", control.defect)]
    else:
        assert not minimal
        assert {o.quantity for o in found.outcomes} == {control.quantity}


def test_a_control_that_finds_nothing_is_not_as_expected(properties: dict[str, Property], brief: Profile) -> None:
    """A smooth function in the place of an affine one: the claim holds, so the control has failed."""
    prop, request = properties["test_tangent_kernel_is_positive_definite"], Request(profile=brief)
    (control,) = (control for control in prop.controls if control.activation == "identity")
    (plan,) = (plan for plan in plans_of(prop, request) if plan.control == control)
    trial = run_trial(prop, replace(plan, activation="tanh"), request).trial
    assert (trial.as_expected, trial.verdict, trial.executed) == (False, "supported", CONTROL_EXAMPLES)


def test_a_control_that_fails_by_another_quantity_is_not_as_expected(
    properties: dict[str, Property], brief: Profile
) -> None:
    """It would be right for the wrong reason."""
    prop, request = properties["test_tangent_kernel_is_positive_definite"], Request(profile=brief)
    (plan,) = (plan for plan in plans_of(prop, request) if plan.control == prop.controls[0])
    assert plan.control is not None
    wrong = msgspec.structs.replace(plan.control, quantity="another")
    trial = run_trial(prop, replace(plan, control=wrong), request).trial
    assert (trial.as_expected, trial.verdict, trial.conclusion) == (False, "assumptions-not-met", "fails")


def test_every_control_belongs_to_a_property_of_its_claim(properties: dict[str, Property]) -> None:
    """A control of a property that does not exist would never run, and nobody would notice."""
    for claim, control in CONTROLS:
        assert properties[control.test].claim is claim
    assert {prop.claim.id for prop in properties.values()} == set(CLAIMS)


def test_every_claim_has_a_negative_control_and_every_defect_is_used() -> None:
    """A claim that nothing can refute is not checked; a defect that no claim must catch is none."""
    for claim in CLAIMS.values():
        assert any(control.conclusion == "fails" for prop, control in OF_PROPERTIES if prop.claim is claim), claim.id
    assert {control.defect for _, control in CONTROLS if control.defect} == set(DEFECTS)
    assert set(SELF_TEST_CONTROLS) <= set(CLAIMS)


def test_every_claim_must_kill_a_subtle_defect() -> None:
    """An error of ten per cent or less; thirty defects and more in all, in fifteen functions and more."""
    for claim in CLAIMS.values():
        defects = [control.defect for owner, control in CONTROLS if owner is claim and control.defect]
        assert any(DEFECTS[defect].subtle for defect in defects), claim.id
    assert len(DEFECTS) >= 30
    assert len({defect.target for defect in DEFECTS.values()}) >= 15


def test_a_defect_that_fails_without_being_planted_kills_nothing(
    properties: dict[str, Property], brief: Profile
) -> None:
    """A property that refutes the right code in the same case is at fault itself."""
    request = Request(profile=brief, mode="selftest")
    prop = properties["test_scaled_weights_undo_the_horizon"]
    (plan,) = (plan for plan in plans_of(prop, request) if plan.defect == "weights-not-rescaled")
    assert run_trial(prop, plan, request).trial.as_expected is True
    with planted("rescaled-five-per-cent-off"):
        trial = run_trial(prop, plan, request).trial
    assert trial.as_expected is False
    assert trial.reason == "without the defect the conclusion is fails in the same case"
