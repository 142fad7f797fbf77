"""The paper that ships with theory_check, as the record that the court sees: claims about Neural ODEs on trial.

Nothing here loads torch before it is needed: reports are read, and plans made, without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import theory_check
from theory_check.case.record import Seeds
from theory_check.claims.claim import Claim, Unmet
from theory_check.claims.paper import HALF, Kind, Paper, PaperError, Predicates
from theory_check.neural_ode.asked import OwnModel, asked
from theory_check.neural_ode.case import DIGITS_DIMENSION, Case, Digits, Explicit, materialise
from theory_check.neural_ode.case_text import describe_case
from theory_check.neural_ode.claims.departures import DEPARTURES
from theory_check.neural_ode.claims.failures import FAILURES
from theory_check.neural_ode.claims.own_model import why_not
from theory_check.neural_ode.claims.statements import CLAIMS, TITLE
from theory_check.neural_ode.claims.vocabulary import EXPLAINED, STRATA
from theory_check.neural_ode.strata import ENUMERATED, strata_of

if TYPE_CHECKING:
    from theory_check.search.plan import Plan
    from theory_check.search.request import Request

# Where a claim asks for no more than a Lipschitz constant, cases with kinks are searched on their own.
KINKED = f"{HALF}kinked"
# What became of a random phi in a property whose measurement sees nothing with some.
AS_DRAWN, PLAIN_INSTEAD = "as drawn", "gave way to softplus or relu"
# The parts of the space of cases that a module can have: nobody but its author can pin its state at a kink.
STRATA_OF_A_MODEL = frozenset({"arbitrary", "zero-input", "sphere", "given"})


def properties_folder() -> Path:
    """The folder of the properties: beside the package in a checkout, inside it in an installed wheel.

    An editable install leaves a stale packaged copy behind, so a checkout's own folder comes first.

    Raises:
        PaperError: neither is there.
    """
    package = Path(theory_check.__file__).parent
    checkout = package.parent
    candidates = [checkout / "properties"] if (checkout / "pyproject.toml").is_file() else []
    for folder in (*candidates, package / "_properties"):
        if (folder / "pytest.ini").is_file():
            return folder
    raise PaperError(f"no properties at {package / '_properties'}: reinstall theory-check")


def _load(expression: str, *, trust_code: bool = False) -> Any:
    from theory_check.neural_ode.activations.loading import activation

    return activation(expression, trust_code=trust_code)


def _load_model(reference: str, seed: int, *, trust_code: bool) -> Any:
    from theory_check.neural_ode.networks.own_model.loading import load_model

    return load_model(reference, seed, trust_code=trust_code)


def _spelt(subject: Any) -> str:
    """The expression of an activation, given as such, by name, or as an elementwise function of a torch tensor."""
    from theory_check.neural_ode.activations.activation import Activation
    from theory_check.neural_ode.activations.loading import activation

    found = subject if isinstance(subject, Activation) else activation(subject)
    # A name stays a name in tables.
    expression = found.name if isinstance(subject, str) else found.expression
    activation(expression)  # must be found again by what a case calls it
    return expression


def _subjects(claim: Claim, request: "Request", named: Sequence[str]) -> list[tuple[Kind, str]]:
    if request.activations or named:
        return [("named", name) for name in request.activations or named]
    random: list[tuple[Kind, str]] = [("random", "random")]
    if not claim.strata:
        return random  # of what the property's own strategy draws
    assumed = set(claim.assumptions)
    if "lipschitz" in assumed and not {"smooth", "differentiable", "linear-growth"} & assumed:
        random.append(("random", KINKED))
    # The profile's are smooth: a claim about kinks searches its own random functions, the catalogue's among them.
    profile = () if "piecewise-linear" in assumed else request.profile.named
    return [*random, *(("named", name) for name in profile)]


def _strata_of(claim: Claim, request: "Request") -> tuple[str, ...]:
    if request.data is None:
        strata = claim.strata
    else:
        source = request.data if isinstance(request.data, str) else "given"
        # A probe at a kink can be laid on any data; the other strata are data of their own.
        strata = (source, "pinned") if "pinned" in claim.strata else (source,)
    if request.model is None:
        return strata
    from theory_check.neural_ode.strategies.data import CROWDED_DIMENSIONS

    fitting = {*STRATA_OF_A_MODEL}
    if request.model.dimension == DIGITS_DIMENSION:
        fitting.add("digits")
    if request.model.dimension in CROWDED_DIMENSIONS:
        fitting.add("crowded")
    return tuple(stratum for stratum in strata if stratum in fitting)


def _left_out(claim: Claim, request: "Request") -> str:
    return "" if request.model is None else why_not(claim.id, parameters=request.model.parameters)


def _unmet(claim: Claim, case: Case, own: Predicates, request: "Request") -> Unmet | None:
    if case.is_model:
        from theory_check.neural_ode.measurements.own_model.assumptions import unmet_by_model

        return unmet_by_model(claim, case, Seeds(request.seed, claim.id), request.load_model)
    from theory_check.neural_ode.measurements.assumptions import unmet_assumption

    return unmet_assumption(claim, request.load(case.activation), case, own)


@contextmanager
def _narrowed(plan: "Plan", request: "Request") -> Iterator[Mapping[str, Mapping[str, str]]]:
    from theory_check.neural_ode.strategies.narrowing import Narrowing, narrowed

    given = request.data if isinstance(request.data, Explicit) and plan.kind in {"random", "named"} else None
    narrowing = Narrowing(
        activation=request.load(plan.activation) if plan.names_activation and request.model is None else None,
        model=None if request.model is None else (request.model.reference, request.model.dimension),
        activations=plan.activations,
        stratum=plan.given_stratum,
        given=given,
    )
    if plan.given_stratum in {"digits", None}:
        materialise(Digits((0,)))  # loads them here: imports inside a strategy disturb the draws
    with narrowed(narrowing):
        yield _GaveWay(narrowing.gave_way)


class _GaveWay(dict[str, Mapping[str, str]]):
    """Whether a random phi gave way to a plain one, as a class of its case; filled while cases are drawn."""

    def __init__(self, gave_way: Mapping[str, bool]) -> None:
        super().__init__()
        self._gave_way = gave_way

    def get(self, case: str, default: Any = None) -> Any:
        """The class of a drawn case by its JSON."""
        if case not in self._gave_way:
            return default
        return {"random phi": PLAIN_INSTEAD if self._gave_way[case] else AS_DRAWN}


def _mismatch(case: Case, plan: "Plan", request: "Request") -> str:
    if request.model is not None:
        if not case.is_model or case.activation != plan.activation:
            return f"a case of {case.activation} in a trial of the model {plan.activation}"
    elif plan.names_activation and case.activation != request.load(plan.activation).expression:
        return f"a case of {case.activation} in a trial of {plan.activation}"
    if plan.given_stratum not in {None, case.stratum}:
        return f"a case of stratum {case.stratum} in a trial of {plan.given_stratum}"
    return ""


def _classes(case: Case, request: "Request") -> dict[str, str]:
    kind = "own model" if case.is_model else request.load(case.activation).classification
    return {"activation": kind, **strata_of(case)}


def _defects() -> Any:
    from theory_check.neural_ode.planted.defects import DEFECTS

    return DEFECTS


@contextmanager
def _planted(name: str | None) -> Iterator[None]:
    from theory_check.neural_ode.planted.defects import planted

    with planted(name):
        yield


def _selftest_controls() -> Any:
    from theory_check.neural_ode.planted.catalogue import SELF_TEST_CONTROLS

    return SELF_TEST_CONTROLS


def _note(claim: Claim, plan: "Plan", request: "Request") -> str:
    return request.data_note if plan.stratum == "given" and "distinct-inputs" in claim.assumptions else ""


PAPER = Paper(
    title=TITLE,
    claims=CLAIMS,
    case=Case,
    properties=properties_folder,
    assumptions=EXPLAINED,
    strata=STRATA,
    unmet=_unmet,
    asked=asked,
    data_kind=Explicit | str | None,
    model_kind=OwnModel | None,
    load=_load,
    load_model=_load_model,
    spelt=_spelt,
    subjects=_subjects,
    strata_of=_strata_of,
    left_out=_left_out,
    narrowed=_narrowed,
    mismatch=_mismatch,
    enumerated=ENUMERATED,
    sizes=strata_of,
    classes=_classes,
    departures=DEPARTURES,
    defects=_defects,
    planted=_planted,
    selftest_controls=_selftest_controls,
    note=_note,
    failures=FAILURES,
    headline=lambda case: (case.activation, case.stratum),
    describe=describe_case,
    runs_code=lambda case: ":" in case.activation,
    asked_by=lambda case: {"model": case.activation} if case.is_model else {"activations": [case.activation]},
)
