"""A false claim, put on trial beside the true one it was made from.

The paper says that the adjoint of a Neural ODE has one solution where phi and phi' are Lipschitz. It sounds as if phi
alone would do: the state's equation asks for no more. So the second half of the assumption is dropped, and the same
search that audits use is asked to find out.
"""

from dataclasses import dataclass, replace

import msgspec
from hypothesis import given

from theory_check.judge.audit import Audit
from theory_check.judge.profile import PROFILES
from theory_check.judge.verdict import Conclusion, Outcome, Verdict
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.claims.statements import CLAIMS
from theory_check.neural_ode.measurements.backward_unique import backward_discrepancies
from theory_check.neural_ode.paper import KINKED
from theory_check.neural_ode.strategies import Sizes, cases, lipschitz_activations, smooth_activations, widths
from theory_check.search.found import Found
from theory_check.search.plan import Plan
from theory_check.search.property import Property, checks, property_of
from theory_check.search.request import Request
from theory_check.search.trial import judge_case, run_trial

# The part of the space of cases that is searched: an input at zero, whose state stays there where phi(0) = 0.
STRATUM = "zero-input"
TRUE = CLAIMS["backward-unique"]
FALSE = msgspec.structs.replace(
    TRUE,
    id="adjoint-unique-for-lipschitz",
    statement="For Lipschitz phi the adjoint has one solution: it depends neither on the solver nor on which value "
    "phi' takes where it jumps.",
    source="No paper: backward-unique with half of its assumption dropped.",
    assumptions=("lipschitz",),
    strata=(STRATUM,),
)
FEW = Sizes(inputs=(1, 3), dimensions=(1, 4))
# Enough cases for a search of the true claim to mean something, few enough for a minute.
PROFILE = msgspec.structs.replace(PROFILES["quick"], name="demo", examples=12)
# A smooth phi beside the kinked ones.
SMOOTH = "softplus(x)"


@checks(FALSE)
@given(case=cases(lipschitz_activations(), width=widths(1, 24), sizes=FEW, any_weights=True))
def _false_property(case: Case, audit: Audit) -> None:
    """The false claim."""
    _judge(case, audit)


@checks(TRUE)
@given(case=cases(smooth_activations(), width=widths(1, 24), sizes=FEW, any_weights=True))
def _true_property(case: Case, audit: Audit) -> None:
    """The true claim."""
    _judge(case, audit)


def _judge(case: Case, audit: Audit) -> None:
    """What properties/test_backward_unique.py asks of backward-unique."""
    audit.at_most(
        case,
        *backward_discrepancies(case, audit.setting),
        confirm=lambda: backward_discrepancies(case, audit.setting, refined=True),
    )


@dataclass(frozen=True)
class Demonstration:
    """What both searches found.

    false: the searches for a counterexample to the false claim; the last one found it, if any did.
    true: that of the true claim.
    first, minimal: the case in which the search failed first, and what shrinking made of it; None when none failed.
    smooth: the minimal case with a smooth phi, judged by the true claim.
    """

    false: tuple[Found, ...]
    true: Found
    first: Outcome | None
    minimal: Outcome | None
    smooth: Outcome | None

    @property
    def succeeded(self) -> bool:
        """The false claim was refuted, the true one held, and so did the minimal case with a smooth phi."""
        return (
            self.false[-1].trial.verdict is Verdict.REFUTED
            and self.minimal is not None
            and self.true.trial.verdict is Verdict.SUPPORTED
            and self.smooth is not None
            and self.smooth.conclusion is Conclusion.HOLDS
        )


def search_false(seed: int = 0) -> tuple[Found, ...]:
    """Search for a counterexample to the false claim: among all phi, then among kinked ones until one search fails.

    A claim that allows kinked phi gets a search of its own among them in every audit.
    """
    found = []
    for subject in ("random", KINKED):
        found.append(_search(_property(_false_property), subject, seed))
        if found[-1].trial.verdict is Verdict.REFUTED:
            break
    return tuple(found)


def search_true(seed: int = 0) -> Found:
    """The same search for the claim as the paper has it."""
    return _search(_property(_true_property), "random", seed)


def demonstration(false: tuple[Found, ...], true: Found, seed: int = 0) -> Demonstration:
    """Both searches put together; judges the minimal case once more with a smooth phi."""
    last = false[-1]
    failing = [outcome for outcome in last.outcomes if outcome.conclusion is Conclusion.FAILS]
    minimal = next((o for o in failing if o.case_id == last.trial.minimal), None)
    smooth = None
    if minimal is not None:
        case = msgspec.structs.replace(minimal.case, activation=SMOOTH)
        smooth = judge_case(_property(_true_property), case, request_of(seed))
    return Demonstration(false, true, failing[0] if failing else None, minimal, smooth)


def _search(prop: Property, subject: str, seed: int) -> Found:
    return run_trial(prop, Plan(0, "random", subject, STRATUM), request_of(seed))


def request_of(seed: int) -> Request:
    """What both searches are asked for."""
    return Request(profile=PROFILE, seed=seed)


def find_property(test: str) -> Property | None:
    """The property of a recorded name; None where it is none of this demonstration's."""
    ours = (_property(_false_property), _property(_true_property))
    return next((prop for prop in ours if prop.name == test), None)


def _property(function: object) -> Property:
    found = property_of(function)
    assert found is not None  # noqa: S101  both are marked above
    # No file of a folder of properties: replay is to look for it here.
    return replace(found, name=f"{__name__}::{found.claim.id}")
