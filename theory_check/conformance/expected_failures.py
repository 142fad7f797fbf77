"""Expected failures: a TOML file in the repository of the library on trial.

[[expected]]
check = "gradient-under-contraction"
solver = "*/odeint_adjoint"
reason = "states are rebuilt backwards"
"""

import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from theory_check.search.request import nearest


class ExpectedFailuresError(ValueError):
    """The file cannot be used; the message is one line."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expected failure.

    check: name of a check.
    solver: "method/stepping" for checks of states, "method/stepping/gradient" for those of gradients; * stands for
        anything.
    reason: why it is expected.
    """

    check: str
    solver: str
    reason: str

    def covers(self, check: str, solver: str) -> bool:
        """Whether it speaks of this check of this solver."""
        return check == self.check and fnmatchcase(solver, self.solver)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expected: tuple[Entry, ...] = ()


def load_expected_failures(path: Path, known: Mapping[str, Iterable[str]]) -> tuple[Entry, ...]:
    """The entries of a file.

    Args:
        path: TOML.
        known: the solvers of the library that each check is about, by check.

    Raises:
        ExpectedFailuresError: the file cannot be read, is no TOML of this form, or has an entry that speaks of no check
            of no solver.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = msgspec.convert(content, _File).expected
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedFailuresError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ExpectedFailuresError(f"{str(path)!r} is no TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ExpectedFailuresError(f"{str(path)!r} is no list of expected failures: {error}") from None
    for number, entry in enumerate(entries, 1):
        where = f"entry {number} of {str(path)!r}"
        if entry.check not in known:
            raise ExpectedFailuresError(f"{where}: unknown check {entry.check!r}; {nearest(entry.check, known)}")
        if not any(entry.covers(entry.check, solver) for solver in known[entry.check]):
            names = nearest(entry.solver, known[entry.check])
            raise ExpectedFailuresError(f"{where}: {entry.check} is about no solver {entry.solver!r}; {names}")
        if not entry.reason or entry.reason.isspace():
            raise ExpectedFailuresError(f"{where}: a reason must be given")
    return entries
