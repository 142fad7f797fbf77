"""report.html holds what the report says, stands alone, and lets nothing in."""

import base64
import hashlib
import re
import time
from urllib.parse import unquote

import html5lib
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from theory_check.claims.quantity import quantity_of
from theory_check.judge.evidence import Law, TestedLaw
from theory_check.judge.figure import Figure
from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.neural_ode.case import Case
from theory_check.pictures.picture import Picture, Series
from theory_check.pictures.visible import visible
from theory_check.reporting.html_writer import render
from theory_check.reporting.page_text import anchor, number

HOSTILE = "<script>alert(1)</script>"
# Elements and attributes that could load something or run it.
LOADING = {"script", "iframe", "object", "embed", "img", "video", "audio", "source", "base", "form", "animate", "image"}


def law_seen(name: str, *, power: float, samples: int = 1000) -> Law:
    """One test of a law, which sees half its power."""
    test = TestedLaw(
        quantity=quantity_of(name, "p-value"),
        p_value=0.5,
        samples=samples,
        level=1e-9,
        alternative="mean of 0.1",
        power=power,
        effect="mean",
        smallest_detectable=0.5 * power,
    )
    return Law(level=1e-9, tests=(test,))


def parsed(page):
    """The page as html5lib reads it, strict: whatever a browser would have to repair is an error."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False, strict=True)
    return parser.parse(page)


def elements(tree, tag):
    """All elements of one name, whatever their name space."""
    return [e for e in tree.iter() if isinstance(e.tag, str) and e.tag.rpartition("}")[2] == tag]


def text(element):
    """What a reader sees of an element, white space joined."""
    return " ".join("".join(element.itertext()).split())


def with_id(tree, identifier):
    """The one element of that id."""
    (found,) = [e for e in tree.iter() if e.get("id") == identifier]
    return found


def require_sound(page):
    """Ids are unique, links lead somewhere, nothing is loaded, nothing runs, no style but the one of the policy."""
    tree = parsed(page)
    ids = [e.get("id") for e in tree.iter() if e.get("id") is not None]
    assert len(ids) == len(set(ids))
    assert not [identifier for identifier in ids if re.search(r"\s", identifier) or not identifier]
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        name = element.tag.rpartition("}")[2]
        assert name not in LOADING
        for attribute, value in element.attrib.items():
            local = str(attribute).rpartition("}")[2].rpartition(":")[2]
            assert not local.startswith("on")
            assert local not in {"style", "src", "srcset", "action", "background", "poster", "ping"}
            if local == "href":
                assert value == "data:," or (value.startswith("#") and value[1:] in ids), value
            elif "url(" in value:
                assert re.fullmatch(r"url\(#([^)]+)\)", value)
                assert value[5:-1] in ids
    (style,) = elements(tree, "style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    (policy,) = [e.get("content") for e in elements(tree, "meta") if e.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert policy.split("; ")[:3] == ["default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:"]
    return tree


def test_the_page_says_what_the_report_says(build):
    """Verdict, tally, claim with statement and assumptions, trials, the minimal case with its replay command."""
    report = build.full()
    tree = require_sound(render(report))
    shown = text(elements(tree, "main")[0])
    claim = report.claims[0]
    for part in (
        report.paper,
        "0 of 1 claim supported, adjoint-gradient refuted.",
        "Exit status 1: a claim is refuted",
        claim.statement,
        claim.source,
        claim.assumptions[0],
        "for all cases; one confirmed counterexample refutes",
        "one confirmed counterexample",
        report.command,
        "torch 2.13.0",
        "1 of 1 as expected",
    ):
        assert part in shown
    case = with_id(tree, f"case-{claim.trials[1].minimal}")
    assert f"theory-check replay report.json {claim.trials[1].minimal}" in text(case)
    assert "0.25 against 1 × 10⁻⁶" in re.sub("\u202f", " ", text(case))
    assert "W of rank one, times 3" in text(case)
    numbers = [text(e) for tag in ("dt", "dd") for e in elements(elements(case, "details")[0], tag)]
    assert numbers == ["confirmed", "engine", "power", "samples", "stage", "yes", "dense", "0.5", "3", "–"]


def test_what_weakens_a_verdict_comes_before_it(build):
    """Warnings, failed controls, missing cases, undecided ones and few ones stand above the verdict of the whole."""
    failed = build.trial(kind="control", activation="abs(x)", as_expected=False, verdict=Verdict.SUPPORTED)
    open_case = build.outcome(build.digits, verdict=Verdict.INCONCLUSIVE, conclusion=Conclusion.UNDECIDED)
    blind = build.outcome(build.smooth, evidence=law_seen("mean", power=0.2))
    claim = build.claim(build.trial(executed=11), failed, outcomes=(open_case, blind))
    bare = build.claim(build.trial(executed=40, requested=40, comparisons=0), id="bare", outcomes=())
    page = render(build.report(claim, bare, warnings=("the processor was busy",)))
    tree = require_sound(page)
    (notice,) = [e for e in elements(tree, "section") if e.get("class") == "caveats"]
    items = [text(item) for item in elements(notice, "li")]
    assert items[0] == "Warning. the processor was busy"
    assert items[1].startswith("Warning. control of adjoint-gradient did not come out as expected")
    assert items[2] == "Warning. Nothing was compared with a bound: bare."
    assert "No control: nothing shows that a failure would have been noticed: bare." in items
    assert "Not every case that was asked for has run: adjoint-gradient (11 of 20)." in items
    assert "Cases without a verdict: adjoint-gradient (1 of 2)." in items
    assert any(line.endswith("that it states: adjoint-gradient (1 of 2).") for line in items)
    assert any(line.startswith("Fewer than 30") and line.endswith("adjoint-gradient (11 cases).") for line in items)
    assert page.index("the processor was busy") < page.index('class="verdict')


def test_a_sound_audit_says_that_it_has_no_warnings(build):
    """Enough cases, controls as expected: no caveat is made up."""
    claim = build.claim(build.trial(executed=40, requested=40), build.trial(kind="control"))
    page = render(build.report(claim))
    assert "No warnings:" in page
    assert 'class="caveats"' not in page


def test_markup_in_names_is_text(build, picture):
    """An activation, a claim, a warning and a name in a picture that are markup appear as they are, and run nowhere."""
    case = Case(activation=HOSTILE, data=build.smooth.data, width=3, stratum='"><img src=x onerror=alert(1)>')
    bad = build.outcome(
        case, claim=HOSTILE, verdict=Verdict.REFUTED, conclusion=Conclusion.FAILS, picture=picture, quantity=HOSTILE
    )
    trial = build.trial(
        kind="named", activation=HOSTILE, verdict=Verdict.REFUTED, minimal=bad.case_id, reason="</td></style>" + HOSTILE
    )
    claim = build.claim(trial, id=HOSTILE, statement=HOSTILE, verdict=Verdict.REFUTED, outcomes=(bad,))
    page = render(build.report(claim, paper=HOSTILE, command=HOSTILE, warnings=(HOSTILE,)))
    tree = require_sound(page)
    assert "<script" not in page
    assert HOSTILE in [text(code) for code in elements(with_id(tree, anchor("claim", HOSTILE)), "code")]
    assert "alert(2)" in text(elements(tree, "figure")[0])
    assert text(elements(tree, "h1")[0]) == HOSTILE


def test_a_picture_stands_in_the_page_with_its_note(build, picture):
    """The picture of a case is drawn inline, described for who cannot see it, and leads to its case."""
    outcome = build.outcome(picture=picture)
    tree = require_sound(render(build.report(build.claim(build.trial(), outcomes=(outcome,)))))
    (figure,) = elements(tree, "figure")
    (svg,) = elements(figure, "svg")
    assert svg.get("role") == "img"
    assert picture.note in text(elements(figure, "figcaption")[0])
    assert [a.get("href") for a in elements(figure, "a")] == [f"#case-{outcome.case_id}"]


def test_verdicts_are_words_as_well_as_colours(build):
    """Every cell of the matrix has its verdict in words and a sign, and leads to its claim."""
    tree = require_sound(render(build.full()))
    (matrix,) = [e for e in elements(tree, "table") if e.get("class") == "matrix"]
    cells = [a for a in elements(matrix, "a") if "cell" in (a.get("class") or "")]
    assert [text(cell) for cell in cells] == ["supported", "refuted", "1 of 1"]
    assert all(elements(cell, "use") for cell in cells)
    assert {cell.get("href") for cell in cells} == {"#claim-adjoint-gradient"}


def test_ablations_have_a_table_of_their_own(build):
    """A claim without one of its assumptions: needed or not, with the smallest case."""
    bad = build.outcome(build.kink, assumption="smooth", verdict=Verdict.ASSUMPTIONS_NOT_MET)
    broken = build.trial(
        kind="ablation",
        assumption="smooth",
        departure="a kink",
        conclusion=Conclusion.FAILS,
        verdict=Verdict.ASSUMPTIONS_NOT_MET,
        minimal=bad.case_id,
    )
    tree = require_sound(render(build.report(build.claim(build.trial(), broken, outcomes=(bad,)))))
    section = text(with_id(tree, "assumptions"))
    assert "a kink" in section
    assert "fails: needed there" in section
    assert bad.case_id in section


def test_samples_and_power_are_summed_up(build):
    """The least power and the fewest samples over the cases of a claim, and the ladder's."""
    outcomes = tuple(
        build.outcome(
            msgspec.structs.replace(build.smooth, width=width),
            evidence=law_seen("mean of f", power=power, samples=1000 * width),
        )
        for width, power in ((2, 0.75), (4, 0.25))
    )
    tree = require_sound(render(build.report(build.claim(build.trial(), outcomes=outcomes))))
    (row,) = [text(row) for row in elements(tree, "tr") if text(row).startswith("mean of f2")]
    assert row == "mean of f22,000 to 4,0000.25below even oddsmean of 0.10.375mean"


