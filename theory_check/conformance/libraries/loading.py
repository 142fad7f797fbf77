"""From a name to solvers under test: a library that is known here, or a user's own by "module:name"."""

import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from theory_check.activations.activation import ActivationError
from theory_check.activations.user_function import PATTERN, imported
from theory_check.conformance.solver import SolverUnderTest, name_of
from theory_check.request import nearest

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
        raise LibraryError(f"unknown library {library!r}; {nearest(library, LIBRARIES)}, or MODULE:NAME with --trust-code")
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
    for solver in solvers:
        missing = [name for name in _REQUIRED if not hasattr(solver, name)]
        if isinstance(solver, type) or missing:
            what = f"lacks {', '.join(missing)}" if missing else "is a class: make one"
            raise LibraryError(f"{reference} gives no solver under test: {type(solver).__name__} {what}")
        if solver.stepping not in {"adaptive", "fixed"} or solver.kind not in {"discrete", "rebuilt", "stored"}:
            raise LibraryError(f"{reference}: stepping must be adaptive or fixed, kind discrete, rebuilt or stored")
    if not solvers:
        raise LibraryError(f"{reference} gives no solver under test: it is empty")
    names = [name_of(solver) for solver in solvers]
    for name in names:
        if names.count(name) > 1:
            raise LibraryError(f"{reference}: two solvers are called {name!r}")
    return solvers


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
