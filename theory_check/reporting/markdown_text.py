"""Text that Markdown shows as it is: names and reasons come from users, and must neither break a table nor run.

The template's every expression passes through `as_markdown`, so nothing reaches the page unescaped by oversight.
"""

import re

from theory_check.pictures.visible import visible

# Characters that start markup inside a line; an underscore before a letter cannot end emphasis.
_INLINE = re.compile(r"[\\`*\[\]<|~$]|&(?=[#\w]+;)|_(?![^\W_])")
# Characters that start a heading, a quotation or a list at the beginning of a line.
_FIRST = re.compile(r"^(?=[#>+=-])|^\d+(?=[.)](?:\s|$))")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def as_markdown(value: object) -> str:
    """Any value of the template: Markdown stays, text is escaped, numbers have four digits, None is a dash."""
    if isinstance(value, Markdown):
        return value
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return escaped(str(value))


def escaped(text: str) -> Markdown:
    """Text inside a line or a table cell, without spaces around it; line breaks become visible escapes."""
    marked = _INLINE.sub(lambda match: "\\" + match[0], visible(text).strip())
    return Markdown(_FIRST.sub(lambda match: f"{match[0]}\\", marked))


def code(text: object, *, table: bool = False) -> Markdown:
    """A code span; in a table a pipe needs a backslash even there, elsewhere the backslash would be shown."""
    shown = visible(as_markdown(text) if isinstance(text, float) else str(text))
    if not shown.strip():
        return Markdown("(empty)")
    if table and "\\|" in shown:
        # GitHub would read the backslash as its own escape and end the cell at the pipe.
        return escaped(shown)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    # Markdown strips one space at each end of a span that begins and ends with one.
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    if table:
        shown = shown.replace("|", "\\|")
    return Markdown(f"{fence}{pad}{shown}{pad}{fence}")


def fenced(text: str) -> Markdown:
    """A block of code on lines of its own, its fence longer than any run of backticks inside."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    body = "\n".join(visible(line) for line in text.split("\n"))
    return Markdown(f"{fence}text\n{body}\n{fence}")
