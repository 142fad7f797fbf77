"""Pictures as SVG: the same text every time, nothing but text from names, nothing that a strict page forbids."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from theory_check.pictures.drawing import draw_file, draw_svg
from theory_check.pictures.palette import COLOURS, SENTINELS, colour_properties
from theory_check.pictures.picture import Matrix, Picture, Series
from theory_check.pictures.plot import PLOT_HEIGHT

SVG = "{http://www.w3.org/2000/svg}"
WIDTHS = (32.0, 56.0, 96.0, 168.0, 288.0)
LADDER = Picture(
    kind="ladder",
    title="Root mean square error of the kernel against width",
    x_label="width n",
    y_label="relative error",
    x_scale="log",
    y_scale="log",
    series=(
        Series(
            name="measured",
            x=WIDTHS,
            y=tuple(x**-0.5 for x in WIDTHS),
            low=tuple(0.9 * x**-0.5 for x in WIDTHS),
            high=tuple(1.1 * x**-0.5 for x in WIDTHS),
        ),
        Series(name="expected", x=WIDTHS, y=tuple(x**-0.5 for x in WIDTHS), style="line"),
    ),
    note="Points follow the dashed line.",
)
HEAT = Picture(
    kind="kernel",
    title="Limit beside empirical",
    x_label="input",
    y_label="input",
    matrices=(
        Matrix(name="limit", rows=((1.0, 0.5), (0.5, 1.0))),
        Matrix(name="n = 64", rows=((1.1, 0.4), (0.4, 0.9))),
    ),
)
ELEMENTS = {"svg", "title", "desc", "defs", "g", "path", "use", "text", "clipPath", "rect"}
NAMES = ["<script>alert(1)</script>", "a & b", "$x_1$", "_private", r"\frac{1}{2}", "tanh(x) 'a' \"b\"", "核 🙂"]
numbers = st.floats(allow_nan=False, allow_infinity=False)


def curve(**fields: object) -> Picture:
    """A picture of one series on logarithmic axes unless told otherwise."""
    given = {"name": "measured", "x": (1.0, 2.0), "y": (1.0, 2.0)}
    scales = {name: fields.pop(name, "log") for name in ("x_scale", "y_scale")}
    return Picture(kind="loss", title="one", series=(Series(**(given | fields)),), **scales)


def parsed(svg: str) -> ET.Element:
    """The element of a picture; an error where it is no XML."""
    return ET.fromstring(svg)  # noqa: S314 - written by the code under test


def texts(svg: str) -> list[str]:
    """What the picture says, in order, lines of one text apart."""
    return [element.text or "" for element in parsed(svg).iter(f"{SVG}text")]


def uses(svg: str) -> int:
    """Markers inside the axes: those of ticks lie outside their clip path."""
    root = parsed(svg)
    return sum(len(list(g.iter(f"{SVG}use"))) for g in root.iter(f"{SVG}g") if "clip-path" in g.attrib)


def test_same_picture_is_the_same_text() -> None:
    """Twice in one process, and in another one with another hash seed, in every byte."""
    first = draw_svg(LADDER, ident="a")
    script = (
        "import sys, msgspec; from theory_check.pictures.picture import Picture;"
        "from theory_check.pictures.drawing import draw_svg;"
        "sys.stdout.write(draw_svg(msgspec.json.decode(sys.stdin.buffer.read(), type=Picture), ident='a'))"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        input=msgspec.json.encode(LADDER),
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "86400"},
    )
    assert draw_svg(LADDER, ident="a") == first
    assert other.stdout.decode() == first


@pytest.mark.parametrize("picture", [LADDER, HEAT])
def test_page_may_forbid_styles_and_requests(picture: Picture) -> None:
    """No style, no script, no image, no address of anything outside; size by viewBox alone."""
    svg = draw_svg(picture, ident="a")
    root = parsed(svg)
    assert root.tag == f"{SVG}svg"
    assert {"viewBox", "role"} <= set(root.attrib)
    assert not {"width", "height", "style"} & set(root.attrib)
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in {
            "svg",
            "title",
            "desc",
            "defs",
            "g",
            "path",
            "use",
            "text",
            "clipPath",
            "rect",
        }
        assert "style" not in element.attrib
        assert all(value.startswith("#a-") for name, value in element.attrib.items() if name.endswith("href"))
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]


def test_pictures_of_one_page_share_no_identifiers() -> None:
    """Every identifier begins with the picture's own, and every reference leads to one of them."""
    seen: set[str] = set()
    for ident in ("a", "b"):
        svg = draw_svg(LADDER, ident=ident)
        identifiers = set(re.findall(r' id="([^"]+)"', svg))
        referred = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
        assert referred <= identifiers
        assert not seen & identifiers
        seen |= identifiers


