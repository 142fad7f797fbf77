"""Live progress of an audit: a bar on a terminal, plain lines elsewhere."""

import time
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

LINE_EVERY = 5.0


class Progress:
    """How many trials have ended, and which was the last."""

    def __init__(self) -> None:
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
