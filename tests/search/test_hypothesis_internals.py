"""What Hypothesis does not promise is used in one file, and a version without it is told apart at once."""

import importlib
import re
from pathlib import Path

import click
import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import theory_check
from theory_check.runs.run import run_properties
from theory_check.search.hypothesis_internals import (
    INTERNALS,
    InternalsGoneError,
    check_internals,
    draw_cases,
    draws_of_case,
    has_explicit_examples,
    reproducible_draws,
    strategies_of,
)
from theory_check.search.request import Request

ROOT = Path(theory_check.__file__).parent


def test_the_installed_hypothesis_has_them_all() -> None:
    """A bound in pyproject.toml that is raised too far is seen here first."""
    check_internals()


@pytest.mark.parametrize(("module", "name"), INTERNALS)
def test_one_that_is_gone_is_named(module: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever it is."""
    monkeypatch.delattr(importlib.import_module(module), name)
    with pytest.raises(InternalsGoneError, match=rf"^Hypothesis {hypothesis.__version__} has no {module}\.{name}, "):
        check_internals()


def test_a_run_says_so_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any trial starts, and nothing is written."""
    monkeypatch.delattr("hypothesis.statistics.collector")
    with pytest.raises(click.exceptions.Exit) as ended:
        run_properties(Request(), report_dir=str(tmp_path))
    assert ended.value.exit_code == 4
    assert capsys.readouterr().err.startswith("theory-check: Hypothesis ")
    assert not list(tmp_path.iterdir())


def test_no_other_file_uses_them() -> None:
    """In the package; tests may look at what they test."""
    words = re.compile(r"hypothesis\.(internal|control|statistics|core|_settings)|_given_kwargs|hypothesis_explicit")
    using = [path.name for path in ROOT.rglob("*.py") if words.search(path.read_text())]
    assert using == ["hypothesis_internals.py"]


def test_a_search_says_whether_nothing_is_left() -> None:
    """Four numbers are soon drawn, the integers never."""
    drawn: list[int] = []

    def keep(case: int) -> None:
        drawn.append(case)

    with reproducible_draws():
        assert draw_cases({"case": st.integers(0, 3)}, keep, "seed", most=100)
        assert set(drawn) == {0, 1, 2, 3}
        assert not draw_cases({"case": st.integers()}, keep, "seed", most=5)


def test_draws_tell_cases_apart() -> None:
    """Each of four numbers has draws of its own."""
    keys: dict[int, object] = {}

    def keep(case: int) -> None:
        keys[case] = draws_of_case()

    with reproducible_draws():
        draw_cases({"case": st.integers(0, 3)}, keep, "seed", most=100)
    assert len(set(keys.values())) == 4


def test_what_stands_above_a_test_is_seen() -> None:
    """Its strategies, and an example that a trial would ignore."""
    strategy = st.integers()

    def plain(case: int) -> None:
        """Any Hypothesis test."""

    given_only = given(case=strategy)(plain)
    assert strategies_of(given_only) == {"case": strategy}
    assert strategies_of(plain) == {}
    assert not has_explicit_examples(given_only)
    assert has_explicit_examples(example(case=1)(given(case=strategy)(plain)))
