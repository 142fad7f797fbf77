"""Which trials a pytest run has: properties and their plans, the marker, claims asked for, and what was left out.

Loads nothing heavy. Under pytest-xdist workers alone collect: they tell the controller at their end.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from theory_check.reporting.records import Report
    from theory_check.search.plan import Plan
    from theory_check.search.property import Property

PLAN = "theory_check_plan"
MARK = "theory_check"
_REFUSED = "theory_check_refused"
_LEFT_OUT = "theory_check_left_out"


def property_at(function: object, item: pytest.Item | Any) -> "Property | None":
    """The property behind a collected function; None for an ordinary test.

    Its name begins with its path below pytest's root, or with the one that it is known by since before it moved.

    Raises:
        pytest.Collector.CollectError: a marker `theory_check` that means nothing.
    """
    if not hasattr(function, "theory_check_property"):
        return None
    from theory_check.search.property import property_of

    prop = property_of(function)
    if prop is None:
        return None
    file_name = prop.known_as or (item.parent.nodeid if item.parent else "")
    name = f"{file_name}::{getattr(item, 'originalname', None) or item.name}"
    return replace(prop, name=name, share=_share(item, prop))


def _share(item: pytest.Item, prop: "Property") -> float:
    """The property's own, unless the nearest marker has one."""
    for mark in item.iter_markers(MARK):
        share = mark.kwargs.get("share", prop.share)
        if mark.args or set(mark.kwargs) - {"share"} or not isinstance(share, int | float) or not 0 < share <= 1000:
            given = ", ".join([*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())])
            said = f"the marker is theory_check(share=number up to 1000), got theory_check({given})"
            raise pytest.Collector.CollectError(f"{item.nodeid}: {said}")
        if "share" in mark.kwargs:
            return float(share)
    return prop.share


def plan_of(item: pytest.Item) -> "Plan | None":
    """The trial that an item is, or None."""
    callspec = getattr(item, "callspec", None)
    plan = callspec.params.get(PLAN) if callspec is not None else None
    return plan if hasattr(plan, "stratum") else None


def is_unasked(item: pytest.Item) -> bool:
    """Whether it is a property of which no trial was asked for."""
    return PLAN in getattr(getattr(item, "callspec", None), "params", {}) and plan_of(item) is None


class Selection:
    """Listens to the collection of one process, and on the controller to what its workers say of theirs.

    Args:
        config: of the run.
        asked: claims of the command line, each of which some property must check.
    """

    def __init__(self, config: pytest.Config, asked: tuple[str, ...]) -> None:
        self._config = config
        self._asked = asked
        self._properties: dict[str, Property] = {}
        self._places: dict[str, str] = {}
        self._planned: dict[str, int] = {}
        self._left_out = 0
        self._problem = ""

    def plan(self, prop: "Property", trials: int) -> None:
        """Remember how many trials of a property were asked for."""
        self._planned[prop.name] = trials

    def refuse(self, problem: str) -> None:
        """Run nothing, and say why in one line."""
        self._problem = self._problem or problem

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Mark trials, so that -m selects them, and remember which claims there are."""
        prop = property_at(getattr(item, "function", None), item)
        if prop is None:
            return
        item.add_marker(MARK)
        where = item.nodeid.partition("[")[0]
        other = self._places.setdefault(prop.name, where)
        if other != where:
            self._problem = f"two properties are called {prop.name!r}: {other} and {where}"
        known = self._properties.setdefault(prop.claim.id, prop)
        if known.claim != prop.claim:
            self._problem = f"two claims are called {prop.claim.id!r}: in {known.name} and in {prop.name}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Refuse claims that nobody checks, and two claims of one name, before anything runs."""
        from_command_line = [claim for claim in self._asked if claim not in self._properties]
        # A file that cannot be imported may be the one that has it: pytest says so.
        if from_command_line and not session.testsfailed:
            from theory_check.search.request import nearest

            what = nearest(from_command_line[0], self._properties) if self._properties else "there is no property here"
            self._problem = f"no property checks the claim {from_command_line[0]!r}; {what}"
        if self._problem:
            self._refuse(items)

    def _refuse(self, items: list[pytest.Item]) -> None:
        if not hasattr(self._config, "workerinput"):
            raise pytest.UsageError(self._problem)
        # A worker that raises is taken for one that crashed: it runs nothing, and the controller says why.
        self._config.workeroutput[_REFUSED] = self._problem  # type: ignore[attr-defined]
        items.clear()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the trials that -k, -m, --lf or a name leave out: a report of the rest would pass for one of all."""
        self._left_out = sum(self._planned.values()) - sum(plan_of(item) is not None for item in session.items)
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_LEFT_OUT] = self._left_out

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear what a worker says; every worker collects the same."""
        said = getattr(node, "workeroutput", None) or {}
        self._problem = said.get(_REFUSED, self._problem)
        self._left_out = max(self._left_out, said.get(_LEFT_OUT, 0))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End as after any wrong usage."""
        if self._problem and not hasattr(self._config, "workerinput"):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what a worker refused; alone pytest has said it."""
        if self._problem:
            terminalreporter.write_line(f"ERROR: {self._problem}", red=True)

    def noted(self, report: "Report") -> "Report":
        """The report, with a warning where it is not one of all trials."""
        if not self._left_out:
            return report
        import msgspec

        warning = f"{self._left_out} trials were left out (by -k, -m, --lf or name): this is no report of all"
        return msgspec.structs.replace(report, warnings=(warning, *report.warnings))
