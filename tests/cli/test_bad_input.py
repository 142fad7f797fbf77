"""What means nothing is refused before anything runs: one line on standard error, exit status 2, nothing written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--claim", "backwards-unique"), "unknown claim 'backwards-unique'; did you mean 'backward-unique'?"),
        (("--claim", "x"), "unknown claim 'x'; known: forward-unique"),
        (("--claim", ""), "unknown claim ''"),
        (("--data", ""), "--data must name something, got ''"),
        (("--baseline", ""), "--baseline must name something, got ''"),
        (("--report-dir", ""), "--report-dir must name something, got ''"),
        (("--profile", "quik"), "unknown profile 'quik'; did you mean 'quick'?"),
        (("--seed", "1.5"), "whole number, got '1.5'"),
        (("--seed", "-1"), "from 0 to 2^63 - 1, got -1"),
        (("--seed", str(2**63)), f"from 0 to 2^63 - 1, got {2**63}"),
        (("--seed", "9" * 5000), "whole number, got '9999"),
        (("--seed", "9" * 4000), "from 0 to 2^63 - 1, got 9999"),
        (("--device", "tpu"), "unknown device 'tpu'; known: cpu, cuda, cuda:N"),
        (("--device", "cpu:1"), "unknown device 'cpu:1'"),
        (("--device", "cuda:9999"), "'cuda:9999' is absent"),
        (("--device", "cuda:" + "9" * 30), "is absent"),
        (("--device", "cuda:x"), "is absent"),
        (("--workers", "0"), "'--workers'"),
        (("--workers", "two"), "'--workers'"),
        (("--sed", "1"), "No such option"),
        (("stray",), "unexpected extra argument"),
    ],
)
def test_an_option_that_means_nothing(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    """The line shows the bad value and what would be right."""
    assert said in refused(*arguments)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("reluu", "unknown activation 'reluu': did you mean 'relu'?"),
        ("", "empty"),
        ("  ", "empty"),
        ("x.real", "forbidden in an expression: an attribute"),
        ("(lambda: x)()", "forbidden in an expression: a call"),
        ("lambda x: x", "forbidden in an expression: lambda"),
        ("__import__('os').system('true')", "forbidden in an expression: a call"),
        ("open(x)", "unknown function 'open'"),
        ("[x for x in x]", "forbidden in an expression: ListComp"),
        ("(y := x)", "forbidden in an expression: an assignment"),
        ("x if x else 0", "forbidden in an expression: if / else"),
        ("x[0]", "forbidden in an expression: a subscript"),
        ("tanh(x, x)", "exactly one argument"),
        ("tanh(x) +", "not an expression"),
        ("x; x", "not an expression"),
        ("x\n+ 1\n)", "not an expression"),
        ("x" * 10_000, "10,000 characters"),
        ("(" * 5_000 + "x" + ")" * 5_000, "characters"),
        ("(" * 400 + "x" + ")" * 400, "400 nested parentheses"),
        ("1/0", "division by zero"),
        ("1/x", "not finite"),
        ("x/(x - 0.3)", "not finite"),
        ("1e999*x", "out of range"),
        ("x**99999", "exponent"),
        ("\u1d2d(x)", "unknown"),
    ],
)
def test_an_expression_that_is_none(refused: Refused, expression: str, said: str) -> None:
    """Forbidden syntax, limits of size, and functions that are not finite."""
    assert said in refused("--activation", expression)


MODULE = """
import torch
number = 3
def column_means(x): return x - x.mean()
def not_a_number(x): return torch.where(x > 1, x, x * float("nan"))
def shorter(x): return x[..., :1] if x.numel() > 1 else x
def rounded(x): return x.to(torch.float32)
def fails(x): raise RuntimeError("no\\nway")
def random(x): return x + torch.rand_like(x)
def in_place(x): return x.mul_(2)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of a user's own, in the current folder; its name."""
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


def test_code_needs_trust(refused: Refused, module: str, tmp_path: Path) -> None:
    """Without --trust-code nothing of the module runs."""
    (tmp_path / f"{module}.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})")
    assert "pass --trust-code" in refused("--activation", f"{module}:column_means")
    assert not (tmp_path / "ran").exists()
    refused("--activation", f"{module}:column_means", "--trust-code")
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("column_means", "not an elementwise function"),
        ("not_a_number", "not finite"),
        ("shorter", "changes the shape"),
        ("rounded", "changes the dtype"),
        ("fails", "RuntimeError: no"),
        ("random", "the same input gives another value"),
        ("in_place", "changes its input in place"),
        ("number", "not callable: it is a int"),
        ("column_mean", "has no 'column_mean': did you mean 'column_means'?"),
        ("a.b", "has no 'a'"),
    ],
)
def test_code_that_is_no_activation(refused: Refused, module: str, name: str, said: str) -> None:
    """A function of a user's own is tried out before it is audited."""
    assert said in refused("--trust-code", "--activation", f"{module}:{name}")


def test_a_module_that_cannot_be_imported(refused: Refused, module: str, tmp_path: Path) -> None:
    """Absent, or raising anything at all."""
    assert f"cannot import '{module}_'" in refused("--trust-code", "--activation", f"{module}_:f")
    (tmp_path / f"{module}_broken.py").write_text("raise KeyError('a\\nb')")
    assert "cannot import" in refused("--trust-code", "--activation", f"{module}_broken:f")


def test_a_report_folder_that_cannot_be(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """A file in its place or above it, and a place where nobody can write."""
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/reports")):
        status, out, err = run("audit", "--report-dir", str(folder))
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert f"report folder {str(folder)!r} must be writable" in err
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"{}", "no report of theory-check"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"tool": "theory-check", "format_version": 99}', "99"),
    ],
)
def test_a_baseline_that_is_no_report(refused: Refused, tmp_path: Path, content: bytes | None, said: str) -> None:
    """It is read before the audit starts."""
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_bytes(content)
    assert said in refused("--baseline", str(path))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("audits",), "No such command 'audits'"),
        (("--verbose",), "No such option"),
        (("replay",), "Missing argument 'REPORT'"),
        (("replay", "/nowhere/report.json", "abc"), "cannot read report"),
        (("claims", "gausian-output"), "did you mean 'gaussian-output'?"),
        (("activations", "sofplus"), "did you mean 'softplus'?"),
        (("activations", "--draws", "-1"), "'--draws'"),
        (("activations", "--class", "odd"), "'--class'"),
    ],
)
def test_other_commands(run: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], said: str) -> None:
    """Every subcommand answers in the same way."""
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err


def test_the_installed_program(tmp_path: Path) -> None:
    """The same in a process of its own, where nothing of Python's may show either."""
    program = Path(sys.executable).with_name("theory-check")
    (tmp_path / "empty.csv").touch()
    done = subprocess.run(
        [program, "audit", "--data", "empty.csv", "--report-dir", "reports"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "theory-check: data must have shape (rows, dimension) with at least one of each, got (0, 1) in 'empty.csv'\n"
    )
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["empty.csv"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "--activation", "ends_program:phi"),
        ("audit", "--model", "ends_program:build"),
        ("conformance", "ends_program:solvers"),
    ],
)
def test_code_that_ends_the_program_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Whatever status it asks for: 0 would pass a gate on nothing."""
    (tmp_path / "ends_program.py").write_text("import sys\n\nsys.exit(0)\n")
    program = Path(sys.executable).with_name("theory-check")
    done = subprocess.run(
        [program, *arguments, "--trust-code"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "ends_program" in line