@pytest.mark.parametrize("ident", ["", "1a", "a b", 'a"><script>'])
def test_identifier_that_could_end_an_attribute_is_refused(ident: str) -> None:
    """One line shows the bad value and what would be right."""
    with pytest.raises(ValueError, match="must be a letter followed by") as refused:
        draw_svg(LADDER, ident=ident)
    assert repr(ident) in str(refused.value)


def test_colours_are_the_page_s() -> None:
    """Every colour of axes, text, grid and series is a custom property; both modes define each."""
    svg = draw_svg(LADDER, ident="a")
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg)) - {"none"}
    assert colours == {"var(--ink, currentColor)"} | {
        f"var(--{name}, {COLOURS['light'][name]})" for name in ("grid", "series-1", "series-2")
    }
    for mode in ("light", "dark"):
        assert all(f"--{name}: #" in colour_properties(mode) for name in SENTINELS.values())


def test_file_stands_alone(tmp_path: Path) -> None:
    """Concrete colours on a white ground, with a size and no property of any page."""
    draw_file(LADDER, tmp_path / "ladder.svg")
    text = (tmp_path / "ladder.svg").read_text(encoding="utf-8")
    root = parsed(text)
    assert {"width", "height"} <= set(root.attrib)
    assert "var(" not in text
    assert "currentColor" not in text
    assert next(root.iter(f"{SVG}rect")).get("fill") == "#ffffff"


@pytest.mark.parametrize("name", NAMES)
def test_names_are_text(name: str) -> None:
    """A name appears as it is, wherever it stands: no element, no mathematics, no name that is left out."""
    picture = Picture(
        kind="loss", title=name, x_label=name, y_label=name, series=(Series(name=name, x=(1.0,), y=(1.0,)),), note=name
    )
    svg = draw_svg(picture, ident="a")
    assert "<script" not in svg
    assert texts(svg).count(name) == 4
    assert parsed(svg).findtext(f"{SVG}title") == name
    heat = Picture(kind="kernel", title="k", matrices=(Matrix(name=name, rows=((1.0,),)),))
    assert name in texts(draw_svg(heat, ident="a"))


def test_characters_no_document_may_hold_are_shown() -> None:
    """Control characters, halves of pairs and marks of direction become visible escapes."""
    svg = draw_svg(curve(name="a\x00b\ud800c\u202ed\uffff"), ident="a")
    assert r"a\x00b\ud800c\u202ed\uffff" in texts(svg)


def test_screen_readers_are_told() -> None:
    """Role, title and description, which names the curves, the axes and how to read them."""
    root = parsed(draw_svg(LADDER, ident="a"))
    assert root.get("role") == "img"
    named = {element.get("id"): element.text for element in root if element.tag in {f"{SVG}title", f"{SVG}desc"}}
    assert root.get("aria-labelledby") == " ".join(named)
    assert named["a-title"] == LADDER.title
    assert named["a-desc"] == "Points follow the dashed line. relative error against width n. measured; expected."


def test_what_is_not_positive_is_left_out_of_logarithmic_axes() -> None:
    """One of three points is drawn, and its interval, which reaches below 0, leaves the axes at the bottom."""
    picture = curve(x=(1.0, 2.0, 0.0), y=(3.0, 0.0, 4.0), low=(-1.0, -1.0, 3.0), high=(5.0, 1.0, 5.0))
    assert uses(draw_svg(picture, ident="a")) == 1
    linear = curve(x=(1.0, 2.0, 0.0), y=(3.0, 0.0, 4.0), x_scale="linear", y_scale="linear")
    assert uses(draw_svg(linear, ident="a")) == 3


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"x": (), "y": ()}, "measured (no points)"),
        ({"y": (-1.0, 0.0)}, "measured (nothing positive to draw)"),
        ({"x": (-1.0, 0.0)}, "measured (nothing positive to draw)"),
        ({"x": (1.0,), "y": (1e-300,)}, "measured"),
        ({"y": (None, None)}, "measured (no points)"),
    ],
)
def test_legend_says_what_cannot_be_drawn(fields: dict[str, tuple[float | None, ...]], said: str) -> None:
    """A series of nothing, or of nothing positive, leaves axes and an entry; a single point is drawn."""
    assert said in texts(draw_svg(curve(**fields), ident="a"))


