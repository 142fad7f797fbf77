"""A user's file with models, right and wrong ones, and cases of them."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from theory_check.case.record import Seeds
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case, Data, Sphere
from theory_check.neural_ode.measurements.own_model.instance import ModelInstance, prepare_model
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.own_model.loading import load_model
from theory_check.neural_ode.networks.own_model.vector_field import VectorField

MODELS = '''
import torch
from torch import nn


class Field(nn.Module):
    dimension = 2

    def __init__(self, activation, width=16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, width), activation, nn.Linear(width, width), activation, nn.Linear(width, 2)
        )

    def forward(self, state):
        return self.layers(state)


class WrongSign(torch.autograd.Function):
    """tanh whose backward has a wrong sign."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(torch.tanh(x))
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, gradient):
        (y,) = ctx.saved_tensors
        return -gradient * (1 - y**2)


class Dropping(torch.autograd.Function):
    """x + bias whose backward forgets the bias."""

    @staticmethod
    def forward(ctx, x, bias):
        return x + bias

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Called(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class DropsBias(Field):
    def __init__(self):
        super().__init__(nn.Tanh())
        self.bias = nn.Parameter(torch.zeros(2))

    def forward(self, state):
        return Dropping.apply(super().forward(state), self.bias)


class Rate(nn.Module):
    dimension = 2

    def __init__(self, function, value=1.0):
        super().__init__()
        self.function, self.rate = function, nn.Parameter(torch.full((2,), value, dtype=torch.float64))

    def forward(self, t, state):
        return self.rate * self.function(t, state)


def smooth(): return Field(nn.Softplus())
def kinked(): return Field(nn.ReLU())
def rough(): return Field(nn.ELU())
def wrong_sign(): return Field(Called(WrongSign.apply))
def drops_bias(): return DropsBias()
def square_root(): return Rate(lambda t, h: torch.sign(h) * h.abs().sqrt())
def towards(): return Rate(lambda t, h: -torch.sign(h) * h.abs().sqrt())
def square(): return Rate(lambda t, h: h**2)
def relu_at_rest(): return Rate(lambda t, h: torch.relu(h))
def linear(): return nn.Linear(2, 2, bias=False, dtype=torch.float64)
def steep(): return Rate(lambda t, h: torch.tanh(1e3 * h) / 1e3)
def very_steep(): return Rate(lambda t, h: torch.tanh(1e5 * h) / 1e5)
def turning(): return Rate(lambda t, h: torch.sin(2 * h))
def stiff(): return Rate(lambda t, h: torch.sin(t) - h, 1e4)
def jumps_in_time(): return Rate(lambda t, h: torch.relu(h - 0.3 - t))
def fixed():
    model = smooth()
    for value in model.parameters():
        value.requires_grad_(False)
    return model
def deaf(): return Rate(lambda t, h: h, 0.0)
'''


@lru_cache(maxsize=64)
def _load(reference: str, seed: int) -> VectorField:
    return load_model(reference, seed, trust_code=True)


SEEDS = Seeds(0, "tests")


@dataclass(frozen=True)
class ModelBench(Setting):
    """A setting that makes cases as well, and prepares them."""

    seeds: Seeds = SEEDS
    load_model: Callable[[str, int], VectorField] = _load

    def case(self, name: str, data: Data = Sphere(2, 2, 1), *, horizon: float = 1.0, **fields: object) -> Case:  # noqa: B008 - frozen
        """A case of one of the models."""
        return Case(
            activation=f"models_to_measure:{name}",
            model="module",
            width=2,
            data=data,
            neural_ode=NeuralODE(horizon=horizon),
            **fields,
        )

    def instance(self, case: Case) -> ModelInstance:
        """The case, ready to be measured."""
        return prepare_model(case, self)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelBench]:
    """The setting of the quick profile, the file with models being importable."""
    folder: Path = tmp_path_factory.mktemp("models")
    (folder / "models_to_measure.py").write_text(MODELS)
    sys.path.insert(0, str(folder))
    yield ModelBench()
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def failing() -> Callable[..., set[str]]:
    """Quantities that exceed their bound in a comparison with power."""
    return lambda found: {d.quantity for d in found if not d.powerless and not d.error <= d.bound}
