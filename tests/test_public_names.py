"""The names that users rely on, and what importing them costs."""

import importlib
import inspect
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import theory_check
from theory_check import NeuralODE, activation, empirical_kernels

HEAVY = ("torch", "scipy", "sklearn", "hypothesis", "statsmodels", "flint")


def _modules_after(code: str) -> set[str]:
    text = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    # -P: what is installed, not the source in the current folder.
    done = subprocess.run([sys.executable, "-P", "-c", text], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_every_public_name_is_there() -> None:
    """Listed, found by dir, and the object of the module it lives in."""
    assert set(theory_check.__all__) <= set(dir(theory_check))
    for name in theory_check.__all__:
        assert getattr(theory_check, name).__module__.startswith("theory_check.")
    with pytest.raises(AttributeError, match="has no attribute 'kernels'"):
        _ = theory_check.kernels


def test_signatures_are_stable() -> None:
    """Arguments, their order and defaults are what the first version promised."""
    assert list(inspect.signature(activation).parameters)[:1] == ["name_or_expression"]
    assert list(inspect.signature(empirical_kernels).parameters)[:5] == [
        "activation",
        "inputs",
        "neural_ode",
        "width",
        "seed",
    ]
    model = NeuralODE()
    assert (model.sigma_u, model.sigma_w, model.sigma_v, model.horizon) == (1.0, 1.0, 1.0, 1.0)


def test_arrays_of_both_kinds_are_accepted() -> None:
    """NumPy in, NumPy out; torch in, torch out; the same numbers."""
    rows = np.eye(3) * np.sqrt(3)
    nngp, tangent = empirical_kernels("tanh", rows, NeuralODE(), 16, 1)
    assert isinstance(nngp, np.ndarray)
    again = empirical_kernels("tanh", torch.from_numpy(rows), NeuralODE(), 16, 1)
    assert all(isinstance(kernel, torch.Tensor) for kernel in again)
    np.testing.assert_array_equal(tangent, again[1].numpy())


@pytest.mark.parametrize("horizon", [0.0, -1.0, float("nan"), float("inf")])
def test_a_horizon_must_be_positive(horizon: float) -> None:
    """The message shows what was given."""
    with pytest.raises(ValueError, match=f"horizon must be a positive finite number, got {horizon}"):
        NeuralODE(horizon=horizon)


@pytest.mark.parametrize("width", [0, -5])
def test_a_width_must_be_positive(width: int) -> None:
    """The message shows what was given."""
    with pytest.raises(ValueError, match=f"width.*{width}"):
        empirical_kernels("tanh", np.eye(2), NeuralODE(), width, 1)


def test_a_width_that_does_not_fit_is_refused_before_anything_is_allocated() -> None:
    """800 terabytes for W alone: both numbers are said; torch, had it been asked, would have said something else."""
    with pytest.raises(ValueError, match=r"needs [0-9.]+ GiB, [0-9.]+ GiB are available") as refusal:
        empirical_kernels("tanh", np.eye(2), NeuralODE(), 10**7, 1, engine="dense")
    assert isinstance(refusal.value, MemoryError)
    needed = re.search(r"needs ([0-9.]+) GiB", str(refusal.value))
    assert needed is not None
    assert float(needed[1]) >= 8 * 10**14 / 2**30
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["theory_check", "theory_check.cli.main", "theory_check.plugin.plugin"])
def test_importing_it_loads_nothing_heavy(name: str) -> None:
    """Every pytest run of an environment loads the plugin, and --help must answer at once."""
    loaded = _modules_after(f"import {name}")
    assert name in loaded
    assert not loaded.intersection(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["audit", "--help"], ["claims"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Nor does the list of claims load torch."""
    code = f"""
import sys
from theory_check.cli.main import main
sys.argv = ["theory-check", *{arguments!r}]
try:
    main()
except SystemExit as done:
    assert done.code == 0, done.code
"""
    assert not _modules_after(code).intersection(HEAVY)


def test_the_check_for_heavy_modules_can_fail() -> None:
    """The public names themselves do load torch."""
    assert "torch" in _modules_after("from theory_check import cases")


def test_strategies_keep_their_public_home() -> None:
    """What README tells users to import narrows the search of the paper's own properties."""
    public = importlib.import_module("theory_check.strategies")
    home = importlib.import_module("theory_check.neural_ode.strategies")
    assert public.__all__ == home.__all__
    assert all(getattr(public, name) is getattr(home, name) for name in home.__all__)
