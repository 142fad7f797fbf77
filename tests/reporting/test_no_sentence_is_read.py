"""No program reads English: what it needs of a verdict is a field, and sentences are for people."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import theory_check

ROOT = Path(theory_check.__file__).parent
# Fields that hold words for a reader, or numbers under a label in words.
SENTENCES = {
    "assumption",
    "departure",
    "details",
    "finding",
    "note",
    "numbers",
    "quantity",
    "reason",
    "statement",
    "unusable",
    "warnings",
    "why",
    "words",
}
TAKEN_APART = {
    "endswith",
    "find",
    "findall",
    "finditer",
    "fullmatch",
    "get",
    "index",
    "lstrip",
    "match",
    "partition",
    "removeprefix",
    "removesuffix",
    "rpartition",
    "rsplit",
    "rstrip",
    "search",
    "split",
    "startswith",
    "strip",
    "sub",
}


def names_of(node: ast.AST) -> set[str]:
    """The sentence fields that an expression mentions."""
    return SENTENCES & {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def readings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines that take a sentence apart, or look for words in one or for a number by its label."""
    for node in ast.walk(tree):
        found: set[str] = set()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TAKEN_APART:
            # Of `get` the arguments may be words: a dictionary with a text for each word reads none.
            given = [] if node.func.attr == "get" else node.args
            found = names_of(node.func.value).union(*map(names_of, given))
        elif isinstance(node, ast.Compare) and any(isinstance(one, ast.In | ast.NotIn) for one in node.ops):
            words = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
            found = set().union(*map(names_of, node.comparators)) if words else set()
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant | ast.JoinedStr):
            found = names_of(node.value) if isinstance(getattr(node.slice, "value", ""), str) else set()
        if found:
            yield node.lineno, ast.unparse(node)


# Parsing the expression of an activation, and finding a stretch of source to edit, is what these are for.
PARSERS = {"neural_ode/activations/parsing.py", "neural_ode/planted/mutation.py"}


@pytest.mark.parametrize(
    "path", sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*.py") if str(p.relative_to(ROOT)) not in PARSERS)
)
def test_no_file_takes_a_sentence_apart(path: str) -> None:
    """By splitting, matching, stripping or looking it up."""
    assert list(readings(ast.parse((ROOT / path).read_text()))) == []


@pytest.mark.parametrize(
    "line",
    [
        "outcome.reason.partition('; ')",
        "re.match('power against', outcome.quantity)",
        "pattern.fullmatch(str(outcome.quantity))",
        "'power' in outcome.details",
        "outcome.evidence.numbers['p']",
        "outcome.evidence.numbers.get('p')",
        "[w for w in report.warnings if w.startswith('a trial')] or report.warnings[0].startswith('x')",
    ],
)
def test_every_way_to_do_so_is_seen(line: str) -> None:
    """The search itself can fail."""
    assert list(readings(ast.parse(line)))
