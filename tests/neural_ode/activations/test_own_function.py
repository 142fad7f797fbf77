"""Functions that are handed over as objects: named, remembered, and compared with a derivative that comes along."""

import math
import types

import pytest
import torch
from torch import Tensor

from theory_check.neural_ode.activations.activation import ActivationError
from theory_check.neural_ode.activations.loading import activation


def swish(x: Tensor) -> Tensor:
    """Has a derivative by torch.autograd."""
    return x * torch.sigmoid(x)


def steep_relu(x: Tensor) -> Tensor:
    """Its derivative jumps at 0."""
    return 3.0 * torch.relu(x)


def by_numpy(x: Tensor) -> Tensor:
    """Has none."""
    return torch.from_numpy(2.0 * x.numpy())


def flattened(x: Tensor) -> Tensor:
    """Whose derivative is not."""
    return torch.tanh(x)


def spiked(x: Tensor) -> Tensor:
    """Bends at many places."""
    return torch.relu(x) - 2.0 * torch.relu(x - 0.3) + torch.relu(x - 0.7)


def test_a_function_is_found_again_by_its_name() -> None:
    """Without trust: its code runs here already. The bounds are measured."""
    phi = activation(swish)
    assert phi.expression == phi.name == f"{swish.__module__}:swish"
    assert activation(phi.expression) is phi is activation(swish)
    assert phi.bounds == "measured"
    assert phi.lipschitz == pytest.approx(1.0998393, rel=1e-5)
    assert phi.slope_at(1.0) == pytest.approx(0.9276705118714867, rel=1e-12)


def test_a_derivative_may_come_along() -> None:
    """Where torch has none, and at kinks it is that from the right."""
    phi = activation(by_numpy, derivative=lambda x: torch.full_like(x, 2.0))
    assert (phi.slope_at(0.3), phi.is_smooth) == (2.0, True)
    relu = activation(steep_relu, derivative=lambda x: 3.0 * (x >= 0).to(x.dtype))
    assert (relu.kinks, relu.slope_at(0.0, -1), relu.slope_at(0.0, 1)) == ((0.0,), 0.0, 3.0)
    assert math.isinf(relu.derivative_lipschitz)


def test_many_kinks_do_not_spoil_the_comparison() -> None:
    """A step that holds a kink says nothing; the right derivative is never refused."""

    def right(x: Tensor) -> Tensor:
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        return torch.where(x < 0, zero, torch.where(x < 0.3, one, torch.where(x < 0.7, -one, zero)))

    assert len(activation(spiked, derivative=right).kinks) == 3


@pytest.mark.parametrize(
    ("factor", "shift"),
    [(1.0 + 1e-6, 0.0), (1.0, 1e-6), (-1.0, 0.0), (0.0, 0.0)],
)
def test_a_wrong_derivative_is_refused(factor: float, shift: float) -> None:
    """By a millionth, too: the line says where, what it is and what it would be."""

    def tanh(x: Tensor) -> Tensor:
        return torch.tanh(x)

    tanh.__qualname__ = "tanh"
    with pytest.raises(ActivationError, match=r"the derivative of \S+:tanh is .* at x = .*, where the function grows"):
        activation(tanh, derivative=lambda x: factor / torch.cosh(x) ** 2 + shift)


def test_a_derivative_that_is_no_function_of_numbers_is_refused() -> None:
    """The same checks as of the function itself."""
    with pytest.raises(ActivationError, match=r"the derivative of \S+:flattened changes the shape"):
        activation(flattened, derivative=lambda x: x.reshape(-1))


def test_a_function_needs_a_name() -> None:
    """Cases are text: one that has no name at the top level of a module could not be called by it."""
    for function in (lambda x: x, torch.nn.Tanh()):
        with pytest.raises(ActivationError, match="has no name by which cases could call it: define it with def"):
            activation(function)


def test_only_a_function_takes_a_derivative() -> None:
    """A name has one already."""
    with pytest.raises(ActivationError, match="only a function can be given a derivative, got one for 'tanh'"):
        activation("tanh", derivative=torch.cos)


def _module(factor: float) -> types.ModuleType:
    """A module of one name, imported once more each time."""
    module = types.ModuleType("mine")
    exec(f"def phi(x): return {factor} * x.tanh()", module.__dict__)  # noqa: S102 - as an import does
    return module


def test_a_module_that_is_imported_again_replaces_its_functions() -> None:
    """Another session of one process; but two functions of one name in one module are refused."""
    first, second = _module(1.0), _module(2.0)
    assert activation(first.phi).slope_at(0.0) == 1.0
    assert activation(second.phi).slope_at(0.0) == 2.0
    assert activation("mine:phi").slope_at(0.0) == 2.0
    exec("def phi(x): return 3.0 * x.tanh()", second.__dict__)  # noqa: S102 - as in the same file below
    with pytest.raises(ActivationError, match="two activations are called mine:phi"):
        activation(second.phi)
