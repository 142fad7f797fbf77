"""How a process finds the properties of the folder: by the names that reports give them, whatever files they lie in."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import theory_check.runs.properties
from theory_check.runs import one_trial
from theory_check.runs.properties import properties_folder
from theory_check.search.request import make_request


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    """The folder of one test is not that of the next."""
    one_trial._properties.cache_clear()
    yield
    one_trial._properties.cache_clear()


def _copied(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    """A folder of properties with copies of one of ours, changed."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(theory_check.runs.properties, "properties_folder", lambda: folder)


def test_a_file_may_be_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trials of a property have the names that they had, in another file too."""
    text = (properties_folder() / "test_structure_kept.py").read_text()
    request = make_request(claims=("structure-kept",))
    before = [(prop.name, plan) for prop, plan in one_trial.trials_of(request)]
    one_trial._properties.cache_clear()
    _copied(tmp_path, monkeypatch, test_elsewhere=text)
    assert [(prop.name, plan) for prop, plan in one_trial.trials_of(request)] == before
    assert before[0][0] == "test_correlations.py::test_limiting_correlations_grow_with_those_of_the_inputs"


def test_two_properties_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their cases would be told apart by nothing; one line."""
    text = (properties_folder() / "test_structure_kept.py").read_text()
    _copied(tmp_path, monkeypatch, test_one=text, test_two=text)
    said = "two properties are called 'test_correlations.py::test_limiting_correlations_grow"
    with pytest.raises(click.ClickException, match=said):
        one_trial.trials_of(make_request())
