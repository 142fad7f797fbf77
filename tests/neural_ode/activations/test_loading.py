"""What a person may write, and the one line they get for what they may not."""

import math
import time

import pytest
import torch

from theory_check.neural_ode.activations.activation import Activation, ActivationError
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_names_give_the_catalogue(name: str) -> None:
    """A catalogue name, and the canonical expression of its entry, give the entry itself."""
    assert activation(name) is CATALOGUE[name]
    assert activation(f" {name} ") is CATALOGUE[name]
    assert activation(CATALOGUE[name].expression) is CATALOGUE[name]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("tanh(2*x) + 0.1*x", "tanh(2.0*x) + 0.1*x"),
        ("identity", "x"),
        ("identity(relu(identity(x)))", "relu(x)"),
        ("-x", "-x"),
        ("--x", "x"),
        ("-(2*x)", "-2.0*x"),
        ("+x", "x"),
        ("1 - x", "-x + 1.0"),
        ("x - 1", "x - 1.0"),
        ("x/4", "0.25*x"),
        ("x*2", "2.0*x"),
        ("2*3*x", "6.0*x"),
        ("2*(3*x)", "2.0*(3.0*x)"),
        ("1e-3*x", "0.001*x"),
        ("x**1", "x"),
        ("x**0", "1.0"),
        ("-x**2", "-x**2"),
        ("(-x)**2", "(-x)**2"),
        ("x - (x + 1)", "x - (x + 1.0)"),
        ("x - -2*x", "x + 2.0*x"),
        ("x*(x*x)", "x*(x*x)"),
        ("x/(x**2+1)/2", "0.5*(x/(x**2 + 1.0))"),
        ("1/(2*sigmoid(x)+1)", "1.0/(2.0*sigmoid(x) + 1.0)"),
        ("-(x/(2+sin(x)))", "-(x/(sin(x) + 2.0))"),
        ("e*x + pi", "2.718281828459045*x + 3.141592653589793"),
        ("relu(x)*0", "0.0"),
        ("gelu(0.5*x)", "gelu(0.5*x)"),
        ("exp", "exp(x)"),
        ("tanh(-0.0)", "tanh(0.0)"),
        ("(x**2)**3", "(x**2)**3"),
        ("2/3*x", "0.6666666666666666*x"),
    ],
)
def test_expressions_have_one_spelling(text: str, canonical: str) -> None:
    """The canonical text is as stated, a fixed point, and computes what Python computes."""
    found = activation(text)
    assert found.expression == canonical
    assert activation(canonical).expression == canonical
    assert torch.equal(activation(canonical)(torch.arange(-3.0, 3.0)), found(torch.arange(-3.0, 3.0)))


