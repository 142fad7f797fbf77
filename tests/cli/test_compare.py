"""`theory-check compare`: the table, the JSON and the page say the same; bad input is one line."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SMALL = ("--networks", "8", "--width", "8", "--data", "sphere", "--rows", "3", "--dimension", "4")


def test_table_json_and_page_agree(run: Run, tmp_path: Path) -> None:
    """Smooth before kinked, with the same numbers in all three; the kink is a finding with its case."""
    page = tmp_path / "table.html"
    ran = run("compare", "relu", "softplus", *SMALL, "--page", str(page))
    assert ran.status == 0, ran.err
    found = json.loads(run("compare", "relu", "softplus", *SMALL, "--json").out)
    assert [(c["name"], c["rank"]) for c in found["candidates"]] == [("softplus", 1), ("relu", 2)]
    assert found["settings"] == {
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
    text = page.read_text(encoding="utf-8")
    for candidate in found["candidates"]:
        shown = f"{candidate['cells']['gradient_error']['value']:.3g}"
        assert shown in ran.out
        assert shown in text
        assert f"{candidate['cells']['observed_factor']['value']:.4f}" in ran.out
    assert "relu: the backward solution is not unique everywhere" in ran.out
    assert f"page: {page}" in ran.out
    assert "order: Unique solutions come first" in ran.out


def test_what_an_activation_cannot_do_is_a_finding(run: Run) -> None:
    """Square blows up, sign_sqrt has no kernel: both are in the table, last, and the command succeeds."""
    ran = run("compare", "square", "tanh", "sign_sqrt", *SMALL, "--sigma-w", "3", "--json")
    assert ran.status == 0, ran.err
    found = {c["name"]: c for c in json.loads(ran.out)["candidates"]}
    assert found["tanh"]["rank"] == 1
    assert found["square"]["cells"]["evaluations"]["value"] is None
    assert "of 8 networks" in found["square"]["cells"]["evaluations"]["note"]
    assert "infinite" in found["sign_sqrt"]["cells"]["smallest_eigenvalue"]["note"]
    assert found["sign_sqrt"]["forward"]["status"] == "fails"


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
