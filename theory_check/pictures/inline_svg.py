"""matplotlib's SVG made fit to stand inside a page: no style of its own, the page's font and colours, names of its own.

A strict content security policy forbids `style` attributes and elements, so every declaration becomes a presentation
attribute. matplotlib's own style sheet would reach the whole page, its identifiers would meet those of other pictures.
"""

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

from theory_check.pictures.palette import SENTINELS

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
# Declarations of matplotlib that are attributes in SVG; what is not listed is dropped.
PRESENTATION = {
    "fill",
    "fill-opacity",
    "fill-rule",
    "font-size",
    "font-weight",
    "opacity",
    "stroke",
    "stroke-dasharray",
    "stroke-dashoffset",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-opacity",
    "stroke-width",
    "text-anchor",
}
COORDINATES = {"d", "x", "y", "width", "height"}
_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def inline_svg(
    drawn: str, *, ident: str, title: str, description: str, colour: Callable[[str], str], standalone: bool = False
) -> str:
    """The same picture, with `title` and `description` for those who cannot see it.

    Args:
        drawn: an SVG document of matplotlib with text as text.
        ident: what every identifier begins with; letters, digits, `-` and `_`.
        title: what the picture shows.
        description: how to read it, and its curves.
        colour: the colour that a name of the palette has.
        standalone: a document of its own, on a ground and with a size, in place of an element for a page.

    Coordinates are rounded to a hundredth of a unit, a 40,000th of the width.
    """
    root = ET.fromstring(drawn)  # noqa: S314 - written by matplotlib, a line before
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{SVG}}}style", f"{{{SVG}}}metadata"}:
                parent.remove(child)
    used = set(re.findall(r"#([A-Za-z_][\w.-]*)", drawn))
    for element in root.iter():
        _settle(element, ident, used, colour)
    for element in root.iter(f"{{{SVG}}}g"):
        _raise_what_is_shared(element)
    _name(root, ident, title, description)
    if standalone:
        _, _, width, height = root.attrib["viewBox"].split()
        root.attrib |= {"width": f"{width}", "height": f"{height}", "font-family": "system-ui, sans-serif"}
        ground = ET.Element(f"{{{SVG}}}rect", {"width": "100%", "height": "100%", "fill": colour("paper")})
        root.insert(2, ground)
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")


def _settle(element: ET.Element, ident: str, used: set[str], colour: Callable[[str], str]) -> None:
    """Attributes of one element: presentation in place of style, the page's colours, names that are its own."""
    given = dict(element.attrib)
    element.attrib.clear()
    for name, value in (_declarations(given.pop("style", "")) | given).items():
        if name == "id":
            if value in used:  # most identifiers of matplotlib are never referred to
                element.set(name, f"{ident}-{value}")
        elif name == f"{{{XLINK}}}href" or "url(#" in value:
            element.set(name.removeprefix(f"{{{XLINK}}}"), value.replace("#", f"#{ident}-"))
        elif value.lower() in SENTINELS:
            element.set(name, colour(SENTINELS[value.lower()]))
        elif name in COORDINATES:
            element.set(name, " ".join(_NUMBER.sub(_rounded, value).split()))
        elif not (name == "transform" and value.startswith("rotate(-0 ")):
            element.set(name, value)
    if element.text is not None and not element.text.strip():
        element.text = None
    element.tail = None


def _raise_what_is_shared(group: ET.Element) -> None:
    """Markers of one series are alike: what they have in common stands once, on their group."""
    if len(group) < 2 or any(child.tag != f"{{{SVG}}}use" for child in group):
        return
    for name, value in [*group[0].attrib.items()]:
        if name in PRESENTATION and all(child.get(name) == value for child in group):
            group.attrib[name] = value
            for child in group:
                del child.attrib[name]


def _declarations(style: str) -> dict[str, str]:
    """The presentation attributes that stand for a `style`."""
    attributes = {}
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name in PRESENTATION:
            attributes[name] = value.removesuffix("px")
    return attributes


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _name(root: ET.Element, ident: str, title: str, description: str) -> None:
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{ident}-title {ident}-desc",
        "stroke-linejoin": "round",
        "font-family": "inherit",
    }
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{ident}-{tag}"})
        element.text = text
        root.insert(place, element)
