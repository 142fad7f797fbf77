"""Which trials of a property a request asks for: subjects, strata, controls, ablations, and how many cases each has."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from theory_check.claims.claim import Claim, Control
from theory_check.neural_ode.case import DIGITS_DIMENSION
from theory_check.neural_ode.claims.departures import DEPARTURES, Departure
from theory_check.neural_ode.claims.own_model import why_not
from theory_check.neural_ode.planted.catalogue import SELF_TEST_CONTROLS
from theory_check.neural_ode.strategies.data import CROWDED_DIMENSIONS
from theory_check.reporting.records import Kind
from theory_check.search.property import Property
from theory_check.search.request import OwnModel, Request

# Of a claim that asks for no more than a Lipschitz constant, cases with kinks are searched on their own.
KINKED = "random kinked"
# The stratum of claims that name none: a property's strategy alone says what is searched.
UNDIVIDED = "undivided"
# A control ends at its first failure, so that a generous number costs nothing where it works.
CONTROL_EXAMPLES = 40


@dataclass(frozen=True)
class Plan:
    """One trial: a subject and a stratum, for a control what must come out, for an ablation what it breaks.

    position: among the trials of its property.
    search: which of how many independent searches among which its cases are divided, such as (2, 4).
    """

    position: int
    kind: Kind
    activation: str
    stratum: str
    control: Control | None = None
    departure: Departure | None = None
    search: tuple[int, int] = (1, 1)

    @property
    def name(self) -> str:
        """What identifies the trial within its property."""
        without = f"-without-{self.departure.assumption}" if self.departure else ""
        defect = f"-{self.defect}" if self.defect else ""
        search = "" if self.search == (1, 1) else "-search-{}-of-{}".format(*self.search)
        return f"{self.kind}-{self.activation}-{self.stratum}{without}{defect}{search}"

    @property
    def defect(self) -> str | None:
        """The planted defect that is active."""
        source = self.control or self.departure
        return source.defect if source else None

    @property
    def names_activation(self) -> bool:
        """Whether every case must have this very activation."""
        return self.kind in {"named", "control"}

    @property
    def activations(self) -> str | None:
        """The class that activations are drawn from in place of the property's own strategy."""
        if self.departure:
            return self.departure.activations
        return "kinked" if self.activation == KINKED else None


def plans_of(prop: Property, request: Request) -> list[Plan]:
    """The trials of a property that a request asks for."""
    whole = plans(prop.claim, prop.name, request, prop.activations, prop.controls, of_model=prop.of_model)
    divided = [
        replace(plan, search=(number, searches))
        for plan in whole
        for searches in (_searches(plan, prop, request),)
        for number in range(1, searches + 1)
    ]
    return [replace(plan, position=position) for position, plan in enumerate(divided)]


def _searches(plan: Plan, prop: Property, request: Request) -> int:
    """Into how many searches a trial is divided: each has two cases at least, the simplest and one more."""
    if plan.kind not in {"random", "named"}:
        return 1
    return max(1, min(request.searches, cases_of(plan, prop, request) // 2))


def cases_of(plan: Plan, prop: Property, request: Request) -> int:
    """How many cases a trial searches, all its searches together."""
    if plan.control is not None and plan.control.conclusion == "fails":
        return CONTROL_EXAMPLES
    examples = request.profile.examples if plan.kind == "random" else request.profile.named_examples
    examples = math.ceil(examples / 2) if plan.activation == KINKED else examples
    # The first case of a search is often the simplest: one at random has to come with it.
    return max(2 if plan.activation == "random" else 1, round(examples * prop.share))


def plans(
    claim: Claim,
    test: str,
    request: Request,
    activations: Sequence[str] = (),
    controls: Sequence[Control] = (),
    *,
    of_model: bool = False,
) -> list[Plan]:
    """The trials of one property that a request asks for: subjects, then controls, then ablations.

    `activations` and `controls` are those that the property itself names, the latter beside the claim's; `of_model`
    says that it is about a user's own module.
    """
    if (request.claims and claim.id not in request.claims) or of_model is not (request.model is not None):
        return []
    if request.model is not None:
        return _of_model(claim, request, request.model)
    controls = [*(c for c in claim.controls if test.endswith(f"::{c.test}")), *controls]
    if request.mode == "selftest":
        controls += [c for c in SELF_TEST_CONTROLS.get(claim.id, ()) if test.endswith(f"::{c.test}")]
        return [Plan(k, "control", c.activation, c.stratum, c) for k, c in enumerate(controls)]
    subjects = _subjects(claim, request, activations)
    wanted = [Plan(0, kind, name, stratum) for kind, name in subjects for stratum in _strata(claim, request)]
    if request.mode != "survey":
        wanted += [Plan(0, "control", c.activation, c.stratum, c) for c in controls]
    if request.mode == "ablation":
        wanted += _ablations(claim)
    return [replace(plan, position=position) for position, plan in enumerate(wanted)]


def of_shard(wanted: Sequence[Plan], shard: tuple[int, int] | None, first: int) -> list[Plan]:
    """Those of some plans, the first of which has number `first` in the whole audit, that belong to a shard (i, n).

    Trials are dealt out in turn: neighbours, which cost about the same, go to different shards.
    """
    if shard is None:
        return list(wanted)
    number, of = shard
    return [plan for place, plan in enumerate(wanted, start=first) if place % of == number - 1]


def _of_model(claim: Claim, request: Request, model: OwnModel) -> list[Plan]:
    """One trial for each stratum that a module can have: nobody but its author can pin its state at a kink."""
    if why_not(claim.id, parameters=model.parameters):
        return []
    fitting = {"arbitrary", "zero-input", "sphere", "given"}
    if model.dimension == DIGITS_DIMENSION:
        fitting.add("digits")
    if model.dimension in CROWDED_DIMENSIONS:
        fitting.add("crowded")
    strata = [stratum for stratum in _strata(claim, request) if stratum in fitting] or [UNDIVIDED]
    return [Plan(k, "named", model.reference, stratum) for k, stratum in enumerate(strata)]


def _subjects(claim: Claim, request: Request, activations: Sequence[str]) -> list[tuple[Kind, str]]:
    if request.activations or activations:
        return [("named", name) for name in request.activations or activations]
    random: list[tuple[Kind, str]] = [("random", "random")]
    if not claim.strata:
        return random  # of what the property's own strategy draws
    asked = set(claim.assumptions)
    if "lipschitz" in asked and not {"smooth", "differentiable", "linear-growth"} & asked:
        random.append(("random", KINKED))
    # The profile's are smooth: a claim about kinks searches its own random functions, the catalogue's among them.
    named = () if "piecewise-linear" in asked else request.profile.named
    return [*random, *(("named", name) for name in named)]


def _ablations(claim: Claim) -> list[Plan]:
    """Every way to break one assumption, in the strata that it leaves open."""
    return [
        Plan(0, "ablation", departure.activations or "random", stratum, departure=departure)
        for assumption in claim.assumptions
        for departure in DEPARTURES.get(assumption, ())
        for stratum in ((departure.stratum,) if departure.stratum else claim.strata or (UNDIVIDED,))
    ]


def _strata(claim: Claim, request: Request) -> tuple[str, ...]:
    if request.data is None:
        return claim.strata or (UNDIVIDED,)
    source = request.data if isinstance(request.data, str) else "given"
    # A probe at a kink can be laid on any data; the other strata are data of their own.
    return (source, "pinned") if "pinned" in claim.strata else (source,)


def record_name(prop: Property, plan: Plan) -> str:
    """What a trial is called in a store, whichever process runs it."""
    return f"{prop.name}[{plan.name}] {plan.position}"
