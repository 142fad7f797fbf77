"""The paper's properties, loaded as an audit and a replay load them, and run in this process."""

import datetime as dt
from collections.abc import Callable
from functools import cache

import msgspec
import pytest
import torch

from theory_check.judge.profile import PROFILES, Profile
from theory_check.reporting.records import Report
from theory_check.runs.assembly import assemble
from theory_check.runs.properties import load_properties, property_files
from theory_check.search.plan import plans_of
from theory_check.search.property import Property, property_of
from theory_check.search.request import Request
from theory_check.search.trial import run_trial

# What a control must show is that it fails; how small its case can be made is tested where it matters.
BRIEF = msgspec.structs.replace(PROFILES["quick"], shrink_calls=3)


@cache
def _properties() -> dict[str, Property]:
    found: dict[str, Property] = {}
    for path in property_files():
        for name, value in vars(load_properties(path)).items():
            prop = property_of(value)
            if prop is not None:
                found[name] = prop
    return found


@pytest.fixture(autouse=True)
def _as_in_an_audit(without_shape_checks: None) -> None:  # noqa: ARG001 - asked for by its name
    """One compute thread, nothing but the measurements."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def properties() -> dict[str, Property]:
    """Every property of the paper, by the name of its function."""
    return _properties()


@pytest.fixture(scope="session")
def brief() -> Profile:
    """The quick profile with little shrinking."""
    return BRIEF


@pytest.fixture(scope="session")
def audited(properties: dict[str, Property]) -> Callable[[Request], Report]:
    """A whole audit of a request in this process, controls included."""

    def audited(request: Request) -> Report:
        found = [run_trial(prop, plan, request) for prop in properties.values() for plan in plans_of(prop, request)]
        return assemble(found, request=request, command="", started=dt.datetime.now(dt.UTC), seconds=0.0)

    return audited
