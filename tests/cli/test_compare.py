"""`theory-check compare`: the table, the JSON and the page say the same; bad input is one line."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from theory_check.compare.records import Comparison
from theory_check.compare.table import print_comparison

pytestmark = pytest.mark.usefixtures("without_shape_checks")

Run = Callable[..., Any]
SCALES = ("--sigma-u", "1.5", "--sigma-w", "0.5", "--sigma-v", "2")
SMALL = ("--networks", "8", "--width", "8", "--data", "sphere", "--rows", "3", "--dimension", "4")


def test_table_json_and_page_agree(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Smooth before kinked, with the same numbers in all three; the kink is a finding with its case."""
    page = tmp_path / "table.html"
    ran = run("compare", "relu", "softplus", *SMALL, *SCALES, "--page", str(page), "--json")
    assert ran.status == 0, ran.err
    found = msgspec.json.decode(ran.out, type=Comparison)
    assert [(c.name, c.rank) for c in found.candidates] == [("softplus", 1), ("relu", 2)]
    sizes = {"seed": 0, "data": "sphere", "inputs": 3, "width": 8, "networks": 8, "confidence": 0.99}
    assert found.settings == sizes | {"sigma_u": 1.5, "sigma_w": 0.5, "sigma_v": 2.0, "horizon": 1.0}
    print_comparison(found)
    table, text = capfd.readouterr().out, page.read_text(encoding="utf-8")
    for candidate in found.candidates:
        for key, digits in (("gradient_error", ".3g"), ("evaluations", ".3g"), ("observed_factor", ".4f")):
            value = candidate.cells[key].value
            assert value is not None
            assert f"{value:{digits}}" in table
            assert f"{value:{digits}}" in text
    assert "sigma_u = 1.5, sigma_w = 0.5, sigma_v = 2" in " ".join(table.split())
    assert "relu: the backward solution is not unique everywhere" in table
    assert "order: Unique solutions come first" in table


def test_what_an_activation_cannot_do_is_a_finding(run: Run) -> None:
    """Square blows up: it is in the table, last, and the command succeeds."""
    ran = run("compare", "square", "tanh", *SMALL, "--sigma-w", "3")
    assert ran.status == 0, ran.err
    assert ran.out.index("tanh") < ran.out.index("square")
    assert "square: the forward solution is not unique everywhere" in ran.out
    assert "square: uniqueness backward is open" in ran.out
    assert re.search("square: gradient error: fails in 8 of 8 networks", ran.out)
    assert "square: smallest NTK eigenvalue and predicted factor: the covariance blows up" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "two different activations at least, got none"),
        (("relu",), "two different activations at least, got relu"),
        (("relu", "relu(x)"), "two different activations at least, got relu, relu\\(x\\)"),
        (("softplus", "sofplus"), "'sofplus'.*softplus"),
        (("relu", "tanh", "--width", "0"), "0 is not in the range"),
        (("relu", "tanh", "--networks", "7"), "7 is not in the range"),
        (("relu", "tanh", "--horizon", "-1"), "horizon must be a positive finite number, got -1.0"),
        (("relu", "tanh", "--sigma-w", "nan"), "sigma_w must be .*nan"),
        (("relu", "tanh", "--sigma-u", "0"), "sigma_u must be .*0"),
        (("relu", "tanh", "--data", ""), "--data must be digits, sphere, FILE.npy or FILE.csv, got ''"),
        (("relu", "tanh", "--data", "absent.npy"), "cannot read 'absent.npy'"),
        (
            ("relu", "tanh", "--data", "sphere", "--rows", "9", "--dimension", "4"),
            "at most 2 d inputs .*got 9 with d = 4",
        ),
        (("relu", "tanh", "--seed", "-1"), "seed must be from 0"),
        (("relu", "tanh", "--page", "table.txt"), "ends in .html, got 'table.txt'"),
        (("relu", "tanh", "--page", "absent/table.html"), "absent"),
        (("relu", "os:getcwd"), "would run code"),
    ],
)
def test_bad_input_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    """Status 2, the value shown, nothing written and nothing measured."""
    monkeypatch.chdir(tmp_path)
    ran = run("compare", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("theory-check: ")
    assert ran.err.count("\n") == 1
    assert re.search(said, ran.err)
    assert not list(tmp_path.iterdir())
