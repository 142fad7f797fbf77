"""What one trial has on disk: its judged cases, looked up before a case is judged and appended after it.

A search draws the same cases again when it is repeated with its seed, so one that was cut off goes on where it was:
what is on record is taken from there, with the statistical tests that it cost.
"""

import os
from collections.abc import Mapping

import msgspec

from theory_check.case.record import case_hook
from theory_check.claims.paper import paper_on_trial
from theory_check.judge.verdict import Outcome
from theory_check.search.store import Store, StoredCase, StoreError


class CarriedCases:
    """In place of a store, where a process cannot reach it: the judged cases of one trial that it was sent.

    Args:
        cases: by variant and name, as `Store.cases` gives them.
    """

    def __init__(self, cases: Mapping[tuple[str, str], StoredCase]) -> None:
        self._cases = dict(cases)

    def cases(self, _trial: str) -> dict[tuple[str, str], StoredCase]:
        """What was sent."""
        return self._cases

    def trial(self, _trial: str) -> str | None:
        """A finished trial is not sent out."""
        return None

    def add_case(self, _trial: str, _variant: str, _name: str, _case: StoredCase) -> None:
        """Nothing is kept here: whoever sent the trial keeps what comes of it."""

    def add_trial(self, _trial: str, _found: str) -> None:
        """As above."""


class TrialRecord:
    """The record of a trial; without a store it holds nothing and keeps nothing.

    A store that cannot be read or written costs no verdict: what could not be kept is judged again by who resumes.

    Attributes:
        problem: why outcomes could not be read or kept, one line; empty while they can.
    """

    def __init__(self, store: Store | CarriedCases | None, trial: str) -> None:
        self.problem = ""
        self._store = store
        self._trial = trial
        self._controller = os.getppid()
        self._cases: dict[tuple[str, str], StoredCase] = {}
        if store is not None:
            try:
                self._cases = store.cases(trial)
            except StoreError as error:
                self._give_up(error)

    def finished(self) -> str | None:
        """What the trial found when it ran to its end earlier, as it was kept."""
        if self._store is None:
            return None
        try:
            return self._store.trial(self._trial)
        except StoreError as error:
            self._give_up(error)
            return None

    def recall(self, name: str, variant: str = "") -> tuple[Outcome, int] | None:
        """The outcome of a case and the statistical tests it took, or None when it has to be judged."""
        stored = self._cases.get((variant, name))
        if stored is None:
            return None
        try:
            hook = case_hook(paper_on_trial().case)
            return msgspec.json.decode(stored.outcome, type=Outcome, dec_hook=hook), stored.calls
        except (msgspec.ValidationError, msgspec.DecodeError):
            return None

    def keep(self, outcome: Outcome, calls: int, name: str, variant: str = "") -> None:
        """Append a judged case."""
        self._stop_without_controller()
        if self._store is not None:
            try:
                self._store.add_case(
                    self._trial, variant, name, StoredCase(msgspec.json.encode(outcome).decode(), calls)
                )
            except StoreError as error:
                self._give_up(error)

    def finish(self, found: str) -> None:
        """Append what the trial found."""
        self._stop_without_controller()
        if self._store is not None:
            try:
                self._store.add_trial(self._trial, found)
            except StoreError as error:
                self._give_up(error)

    def _give_up(self, error: StoreError) -> None:
        self.problem = self.problem or str(error)
        self._store = None

    def _stop_without_controller(self) -> None:
        """A worker whose controller was killed must not go on beside the one that resumes its run."""
        if self._store is not None and os.getppid() != self._controller:
            os._exit(1)
