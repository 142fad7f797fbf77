"""`theory-check pairs`: a row for each property on each data set, and what is refused before anything is judged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from theory_check.compare import pairs
from theory_check.neural_ode.case import Sphere
from theory_check.neural_ode.figures import training_steps

pytestmark = pytest.mark.usefixtures("without_shape_checks")

Run = Callable[..., Any]


def test_table_and_picture_are_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows on the terminal and in the file, which shows the picture beside it; the command is in it."""
    monkeypatch.setattr(pairs, "DATA", {"sphere": Sphere(6, 4, 0)})
    monkeypatch.setattr(pairs, "WIDTH", 16)
    monkeypatch.setattr(training_steps, "FULL", training_steps.QUICK)
    ran = run("pairs", "relu", "--out", str(tmp_path))
    assert ran.status == 0, ran.err
    text = (tmp_path / "training-pairs.md").read_text(encoding="utf-8")
    rows = [line for line in ran.out.splitlines() if line.startswith("| `relu(x)`")]
    assert len(rows) == 4
    assert all(row in text for row in rows)
    assert [row.split("|")[3].strip() for row in rows] == ["0.03", "0.3", "0.03", "0.3"]
    assert [row.split("|")[4].strip() for row in rows] == ["evaluations", "evaluations", "steps", "steps"]
    assert "](training-pairs.svg)" in text
    assert f"theory-check pairs relu --seed 0 --out {tmp_path}" in text
    assert "Rank correlation" in text
    assert (tmp_path / "training-pairs.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("softplus",), "softplus must be piecewise linear with a kink"),
        (("relu", "--out", "no/such/folder"), "--out must be a folder that can be written to, got 'no/such/folder'"),
        (("no_such",), "no_such"),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: tuple[str, ...], message: str) -> None:
    """Exit status 2, and nothing is judged."""
    ran = run("pairs", *arguments)
    assert ran.status == 2
    assert message in ran.err
    assert len(ran.err.strip().splitlines()) == 1
