"""The one file that uses what Hypothesis does not promise to keep.

The search needs four things for which Hypothesis has no public interface: to tell one sequence of draws from another,
to know that a search ended because there is nothing left to draw, to keep draws independent of the source that happens
to be imported, and to keep shrinking off the clock. pyproject.toml bounds the version from above while that is so;
`check_internals` says which name is gone when the bound is raised.
"""

import hashlib
import importlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import hypothesis
from hypothesis import Phase, Verbosity
from hypothesis.strategies import SearchStrategy

# Module, and the name in it.
INTERNALS = (
    ("hypothesis.control", "current_build_context"),
    ("hypothesis.internal.conjecture.choice", "choices_key"),
    ("hypothesis.internal.conjecture.engine", "ExitReason"),
    ("hypothesis.internal.conjecture.engine", "MAX_SHRINKING_SECONDS"),
    ("hypothesis.internal.conjecture.providers", "_get_local_constants"),
    ("hypothesis.internal.conjecture.providers", "CONSTANTS_CACHE"),
    ("hypothesis.internal.constants_ast", "Constants"),
    ("hypothesis.statistics", "collector"),
)


class InternalsGoneError(RuntimeError):
    """The installed Hypothesis lacks a name that the search uses."""


def check_internals() -> None:
    """Refuse a Hypothesis that lacks something the search needs.

    Raises:
        InternalsGoneError: it names what is gone, and what to install.
    """
    for module, name in INTERNALS:
        _internal(module, name)


def _internal(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise InternalsGoneError(
            f"Hypothesis {hypothesis.__version__} has no {module}.{name}, which theory_check needs: install a version "
            "that theory_check allows (pip install --upgrade theory-check)"
        ) from None


def draws_of_case() -> Any:
    """The choices that Hypothesis made for the case that is being executed, as something hashable."""
    choices = _internal("hypothesis.control", "current_build_context")().data.choices
    return _internal("hypothesis.internal.conjecture.choice", "choices_key")(choices)


def strategies_of(test: Callable[..., object]) -> dict[str, SearchStrategy[Any]]:
    """What `@given` of a Hypothesis test gives by name; without `@given` nothing."""
    return dict(getattr(getattr(test, "hypothesis", None), "_given_kwargs", None) or {})


def has_explicit_examples(test: Callable[..., object]) -> bool:
    """Whether `@example` stands above a Hypothesis test."""
    return bool(getattr(test, "hypothesis_explicit_examples", ()))


def draw_cases(
    strategies: Mapping[str, SearchStrategy[Any]], body: Callable[..., None], seed: str, *, most: int
) -> bool:
    """Call `body` with cases drawn from strategies, and make a failing one small.

    Args:
        strategies: for each argument of `body` what to draw it from.
        body: raises where a case fails.
        seed: a text from which every draw derives.
        most: cases to draw, at most.

    Returns:
        whether the search ended because there are no other cases to draw.
    """
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    settings = hypothesis.settings(
        max_examples=most,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    said: list[Any] = []
    with _internal("hypothesis.statistics", "collector").with_value(said.append):
        hypothesis.seed(number)(settings(hypothesis.given(**strategies)(body)))()
    finished = _internal("hypothesis.internal.conjecture.engine", "ExitReason").finished
    return bool(said[-1]["stopped-because"] == finished.value)


@contextmanager
def reproducible_draws() -> Iterator[None]:
    """Draws must not depend on what is imported, nor how far a case is shrunk on the clock.

    Hypothesis mines constants from imported source, and ends shrinking after five minutes; here it ends by count.
    """
    check_internals()
    changed: tuple[tuple[str, str, Any], ...] = (
        (
            "hypothesis.internal.conjecture.providers",
            "_get_local_constants",
            _internal("hypothesis.internal.constants_ast", "Constants"),
        ),
        ("hypothesis.internal.conjecture.engine", "MAX_SHRINKING_SECONDS", math.inf),
    )
    cache = _internal("hypothesis.internal.conjecture.providers", "CONSTANTS_CACHE").cache
    originals = [_internal(module, name) for module, name, _ in changed]
    for module, name, value in changed:
        setattr(importlib.import_module(module), name, value)
    cache.clear()  # what other tests of this process mined
    try:
        yield
    finally:
        for (module, name, _), original in zip(changed, originals, strict=True):
            setattr(importlib.import_module(module), name, original)
        cache.clear()
