"""The record of a planted defect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Defect:
    """A wrong implementation.

    name: how controls refer to it.
    description: what is wrong, in a line.
    target: "module:attribute" of the function that is replaced, where it is used; or the function whose source changes.
    subtle: an error of ten per cent or less.
    wrong: from the right function to the wrong one, or the expression or statement that is replaced, and what stands
        there instead.
    """

    name: str
    description: str
    target: str
    wrong: Callable[[Function], Function] | tuple[str, str]
    subtle: bool = False
