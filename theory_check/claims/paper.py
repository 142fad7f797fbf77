"""A paper on trial as a record: all that the court sees of a subject.

The court (claims, cases, search, judge, runs, reporting, pictures, plugin) imports no subject. What it must know of one
stands in its `Paper`: which claims there are, what a case is, how the cases of a trial are narrowed to its subject and
stratum, which assumption a case does not meet, what can be planted. `paper_on_trial` finds the one of this process.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from theory_check.case.record import AnyCase, canonical_json
from theory_check.claims.claim import Claim, Control, Unmet
from theory_check.claims.departure import Departure

if TYPE_CHECKING:
    from theory_check.search.plan import Plan
    from theory_check.search.request import Request

# "module:NAME" of the paper that is on trial where nobody names one: found by name, so that nothing here imports it.
DEFAULT = "theory_check.neural_ode.paper:PAPER"

Kind = Literal["random", "named"]
# A random subject of one class alone, such as "random kinked", is searched with half the cases of a random one.
HALF = "random "
Predicates = Mapping[str, Callable[[AnyCase], bool]]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class PaperError(ValueError):
    """What is named as a paper is none; the message is one line."""


class PlantedDefect(Protocol):
    """What the court must know of a planted defect."""

    @property
    def description(self) -> str:
        """What is wrong, in a line."""
        ...

    @property
    def subtle(self) -> bool:
        """Whether it is an error of ten per cent or less."""
        ...


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request only the paper can check.

    subjects: what the user put on trial by name, such as activations.
    model: a record of the user's own model, or None; it has `reference`, `notes` and whatever the paper needs.
    data: what cases are to be made of, by the name of a stratum or as a record; None leaves every stratum.
    data_note: what is wrong with these data, one line; empty when nothing is.
    """

    subjects: tuple[str, ...] = ()
    model: Any = None
    data: Any = None
    data_note: str = ""


def _nothing_asked(**asked: Any) -> Asked:
    given = [name for name, value in asked.items() if value and name in {"subjects", "model", "data"}]
    if given:
        raise ValueError(f"this paper has no {given[0]} that could be chosen, got {asked[given[0]]!r:.60}")
    if asked.get("device", "cpu") != "cpu":
        raise ValueError(f"this paper runs on the cpu, got device {asked['device']!r}")
    return Asked()


def _unmet_predicate(claim: Claim, case: AnyCase, own: Predicates, _request: "Request") -> Unmet | None:
    return next((Unmet(words, "not met") for words in claim.assumptions if not own[words](case)), None)


def _random_alone(_claim: Claim, _request: "Request", named: Sequence[str]) -> list[tuple[Kind, str]]:
    return [("named", name) for name in named] or [("random", "random")]


def _its_strata(claim: Claim, _request: "Request") -> tuple[str, ...]:
    return claim.strata


@contextmanager
def _drawn_as_it_is(_plan: "Plan", _request: "Request") -> Iterator[Mapping[str, Mapping[str, str]]]:
    yield NOTHING


@contextmanager
def _nothing_planted(name: str | None) -> Iterator[None]:
    if name is not None:
        raise ValueError(f"this paper has no defect {name!r}")
    yield


