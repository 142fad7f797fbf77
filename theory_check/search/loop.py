"""One search: draw and judge, until a case fails and has been made small, or as many as were asked for are judged.

Everything is ended by count, never by the clock, and a case that is drawn again is not judged again.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from hypothesis.strategies import SearchStrategy

from theory_check.search.hypothesis_internals import draw_cases, draws_of_case

Case = TypeVar("Case")
Result = TypeVar("Result")


class Enough(BaseException):  # noqa: N818, RUF100 - no Exception: Hypothesis must not take it for a failing case
    """All cases that were asked for have been judged: the search ends."""


class Fails(AssertionError):
    """A case fails: what makes Hypothesis look for a smaller one."""


class Loop(Generic[Case, Result]):
    """The state of one search: which cases were judged, and what shrinking may still cost.

    Args:
        requested: cases to judge.
        shrink_calls: further ones that may be judged to make a failing case small.
        key: what tells cases apart; may raise where a case must not be judged at all.
        judge: from a case and its key to the result.
        fails: whether a result is a failure.
        takes: whether a case is wanted; one that is not is passed over, and counts for nothing.
        counts: whether a result counts as one of those asked for; others are set aside.

    Attributes:
        searched: results that count, in the order of draws, up to the first failure.
        set_aside: results until then that do not count.
        minimal: the last failing result, which is that of the smallest failing case.
        drawn: keys of all cases.
        passed_over: cases that `takes` did not want, by their keys.
        shrinks: cases judged to make a failing one small.
    """

    def __init__(
        self,
        *,
        requested: int,
        shrink_calls: int,
        key: Callable[[Case], str],
        judge: Callable[[Case, str], Result],
        fails: Callable[[Result], bool],
        takes: Callable[[Case], bool] = lambda _case: True,
        counts: Callable[[Result], bool] = lambda _result: True,
    ) -> None:
        self.requested, self.shrink_calls = requested, shrink_calls
        self.takes = takes
        self._key, self._judge, self._fails, self._counts = key, judge, fails, counts
        self.searched: list[Result] = []
        self.set_aside: list[Result] = []
        self.minimal: Result | None = None
        self.drawn: set[str] = set()
        self.passed_over: dict[str, Case] = {}
        self.shrinks = 0
        self.failed = False
        self._results: dict[str, Result] = {}
        self._passed_draws: set[Any] = set()

    def run(self, strategies: Mapping[str, SearchStrategy[Any]], seed: str, *, most: int) -> bool:
        """Search the cases of strategies, of which there is one, by its name; as `draw_cases`.

        Returns:
            whether there are no other cases to draw.

        Raises:
            Fails: a case fails, and has been made small.
            Enough: as many as were asked for have been judged.
        """
        self._passed_draws.clear()
        return draw_cases(strategies, lambda **drawn: self._execute(*drawn.values()), seed, most=most)

    def _execute(self, case: Case) -> None:
        key = self._key(case)
        result = self._results.get(key)
        if result is None:
            result = self._first(case, key)
        # The same draws must end as they did, or Hypothesis takes the search for flaky: what was passed over passes.
        if result is not None and self._fails(result) and draws_of_case() not in self._passed_draws:
            self.minimal = result
            raise Fails
        if not self.failed and len(self.searched) >= self.requested:
            raise Enough

    def _first(self, case: Case, key: str) -> Result | None:
        self.drawn.add(key)
        if self.failed:
            if self.shrinks >= self.shrink_calls:
                return None
            self.shrinks += 1
        elif draws_of_case() in self._passed_draws:
            return None
        elif not self.takes(case):
            self.passed_over[key] = case
            self._passed_draws.add(draws_of_case())
            return None
        self.passed_over.pop(key, None)
        result = self._results[key] = self._judge(case, key)
        if not self.failed:
            (self.searched if self._counts(result) else self.set_aside).append(result)
        self.failed = self.failed or self._fails(result)
        return result
