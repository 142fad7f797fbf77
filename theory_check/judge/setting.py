"""What a measurement gets beside its case. It judges nothing: measurements cannot reach the judge through it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from theory_check.case.record import Seeds
from theory_check.judge.profile import PROFILES, Profile


def _no_model(reference: str, _seed: int) -> Any:
    raise ValueError(f"no model is on trial, so that {reference} is not built")


def _by_name(subject: str) -> Any:
    return subject


@dataclass(frozen=True)
class Setting:
    """Where a measurement gets what a case does not hold.

    Attributes:
        seeds: the seed rule of the claim; everything random in a measurement follows from it.
        profile: sizes.
        load: makes the subject of a case from its name, such as an activation from its expression.
        load_model: builds the module of a case of a user's own model from its reference and a seed.
        device: where networks run, "cpu" or "cuda".
    """

    seeds: Seeds
    profile: Profile = PROFILES["quick"]
    load: Callable[[str], Any] = _by_name
    load_model: Callable[[str, int], Any] = _no_model
    device: str = "cpu"
