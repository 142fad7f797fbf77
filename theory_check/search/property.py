"""A Hypothesis test that judges a claim: how it is marked, and what is refused at the mark rather than in a trial."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from theory_check.case.record import AnyCase
from theory_check.claims.claim import Claim, Control, check_known
from theory_check.claims.paper import Paper, paper_on_trial
from theory_check.search.hypothesis_internals import has_explicit_examples, strategies_of

MARK = "theory_check_property"

Body: TypeAlias = Callable[..., None]


@dataclass(frozen=True)
class Property:
    """A marked test function.

    Attributes:
        claim: what it judges.
        function: the Hypothesis test, of `case` and `audit`.
        name: "file.py::function", from which ids of cases and draws derive; in a pytest run the path is relative to
            its root.
        share: of the profile's cases and of what shrinking may cost.
        activations: expressions of those that are searched, one trial each; none: random ones, and the profile's.
        assumptions: a user's own, by their words: whether a case meets them.
        of_model: whether it is about a user's module, and runs where one is on trial, there alone.
        known_as: the file in its name where that is not the file it lies in now; empty where it is.
        controls: those that stand beside its mark, each with its name; the claim may have more of it.
    """

    claim: Claim
    function: Body
    name: str
    share: float = 1.0
    activations: tuple[str, ...] = ()
    assumptions: Mapping[str, Callable[[AnyCase], bool]] = field(default_factory=dict)
    of_model: bool = False
    known_as: str = ""
    controls: tuple[Control, ...] = ()


def checks(
    claim: str | Claim,
    *,
    share: float = 1.0,
    activations: Iterable[Any] = (),
    assumptions: Mapping[str, Callable[[AnyCase], bool]] = MappingProxyType({}),
    of_model: bool = False,
    known_as: str = "",
    controls: Iterable[Control] = (),
) -> Callable[[Body], Body]:
    """Mark a Hypothesis test of `case` and `audit` as a property of a claim.

    Args:
        claim: an identifier of the paper's claims, or a claim of your own.
        share: cases to search, and to shrink with, relative to the profile; below 1 where they are expensive.
        activations: what the claim is about, where it is not about a class of functions: names, expressions,
            activations or elementwise functions of a torch tensor. Each has trials of its own, in place of random
            activations and the profile's.
        assumptions: for every assumption of the claim that is none of theory_check's, whether a case meets it.
        of_model: it judges cases of a user's own torch.nn.Module (`--model`), and runs only where one is on trial.
        known_as: for a property that has moved to another file, the file that reports have named so far, such as
            "tests/test_old.py". Ids of cases and draws derive from that name: with it they stay what they were, and
            earlier reports can be replayed. Write it as a literal, since `replay` looks for it in the files.
        controls: cases, or defects, that show what the property can see: each is a trial, and where it does not come
            out as said, the audit is an error.

    Raises:
        ValueError: an unknown claim or assumption, an activation that cannot be used, a share that is not positive, or
            `known_as` that is no relative path of a Python file, a control of another property.
        TypeError: the function is no Hypothesis test of exactly `case` and `audit`.
    """
    paper = paper_on_trial()
    record = claim if isinstance(claim, Claim) else paper.claims.get(claim)
    if record is None:
        raise ValueError(f"unknown claim {claim!r}; known: {', '.join(paper.claims)}")
    if record.id in paper.claims and record != paper.claims[record.id]:
        raise ValueError(f"claim id {record.id!r} is taken by a claim of the paper: choose another")
    if not 0 < share < float("inf"):
        raise ValueError(f"share must be a positive finite number, got {share!r}")
    if paper.strata:
        # A stratum with a typo would be searched as another one.
        check_known(record.id, "stratum", record.strata, paper.strata)
    _check_known_as(known_as)
    _check_assumptions(paper, record, assumptions)
    subjects = tuple(dict.fromkeys(paper.spelt(subject) for subject in activations))

    def mark(function: Body) -> Body:
        _check_form(function)

        def test() -> None:
            raise RuntimeError(
                f"{function.__name__} judged nothing: a property runs in pytest with the plugin of theory_check, "
                "which is switched off here (-p no:theory_check?)"
            )

        test.__name__ = test.__qualname__ = function.__name__
        test.__doc__ = function.__doc__
        test.__module__ = function.__module__
        name = f"{known_as or function.__code__.co_filename.rsplit('/', 1)[-1]}::{function.__name__}"
        marked = Property(
            claim=record,
            function=function,
            name=name,
            share=share,
            activations=subjects,
            assumptions=MappingProxyType(dict(assumptions)),
            of_model=of_model,
            known_as=known_as,
            controls=tuple(_named(control, function.__name__) for control in controls),
        )
        setattr(test, MARK, marked)
        # Marks of pytest below this one are the test's too.
        test.pytestmark = list(getattr(function, "pytestmark", []))  # type: ignore[attr-defined]
        return test

    return mark


def property_of(function: object) -> Property | None:
    """The property behind a collected function, or None when it is an ordinary test."""
    found = getattr(function, MARK, None)
    return found if isinstance(found, Property) else None


def _named(control: Control, function: str) -> Control:
    if control.test not in {"", function}:
        raise ValueError(f"a control of {control.test!r} stands beside {function!r}: leave out test=, got {control!r}")
    return msgspec.structs.replace(control, test=function)


def _check_known_as(known_as: str) -> None:
    path = PurePosixPath(known_as)
    if known_as and (path.suffix != ".py" or path.is_absolute() or ".." in path.parts or "::" in known_as):
        raise ValueError(
            f"known_as must be the file of a property as reports name it, such as 'tests/test_old.py', got {known_as!r}"
        )


def _check_assumptions(paper: Paper, claim: Claim, own: Mapping[str, Callable[[AnyCase], bool]]) -> None:
    for words in claim.assumptions:
        if words not in paper.assumptions and words not in own:
            near = difflib.get_close_matches(words, paper.assumptions, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(
                f"assumption {words!r} of claim {claim.id} is none of theory_check's; {hint}"
                f"say what it means: assumptions={{{words!r}: lambda case: ...}}; known: {', '.join(paper.assumptions)}"
            )
    for words in own:
        if words not in claim.assumptions or words in paper.assumptions:
            raise ValueError(f"{words!r} is no assumption of one's own of claim {claim.id}; it has {claim.assumptions}")


def _check_form(function: Body) -> None:
    """Refuse what would be ignored, or fail only in the middle of a trial."""
    name = getattr(function, "__name__", repr(function))
    given = getattr(function, "hypothesis", None)
    if given is None:
        raise TypeError(f"{name} is no Hypothesis test: write @checks(...) above @given(case=...)")
    if set(strategies_of(function)) != {"case"}:
        raise TypeError(f"@given of {name} must give case and nothing else, by name: @given(case=...)")
    takes = list(inspect.signature(given.inner_test).parameters)
    if sorted(takes) != ["audit", "case"]:
        raise TypeError(f"{name} must take case and audit only (no self, no fixtures), it takes {', '.join(takes)}")
    if has_explicit_examples(function):
        raise TypeError(f"@example of {name} would be ignored: a trial searches its own cases")