def test_a_case_that_two_claims_name_is_shown_once(build):
    """Ids stay unique where a report repeats a case."""
    one = build.claim(build.trial(kind="named", minimal=build.outcome().case_id))
    page = render(build.report(one, msgspec.structs.replace(one, id="other")))
    require_sound(page)


@pytest.mark.parametrize("odd", ["\ufffe", "\uffff", "\ufdd0", "\U0010fffe", "\x7f", "\x80", "\ud800"])
def test_what_html_forbids_is_written_out(build, odd):
    """Noncharacters, controls and surrogates in any text, as Python escapes."""
    page = render(build.report(build.claim(build.trial(reason=f"a{odd}b")), command=f"c{odd}d"))
    require_sound(page)
    assert f"c{odd.encode('unicode_escape').decode()}d" in page


# Whole reports are large to draw: what is tested is the page, not how fast Hypothesis makes its input.
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_report_gives_a_sound_page(reports, data):
    """Odd text and extreme numbers: the page parses strictly, its ids are unique, its links resolve."""
    report = data.draw(reports)
    tree = require_sound(render(report))
    for claim in report.claims:
        assert with_id(tree, anchor("claim", claim.id)) is not None
        assert " ".join(visible(claim.statement).split()) in text(with_id(tree, anchor("claim", claim.id)))


