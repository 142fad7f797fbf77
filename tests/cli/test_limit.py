"""`theory-check limit`: its numbers are those of the library, its output can be read, bad input is one line."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from theory_check import NeuralODE, layer_kernels, limit_kernels
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.case import Digits, Sphere, materialise

Run = Callable[..., Any]


def test_json_of_digits(run: Run) -> None:
    """Kernels, eigenvalues and bounds, as the library computes them."""
    ran = run("limit", "softplus", "--data", "digits", "--rows", "5", "--horizon", "0.5", "--sigma-w", "1.5", "--json")
    assert (ran.status, ran.err) == (0, "")
    found = json.loads(ran.out)
    kernels = limit_kernels("softplus", materialise(Digits(tuple(range(5)))), NeuralODE(sigma_w=1.5, horizon=0.5))
    np.testing.assert_array_equal(found["nngp"], kernels.nngp)
    np.testing.assert_array_equal(found["tangent"], kernels.tangent)
    assert found["error_bound"] == kernels.error_bound <= 1e-10
    assert found["rigorous"] is False
    for name, kernel in (("nngp", kernels.nngp), ("tangent", kernels.tangent)):
        spectrum = found["spectra"][name]
        np.testing.assert_allclose(spectrum["eigenvalues"], np.linalg.eigvalsh(kernel)[::-1], rtol=1e-12)
        smallest = spectrum["eigenvalues"][-1]
        assert 0.9 * smallest < spectrum["smallest_eigenvalue_above"] < smallest - spectrum["error_bound"]


def test_the_smallest_eigenvalue_stands_beside_its_error(run: Run) -> None:
    """In words, with the ratio of both, once for each kernel."""
    lines = run("limit", "softplus", "--rows", "4").out.splitlines()
    spectra = json.loads(run("limit", "softplus", "--rows", "4", "--json").out)["spectra"]
    ratios = [found["smallest_eigenvalue_above"] / found["error_bound"] for found in spectra.values()]
    printed = [line.split() for line in lines if line.endswith("times the error of an entry")]
    assert [float(words[2]) for words in printed] == [float(f"{ratio:.2g}") for ratio in ratios]


def test_layers_and_file(run: Run, tmp_path: Path) -> None:
    """The residual network; the archive holds what is needed to use the kernels again, and nothing else is left."""
    out = tmp_path / "kernels.npz"
    ran = run(
        *("limit", "tanh", "--data", "sphere", "--rows", "4", "--dimension", "6", "--seed", "3"),
        *("--layers", "7", "--out", str(out)),
    )
    assert ran.status == 0, ran.err
    assert "residual network of 7 layers" in ran.out
    inputs = materialise(Sphere(4, 6, 3))
    kernels = layer_kernels("tanh", inputs, NeuralODE(), 7)
    with np.load(out, allow_pickle=False) as archive:
        for name in ("nngp", "tangent", "nngp_error", "tangent_error"):
            np.testing.assert_array_equal(archive[name], getattr(kernels, name))
        np.testing.assert_array_equal(archive["inputs"], inputs)
        assert json.loads(str(archive["settings"]))["layers"] == 7
    assert list(tmp_path.iterdir()) == [out]


def test_a_singular_kernel_is_not_certified(run: Run, tmp_path: Path) -> None:
    """X beside -x under an odd activation; the rows are named."""
    rows = tmp_path / "rows.csv"
    np.savetxt(rows, [[1.0, 2.0], [-1.0, -2.0], [2.0, -1.0]], delimiter=",")
    ran = run("limit", "tanh", "--data", str(rows))
    assert ran.status == 0, ran.err
    assert "rows 0 and 1" in ran.out
    assert ran.out.count("not certified positive definite") == 2
    found = json.loads(run("limit", "tanh", "--data", str(rows), "--json").out)
    assert [found["spectra"][name]["positive_definite"] for name in ("nngp", "tangent")] == [False, False]


def test_the_heat_map_has_a_line_for_each_input(run: Run) -> None:
    """Two characters an entry, darkest where the kernel is largest; left out where it would not fit."""
    lines = run("limit", "identity", "--rows", "3").out.splitlines()
    start = next(k for k, line in enumerate(lines) if "' .:" in line)
    cells = [line[2:] for line in lines[start + 1 : start + 4]]
    kernel = limit_kernels("identity", materialise(Digits((0, 1, 2))), NeuralODE()).nngp
    assert {len(cell) for cell in cells} == {6}
    i, j = np.unravel_index(np.argmax(kernel), kernel.shape)
    assert cells[i][2 * j] == "@"
    assert "heat map left out" in run("limit", "identity", "--rows", "61").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sofplus",), "'sofplus'.*softplus"),
        (("sign_sqrt",), "sign_sqrt.*infinite"),
        (("x**2", "--sigma-w", "9"), "sigma_w T is too large"),
        (("tanh", "--horizon", "-1"), "horizon must be a positive finite number, got -1.0"),
        (("tanh", "--sigma-w", "nan"), "sigma_w must be .*nan"),
        (("tanh", "--tolerance", "0"), "tolerance must be a positive finite number, got 0.0"),
        (("tanh", "--layers", "0"), "layers must be from 1 to 1024, got 0"),
        (("tanh", "--rows", "0"), "0 is not in the range"),
        (("tanh", "--data", "absent.npy"), "cannot read 'absent.npy'"),
        (("tanh", "--seed", "-1"), "seed must be from 0"),
        (("tanh", "--out", "kernels.txt"), "must end in .npz, got 'kernels.txt'"),
        (("tanh", "--out", "absent/kernels.npz"), "'absent/kernels.npz'"),
    ],
)
def test_bad_input_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    """Status 2, the value shown, nothing written."""
    monkeypatch.chdir(tmp_path)
    ran = run("limit", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("theory-check: ")
    assert ran.err.count("\n") == 1
    assert re.search(said, ran.err)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("exp(x)", "--rows", "3"), "is infinite or not decided"),
        (("tanh", "--rows", "3", "--sigma-w", "1e300"), "overflow at these scales: .*sigma_w = 1e\\+300"),
        (("tanh", "--rows", "3", "--sigma-u", "1e300"), "overflow"),
        (("softplus", "--rows", "3", "--sigma-v", "1e200"), "overflow"),
        (
            ("softplus", "--rows", "3", "--horizon", "1e6"),
            "not resolved at sigma_w T = 1e\\+06: it overflows.*it exists",
        ),
        (("square", "--rows", "3", "--horizon", "9"), "blows up or overflows before the horizon"),
        (("sin(1e6*x)", "--rows", "2"), "or phi varies too fast to be integrated"),
    ],
)
def test_kernels_that_cannot_be_computed_are_refused_in_one_line(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    """Exit status 2, no traceback, and what is not known to be a blow-up is not called one."""
    ran = run("limit", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert re.search(message, ran.err)
    assert ran.err.count("\n") == 1


def test_a_bound_that_is_infinite_is_said_to_be(run: Run) -> None:
    """Kernels of 1e98 whose rounding errors overflow: nothing is certified, null in JSON, exit status 3."""
    arguments = ("limit", "x**2", "--rows", "3", "--layers", "4", "--sigma-w", "100")
    ran = run(*arguments)
    assert ran.status == 3
    assert "error of every entry unbounded" in ran.out
    assert ran.out.count("not certified positive definite") == 2
    assert json.loads(run(*arguments, "--json").out)["error_bound"] is None


@pytest.mark.parametrize(("tolerance", "status"), [("1e-6", 0), ("1e-30", 3)])
def test_a_missed_tolerance_is_an_exit_status(run: Run, tolerance: str, status: int) -> None:
    """The kernels are printed all the same."""
    ran = run("limit", "softplus", "--rows", "3", "--tolerance", tolerance)
    assert ran.status == status
    assert ("was not reached" in ran.out) == (status == 3)
    assert "tangent kernel" in ran.out


@pytest.mark.parametrize("name", [*CATALOGUE])
def test_a_row_of_zeros_is_an_input(run: Run, tmp_path: Path, name: str) -> None:
    """Exit status 0 and every bound within the tolerance, for all phi but one whose tangent kernel is infinite."""
    phi, rows = CATALOGUE[name], tmp_path / "rows.csv"
    np.savetxt(rows, [[1.0, 2.0], [0.0, 0.0], [2.0, -1.0]], delimiter=",")
    scale = "1" if phi.is_lipschitz else "0.05"
    arguments = ("--data", str(rows), "--sigma-w", scale, "--json")
    ran = run("limit", name, *arguments)
    if name == "sign_sqrt":
        assert ran.status == 2
        assert "is infinite" in ran.err
        return
    assert (ran.status, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["tolerance"] == (1e-10 if phi.differentiable else 1e-6 if phi.is_smooth else 1e-4)
    assert found["error_bound"] <= found["tolerance"]


def test_what_is_certified_is_rounded_down(run: Run) -> None:
    """The six digits printed are at most the bound, and within one in the last place of it."""
    arguments = ("limit", "softplus", "--rows", "4")
    spectra = json.loads(run(*arguments, "--json").out)["spectra"]
    printed = re.findall(r"certified above (\S+)", run(*arguments).out)
    for text, found in zip(printed, spectra.values(), strict=True):
        bound = found["smallest_eigenvalue_above"]
        assert bound * (1 - 1e-5) <= float(text) <= bound