def test_ladder_has_its_sizes_on_the_axis() -> None:
    """Ticks stand at what was measured, no decade."""
    assert [text for text in texts(draw_svg(LADDER, ident="a")) if text.isdigit()] == ["32", "56", "96", "168", "288"]


def test_numbers_on_an_axis_differ() -> None:
    """A range far smaller than its values is written with the digits that tell ticks apart."""
    near = curve(y=(0.123456788, 0.123456790), y_scale="linear")
    shown = [text for text in texts(draw_svg(near, ident="a")) if text.startswith("0.1234567")]
    assert len(shown) == len(set(shown)) >= 3


def test_gap_divides_a_line() -> None:
    """None in y: what lies before and after it is not joined."""
    picture = curve(
        x=(1.0, 2.0, 3.0, 4.0, 5.0), y=(1.0, 2.0, None, 2.0, 1.0), style="line", x_scale="linear", y_scale="linear"
    )
    line = next(p for p in parsed(draw_svg(picture, ident="a")).iter(f"{SVG}path") if "series-1" in p.get("stroke", ""))
    assert line.get("d", "").count("M") == 2


def test_matrices_share_one_colour_scale() -> None:
    """Equal entries have equal colours in both, and each cell has one rectangle."""
    cells = Picture(
        kind="kernel",
        title="two",
        matrices=(Matrix(name="a", rows=((0.0, 0.5),)), Matrix(name="b", rows=((0.5, 1.0),))),
    )
    root = parsed(draw_svg(cells, ident="a"))
    colours = [p.get("stroke") for p in root.iter(f"{SVG}path") if p.get("stroke") and p.get("fill") == p.get("stroke")]
    assert len(colours) == 4
    assert colours[1] == colours[2]
    assert len(set(colours)) == 3


def test_text_stays_inside_the_picture() -> None:
    """The longest lines of title, legend and labels, in the font that they are measured in, end before the edge."""
    long = "eigenvalues of the normalised limiting tangent kernel and what was proved of them " * 2
    picture = Picture(
        kind="spectrum", title=long, x_label=long, y_label=long, series=(Series(name=long, x=(1.0,), y=(1.0,)),)
    )
    root = parsed(draw_svg(picture, ident="a"))
    width = float(root.attrib["viewBox"].split()[2])
    for element in root.iter(f"{SVG}text"):
        transform, size = element.get("transform", ""), float(element.attrib["font-size"])
        font = FontProperties(family="DejaVu Sans", weight=element.get("font-weight", "normal"), size=size)
        length = text_to_path.get_text_width_height_descent(element.text, font, ismath=False)[0]
        if "rotate" in transform:
            assert length <= PLOT_HEIGHT - 60  # what is left of it above the axis and its label
        elif element.get("text-anchor") == "middle":
            assert length / 2 <= min(float(element.attrib["x"]), width - float(element.attrib["x"]))
        elif element.get("text-anchor") != "end":
            place = element.get("x") or transform.removeprefix("translate(").split()[0]
            assert float(place) + length <= width


def test_picture_is_small() -> None:
    """Two hundred points, their line and their band take less than 40 kB."""
    x = tuple(k / 50 - 2 for k in range(200))
    y = tuple(math.sin(3 * v) for v in x)
    picture = Picture(
        kind="quantiles",
        title="quantiles",
        series=(
            Series(name="measured", x=x, y=y),
            Series(name="expected", x=x, y=x, style="line"),
            Series(name="allowed", x=x, y=y, low=tuple(v - 1 for v in y), high=tuple(v + 1 for v in y), style="band"),
        ),
    )
    assert len(draw_svg(picture, ident="a").encode()) < 40_000


@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_any_picture_can_be_drawn(data: st.DataObject) -> None:
    """Any finite numbers, on either scale, in any style, with or without intervals."""
    columns = data.draw(st.lists(st.tuples(numbers, st.none() | numbers, numbers, numbers), max_size=6))
    x, y, low, high = zip(*columns, strict=True) if columns else ((), (), (), ())
    ends = {"low": low, "high": high} if data.draw(st.booleans()) else {}
    picture = curve(
        name=data.draw(st.text(max_size=80)),
        x=x,
        y=y,
        style=data.draw(st.sampled_from(("points", "line", "band"))),
        x_scale=data.draw(st.sampled_from(("linear", "log"))),
        y_scale=data.draw(st.sampled_from(("linear", "log"))),
        **ends,
    )
    svg = draw_svg(picture, ident="a")
    parsed(svg)
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<(text|title|desc)[^>]*>[^<]*</\1>", "", svg))
