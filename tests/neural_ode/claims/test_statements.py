"""The claims as data: complete, consistent with the properties, the strategies and the planted defects."""

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from theory_check.claims.claim import Claim, Control
from theory_check.judge.profile import CORE, DECLARED_CALLS, FALSE_ALARM_RATE, PROFILES, Profile
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.claims import quantities
from theory_check.neural_ode.claims.departures import DEPARTURES
from theory_check.neural_ode.claims.statements import CLAIMS, TITLE
from theory_check.neural_ode.claims.vocabulary import EXPLAINED, Assumption, Stratum
from theory_check.neural_ode.planted.defects import DEFECTS
from theory_check.runs.properties import load_properties, properties_folder
from theory_check.search.property import property_of

QUANTITIES = {name: value for name, value in vars(quantities).items() if name.isupper()}
EACH = pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)


def properties_of() -> dict[str, set[str]]:
    """Claim to the names of its properties, read from the text of the files."""
    found: dict[str, set[str]] = {}
    for path in sorted(Path(properties_folder()).glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                marks = [d for d in node.decorator_list if isinstance(d, ast.Call) and ast.unparse(d.func) == "checks"]
                for mark in marks:
                    found.setdefault(ast.literal_eval(mark.args[0]), set()).add(node.name)
    return found


def controls_of(claim: Claim) -> list[Control]:
    """Those that stand beside the properties of a claim."""
    module = load_properties(properties_folder() / f"test_{claim.id.replace('-', '_')}.py")
    return [control for prop in map(property_of, vars(module).values()) if prop for control in prop.controls]


def test_the_claims_are_there() -> None:
    """Each under its identifier."""
    assert set(CLAIMS) == {
        "forward-unique",
        "backward-unique",
        "adjoint-gradient",
        "discretize-optimize",
        "resnet-limit",
        "gaussian-output",
        "nngp-limit",
        "nngp-nondegenerate",
        "independent-outputs",
        "structure-kept",
        "spread-reduced",
        "limits-commute",
        "ntk-limit",
        "ntk-positive-definite",
        "ntk-stable",
        "horizon-growth",
        "horizon-training",
        "linear-convergence",
        "smooth-trains-faster",
    }
    assert all(claim.id == name for name, claim in CLAIMS.items())
    assert "2509.22436" in TITLE


@EACH
def test_a_claim_is_complete(claim: Claim) -> None:
    """Statement in words, assumptions explained, strata and controls; it reads back from JSON."""
    assert claim.statement.endswith(".")
    assert len(claim.statement) > 40
    assert claim.assumptions
    assert set(claim.assumptions) <= set(EXPLAINED)
    assert len(set(claim.strata)) == len(claim.strata) >= 2
    assert controls_of(claim)
    assert claim.controls == ()
    assert msgspec.json.decode(msgspec.json.encode(claim), type=Claim) == claim


def test_every_assumption_is_explained() -> None:
    """The words of every assumption, and no more of them."""
    assert set(EXPLAINED) == set(get_args(Assumption))


def test_every_stratum_is_searched_by_a_claim_a_control_or_a_departure() -> None:
    """Apart from `given`, the user's own data."""
    searched = {s for claim in CLAIMS.values() for s in claim.strata}
    searched |= {control.stratum for claim in CLAIMS.values() for control in controls_of(claim)}
    searched |= {way.stratum for ways in DEPARTURES.values() for way in ways if way.stratum}
    assert searched == set(get_args(Stratum)) - {"given"}


@EACH
def test_every_control_names_what_exists(claim: Claim) -> None:
    """Its property is one of this claim, its quantity one of ours, its defect planted, its activation loadable."""
    for control in controls_of(claim):
        assert control.test in properties_of()[claim.id]
        assert control.quantity in QUANTITIES.values()
        assert control.defect is None or control.defect in DEFECTS
        assert activation(control.activation).bounds == "proved"


@EACH
def test_every_control_says_what_is_possible(claim: Claim) -> None:
    """Refuted means fails, supported means holds; a control without a defect breaks an assumption or is positive.

    But for the reading that is known to be false.
    """
    false = {("spread-reduced", "tanh")}
    pairs = {"refuted": {"fails"}, "supported": {"holds"}, "assumptions-not-met": {"fails", "holds"}}
    for control in controls_of(claim):
        assert control.conclusion in pairs[control.verdict]
        known_false = (claim.id, control.activation) in false
        assert (control.verdict == "refuted") <= (control.defect is not None or known_false)
    assert any(control.conclusion == "fails" for control in controls_of(claim))


def test_every_property_belongs_to_a_claim() -> None:
    """And every claim has one."""
    assert set(properties_of()) == set(CLAIMS)


def test_quantities_have_names_of_their_own() -> None:
    """No two share a name; each is used by a measurement or a property."""
    assert len(set(QUANTITIES.values())) == len(QUANTITIES)
    assert len({quantity.id for quantity in QUANTITIES.values()}) == len(QUANTITIES)
    assert len({str(quantity) for quantity in QUANTITIES.values()}) == len(QUANTITIES)
    folder = Path(quantities.__file__).parent.parent
    text = "".join(path.read_text() for path in folder.rglob("*.py") if path.name != "quantities.py")
    text += "".join(path.read_text() for path in Path(properties_folder()).glob("*.py"))
    for name in QUANTITIES:
        assert re.search(rf"\b{name}\b", text), name


def test_controls_are_records_that_refuse_what_is_unknown() -> None:
    """An unknown field in JSON is refused."""
    control = controls_of(CLAIMS["forward-unique"])[0]
    text = msgspec.json.encode(control)
    assert msgspec.json.decode(text, type=Control) == control
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text[:-1] + b',"more":1}', type=Control)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_profile_can_do_what_it_asks_for(profile: Profile) -> None:
    """Widths grow geometrically, ladders are long enough, samples suffice for Neyman's test, named functions load."""
    assert PROFILES[profile.name] is profile
    for rungs in (profile.width_rungs, profile.kernel_rungs):
        assert len(rungs) >= 5
        assert all(1.7 <= b / a <= 2 for a, b in pairwise(rungs))
    assert profile.networks >= 1000
    assert profile.ladder_networks >= 10
    assert set(profile.named) <= set(CORE)
    assert all(activation(name).is_smooth for name in profile.named)


def test_profiles_try_harder_one_after_the_other() -> None:
    """Quick, gate, full: no number falls."""
    quick, gate, full = (PROFILES[name] for name in ("quick", "gate", "full"))
    for name in (
        "examples",
        "named_examples",
        "shrink_calls",
        "networks",
        "ladder_networks",
        "descent_steps",
        "most_replicates",
    ):
        assert getattr(quick, name) <= getattr(gate, name) <= getattr(full, name)


def test_the_error_budget_covers_a_full_audit() -> None:
    """Every trial of every law with all its cases and shrinking makes fewer calls than declared."""
    assert FALSE_ALARM_RATE == 1e-6
    full = PROFILES["full"]
    tests_of_a_case = 6
    trials = len(CLAIMS["gaussian-output"].strata) * (1 + len(full.named)) + len(controls_of(CLAIMS["gaussian-output"]))
    most = trials * (full.examples + full.shrink_calls) * tests_of_a_case
    # Shrinking happens after a failure only: this is the number with one in every trial at once.
    assert trials * full.examples * tests_of_a_case <= DECLARED_CALLS
    assert most < 4 * DECLARED_CALLS
