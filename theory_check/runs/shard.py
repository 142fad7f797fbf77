"""A shard of an audit: what some of its trials found, in a file, and how all the shards of an audit make one report.

`theory-check audit --shard i/n` writes one on each machine of a batch system or a CI matrix; nothing else connects
them. A shard has no verdict: claims, and the one error budget, are judged over all of them by `theory-check merge`.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from theory_check.case.record import case_hook
from theory_check.claims.paper import paper_on_trial
from theory_check.reporting.records import Environment, Report, ReportError
from theory_check.runs.assembly import assemble
from theory_check.runs.unfinished import MACHINE, TOLD
from theory_check.search.found import Found

if TYPE_CHECKING:
    from theory_check.search.request import Request

SHARD_FILE = "shard.json"


class Shard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the i-th of n parts of an audit found.

    number, of: i and n.
    request: what was asked for, but for the shard, as JSON text.
    identity: code, data and versions, by name, as of a run that is resumed.
    environment: of the machine that it ran on.
    command: as it was typed.
    started: UTC, ISO 8601.
    seconds: that it took.
    trials: how many it has.
    found: what each trial found, in any order.
    lost: trials that were begun and gave nothing.
    """

    number: int
    of: int
    request: str
    identity: dict[str, str]
    environment: Environment
    command: str
    started: str
    seconds: float
    trials: int
    found: tuple[Found, ...]
    lost: tuple[str, ...] = ()


def shard_of(
    report: Report,
    request: "Request",
    *,
    identity: Mapping[str, str],
    trials: int,
    found: Sequence[Found],
    lost: Sequence[str],
) -> Shard | None:
    """The record of what a shard found, or None where the request is for all trials.

    Args:
        report: of the shard alone.
        request: that names it.
        identity: of its run, as its store has it.
        trials: how many it has.
        found: by each of them.
        lost: those that gave nothing.
    """
    if request.shard is None:
        return None
    number, of = request.shard
    return Shard(
        number=number,
        of=of,
        request=asked(request),
        identity={name: value for name, value in identity.items() if name not in TOLD},
        environment=report.environment,
        command=report.command,
        started=report.started,
        seconds=report.seconds,
        trials=trials,
        found=tuple(found),
        lost=tuple(lost),
    )


def asked(request: "Request") -> str:
    """A request without its shard, as JSON text with the rows of its data: equal for all shards of one audit."""
    document = msgspec.to_builtins(request)
    del document["shard"]
    return msgspec.json.encode(document, order="sorted").decode()


def render_shard(shard: Shard) -> str:
    """The text of its file."""
    return msgspec.json.encode(shard).decode() + "\n"


def load_shard(path: Path) -> Shard:
    """The shard in a folder, or in a file.

    Raises:
        ReportError: there is none, or it is no shard of this version.
    """
    file = path / SHARD_FILE if path.is_dir() else path
    try:
        return msgspec.json.decode(file.read_bytes(), type=Shard, dec_hook=case_hook(paper_on_trial().case))
    except OSError as error:
        raise ReportError(f"no shard at {str(path)!r}: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{str(file)!r} is no shard of an audit by this version: {error}") from None


def merged(shards: Sequence[Shard], request: "Request", command: str) -> Report:
    """One report of all shards of an audit: that of an audit which ran every trial itself.

    Args:
        shards: in any order, as `require_whole` lets them pass.
        request: theirs.
        command: that merges them.
    """
    shards = sorted(shards, key=lambda shard: shard.number)
    report = assemble(
        (found for shard in shards for found in shard.found),
        request=request,
        command=command,
        started=min(dt.datetime.fromisoformat(shard.started) for shard in shards),
        seconds=max(shard.seconds for shard in shards),
        lost=[name for shard in shards for name in shard.lost],
        environment=shards[0].environment,
    )
    machines = Counter(shard.identity[MACHINE] for shard in shards)
    if len(machines) == 1:
        return report
    ran = "; ".join(f"{count} on {name}" for name, count in machines.items())
    note = f"shards ran on machines of different kinds, so that the last digits may not be those of a replay: {ran}"
    return msgspec.structs.replace(report, warnings=(*report.warnings, note))


def require_whole(shards: dict[str, Shard]) -> None:
    """Check that some shards, by where they lie, are all those of one audit and each is there once, whole.

    Raises:
        ReportError: one is missing, comes twice, lacks trials or has another's, or is of another audit, of other code,
            data or versions.
    """
    (first_place, first), *rest = shards.items()
    for place, shard in rest:
        what = _what_differs(first, shard)
        if what:
            raise ReportError(f"{first_place!r} and {place!r} are shards of different audits; {what}")
    places: dict[int, str] = {}
    for place, shard in shards.items():
        if shard.number in places:
            raise ReportError(f"shard {shard.number}/{shard.of} comes twice: in {places[shard.number]!r} and {place!r}")
        places[shard.number] = place
    missing = [str(number) for number in range(1, first.of + 1) if number not in places]
    if missing:
        shown = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        raise ReportError(f"{len(missing)} of {first.of} shards are missing: {shown}; a part has no verdict")
    _require_every_trial_once(shards)


def _require_every_trial_once(shards: dict[str, Shard]) -> None:
    seen: dict[tuple[str, str, int], str] = {}
    for place, shard in shards.items():
        if len(shard.found) + len(shard.lost) != shard.trials:
            raise ReportError(f"shard {place!r} has {len(shard.found)} of its {shard.trials} trials: run it again")
        for found in shard.found:
            trial = (found.claim.id, found.trial.property, found.position)
            if trial in seen:
                raise ReportError(f"a trial of {found.trial.property} is in {seen[trial]!r} and in {place!r}")
            seen[trial] = place


def _what_differs(one: Shard, other: Shard) -> str:
    """The first thing in which shards of one audit must not differ, one line; empty where there is none."""
    if one.of != other.of:
        return f"parts: {one.of} and {other.of}"
    if one.request != other.request:
        first, second = (msgspec.json.decode(shard.request) for shard in (one, other))
        name = next((name for name in sorted({*first, *second}) if first.get(name) != second.get(name)), "request")
        return f"{name}: {str(first.get(name))[:60]} and {str(second.get(name))[:60]}"
    for name in sorted((set(one.identity) | set(other.identity)) - {MACHINE}):
        mine, theirs = one.identity.get(name, "none"), other.identity.get(name, "none")
        if mine != theirs:
            return f"{name}: {mine[:60]!r} and {theirs[:60]!r}"
    return ""
