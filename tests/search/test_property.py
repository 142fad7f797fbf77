"""What `checks` accepts, and the line for what a trial would ignore or fail on."""

from collections.abc import Callable

import msgspec
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from theory_check import Audit, Case, Claim, cases, checks
from theory_check.claims.claim import planted_control, planted_controls
from theory_check.neural_ode.activations.activation import ActivationError
from theory_check.neural_ode.case import Sphere
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.search.plan import plans_of
from theory_check.search.property import Body, property_of
from theory_check.search.request import make_request

OWN = Claim(id="own", statement="s", source="s")
ODD = Claim(id="odd", statement="s", source="s", assumptions=("smooth", "phi is odd"))


@given(case=cases())
def judged(case: Case, audit: Audit) -> None:
    """Judges nothing: only its form matters here."""


def bent(x: torch.Tensor) -> torch.Tensor:
    """A function of one's own."""
    return torch.sin(x) + x.abs()


def test_a_property_carries_what_its_mark_says() -> None:
    """An ordinary Hypothesis test has none of it."""
    marked = checks(ODD, share=0.5, activations=[bent, "tanh"], assumptions={"phi is odd": bool})(judged)
    prop = property_of(marked)
    assert prop is not None
    assert (prop.claim, prop.function, prop.share) == (ODD, judged, 0.5)
    assert prop.name == "test_property.py::judged"
    assert [name.rpartition(":")[2] for name in prop.activations] == ["bent", "tanh"]
    assert prop.assumptions == {"phi is odd": bool}
    assert property_of(judged) is None


def test_a_property_that_moved_is_known_by_its_earlier_file() -> None:
    """What ids of cases and draws derive from stays what it was."""
    prop = property_of(checks(OWN, known_as="tests/test_old.py")(judged))
    assert prop is not None
    assert (prop.name, prop.known_as) == ("tests/test_old.py::judged", "tests/test_old.py")


@pytest.mark.parametrize("path", ["test_old", "/tests/test_old.py", "../test_old.py", "test_old.py::judged", "a::b.py"])
def test_an_earlier_file_that_no_report_can_name_is_refused(path: str) -> None:
    """One line with the value."""
    with pytest.raises(ValueError, match="known_as must be the file of a property as reports name it") as refusal:
        checks(OWN, known_as=path)
    assert repr(path) in str(refusal.value)


def test_controls_beside_the_mark_are_those_of_the_function() -> None:
    """Each is named after it, and is planned after those that the claim itself has of it."""
    claim = msgspec.structs.replace(OWN, controls=(planted_control("judged", "q", "first"),))
    prop = property_of(checks(claim, controls=planted_controls("q", "second", "third"))(judged))
    assert prop is not None
    assert [(control.test, control.defect) for control in prop.controls] == [("judged", "second"), ("judged", "third")]
    planned = [plan.defect for plan in plans_of(prop, make_request()) if plan.kind == "control"]
    assert planned == ["first", "second", "third"]
    assert [plan.defect for plan in plans_of(prop, make_request(mode="selftest"))] == planned


def test_a_control_of_another_property_is_refused() -> None:
    """It would be taken for one of this."""
    with pytest.raises(ValueError, match="a control of 'test_else' stands beside 'judged': leave out test="):
        checks(OWN, controls=[planted_control("test_else", "q", "adjoint-wrong-sign")])(judged)


def test_called_without_the_plugin_it_does_not_pass() -> None:
    """Whatever calls it: nothing was judged."""
    with pytest.raises(RuntimeError, match="judged judged nothing: a property runs in pytest with the plugin"):
        checks(OWN)(judged)()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: checks("backward"), "unknown claim 'backward'; known: forward-unique"),
        (
            lambda: checks(msgspec.structs.replace(CLAIMS["ntk-limit"], source="mine")),
            "claim id 'ntk-limit' is taken by a claim of the paper: choose another",
        ),
        (
            lambda: checks(msgspec.structs.replace(OWN, strata=("spheer",))),
            r"unknown stratum 'spheer' of claim own; did you mean 'sphere'\? known: sphere, ",
        ),
        (lambda: checks(OWN, share=0.0), r"share must be a positive finite number, got 0\.0"),
        (lambda: checks(OWN, share=float("nan")), "share must be a positive finite number, got nan"),
        (lambda: checks(ODD), "assumption 'phi is odd' of claim odd is none of theory_check's; say what it means"),
        (
            lambda: checks(msgspec.structs.replace(OWN, assumptions=("smoth",))),
            "assumption 'smoth' of claim own is none of theory_check's; did you mean 'smooth'?",
        ),
        (lambda: checks(OWN, assumptions={"else": bool}), "'else' is no assumption of one's own of claim own"),
    ],
)
def test_a_mark_that_means_nothing_is_refused(make: Callable[[], object], message: str) -> None:
    """When the property is written, not when it runs; one line."""
    with pytest.raises(ValueError, match=message) as refusal:
        make()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("activation", "message"),
    [("relo", "unknown activation 'relo'"), (lambda x: x, "has no name"), ("os:system", "would run code")],
)
def test_an_activation_that_cannot_be_used_is_refused(activation: object, message: str) -> None:
    """The same line as everywhere else."""
    with pytest.raises(ActivationError, match=message):
        checks(OWN, activations=[activation])  # type: ignore[list-item]


def _plain(case: Case, audit: Audit) -> None:
    """No Hypothesis test."""


@given(case=cases(), more=st.integers())
def _more(case: Case, audit: Audit, more: int) -> None:
    """Draws more than a case."""


@given(cases())
def _by_position(case: Case, audit: Audit) -> None:
    """Gives what the last argument is called."""


@given(case=cases())
def _with_fixture(case: Case, audit: Audit, tmp_path: object) -> None:
    """Wants a fixture."""


@given(case=cases())
def _method(self: object, case: Case, audit: Audit) -> None:
    """As in a class."""


@example(case=Case(activation="tanh(x)", data=Sphere(1, 2, 0), width=1))
@given(case=cases())
def _with_example(case: Case, audit: Audit) -> None:
    """Has a case of its own."""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_plain, r"_plain is no Hypothesis test: write @checks\(...\) above @given\(case=...\)"),
        (_more, "@given of _more must give case and nothing else, by name"),
        (_by_position, "@given of _by_position must give case and nothing else, by name"),
        (_with_fixture, "must take case and audit only .* it takes case, audit, tmp_path"),
        (_method, "must take case and audit only .* it takes self, case, audit"),
        (_with_example, "@example of _with_example would be ignored"),
    ],
)
def test_a_function_that_is_no_property_is_refused(function: Body, message: str) -> None:
    """A trial would ignore what it asks for, or fail in the middle."""
    with pytest.raises(TypeError, match=message):
        checks(OWN)(function)
