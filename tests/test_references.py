"""References between code, documents and tests lead somewhere."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
TEXTS = sorted(
    path
    for folder, kinds in (("theory_check", ".py"), ("properties", ".py"), ("tests", ".py"), ("docs", ".md"))
    for path in (ROOT / folder).rglob(f"*{kinds}")
    if path != Path(__file__)
) + [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
REFERENCE = re.compile(r"docs/(\w+\.md)#([\w-]*)")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
# What the project was specified by is no part of it.
ELSEWHERE = re.compile(r"\b(CLAIMS\.md|CLAIMS section|SOURCES\.md|JUDGEMENT\b)")


def anchor(heading: str) -> str:
    """As GitHub makes one of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@cache
def anchors(document: Path) -> frozenset[str]:
    """The headings of a document."""
    return frozenset(anchor(line.lstrip("#")) for line in document.read_text().splitlines() if line.startswith("#"))


@cache
def functions(file: Path) -> frozenset[str]:
    """The functions of a module."""
    tree = ast.parse(file.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_references_lead_to_headings() -> None:
    """Each `docs/FILE.md#heading` in code, tests and documents."""
    found = [(path, *match.groups()) for path in TEXTS for match in REFERENCE.finditer(path.read_text())]
    dead = [
        f"{path.relative_to(ROOT)}: docs/{name}#{heading}"
        for path, name, heading in found
        if not (ROOT / "docs" / name).is_file() or heading not in anchors(ROOT / "docs" / name)
    ]
    assert len(found) > 20
    assert not dead


def test_nothing_cites_what_is_not_here() -> None:
    """A reader must be able to follow every reference."""
    cited = [
        f"{path.relative_to(ROOT)}: {match[0]}" for path in TEXTS for match in ELSEWHERE.finditer(path.read_text())
    ]
    assert not cited


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_tests_that_documents_name_exist(document: Path) -> None:
    """File and function."""
    named = TEST.findall(document.read_text())
    missing = [f"{file}::{name}" for file, name in named if name not in functions(ROOT / file)]
    assert len(named) > 20
    assert not missing


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_section_names_its_tests(document: Path) -> None:
    """A formula or a rule without one is a claim that nobody checks."""
    sections = re.split(r"(?m)^## ", document.read_text())[1:]
    without = [section.partition("\n")[0] for section in sections if not TEST.search(section.rpartition("Tests:")[2])]
    assert not without
    for section in sections:
        formulas, tests = section.count("$$") // 2, len(TEST.findall(section))
        assert tests >= min(formulas, 2), section.partition("\n")[0]
