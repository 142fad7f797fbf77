"""The pictures of an audit: one for a page to hold, one file each beside the reports."""

from pathlib import Path
from urllib.parse import quote

from theory_check.evidence.verdict import Outcome
from theory_check.reporting.drawing import draw_file, draw_svg
from theory_check.reporting.records import Report

FOLDER = "figures"


def pictured(report: Report) -> list[Outcome]:
    """The outcomes that have a picture, each case once."""
    found = {o.case_id: o for claim in report.claims for o in claim.outcomes if o.picture is not None}
    return list(found.values())


def figure_name(outcome: Outcome) -> str:
    """The name of a picture's file, e.g. "ntk-limit-0a1b2c3d4e5f.svg"; letters that a path could misread are quoted."""
    return f"{quote(outcome.claim, safe='', errors='backslashreplace')[:150]}-{outcome.case_id}.svg"


def figure_of(outcome: Outcome) -> str:
    """The picture of an outcome as an element of a page; empty where it has none."""
    return "" if outcome.picture is None else draw_svg(outcome.picture, ident=f"picture-{outcome.case_id}")


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
