"""A user's own code: what is accepted, what is measured of it, and the line for what is refused."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from theory_check.neural_ode.activations.activation import ActivationError
from theory_check.neural_ode.activations.catalogue import CATALOGUE
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.activations.nonlinearity import is_certified_nonlinear

SOURCE = """
import torch
from theory_check.neural_ode.activations.catalogue import CATALOGUE

mine = CATALOGUE["tanh"]
number = 3

class Namespace:
    @staticmethod
    def swish(x):
        return x * torch.sigmoid(x)

class Swish(torch.nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)

class Needy(torch.nn.Module):
    def __init__(self, size):
        super().__init__()

def plain(x): return torch.tanh(x) + 0.1 * x
def bent(x): return torch.maximum(x - 0.3, 0.5 * (x - 0.3)) + torch.sin(x)
def normalised(x): return x - x.mean()
def neighbour(x): return torch.cumsum(x, -1)
def columns(x): return torch.softmax(x, 0)
def flattened(x): return x.reshape(-1)
def half(x): return x.float()
def halved(x): return x.double()
def nan(x): return torch.log(x)
def edge(x): return 1 / (x - 8)
def inplace(x): return x.mul_(2)
def random(x): return x + torch.rand_like(x)
def listed(x): return x.tolist()
def detached(x): return torch.tanh(x.detach())
def numpy(x): return torch.from_numpy(__import__("numpy").tanh(x.numpy()))
def raising(x): raise RuntimeError("first line\\nsecond line")
def two(x, y): return x
def wants_vector(x):
    assert x.ndim == 1, "vectors only"
    return x
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current folder, under a name of its own."""
    name = f"user_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    (tmp_path / f"{name}_broken.py").write_text("def f(x):\n  retrun x\n")
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("number", "is not callable: it is a int"),
        ("absent", "has no 'absent'"),
        ("plian", "has no 'plian': did you mean 'plain'?"),
        ("Needy", "needs arguments to be made"),
        ("normalised", "is not an elementwise function"),
        ("neighbour", "is not an elementwise function"),
        ("columns", "is not an elementwise function"),
        ("flattened", "changes the shape (32, 32) to (1024,)"),
        ("half", "changes the dtype torch.float64 to torch.float32"),
        ("halved", "changes the dtype torch.float32 to torch.float64"),
        ("nan", "is not finite: it gives nan at x = -8.0"),
        ("edge", "is not finite: it gives inf at x = 8.0"),
        ("inplace", "changes its input in place"),
        ("random", "the same input gives another value"),
        ("listed", "returns a list, not a tensor"),
        ("detached", "has no gradient through torch.autograd"),
        ("numpy", "has no gradient through torch.autograd"),
        ("raising", "fails on float64 of shape (1025,): RuntimeError: first line"),
        ("two", "fails on float64 of shape (1025,): TypeError"),
        ("wants_vector", "fails on float64 of shape (32, 32): AssertionError: vectors only"),
    ],
)
def test_bad_functions_get_one_clear_line(module: str, name: str, message: str) -> None:
    """Each defect is named in one line."""
    with pytest.raises(ActivationError) as caught:
        activation(f"{module}:{name}", trust_code=True)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("no_such_module:f", "cannot import 'no_such_module': No module named 'no_such_module'"),
        ("{module}_broken:f", "cannot import '{module}_broken': invalid syntax"),
        ("torch.no_such_part:f", "cannot import 'torch.no_such_part'"),
    ],
)
def test_missing_modules_are_named(module: str, reference: str, message: str) -> None:
    """A module that cannot be imported is named with the reason."""
    with pytest.raises(ActivationError) as caught:
        activation(reference.format(module=module), trust_code=True)
    assert message.format(module=module) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_untrusted_code_is_not_imported(module: str) -> None:
    """Without trust the module is not even loaded."""
    with pytest.raises(ActivationError, match="--trust-code"):
        activation(f"{module}:plain")
    assert module not in sys.modules


def test_the_import_path_is_left_as_it_was(module: str) -> None:
    """The current folder is searched during the import only."""
    before = list(sys.path)
    activation(f"{module}:plain", trust_code=True)
    assert sys.path == before


def test_a_smooth_function_is_measured(module: str) -> None:
    """tanh(x) + x/10 comes back with its known bounds, marked as measured, without ball or degree."""
    found = activation(f"{module}:plain", trust_code=True)
    assert found.expression == f"{module}:plain"
    assert (found.bounds, found.ball, found.degree, found.analytic) == ("measured", None, None, False)
    assert found.classification == "smooth"
    assert found.lipschitz == pytest.approx(1.1, rel=1e-6)
    assert found.derivative_lipschitz == pytest.approx(4 / (3 * math.sqrt(3)), rel=1e-4)
    assert (found.lower, found.upper) == (-math.inf, math.inf)
    assert is_certified_nonlinear(found)
    x = torch.linspace(-3, 3, 11, dtype=torch.float64)
    assert torch.allclose(found.derivative(x), 1 - torch.tanh(x) ** 2 + 0.1, rtol=1e-14)
    assert not found.derivative(x).requires_grad


def test_a_kinked_function_has_its_kink_and_both_slopes(module: str) -> None:
    """The kink at 0.3 is located, and the two slopes there are those of the pieces, in both precisions."""
    found = activation(f"{module}:bent", trust_code=True)
    assert found.kinks == (0.3,)
    assert found.classification == "kinked"
    assert found.lipschitz == pytest.approx(2.0, rel=1e-6)
    for dtype in (torch.float64, torch.float32):
        x = torch.tensor([0.3], dtype=dtype)
        for side, slope in ((-1, 0.5), (1, 1.0)):
            seen = float(found.one_sided_derivative(x, side))
            assert seen == pytest.approx(slope + math.cos(0.3), abs=16 * torch.finfo(dtype).eps)
    assert float(found.corners[0].jump) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["Swish", "Namespace.swish"])
def test_modules_and_nested_names_are_accepted(module: str, name: str) -> None:
    """A torch.nn.Module class is made without arguments; dots reach into a class."""
    found = activation(f"{module}:{name}", trust_code=True)
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    assert torch.allclose(found(x), CATALOGUE["silu"](x))
    assert found.lipschitz == pytest.approx(CATALOGUE["silu"].lipschitz, rel=1e-6)


def test_a_record_is_used_as_it_is(module: str) -> None:
    """An Activation keeps the bounds it declares, and is known by its reference, which other processes can load."""
    loaded = activation(f"{module}:mine", trust_code=True)
    assert loaded.name == loaded.expression == f"{module}:mine"
    assert vars(loaded) == vars(replace(CATALOGUE["tanh"], name=loaded.name, expression=loaded.expression))


@pytest.mark.parametrize(
    ("reference", "classification", "kinks"),
    [
        ("torch.nn.functional:relu", "kinked", (0.0,)),
        ("torch.nn.functional:softplus", "smooth", ()),
        ("torch.nn.functional:relu6", "kinked", (0.0, 6.0)),
        ("torch.nn:SiLU", "smooth", ()),
        ("torch.nn.functional:elu", "smooth", ()),
        ("torch.nn.functional:hardswish", "kinked", (-3.0, 3.0)),
        ("torch.nn.functional:mish", "smooth", ()),
        ("torch:square", "not-lipschitz", ()),
        ("torch:exp", "not-lipschitz", ()),
        ("torch:sign", "not-lipschitz", ()),
    ],
)
def test_functions_of_torch_are_classified(reference: str, classification: str, kinks: tuple[float, ...]) -> None:
    """Torch's own functions fall into their known classes."""
    found = activation(reference, trust_code=True)
    assert found.classification == classification
    assert found.kinks == kinks
