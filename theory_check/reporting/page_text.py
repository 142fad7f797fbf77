"""Text of a page: numbers as print has them, invisible characters made visible, names that fit into an address."""

import re
from urllib.parse import quote

from markupsafe import Markup

from theory_check.pictures.visible import visible

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER = re.compile(r"(.+)e([+-]\d+)")


def shown(value: object) -> object:
    """Any value of a template: HTML stays, floats have four digits, None is a dash, text has no invisible characters.

    What is returned is escaped by the template afterwards, HTML excepted.
    """
    if isinstance(value, Markup):
        return value
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    return visible(str(value))


def number(value: float) -> str:
    """Four significant digits, e.g. "5.088 × 10⁻⁷"; the exact one is in report.json."""
    text = f"{value + 0.0:.4g}"  # no negative zero
    if power := _POWER.fullmatch(text):
        # Spaces that do not break and are narrow: a number stays on its line.
        text = f"{power[1]}\u202f×\u202f10{str(int(power[2])).translate(_SUPERSCRIPT)}"
    return text.replace("-", "\u2212", 1) if text.startswith("-") else text


def anchor(kind: str, name: str) -> str:
    """An id, and the fragment that leads to it: "claim-ntk-limit"; distinct names have distinct ones."""
    return f"{kind}-{quote(name, safe='', errors='backslashreplace')}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """1 case, 2 cases, 1,200 cases; `plural` where an s is not enough."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
