"""A user's file with models, written for these tests, and a way to load one of them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from theory_check.neural_ode.networks.own_model.loading import load_model
from theory_check.neural_ode.networks.own_model.vector_field import VectorField

MODELS = """
import random
import numpy as np
import torch
from torch import nn


def linear(width=2, dtype=torch.float64):
    layer = nn.Linear(width, width, bias=False, dtype=dtype)
    return layer


class Timed(nn.Module):
    dimension = 2

    def __init__(self):
        super().__init__()
        self.rate = nn.Parameter(torch.tensor([1.0, 0.5], dtype=torch.float64))

    def forward(self, t, state):
        return self.rate * state + torch.cos(t)


class With(nn.Module):
    def __init__(self, forward, dimension=2, parameters=True):
        super().__init__()
        self.called, self.dimension = forward, dimension
        if parameters:
            self.scale = nn.Parameter(torch.ones(dimension, dtype=torch.float64))

    def forward(self, state):
        return self.called(state)


def double(): return linear()
def single(): return linear(dtype=torch.float32)
def seeded(seed): return With(lambda h: h + seed * 0, 2) if seed is None else linear()
def timed(): return Timed()
def numpy_drawn():
    model = linear()
    with torch.no_grad():
        model.weight += float(np.random.rand()) + random.random()
    return model
def unseeded():
    model = linear()
    with torch.no_grad():
        model.weight += float(np.random.default_rng().random())
    return model

not_callable = 3
def raises(): raise RuntimeError("no weights\\nhere")
def no_module(): return torch.zeros(2)
def needs_two(seed, width): return linear(width)
def another_shape(): return nn.Linear(3, 5, dtype=torch.float64)
def wrong_dimension(): return With(lambda h: h, dimension=2.5, parameters=False)
def any_dimension(): return nn.Softplus()
def not_finite(): return With(lambda h: 1 / h)
def returns_none(): return With(lambda h: None)
def single_output(): return With(lambda h: h.float())
def in_place(): return With(lambda h: h.mul_(2.0))
def dropout(): return nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
def dropout_off(): return nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)).eval()
def batch_norm(): return nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
def batch_norm_off(): return nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
class Counting(nn.Module):
    dimension, calls = 2, 0
    def forward(self, state):
        self.calls += 1
        return state * self.calls
def remembers(): return Counting()
class ThreeArguments(nn.Module):
    def forward(self, t, state, more): return state
def three_arguments(): return ThreeArguments()
"""


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., VectorField]]:
    """Load a model of the file by the name of what builds it."""
    folder: Path = tmp_path_factory.mktemp("models")
    (folder / "models_to_load.py").write_text(MODELS)
    sys.path.insert(0, str(folder))
    yield lambda name, seed=3: load_model(f"models_to_load:{name}", seed, trust_code=True)
    sys.path.remove(str(folder))