def test_five_thousand_outcomes_fit_a_page(large):
    """Under 5 MB in under 20 s of one processor: what decides is shown in full, the rest is counted."""
    assert sum(len(claim.outcomes) for claim in large.claims) >= 5_000
    start = time.process_time()
    page = render(large)
    seconds = time.process_time() - start
    assert len(page.encode()) < 5_000_000
    assert seconds < 20
    drawn = page.count("<figure>")
    assert 19 <= drawn < 76  # one for each claim at least; the others are files, and the page says how many
    further = re.findall(r"(\d+) further pictures? of this claim: as files in figures/", page)
    assert drawn + sum(map(int, further)) == 76
    assert page.count("Not shown here, in full in report.json:") == 19
    require_sound(page)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5.088e-7, "5.088\u202f×\u202f10⁻⁷"),
        (-0.0, "0"),
        (-0.522, "\u22120.522"),
        (1e300, "1\u202f×\u202f10³⁰⁰"),
        (2.0, "2"),
    ],
)
def test_numbers_are_as_print_has_them(value, shown):
    """Four digits, a real minus sign, powers of ten as powers."""
    assert number(value) == shown


@given(names=st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_anchors_are_stable_and_distinct(names):
    """A usual name is kept as it is; distinct names have distinct anchors; none has a space."""
    one, other = (anchor("claim", name) for name in names)
    assert one != other
    assert not re.search(r"\s", one)
    assert anchor("claim", "ntk-limit") == "claim-ntk-limit"
    assert unquote(anchor("claim", "a b")) == "claim-a b"


def test_the_papers_figures_stand_in_a_published_page(build):
    """Each with what the paper says and what is seen; text is text; without figures there is no such section."""
    picture = Picture(
        kind="ladder",
        title=f"Error {HOSTILE}",
        series=(Series(name=HOSTILE, x=(1.0, 2.0), y=(1.0, 0.5)),),
        note="Four networks.",
    )
    figure = Figure(name="paper-error", paper="The paper shows it fall", seen=f"It falls {HOSTILE}", picture=picture)
    tree = require_sound(render(build.full(), [figure]))
    section = with_id(tree, "figure-paper-error")
    assert len(elements(section, "svg")) == 1
    for said in ("The paper shows it fall.", f"It falls {HOSTILE}", "Four networks.", f"Error {HOSTILE}"):
        assert said in text(section)
    assert "remade" not in render(build.full()).partition("<body")[2]
