"""Searches by Hypothesis whose draws depend on their seed alone: no database, no clock, nothing mined from source."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
from hypothesis import Phase, Verbosity
from hypothesis.control import current_build_context
from hypothesis.internal.conjecture import engine, providers
from hypothesis.internal.conjecture.choice import choices_key
from hypothesis.internal.constants_ast import Constants


def draws_of_case() -> Any:
    """The choices that Hypothesis made for the case that is being executed, as something hashable."""
    return choices_key(current_build_context().data.choices)


def search_settings(most: int) -> hypothesis.settings:
    """Of a search that draws at most so many cases and makes a failing one small: no database, no clock."""
    return hypothesis.settings(
        max_examples=most,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )


@contextmanager
def reproducible_draws() -> Iterator[None]:
    """Draws must not depend on what is imported, nor how far a case is shrunk on the clock.

    Hypothesis mines constants from imported source, and ends shrinking after five minutes; here it ends by count.
    """
    changed: tuple[tuple[Any, str, Any], ...] = (
        (providers, "_get_local_constants", Constants),
        (engine, "MAX_SHRINKING_SECONDS", math.inf),
    )
    originals = [getattr(module, name) for module, name, _ in changed]
    for module, name, value in changed:
        setattr(module, name, value)
    providers.CONSTANTS_CACHE.cache.clear()  # what other tests of this process mined
    try:
        yield
    finally:
        for (module, name, _), original in zip(changed, originals, strict=True):
            setattr(module, name, original)
        providers.CONSTANTS_CACHE.cache.clear()
