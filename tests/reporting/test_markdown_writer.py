"""report.md says what the report says, to a reader and to a Markdown parser."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from theory_check.judge.verdict import Conclusion, Verdict
from theory_check.neural_ode.case import Case
from theory_check.pictures.visible import visible
from theory_check.reporting.headline import verdict_words
from theory_check.reporting.markdown_text import code, escaped, fenced
from theory_check.reporting.markdown_writer import render
from theory_check.reporting.outcome_text import describe_case

PARSER = MarkdownIt("gfm-like", {"linkify": False})
HOSTILE = "a|b`c`` <script>alert(1)</script> [x](http://x) *bold* _it_ ~~s~~ $m$ &amp; \\| #1\n# new\x1b[31m\u202e"


def shown(tokens) -> str:
    """What a reader sees of some inline tokens."""
    return "".join(token.content if token.type in {"text", "code_inline", "text_special"} else "" for token in tokens)


def inline_texts(markdown: str) -> list[str]:
    """What a reader sees of each paragraph, heading and cell."""
    return [shown(token.children) for token in PARSER.parse(markdown) if token.type == "inline"]


def tables(markdown: str) -> list[list[list[str]]]:
    """The tables as rows of cells, as a parser finds them."""
    found: list[list[list[str]]] = []
    inside = False
    for token in PARSER.parse(markdown):
        if token.type in {"table_open", "table_close"}:
            inside = token.type == "table_open"
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and inside:
            found[-1][-1].append(shown(token.children))
    return found


@given(text=st.text(max_size=30) | st.text("`|\\*_[]<>#~$& a1.-+\n", max_size=30))
@example(text="- a")
@example(text="+ a")
@example(text="# a")
@example(text="> a")
@example(text="===")
@example(text="     indented")
@example(text="-")
@example(text="12. a")
@example(text="1) a")
@example(text="_a_ b_c _d e_")
@example(text="&lt; &#60; & &")
def test_a_reader_sees_the_text_that_was_escaped(text):
    """A Markdown parser gives back the text, in a paragraph, in a list and in a table cell, as text and as code."""
    # Markdown strips and joins white space at the ends of lines; that is no markup.
    expected = visible(text).strip()
    if not expected:
        return
    (paragraph,) = inline_texts(f"{escaped(text)}\n")
    assert paragraph == expected
    (item,) = inline_texts(f"- {escaped(expected)}\n")
    assert item == expected
    (span,) = inline_texts(f"x {code(text)} x\n")
    assert span == f"x {visible(text)} x"
    ((_, (cell, _)),) = tables(f"| a | b |\n|---|---|\n| {escaped(expected)} | c |\n")
    assert cell == expected


@given(text=st.text("`|\\ a1", min_size=1, max_size=30).filter(str.strip))
def test_code_in_a_table_shows_its_pipes(text):
    """A pipe inside code does not end the cell, and is shown without its backslash."""
    ((_, (cell, last)),) = tables(f"| a | b |\n|---|---|\n| {code(text, table=True)} | c |\n")
    assert (cell.strip(), last) == (text.strip(), "c")


def test_a_pipe_behind_a_backslash_stays_inside_its_cell():
    """GitHub ends a cell at a pipe behind an even number of backslashes, in code as well."""
    for text in ("a\\|b", "\\\\|", "|\\|"):
        assert not re.search(r"(?<!\\)(?:\\\\)*\|", code(text, table=True))


@given(text=st.text("`\n a", max_size=30))
def test_a_fenced_block_cannot_be_left(text):
    """Whatever it holds is one block."""
    (block,) = PARSER.parse(f"{fenced(text)}\n")
    assert (block.type, block.content) == ("fence", f"{text}\n")


def test_the_verdict_comes_first_then_the_warnings_then_the_table(build):
    """What decides stands at the top."""
    markdown = render(build.full())
    assert markdown.startswith("# Audit by theory-check: refuted\n")
    order = ["the processor was busy", "| claim | verdict |", "### `adjoint-gradient`", "theory-check audit --profile"]
    positions = [markdown.index(part) for part in order]
    assert positions == sorted(positions)


def test_every_verdict_word_is_explained_in_one_line(build):
    """A reader who never saw the tool finds each word at the start of a line."""
    for verdict in Verdict:
        assert re.search(rf"^- {verdict.value}: \w.+\.$", render(build.report()), re.MULTILINE)


def test_the_table_has_a_row_for_each_claim_and_a_column_for_each_activation(build):
    """As a parser sees it, not only as text."""
    table = tables(render(build.full()))[0]
    assert table == [
        ["claim", "verdict", "random smooth", "relu(x)", "controls"],
        ["adjoint-gradient", "refuted", "supported", "refuted", "1 of 1 as expected"],
    ]


def test_a_refutation_shows_its_smallest_case_and_how_to_replay_it(build):
    """Every number of the case, what was measured against what, and a command that can be pasted."""
    report = build.full()
    (minimal,) = {trial.minimal for trial in report.claims[0].trials if trial.minimal}
    markdown = render(report)
    assert f"\n```text\ntheory-check replay report.json {minimal}\n```\n" in markdown
    for part in ("relu(x)", "(0, 0); (1, -2.5)", "labels 1, -1", "n = 1", "sigma_w = 2", "horizon T = 0.5", "rank one"):
        assert part in markdown
    assert "measured: relative gradient error = 0.25, bound 1e-06 (ratio 2.5e+05)" in inline_texts(markdown)
    assert "power: 0.5" in markdown
    assert "the difference straddles a kink" in markdown


def test_a_conclusion_that_fails_without_the_assumptions_is_shown_like_a_refutation(build):
    """ReLU does not refute the claim; its case and replay are shown all the same."""
    outcome = build.outcome(build.kink, verdict=Verdict.ASSUMPTIONS_NOT_MET, conclusion=Conclusion.FAILS)
    trial = build.trial(
        kind="named",
        activation="relu(x)",
        verdict=Verdict.ASSUMPTIONS_NOT_MET,
        conclusion=Conclusion.FAILS,
        minimal=outcome.case_id,
    )
    markdown = render(build.report(build.claim(trial, outcomes=(outcome,))))
    assert "#### assumptions-not-met: conclusion fails: `relu(x)`" in markdown
    assert f"theory-check replay report.json {outcome.case_id}\n" in markdown


def test_controls_stand_apart_with_expected_and_seen(build):
    """Expected, seen, whether that agrees, the planted defect; controls never enter the counts of the claim."""
    control = build.trial(
        kind="control",
        activation="identity",
        defect="stale-state",
        verdict=Verdict.SUPPORTED,
        as_expected=False,
        requested=1000,
    )
    markdown = render(build.report(build.claim(build.trial(requested=20, executed=19), control)))
    assert "19 executed of 20 requested" in markdown
    (row,) = tables(markdown)[-1][1:]
    assert row == [f"identity in {build.property}", "sphere", "stale-state", "refuted", "supported", "no", "-"]
    assert "Controls: 0 of 1 as expected." in markdown


def test_every_case_without_a_verdict_is_listed(build):
    """A supported claim may have some, so none may be hidden."""
    outcomes = tuple(
        build.outcome(
            Case(activation="erf(x)", data=build.smooth.data, width=width),
            verdict=verdict,
            conclusion=Conclusion.UNDECIDED,
            reason=f"underpowered at {width}",
        )
        for width, verdict in ((11, Verdict.INCONCLUSIVE), (12, Verdict.ERROR))
    )
    markdown = render(build.report(build.claim(build.trial(), outcomes=(build.outcome(), *outcomes))))
    for outcome in outcomes:
        assert f"- `{outcome.case_id}`, {outcome.verdict}, `erf(x)`, sphere: {outcome.reason}" in markdown
    assert markdown.count("underpowered") == 2


def test_the_ratio_shown_is_the_worst_of_the_claim(build):
    """The case that came closest to its bound is named, controls apart."""
    close = build.outcome(build.digits, ratio=0.875, measured=7.0, bound=8.0)
    claim = build.claim(
        build.trial(worst_ratio=0.25),
        build.trial(worst_ratio=0.875, stratum="digits"),
        build.trial(worst_ratio=None, stratum="pinned"),
        build.trial(kind="control", worst_ratio=99.0),
        outcomes=(build.outcome(), close),
    )
    (line,) = [line for line in render(build.report(claim)).splitlines() if "Measured against bound" in line]
    assert "largest share of a bound used 0.875" in line
    assert f"digits; relative gradient error = 7, bound 8 (ratio 0.875), case `{close.case_id}`" in line
    nothing = build.claim(build.trial(worst_ratio=None))
    assert "- Measured against bound: nothing was compared\n" in render(build.report(nothing))


def test_the_environment_and_the_exact_command_close_the_report(build):
    """What a reader needs to run it again."""
    last = render(build.full()).split("## How this report was made")[1]
    for part in (
        "```text\ntheory-check audit --profile quick --seed 7\n```",
        "hypothesis 6.150.0, torch 2.13.0",
        "root seed 7",
    ):
        assert part in last


def test_a_report_without_claims_or_warnings_says_so(build):
    """An empty audit is no success."""
    markdown = render(build.report(verdict=Verdict.INCONCLUSIVE, exit_status=3))
    assert markdown.startswith("# Audit by theory-check: inconclusive\n")
    assert "\nno claim was audited. Exit status 3" in markdown
    assert "## Warnings" not in markdown


def test_hostile_names_neither_break_the_tables_nor_run(build):
    """Names, reasons and statements of users stay text, in every field that takes text."""
    outcome = build.outcome(
        Case(activation=HOSTILE, data=build.smooth.data, width=1, stratum=HOSTILE),
        verdict=Verdict.REFUTED,
        conclusion=Conclusion.FAILS,
        quantity=HOSTILE,
        reason=HOSTILE,
        numbers={HOSTILE: HOSTILE},
    )
    fields = {"activation": HOSTILE, "stratum": HOSTILE, "reason": HOSTILE, "property": HOSTILE}
    failing = {"verdict": Verdict.REFUTED, "minimal": outcome.case_id}
    hostile = build.claim(
        build.trial(**fields, **failing),
        build.trial(kind="control", defect=HOSTILE, **fields, **failing),
        id=HOSTILE,
        statement=HOSTILE,
        source=HOSTILE,
        assumptions=(HOSTILE,),
        outcomes=(outcome,),
    )
    markdown = render(build.report(hostile, warnings=(HOSTILE,), paper=HOSTILE, command=HOSTILE, profile=HOSTILE))
    tokens = PARSER.parse(markdown)
    inline = [child.type for token in tokens if token.type == "inline" for child in token.children]
    assert not {"html_block"} & {token.type for token in tokens}
    assert not {"html_inline", "link_open", "em_open", "s_open"} & set(inline)
    assert inline.count("strong_open") == 1  # the verdict in the table
    assert [len(row) for table in tables(markdown) for row in table] == [4, 4, 7, 7, 2, 2, 7, 7]
    assert "\x1b" not in markdown
    assert "\u202e" not in markdown
    assert [text for text in inline_texts(markdown) if text == visible(HOSTILE)]


@given(data=st.data())
def test_every_report_renders_with_whole_tables(reports, data):
    """Arbitrary text in every field: each row of a table has as many cells as its head, and no markup slips in."""
    report = data.draw(reports)
    markdown = render(report)
    markdown.encode()
    assert markdown.startswith(f"# Audit by theory-check: {verdict_words(report)}\n")
    tokens = PARSER.parse(markdown)
    headings = sum(token.type == "heading_open" and token.tag == "h3" for token in tokens)
    assert headings == len(report.claims)
    assert not [token for token in tokens if token.type == "html_block"]
    lines = markdown.split("\n")
    for index, line in enumerate(lines):
        if re.fullmatch(r"\|(---\|)+", line):
            columns = line.count("---")
            row = index - 1
            while lines[row].startswith("|"):
                # GitHub ends a cell at a pipe behind an even number of backslashes.
                assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", lines[row])) == columns + 1
                row += 1


@pytest.mark.parametrize("name", ["smooth", "kink", "digits"])
def test_a_case_in_words_leaves_nothing_out(build, name):
    """Changing any one field of a case changes its description."""
    import msgspec

    from theory_check.neural_ode.case import Digits, Sphere, Weights
    from theory_check.neural_ode.model import NeuralODE

    case = getattr(build, name)
    changes = [
        {"activation": "sin(x)"},
        {"data": Sphere(count=2, dimension=4, seed=7)},
        {"data": Sphere(count=3, dimension=4, seed=8)},
        {"data": Digits(rows=(14, 3))},
        {"width": 65},
        {"neural_ode": NeuralODE(sigma_u=1.0000000001)},
        {"neural_ode": NeuralODE(sigma_w=0.0)},
        {"neural_ode": NeuralODE(sigma_v=1e-9)},
        {"neural_ode": NeuralODE(horizon=1e20)},
        {"weights": Weights(structure="zero")},
        {"weights": Weights(structure="symmetric")},
        {"weights": Weights(structure="antisymmetric")},
        {"weights": Weights(gain=2.0)},
        {"weights": Weights(pinned=0.0)},
        {"stratum": "crowded"},
        {"eta_factor": 2.5},
    ]
    texts = [str(describe_case(msgspec.structs.replace(case, **change))) for change in changes]
    assert len({*texts, str(describe_case(case))}) == len(changes) + 1
