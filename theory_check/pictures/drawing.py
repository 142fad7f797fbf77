"""Pictures of cases as SVG: inside a page that has a light and a dark mode, or as files."""

import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from theory_check.pictures.palette import COLOURS, custom_property
from theory_check.pictures.picture import Picture
from theory_check.pictures.visible import visible

_IDENT = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def draw_svg(picture: Picture, *, ident: str) -> str:
    """An `<svg>` element to stand in an HTML page: the same text for the same picture, to the last byte.

    Colours are the page's custom properties --ink, --grid, --series-1 to --series-6 (`palette.colour_properties`), the
    font is the page's, and its width that of the element it stands in. The title is part of the picture; its note is
    read out by screen readers and belongs into the page's caption.

    Args:
        picture: what is drawn; every name in it may be anything, and appears as text.
        ident: what the identifiers inside begin with, distinct for each picture of a page.

    Raises:
        ValueError: `ident` is not a letter followed by letters, digits, `-` and `_`.
    """
    if not _IDENT.fullmatch(ident):
        raise ValueError(f"ident must be a letter followed by letters, digits, - and _, got {ident!r}")
    return _drawn(picture, ident, custom_property, standalone=False)


def draw_file(picture: Picture, path: Path) -> None:
    """A standalone SVG document in concrete colours on a white ground.

    Raises:
        OSError: the file cannot be written.
    """
    text = _drawn(picture, "picture", COLOURS["light"].__getitem__, standalone=True)
    Path(path).write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n', encoding="utf-8")


def _drawn(picture: Picture, ident: str, colour: Callable[[str], str], *, standalone: bool) -> str:
    # Loads matplotlib, which most commands do without.
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    from theory_check.pictures.inline_svg import inline_svg
    from theory_check.pictures.plot import FONT_SIZE, figure_of

    picture, text = _in_legal_text(picture), io.StringIO()
    settings = rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "theory-check",
            "text.parse_math": False,
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, and is wider than what pages use
            "font.size": FONT_SIZE,
            "path.simplify": False,
        }
    )
    with settings, warnings.catch_warnings():
        # Text is set by the page's fonts; here it is only measured, and a glyph that is missing counts as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        canvas: Any = FigureCanvasSVG(figure_of(picture))  # its methods have no types
        canvas.print_svg(text, metadata={"Date": None, "Creator": None})
    return inline_svg(
        text.getvalue(),
        ident=ident,
        title=picture.title,
        description=_description(picture),
        colour=colour,
        standalone=standalone,
    )


def _description(picture: Picture) -> str:
    names = [one.name for one in picture.series] + [one.name for one in picture.matrices]
    axes = f"{picture.y_label} against {picture.x_label}" if picture.series else ""
    return " ".join(f"{part.removesuffix('.')}." for part in (picture.note, axes, "; ".join(names)) if part)


def _in_legal_text(picture: Picture) -> Picture:
    """The same picture; characters that no XML document may hold, or that reorder others, as visible escapes."""
    text = {name: _legal(getattr(picture, name)) for name in ("title", "x_label", "y_label", "note")}
    series = tuple(replace(one, name=_legal(one.name)) for one in picture.series)
    matrices = tuple(replace(one, name=_legal(one.name)) for one in picture.matrices)
    return replace(picture, **text, series=series, matrices=matrices)


def _legal(text: str) -> str:
    return visible(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
