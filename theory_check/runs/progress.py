"""Live progress of an audit: a bar on a terminal, plain lines elsewhere."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    import pytest

    from theory_check.reporting.records import Report

LINE_EVERY = 5.0


class Progress:
    """A pytest plugin that listens on the controller and keeps the report for the command line.

    Attributes:
        report: of the audit, once it has ended.
        folder: where it was written.
        problem: what kept an audit from starting, one line.
    """

    def __init__(self) -> None:
        self.report: Report | None = None
        self.folder: Path | None = None
        self.problem = ""
        self._console = Console(stderr=True)
        self._total = 0
        self._done = 0
        self._last_line = 0.0
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("collecting trials", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self._bar.stop()

    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Every worker collects the same trials."""
        if not self._total:
            self.begin(len(ids))

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        """One trial more is done."""
        if report.when == "call" or not report.passed:
            self.advance(report.nodeid)

    def begin(self, total: int, done: int = 0, where: str = "") -> None:
        """Say how many trials there are, how many of them are done already, and where they run."""
        self._total, self._done = total, done
        self._bar.update(self._task, total=total, completed=done, description=f"trials {where}")
        if not self._console.is_terminal:
            earlier = f", {done} of them done" if done else ""
            click.echo(f"{total} trial{'' if total == 1 else 's'}{earlier}{where and f' {where}'}", err=True)

    def say(self, text: str) -> None:
        """A line above the bar."""
        if self._console.is_terminal:
            self._console.print(text, markup=False, highlight=False)
        else:
            click.echo(text, err=True)

    def advance(self, trial: str) -> None:
        """One trial more, "file.py::function[plan]", has an end."""
        self._done += 1
        name = trial.partition("::")[2]
        self._bar.update(self._task, completed=self._done, description=name[:70])
        now = time.monotonic()
        if not self._console.is_terminal and (now - self._last_line >= LINE_EVERY or self._done == self._total):
            self._last_line = now
            click.echo(f"{self._done}/{self._total} {name}", err=True)

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        """Remember why properties could not be collected."""
        if report.failed:
            self.problem = str(report.longrepr).strip().splitlines()[-1]

    def pytest_unconfigure(self, config: Any) -> None:
        """Take the report over from the plugin that assembled it."""
        from theory_check.plugin.plugin import PROBLEM, REPORT, WRITTEN

        self.report = config.stash.get(REPORT, None)
        self.folder = config.stash.get(WRITTEN, None)
        self.problem = config.stash.get(PROBLEM, self.problem)
