"""What a worker does, on this machine or on a cluster: one trial, found by its name in its own properties."""

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from theory_check.search.plan import Plan
    from theory_check.search.property import Property
    from theory_check.search.request import Request
    from theory_check.search.store import StoredCase


@dataclass(frozen=True)
class Job:
    """A trial for a worker.

    Attributes:
        name: of the trial, as a store has it.
        request: as JSON.
        test: the name of the property, as reports give it.
        position: of the trial among those of its property.
        identity: of the process that asks, which the worker must share.
        cases: of the trial that have been judged already, for a worker that cannot reach the store.
        folder: of the run, for one that can; None where there is no run, or it is elsewhere.
        properties: their folder, where the worker has the same files; None for its own.
    """

    name: str
    request: str
    test: str
    position: int
    identity: "Mapping[str, str]"
    cases: "Mapping[tuple[str, str], StoredCase]"
    folder: str | None = None
    properties: str | None = None


# Planted defects and the numbers of compute threads belong to the process.
_ONE_AT_A_TIME = threading.Lock()


class CannotTakePart(Exception):
    """A worker has other code, data or versions than the audit; the message is one line."""


def trials_of(request: "Request") -> "list[tuple[Property, Plan]]":
    """Every trial that a request asks for, in the order in which pytest collects them.

    Raises:
        click.ClickException: there are no properties.
    """
    from theory_check.runs.properties import properties_folder
    from theory_check.search.plan import of_shard, plans_of

    found: list[tuple[Property, Plan]] = []
    count = 0
    for prop in properties_in(str(properties_folder())).values():
        wanted = plans_of(prop, request)
        found += [(prop, plan) for plan in of_shard(wanted, request.shard, count)]
        count += len(wanted)
    return found


def identity_here(request_text: str, properties: str | None = None) -> dict[str, str]:
    """What this process must have in common with the one that asks for trials."""
    return _identity_of(request_text, properties)


def judge_trial(job: Job) -> str:
    """Run one trial, and return what was found, encoded.

    Raises:
        CannotTakePart: this process has other code, data or versions.
    """
    import torch
    from threadpoolctl import threadpool_limits

    from theory_check.runs.unfinished import STORE_FILE
    from theory_check.search.found import encode
    from theory_check.search.plan import plans_of
    from theory_check.search.store import Store
    from theory_check.search.trial import run_trial
    from theory_check.search.trial_record import CarriedCases

    problem = what_differs(job.identity, _identity(job.request, job.properties))
    if problem:
        raise CannotTakePart(problem)
    request = _request(job.request)
    prop = _properties(job.properties)[job.test]
    plan = plans_of(prop, request)[job.position]
    store = CarriedCases(job.cases) if job.folder is None else Store(Path(job.folder) / STORE_FILE)
    # Dask's threads beside this one use the global generator; a strategy that did would be told by other runs.
    warnings.filterwarnings("ignore", message="Do not use the `random` module inside strategies")
    with _ONE_AT_A_TIME:
        # As in the plugin: sums in one order. Threads of a pool have a setting each, so it is made here.
        torch.set_num_threads(1)
        with threadpool_limits(limits=1):
            return encode(run_trial(prop, plan, request, store))


def what_differs(identity: Mapping[str, str], here: Mapping[str, str]) -> str:
    """The first thing in which two processes differ that must not, one line; machines may be of different kinds."""
    from theory_check.runs.unfinished import MACHINE

    for name in sorted(({*identity} | {*here}) - {MACHINE}):
        asked, has = identity.get(name) or "none", here.get(name) or "none"
        if asked != has:
            return f"{name}: {asked[:60]!r} in the audit, {has[:60]!r} there"
    return ""


def properties_in(folder: str | None) -> "dict[str, Property]":
    """The properties of a folder, by default of that on trial, by name and in the order in which pytest collects them.

    A file is no part of a name: `known_as` keeps it.
    """
    from theory_check.runs.properties import load_properties, property_files
    from theory_check.search.property import property_of

    marked = (property_of(value) for path in property_files(folder) for value in vars(load_properties(path)).values())
    found: dict[str, Property] = {}
    for prop in marked:
        if prop is not None and found.setdefault(prop.name, prop) is not prop:
            raise click.ClickException(f"two properties are called {prop.name!r}: give one another function name")
    return found


@lru_cache(maxsize=8)
def _request(request_text: str) -> "Request":
    from theory_check.search.request import read_request

    return read_request(request_text)


# A worker has many trials of one request, and its files are those that it began with.
_properties = lru_cache(maxsize=1)(properties_in)


def _identity_of(request_text: str, properties: str | None) -> dict[str, str]:
    from theory_check.runs.properties import code_of
    from theory_check.runs.unfinished import code_fingerprint, identity_of

    request = _request(request_text)
    try:
        # What has been imported is found again, wherever this process looks for modules.
        for name in request.activations:
            request.load(name)
        if request.model is not None:
            request.load_model(request.model.reference, request.seed)
    except ValueError as error:
        raise CannotTakePart(" ".join(str(error).split())) from None
    return identity_of(request, code=code_fingerprint(code_of(request.subjects, properties)))


_identity = lru_cache(maxsize=8)(_identity_of)
