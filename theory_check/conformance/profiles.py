"""How hard a library is tried."""

from dataclasses import dataclass

from theory_check.search.request import RequestError, nearest


@dataclass(frozen=True)
class ConformanceProfile:
    """Sizes of a run.

    activations: how many the panel has, from which all cases draw.
    cases: of every check that compares errors with bounds.
    ladders: cases of every check of a rate.
    shrink_calls: executions a minimal case may cost.
    thorough: whether solvers marked thorough are tried.
    """

    name: str
    activations: int
    cases: int
    ladders: int
    shrink_calls: int
    thorough: bool


PROFILES = {
    profile.name: profile
    for profile in (
        ConformanceProfile(name="quick", activations=3, cases=4, ladders=1, shrink_calls=12, thorough=False),
        ConformanceProfile(name="gate", activations=6, cases=12, ladders=3, shrink_calls=60, thorough=True),
    )
}


def profile_named(name: str) -> ConformanceProfile:
    """A profile by its name.

    Raises:
        RequestError: there is none of that name.
    """
    if name not in PROFILES:
        raise RequestError(f"unknown profile {name!r}; {nearest(name, PROFILES)}")
    return PROFILES[name]
