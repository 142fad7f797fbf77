"""The pictures of an audit: one for a page to hold, one file each beside the reports."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from urllib.parse import quote

from theory_check.judge.verdict import Outcome
from theory_check.pictures.drawing import draw_file, draw_svg
from theory_check.reporting.records import Report

FOLDER = "figures"
# A page is read by people: what is beyond stays in the files.
PAGE_ROOM = 1_500_000


def pictured(report: Report) -> list[Outcome]:
    """The outcomes that have a picture, each case once."""
    found = {o.case_id: o for claim in report.claims for o in claim.outcomes if o.picture is not None}
    return list(found.values())


def figure_name(outcome: Outcome) -> str:
    """The name of a picture's file, e.g. "ntk-limit-0a1b2c3d4e5f.svg"; letters that a path could misread are quoted."""
    return f"{quote(outcome.claim, safe='', errors='backslashreplace')[:150]}-{outcome.case_id}.svg"


def inline_figures(by_claim: Iterable[Sequence[Outcome]]) -> dict[str, str]:
    """Pictures as elements of a page, by case: the first of every claim, then the second ones, while there is room.

    Args:
        by_claim: for each claim the outcomes whose pictures are wanted, most wanted first; those without one are left
            out.

    Returns:
        elements of PAGE_ROOM characters together at most.
    """
    wanted = [[outcome for outcome in outcomes if outcome.picture is not None] for outcomes in by_claim]
    found: dict[str, str] = {}
    room = PAGE_ROOM
    for outcome in (o for turn in zip_longest(*wanted) for o in turn if o is not None):
        if outcome.picture is None or outcome.case_id in found:
            continue
        drawn = draw_svg(outcome.picture, ident=f"picture-{outcome.case_id}")
        if len(drawn) > room:
            break
        room -= len(drawn)
        found[outcome.case_id] = drawn
    return found


def write_figures(report: Report, folder: Path) -> list[Path]:
    """Write every picture as a file of its own into a new folder `figures`; none is made where there is no picture.

    Returns:
        the files.

    Raises:
        OSError: the folder exists, or cannot be written.
    """
    outcomes = pictured(report)
    if not outcomes:
        return []
    place = folder / FOLDER
    place.mkdir()
    written = []
    for outcome in outcomes:
        if outcome.picture is not None:
            written.append(place / figure_name(outcome))
            draw_file(outcome.picture, written[-1])
    return written
