"""What runs trials: processes of this machine or of a cluster, through one interface."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from theory_check.runs.one_trial import Job


class WorkersGone(Exception):
    """Nobody answers any more; the message is one line."""


@dataclass(frozen=True)
class Lost:
    """A trial that was begun and gave nothing."""

    reason: str


Answer: TypeAlias = str | Lost


class Workers(Protocol):
    """Where `judge_trial` runs.

    Attributes:
        reaches_store: whether a worker writes into the run's store itself; else what it finds is written here.
        where: in words, for the first line of progress; empty for this machine.
    """

    reaches_store: bool
    where: str

    def answers(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Answer]]:
        """What each job found, as they end, in any order."""
        ...
