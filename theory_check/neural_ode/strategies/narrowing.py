"""The part of the space of cases that a trial searches.

`narrowed` fixes an activation, a stratum or the data for the duration of a trial; the strategies of a property then
draw from that part only, so a property is written once and no stratum is left to luck.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Explicit


@dataclass(frozen=True)
class Narrowing:
    """What a trial fixes; None leaves a part free.

    activations: a class, by its name in `ACTIVATION_CLASSES`, that activations come from in place of a property's own.
    model: "package.module:build" and the dimension of its states.
    gave_way: filled by draws: for each case, by its JSON, whose property asks for a phi that suits it, whether a random
        phi gave way to a plain one, so that a trial can say how far its search was narrowed.
    """

    activation: Activation | None = None
    activations: str | None = None
    stratum: str | None = None
    given: Explicit | None = None
    model: tuple[str, int] | None = None
    gave_way: dict[str, bool] = field(default_factory=dict, compare=False)


_narrowing: ContextVar[Narrowing | None] = ContextVar("narrowing", default=None)


@contextmanager
def narrowed(narrowing: Narrowing) -> Iterator[None]:
    """Draw from one part of the space of cases only, while the context lasts."""
    token = _narrowing.set(narrowing)
    try:
        yield
    finally:
        _narrowing.reset(token)


def current_narrowing() -> Narrowing:
    """What the running trial fixes; nothing outside a trial."""
    return _narrowing.get() or Narrowing()
