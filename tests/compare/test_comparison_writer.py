"""A comparison as text: JSON that is the same for the same comparison, a page that needs nothing and hides nothing."""

from pathlib import Path

import html5lib
import msgspec
import pytest

from theory_check.compare.comparison_text import evidence_text, notes, value_text
from theory_check.compare.comparison_writer import render_json, render_page, write_comparison_page
from theory_check.compare.ranking import ranked, ranking_rule
from theory_check.compare.records import COLUMNS, Candidate, Cell, Comparison, Uniqueness
from theory_check.neural_ode.case import Case, Explicit
from theory_check.reporting.records import ReportError

MARKUP = "<script>alert(1)</script>"
SETTINGS = {
    "seed": 0,
    "data": "sphere",
    "inputs": 3,
    "width": 8,
    "networks": 8,
    "confidence": 0.99,
    "sigma_u": 1.0,
    "sigma_w": 1.0,
    "sigma_v": 1.0,
    "horizon": 1.0,
}


def candidate(name: str, *, missing: bool = False, fails: bool = False) -> Candidate:
    """An activation, with numbers or without."""
    case = Case(activation=name, data=Explicit(((0.0,),)), width=1)
    proved = Uniqueness(status="proved", reason="L1 = 1", probes=5)
    failing = Uniqueness(
        status="fails", reason=MARKUP, probes=5, failing=1, quantity="jump", measured=1.5, bound=1e-9, case=case
    )
    cell = Cell(basis="measured", value=0.5, low=0.25, high=0.75, networks=8, details={"scheme": "rk4"})
    return Candidate(
        name=name,
        expression=name,
        classification="kinked" if fails else "smooth",
        lipschitz=1.0,
        derivative_lipschitz=None if fails else 0.25,
        bounds="proved",
        forward=proved,
        backward=failing if fails else proved,
        cells={key: Cell(basis="missing", note="blows up") if missing else cell for key in COLUMNS},
    )


@pytest.fixture
def comparison() -> Comparison:
    """A good activation, one without numbers, and one whose name is markup and whose adjoint is not unique."""
    rows = (candidate("good"), candidate("absent", missing=True), candidate(MARKUP, fails=True))
    return Comparison(settings=SETTINGS, rule=ranking_rule(), candidates=ranked(rows))


def test_json_can_be_read_back_and_is_strict(comparison: Comparison) -> None:
    """Every field comes back; what is infinite is null."""
    text = render_json(comparison)
    assert msgspec.json.decode(text, type=Comparison) == comparison
    assert render_json(comparison) == text
    assert '"derivative_lipschitz": null' in text


def test_the_page_is_valid_and_asks_for_nothing(comparison: Comparison) -> None:
    """A strict parser takes it; markup in a name stays text; no script, no address, a policy."""
    page = render_page(comparison)
    html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "default-src &#39;none&#39;" in page
    assert "http://" not in page
    assert "https://" not in page


def test_the_page_shows_every_activation_with_its_evidence(comparison: Comparison) -> None:
    """Ranks in order, intervals, what is missing and why, the rule."""
    page = render_page(comparison)
    positions = [
        page.index(f"<code>{name}</code>") for name in ("good", "absent", "&lt;script&gt;alert(1)&lt;/script&gt;")
    ]
    assert positions == sorted(positions)
    for text in ("[0.25, 0.75]", "blows up", "see findings", "4 of 5 probes hold", "every pair of activations"):
        assert text in page


def test_findings_name_the_activation_and_the_case(comparison: Comparison) -> None:
    """A failure with its case to replay; a reason that holds for many columns stands once."""
    found = notes(comparison)
    assert [line for line in found if line.startswith("absent: ")] == [
        f"absent: {' and '.join(column.title for column in COLUMNS.values())}: blows up"
    ]
    assert any(line.startswith(MARKUP) and "1.5 against 1e-09" in line and '"width":1' in line for line in found)
    assert not any(line.startswith("good") for line in found)


def test_what_is_certified_is_rounded_to_the_safe_side() -> None:
    """A lower bound downwards, an upper one upwards, and a factor that may be 1 promises nothing."""
    eigenvalue = Cell(basis="bounded", value=0.23058, low=0.23056, high=0.2307)
    assert evidence_text(eigenvalue, "smallest_eigenvalue") == "certified > 0.23"
    assert evidence_text(Cell(basis="bounded", value=0.97, low=0.96, high=0.97211), "predicted_factor") == (
        "certified <= 0.9722"
    )
    assert (
        evidence_text(Cell(basis="bounded", value=0.97, low=0.96, high=1.0), "predicted_factor") == "no rate certified"
    )
    singular = Cell(basis="bounded", value=1e-17, singular=True)
    assert value_text(singular, "smallest_eigenvalue") == "not above 0"
    # Neither certified nor seen to be zero: the number alone, and that it is undecided.
    unknown = Cell(basis="bounded", value=0.2, singular=False)
    assert value_text(unknown, "smallest_eigenvalue") == "0.2"
    assert evidence_text(unknown, "smallest_eigenvalue").startswith("undecided")


def test_a_page_is_written_whole_or_not_at_all(comparison: Comparison, tmp_path: Path) -> None:
    """One file; a folder that is absent is one line."""
    write_comparison_page(comparison, tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == render_page(comparison)
    with pytest.raises(ReportError, match="absent"):
        write_comparison_page(comparison, tmp_path / "absent" / "page.html")
