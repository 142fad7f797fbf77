"""Which trials of a property a request asks for: subjects, strata, controls, ablations, and how many cases each has."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from theory_check.claims.claim import Claim, Control
from theory_check.claims.departure import Departure
from theory_check.claims.paper import HALF, Paper, paper_on_trial
from theory_check.reporting.records import Kind
from theory_check.search.property import Property
from theory_check.search.request import Request

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
    def given_stratum(self) -> str | None:
        """The stratum of every case; None where the strategy of the property alone says what is searched."""
        return None if self.stratum == UNDIVIDED else self.stratum

    @property
    def names_activation(self) -> bool:
        """Whether every case must have this very activation."""
        return self.kind in {"named", "control"}

    @property
    def activations(self) -> str | None:
        """The class that activations are drawn from in place of the property's own strategy."""
        if self.departure:
            return self.departure.activations
        return self.activation.removeprefix(HALF) if self.activation.startswith(HALF) else None


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
    examples = math.ceil(examples / 2) if plan.activation.startswith(HALF) else examples
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
    paper = paper_on_trial()
    if paper.left_out(claim, request):
        return []
    strata = _strata(paper, claim, request)
    if request.model is not None:
        return [Plan(k, "named", request.model.reference, stratum) for k, stratum in enumerate(strata)]
    controls = [*(c for c in claim.controls if test.endswith(f"::{c.test}")), *controls]
    if request.mode == "selftest":
        controls += [c for c in paper.selftest_controls().get(claim.id, ()) if test.endswith(f"::{c.test}")]
        return [Plan(k, "control", c.activation, c.stratum, c) for k, c in enumerate(controls)]
    subjects = paper.subjects(claim, request, activations)
    wanted = [Plan(0, kind, name, stratum) for kind, name in subjects for stratum in strata]
    if request.mode != "survey":
        wanted += [Plan(0, "control", c.activation, c.stratum, c) for c in controls]
    if request.mode == "ablation":
        wanted += _ablations(paper, claim)
    return [replace(plan, position=position) for position, plan in enumerate(wanted)]


def of_shard(wanted: Sequence[Plan], shard: tuple[int, int] | None, first: int) -> list[Plan]:
    """Those of some plans, the first of which has number `first` in the whole audit, that belong to a shard (i, n).

    Trials are dealt out in turn: neighbours, which cost about the same, go to different shards.
    """
    if shard is None:
        return list(wanted)
    number, of = shard
    return [plan for place, plan in enumerate(wanted, start=first) if place % of == number - 1]


def _ablations(paper: Paper, claim: Claim) -> list[Plan]:
    """Every way to break one assumption, in the strata that it leaves open."""
    return [
        Plan(0, "ablation", departure.activations or "random", stratum, departure=departure)
        for assumption in claim.assumptions
        for departure in paper.departures.get(assumption, ())
        for stratum in ((departure.stratum,) if departure.stratum else claim.strata or (UNDIVIDED,))
    ]


def _strata(paper: Paper, claim: Claim, request: Request) -> tuple[str, ...]:
    return paper.strata_of(claim, request) or (UNDIVIDED,)


def record_name(prop: Property, plan: Plan) -> str:
    """What a trial is called in a store, whichever process runs it."""
    return f"{prop.name}[{plan.name}] {plan.position}"
