"""From a name to solvers under test: a library that is known here, or a user's own by "module:name"."""

import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from theory_check.conformance.solver import SolverUnderTest, name_of
from theory_check.neural_ode.activations.activation import ActivationError
from theory_check.neural_ode.activations.user_function import PATTERN, imported
from theory_check.search.request import nearest

# Each with the packages that it needs.
LIBRARIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "torchdiffeq": ("torchdiffeq",),
        "torchode": ("torchode",),
        "diffrax": ("diffrax", "jax"),
        "scipy": ("scipy",),
    }
)


class LibraryError(ValueError):
    """No solvers can be put on trial; the message is one line."""


def solvers_of(library: str, *, trust_code: bool = False) -> tuple[SolverUnderTest, ...]:
    """The solvers of a library, or those that "module:name" stands for: a list of them, or a function that makes one.

    Raises:
        LibraryError: an unknown or missing library, code that is not trusted, or objects that are no solvers.
    """
    if ":" in library:
        return _own(library, trust_code=trust_code)
    if library not in LIBRARIES:
        raise LibraryError(
            f"unknown library {library!r}; {nearest(library, LIBRARIES)}, or MODULE:NAME with --trust-code"
        )
    for package in LIBRARIES[library]:
        if importlib.util.find_spec(package) is None:
            raise LibraryError(f"{package} is not installed: pip install 'theory-check[peers]'")
    found: tuple[SolverUnderTest, ...] = importlib.import_module(f"{__package__}.{library}").members()
    return found


def prepare(library: str, expressions: Sequence[str]) -> None:
    """Announce the activations of a run to a library that compiles."""
    if library == "diffrax":
        importlib.import_module(f"{__package__}.{library}").prepare(expressions)


def selected(solvers: Iterable[SolverUnderTest], methods: Sequence[str]) -> tuple[SolverUnderTest, ...]:
    """Those of the methods that were named, all where none was.

    Raises:
        LibraryError: a method that the library does not have.
    """
    solvers = tuple(solvers)
    known = list(dict.fromkeys(solver.method for solver in solvers))
    for method in methods:
        if method not in known:
            raise LibraryError(f"unknown method {method!r}; {nearest(method, known)}")
    return tuple(solver for solver in solvers if not methods or solver.method in methods)


def _own(reference: str, *, trust_code: bool) -> tuple[SolverUnderTest, ...]:
    if not PATTERN.fullmatch(reference):
        raise LibraryError(f"a solver of your own is named module:name, got {reference!r:.60}")
    if not trust_code:
        raise LibraryError(f"{reference} would run code: pass --trust-code to allow it")
    try:
        found = imported(reference)
    except ActivationError as error:
        raise LibraryError(str(error)) from None
    if callable(found) and not isinstance(found, SolverUnderTest):
        found = found()
    solvers = tuple(found) if isinstance(found, list | tuple) else (found,)
    problem = next((what for solver in solvers for what in [_unfit(solver)] if what), "")
    names = [name_of(solver) for solver in solvers] if not problem else []
    twice = next((name for name in names if names.count(name) > 1), None)
    if not solvers:
        problem = "it is empty"
    if twice is not None:
        problem = f"two solvers are called {twice!r}"
    if problem:
        raise LibraryError(f"{reference} gives no solvers under test: {problem}")
    return solvers


def _unfit(solver: object) -> str:
    """What keeps an object from being a solver under test, or empty."""
    name = type(solver).__name__
    if isinstance(solver, type):
        return f"{solver.__name__} is a class, make one"
    missing = [attribute for attribute in _REQUIRED if not hasattr(solver, attribute)]
    if missing:
        return f"{name} lacks {', '.join(missing)}"
    assert isinstance(solver, SolverUnderTest)  # noqa: S101  as just seen
    if solver.stepping not in {"adaptive", "fixed"}:
        return f"stepping must be adaptive or fixed, got {solver.stepping!r}"
    if solver.kind not in {"discrete", "rebuilt", "stored"}:
        return f"kind must be discrete, rebuilt or stored, got {solver.kind!r}"
    if solver.order < 1:
        return f"order must be a whole number of at least 1, got {solver.order!r}"
    return ""


_REQUIRED = (
    "library",
    "version",
    "method",
    "gradient",
    "stepping",
    "order",
    "kind",
    "thorough",
    "order_rises",
    "solve",
    "gradient_of",
)