def fields_of(case: AnyCase) -> list[tuple[str, str]]:
    """Labels and values that say what a case is, one pair a field: where a paper says nothing better."""
    return [(name, str(value)) for name, value in msgspec.to_builtins(case).items()]


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A subject of the court.

    Attributes:
        title: in reports, with venue and year.
        claims: by their ids, in the order of reports.
        case: the frozen msgspec record of a case; the court spells, names, stores and replays it.
        properties: the folder of the files test_*.py that judge the claims, with a pytest.ini.
        assumptions: names that claims may use without a predicate, and what each means.
        strata: names of the parts of the space of cases that claims may have; none: any name will do.
        unmet: which assumption of a claim a case does not meet, or None.
        asked: checks what of a request only the paper knows (subjects, model, data, device). Raises ValueError, one
            line, for what means nothing.
        data_kind, model_kind: types of `Asked.data` and `Asked.model`, by which a request is read from JSON.
        load: makes the subject behind a name; measurements get it as `setting.load`.
        load_model: builds a user's own model from its reference and a seed.
        spelt: the name by which cases call the subject of a property, which may be given as an object of the paper's;
            raises ValueError for what cannot be one.
        subjects: which subjects get trials of a claim, each with its kind.
        strata_of: the strata of a claim that a request asks for.
        left_out: why a claim says nothing of what the request is about; empty where it does.
        narrowed: narrows what a property draws to the subject and stratum of a plan while the context lasts; yields a
            mapping from the JSON of drawn cases to further classes in which a report counts them.
        mismatch: why a drawn case is not one of a plan's, or empty.
        enumerated: the dimensions whose classes a search covers by count, and their classes.
        sizes: the class of a case in each of these.
        classes: the class of a case in every dimension that a report counts.
        departures: ways to break each assumption, for ablations.
        defects: by their names; a function, since loading them may be slow.
        planted: makes a defect active while the context lasts; None is none.
        selftest_controls: further controls of each claim, which `theory-check selftest` runs.
        note: what a reader of a trial must know first, or empty.
        failures: what a failure in a quantity means, by its id: a sentence with {measured} and {bound} in it.
        headline: what a case is about and where it lies, in a word or two each, such as its activation and stratum.
        describe: a case in words: labels and values, nothing that fixes it left out.
        runs_code: whether judging a case again runs code that it names.
        asked_by: what a request must ask for, as keywords of `make_request`, so that a case can be judged again.
    """

    title: str
    claims: Mapping[str, Claim]
    case: type[msgspec.Struct]
    properties: Callable[[], Path]
    assumptions: Mapping[str, str] = field(default_factory=dict)
    strata: tuple[str, ...] = ()
    unmet: Callable[[Claim, AnyCase, Predicates, "Request"], Unmet | None] = _unmet_predicate
    asked: Callable[..., Asked] = _nothing_asked
    data_kind: Any = None
    model_kind: Any = None
    load: Callable[..., Any] = lambda name, **_: name
    load_model: Callable[..., Any] | None = None
    spelt: Callable[[Any], str] = str
    subjects: Callable[[Claim, "Request", Sequence[str]], list[tuple[Kind, str]]] = _random_alone
    strata_of: Callable[[Claim, "Request"], tuple[str, ...]] = _its_strata
    left_out: Callable[[Claim, "Request"], str] = lambda _claim, _request: ""
    narrowed: Callable[["Plan", "Request"], AbstractContextManager[Mapping[str, Mapping[str, str]]]] = _drawn_as_it_is
    mismatch: Callable[[AnyCase, "Plan", "Request"], str] = lambda _case, _plan, _request: ""
    enumerated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: Callable[[AnyCase], Mapping[str, str]] = lambda _case: NOTHING
    classes: Callable[[AnyCase, "Request"], Mapping[str, str]] = lambda _case, _request: NOTHING
    departures: Mapping[str, tuple[Departure, ...]] = field(default_factory=dict)
    defects: Callable[[], Mapping[str, PlantedDefect]] = lambda: NOTHING
    planted: Callable[[str | None], AbstractContextManager[None]] = _nothing_planted
    selftest_controls: Callable[[], Mapping[str, tuple[Control, ...]]] = lambda: NOTHING
    note: Callable[[Claim, "Plan", "Request"], str] = lambda _claim, _plan, _request: ""
    failures: Mapping[str, str] = field(default_factory=dict)
    headline: Callable[[AnyCase], tuple[str, str]] = lambda case: (canonical_json(case), "")
    describe: Callable[[AnyCase], list[tuple[str, str]]] = fields_of
    runs_code: Callable[[AnyCase], bool] = lambda _case: False
    asked_by: Callable[[AnyCase], Mapping[str, Any]] = lambda _case: {}


_on_trial = DEFAULT


def put_on_trial(reference: str) -> Paper:
    """Make "module:NAME" the paper of this process; empty for the one that ships with theory_check.

    Raises:
        PaperError: there is no such module, or it has no Paper of that name; one line.
    """
    global _on_trial  # noqa: PLW0603 - a process has one paper on trial, which workers are told by name
    paper = paper_named(reference or DEFAULT)
    _on_trial = reference or DEFAULT
    return paper


def reference_on_trial() -> str:
    """The name of the paper of this process; empty for the one that ships with theory_check."""
    return "" if _on_trial == DEFAULT else _on_trial


def paper_on_trial() -> Paper:
    """The paper of this process."""
    return paper_named(_on_trial)


@contextmanager
def _current_folder_importable() -> Iterator[None]:
    """A console script does not look in the current folder; python -m does. Last, so that nothing is shadowed."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)


def paper_named(reference: str) -> Paper:
    """The Paper behind "module:NAME".

    Raises:
        PaperError: as `put_on_trial`.
    """
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise PaperError(f"a paper is named module:NAME, such as my_paper:PAPER, got {reference!r:.80}")
    try:
        with _current_folder_importable():
            found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise PaperError(f"cannot import the paper {reference!r:.80}: {' '.join(str(error).split())}") from None
    if not isinstance(found, Paper):
        raise PaperError(f"{reference!r:.80} is no theory_check Paper, it is {type(found).__name__}")
    return found
