"""A small repository of a user's own, with two properties of one claim and an ordinary test."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import theory_check.search.trial  # noqa: F401 - runs in this process forget what they import, which torch does not survive
from theory_check.reporting.document import load_report
from theory_check.reporting.records import ClaimReport, Report

OWN = """
import os

import msgspec
import torch
from hypothesis import given, strategies as st

from theory_check import Audit, Case, Claim, Discrepancy, cases, checks
from theory_check.neural_ode.case import Sphere

OWN = Claim(
    id="numbers-are-small",
    statement="Every number is at most 20.",
    source="nowhere",
    strata=("sphere", "digits"),
)
torch.set_num_threads(3)


@st.composite
def numbered(draw):
    number = draw(st.integers(1, 1000))
    return msgspec.structs.replace(draw(cases(width=st.just(1))), data=Sphere(1, 2, number))


@checks(OWN, share=0.5)
@given(case=numbered())
def test_numbers_are_numbers(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("nothing", 0.0, 1.0))


@checks(OWN)
@given(case=numbered())
def test_numbers_are_small(case: Case, audit: Audit) -> None:
    audit.at_most(case, Discrepancy("number", float(case.data.seed), 20.0))


def test_an_ordinary_one() -> None:
    assert torch.get_num_threads() == 3, "a trial takes one thread, and gives the others back"
"""
# None of these may reach a report.
PLAIN = ("-p", "no:cacheprovider", "-p", "no:randomly")


@pytest.fixture
def own() -> str:
    """The test file of that repository."""
    return OWN


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A root of its own: folders above it may have settings."""
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_own=OWN)
    return pytester


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run pytest with relu named, so that there is one trial for each property and stratum.

    In a process of its own, or `here` where nothing that a process keeps can matter.
    """

    def run(*arguments: str, activation: str = "relu", cache: bool = False, here: bool = False) -> pytest.RunResult:
        named = [f"--theory-check-activation={activation}"] if activation else []
        start = pytester.runpytest_inprocess if here else pytester.runpytest_subprocess
        return start(*([] if cache else PLAIN), *named, *arguments)

    return run


@pytest.fixture
def report_in(pytester: pytest.Pytester) -> Callable[[str], Report]:
    """The one report below a folder."""

    def report_in(folder: str) -> Report:
        (found,) = (pytester.path / folder).iterdir()
        return load_report(found)

    return report_in


@pytest.fixture
def comparable() -> Callable[[Report], list[ClaimReport]]:
    """The claims of a report without what may differ between two runs."""

    def comparable(report: Report) -> list[ClaimReport]:
        return [
            msgspec.structs.replace(
                claim, trials=tuple(msgspec.structs.replace(trial, seconds=0.0) for trial in claim.trials)
            )
            for claim in report.claims
        ]

    return comparable


@pytest.fixture(autouse=True)
def _options_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the run of these tests was started with has no say in theirs."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        if name in os.environ:
            monkeypatch.delenv(name)


@pytest.fixture
def readme_section() -> str:
    """What the README says on claims of one's own."""
    text = (Path(__file__).parents[2] / "README.md").read_text()
    return text.partition("## Your own claim, in pytest")[2].partition("\n## ")[0]


@pytest.fixture
def readme_example(readme_section: str) -> str:
    """Its first block of code, as it stands there."""
    lines = readme_section.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("    import"))
    block = itertools.takewhile(lambda line: not line or line.startswith("    "), lines[start:])
    return "\n".join(line.removeprefix("    ") for line in block).rstrip() + "\n"
