"""The page as people meet it: in a browser, at a desk and on a phone, in light and dark, and on paper."""

import io
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
DESK, PHONE = 1280, 360
HOSTILE = "<script>alert(1)</script>"

# Every text that is shown, with its colour, the colour behind it and its size; contrast as WCAG 2 defines it.
CONTRASTS = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  document.querySelectorAll('details').forEach(d => { d.open = true; });
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), e = walker.currentNode.parentElement;
    if (!text || !e.getClientRects().length || ['title', 'desc'].includes(e.localName)) continue;
    const style = getComputedStyle(e), inSvg = e.namespaceURI.endsWith('svg');
    const a = luminance(parse(inSvg ? style.fill : style.color)), b = luminance(ground(e));
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text.slice(0, 40)]);
  }
  return found;
}"""

# For every picture: its size, texts that cover each other, and how far each reaches beyond it and how large it is.
PICTURES = """() => [...document.querySelectorAll('figure svg')].map(svg => {
  const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
  const frame = svg.parentElement;
  const shown = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim());
  const boxes = shown.map(t => t.getBoundingClientRect());
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.35 * Math.min(a.height, b.height, a.width, b.width);
  return {
    width: box.width, height: box.height, scrolls: frame.scrollWidth > frame.clientWidth,
    covered: boxes.flatMap((a, i) => boxes.slice(i + 1).map((b, j) => [i, i + 1 + j, meet(a, b)])).filter(m => m[2])
      .map(([i, j]) => `${shown[i].textContent} | ${shown[j].textContent}`),
    texts: shown.map(t => {
      const r = t.getBoundingClientRect();
      const beyond = Math.max(box.left - r.left, r.right - box.right, box.top - r.top, r.bottom - box.bottom);
      return {text: t.textContent, beyond, size: parseFloat(getComputedStyle(t).fontSize) * scale};
    }),
  };
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_page_is_quiet_and_fits(opened, page_file, screenshots, width, scheme):
    """No message on the console, no request, no dialog; nothing reaches beyond the window; a picture of it is taken."""
    page, noise = opened(width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    # Not innerWidth: a phone shows a page that is too wide smaller, and calls that its width.
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.reload()
    name = f"{page_file.parent.name}-{page_file.stem}-{'phone' if width == PHONE else 'desk'}-{scheme}"
    page.screenshot(path=screenshots / f"{name}.png")
    page.locator("article.claim").first.screenshot(path=screenshots / f"{name}-claim.png")
    assert noise == []
    assert (screenshots / f"{name}.png").stat().st_size > 5_000


def test_light_and_dark_differ_and_both_can_be_read(opened):
    """Ground and ink change places with the reader's preference; every text has a contrast of 4.5 or more in both."""
    grounds = {}
    for scheme in ("light", "dark"):
        page, _ = opened(scheme=scheme)
        grounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 500
        assert [entry for entry in contrasts if entry[0] < 4.5] == []
    assert grounds["light"] != grounds["dark"]


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_pictures_are_legible(opened, page_file, width):
    """Every picture has a size; its texts lie inside it, with nine pixels on the screen, or it scrolls in its box."""
    page, _ = opened(width)
    pictures = page.evaluate(PICTURES)
    assert pictures or page_file.stem != "everything"
    for picture in pictures:
        assert min(picture["width"], picture["height"]) > 100
        assert picture["texts"]
        assert picture["covered"] == []
        assert [text for text in picture["texts"] if text["beyond"] > 1] == []
        assert [text for text in picture["texts"] if text["size"] < 9 and not picture["scrolls"]] == []


def test_every_link_leads_to_what_can_be_seen(opened):
    """A cell leads to its claim; a case leads out of the section in which it is folded away; all targets exist."""
    page, noise = opened()
    fragments = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    assert fragments
    missing = "names => names.filter(name => !name.startsWith('#') || !document.getElementById(name.slice(1)))"
    assert page.evaluate(missing, fragments) == []
    page.locator("table.matrix tbody tr:last-child a.cell").first.click()
    target = page.evaluate("location.hash")
    assert target.startswith("#claim-")
    assert 0 <= page.locator(f"[id='{target[1:]}']").bounding_box()["y"] < 100
    case = page.locator("details:not([open]) .case").first.get_attribute("id")
    assert not page.locator(f"#{case}").is_visible()
    page, noise = opened(fragment=f"#{case}")
    assert page.locator(f"#{case}").is_visible()
    assert 0 <= page.locator(f"#{case}").bounding_box()["y"] < 800
    assert noise == []


def test_markup_in_names_is_shown_as_text(opened, page_file):
    """An activation called <script> is read as that by a person, and run by nobody."""
    page, noise = opened()
    if page_file.stem == "everything":
        assert page.get_by_text(HOSTILE, exact=True).first.is_visible()
        assert HOSTILE in page.locator("table.matrix thead").inner_text()
    assert page.locator("script, b.bold").count() == 0
    assert noise == []


def test_a_case_is_copied_with_one_click(opened):
    """The replay command is selected as a whole."""
    page, _ = opened()
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    command = page.locator(".replay .command").first
    command.click()
    assert page.evaluate("getSelection().toString()").strip() == command.inner_text()


def test_the_page_prints(opened, screenshots: Path, page_file: Path):
    """On white paper whatever the screen shows, with tables that were folded away, and nothing beyond the edge."""
    import pypdf

    page, noise = opened(680, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") == 680
    printed = page.pdf(path=screenshots / f"{page_file.parent.name}-{page_file.stem}.pdf", format="A4")
    document = pypdf.PdfReader(io.BytesIO(printed))
    text = "".join(sheet.extract_text() for sheet in document.pages)
    folded = page.locator("details:not([open]):not(.cases) td.ref code").all_text_contents()
    assert folded
    assert [identifier for identifier in folded if identifier not in text] == []
    assert "theory-check replay report.json" in text
    assert 3 < len(document.pages) < 100
    assert noise == []