@pytest.mark.parametrize(
    "text",
    [
        "tanh(2*x) + 0.1*x",
        "x - (x + 1)",
        "x/(x**2+1)/2",
        "1 - 2*x*x - -x**3",
        "3*(x - 1)**2/4 - x*(x - 2)*5",
        "abs(x)/(1 + abs(x)) - 1/(2 + sin(x))",
        "-sin(x)*-cos(x)",
        "exp(-x**2/2)/pi",
    ],
)
def test_expressions_mean_what_python_means(text: str) -> None:
    """Values are those of the expression read as Python, here by an independent reading through numpy's names."""
    x = torch.linspace(-2.0, 2.0, 101, dtype=torch.float64)
    names = {"x": x, "pi": math.pi, "tanh": torch.tanh, "sin": torch.sin, "cos": torch.cos}
    expected = eval(text, {"__builtins__": {}}, names | {"abs": torch.abs, "exp": torch.exp})  # noqa: S307 (the tests' own text)
    assert torch.allclose(activation(text)(x), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sotfplus", "unknown activation 'sotfplus': did you mean 'softplus'?"),
        ("zzz", "unknown activation 'zzz': known are abs, arctan"),
        ("sotfplus(x)", "unknown function 'sotfplus': did you mean 'softplus'?"),
        ("tanh(y)", "unknown name 'y'"),
        ("tanh + x", "tanh is a function: write tanh(x)"),
        ("", "empty expression"),
        ("   ", "empty expression"),
        ("tanh(", "not an expression: 'tanh('"),
        ("x +", "not an expression"),
        ("x = 2", "not an expression"),
        ("import os", "not an expression"),
        ("x\x00", "not an expression"),
        ("__import__('os').system('true')", "a call of \"__import__('os').system\""),
        ("__import__('os')", "unknown function '__import__'"),
        ("eval(x)", "unknown function 'eval'"),
        ("x.real", "an attribute, 'x.real'"),
        ("x[0]", "a subscript, 'x[0]'"),
        ("lambda x: x", "lambda, 'lambda x: x'"),
        ("x if x else x", "if / else"),
        ("x < 1", "a comparison"),
        ("x and x", "and / or"),
        ("not x", "the operator not"),
        ("~x", "the operator ~"),
        ("(y := x)", "an assignment"),
        ("[x for x in x]", "ListComp"),
        ("(x, x)", "Tuple"),
        ("f'{x}'", "an f-string"),
        ("x ^ 2", "the operator ^ (a power is **)"),
        ("x // 2", "the operator //"),
        ("x % 2", "the operator %"),
        ("x @ x", "the operator @"),
        ("x << 1", "the operator <<"),
        ("True", "unknown activation 'True'"),
        ("x + True", "the constant 'True'"),
        ("x + None", "the constant 'None'"),
        ("x + 'a'", "the constant \"'a'\""),
        ("x + 1j", "the constant '1j'"),
        ("x + ...", "the constant 'Ellipsis'"),
        ("x + 1e999", "number out of range"),
        ("x + 1" + "0" * 400, "number out of range"),
        ("1e300*1e300*x", "constant out of range"),
        ("(1e300)**2*x", "constant out of range"),
        ("x**17", "exponent '17': an integer from 0 to 16"),
        ("x**-1", "exponent '-1'"),
        ("x**0.5", "exponent '0.5'"),
        ("x**x", "exponent 'x'"),
        ("2**x", "exponent 'x'"),
        ("x**True", "exponent 'True'"),
        ("x/0", "division by zero in 'x / 0'"),
        ("x/(1-1)", "division by zero"),
        ("tanh()", "takes exactly one argument"),
        ("tanh(x, x)", "takes exactly one argument"),
        ("tanh(x=x)", "takes exactly one argument"),
        ("tanh(*x)", "takes exactly one argument"),
        ("tanh(**x)", "takes exactly one argument"),
        ("x" * 10_000, "expression of 10,000 characters: at most 1,000"),
        ("(" * 400 + "x" + ")" * 400, "400 nested parentheses: at most 50"),
        ("(" * 5_000 + "x" + ")" * 5_000, "expression of 10,001 characters"),
        ("-" * 900 + "x", "too large"),
        ("-" * 500 + "x", "too large"),
        ("+".join(["x"] * 400), "too large"),
        ("x" + "**1" * 300, "too large"),
        ("1/x", "not finite: inf at x = 0.0"),
        ("1/(x - 0.3)", "not finite: inf at x = 0.3"),
        ("x/x", "not finite: nan at x = 0.0"),
        ("exp(exp(x))", "not finite: inf at x = "),
        ("exp(x**16)", "not finite"),
    ],
)
def test_bad_expressions_get_one_clear_line(text: str, message: str) -> None:
    """Each error is a ValueError of one short line that shows the piece."""
    with pytest.raises(ActivationError) as caught:
        activation(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert isinstance(caught.value, ValueError)


def test_limits_answer_at_once() -> None:
    """Texts made to exhaust the parser are refused within a tenth of a second each."""
    for text in (
        "(" * 5_000 + "x" + ")" * 5_000,
        "x+" * 4_999 + "x",
        "(" * 450 + "x" + ")" * 450,
        "[" * 900,
        "-" * 999,
    ):
        started = time.process_time()
        with pytest.raises(ActivationError):
            activation(text)
        assert time.process_time() - started < 0.1


def test_code_needs_trust() -> None:
    """Without trust nothing is imported, and the message names the option."""
    with pytest.raises(ActivationError, match=r"torch\.nn\.functional:mish would run code: pass --trust-code"):
        activation("torch.nn.functional:mish")


def test_results_are_cached() -> None:
    """The same text gives the same record."""
    first: Activation = activation("tanh(3*x)")
    assert activation("tanh(3*x)") is first
    assert activation("tanh(3.0*x)") is first
