"""The index of a publication's figures: what the paper says of each, what is seen here, and how it was made."""

from collections.abc import Iterable

from theory_check.judge.figure import Figure
from theory_check.reporting.markdown_text import code, escaped
from theory_check.reporting.records import Report


def figure_index(figures: Iterable[Figure], report: Report) -> str:
    """Markdown that lies beside a folder `figures` with one SVG file for each.

    Args:
        figures: in the order in which they are read.
        report: of the audit that is published with them.
    """
    lines = [
        "# The paper's figures, remade",
        "",
        f"Computed, not copied: {code(report.command)}, root seed {report.seed}. Every number in a sentence comes from "
        "the data of its figure. [The verdicts](report.md) rest on other networks.",
    ]
    for figure in figures:
        lines += [
            "",
            f"## {escaped(figure.picture.title)}",
            "",
            f"![{escaped(figure.picture.title)}](figures/{figure.name}.svg)",
            "",
            f"The paper: {escaped(figure.paper)}.",
            "",
            f"Here: {escaped(figure.seen)}",
            "",
            f"How: {escaped(figure.picture.note)}",
        ]
    return "\n".join(lines) + "\n"
