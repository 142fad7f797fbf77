"""A user's model is built under its own seed, brought to float64, and refused in one line where it cannot be judged."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from theory_check.neural_ode.networks.own_model.loading import load_model
from theory_check.neural_ode.networks.own_model.vector_field import ModelError, VectorField

Load = Callable[..., VectorField]


def test_a_seed_fixes_the_parameters_and_disturbs_no_generator(load: Load) -> None:
    """Equal for equal seeds, different for others, whichever generator they are drawn from; a global stream goes on."""
    torch.manual_seed(7), np.random.seed(7), random.seed(7)  # noqa: NPY002 - what is not to be disturbed
    expected = torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002, S311
    torch.manual_seed(7), np.random.seed(7), random.seed(7)  # noqa: NPY002
    for name in ("double", "numpy_drawn", "seeded"):
        one, again, other = load(name, 3), load(name, 3), load(name, 4)
        assert torch.equal(one.vector, again.vector)
        assert not torch.equal(one.vector, other.vector)
    seen = torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002, S311
    assert torch.equal(expected[0], seen[0])
    assert expected[1].tolist() == seen[1].tolist()
    assert expected[2] == seen[2]


def test_other_formats_are_converted_and_said(load: Load) -> None:
    """float32 parameters become float64, which is said; float64 ones are left alone."""
    single, double = load("single"), load("double")
    assert single.converted == "float32 parameters were converted to float64"
    assert double.converted == ""
    assert single.vector.dtype == torch.float64


def test_the_dimension_is_found_and_time_is_passed(load: Load) -> None:
    """An attribute, or the only dimension that is taken; forward(t, state) as in torchdiffeq."""
    assert load("double").dimension == 2
    assert load("dropout_off").dimension == load("batch_norm_off").dimension == 3
    timed, t = load("timed"), torch.tensor(0.5, dtype=torch.float64)
    state = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    assert timed.takes_time
    torch.testing.assert_close(timed(t, state), torch.tensor([[1.0, 1.0]]).double() + torch.cos(t))


def test_parameters_go_through_one_vector(load: Load) -> None:
    """Moving the vector moves the field, by both ways of doing so; the module itself stays what it is."""
    field, t = load("timed"), torch.tensor(0.0, dtype=torch.float64)
    state, vector = torch.ones(1, 2, dtype=torch.float64), torch.tensor([3.0, 4.0], dtype=torch.float64)
    expected = torch.tensor([[4.0, 5.0]], dtype=torch.float64)
    assert torch.equal(field.with_vector(vector)(t, state), expected)
    assert torch.equal(field.moved_to(vector)(t, state), expected)
    assert field.vector.tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "has no 'missing'"),
        ("not_callable", "is not callable: it is a int"),
        ("raises", "cannot be built: RuntimeError: no weights here"),
        ("needs_two", "cannot be built: TypeError"),
        ("no_module", "must return a torch.nn.Module, it returned a Tensor"),
        ("unseeded", "builds two models from one seed"),
        ("another_shape", "must return a slope of the state's shape (5, 3), got (5, 5)"),
        (
            "wrong_dimension",
            "dimension of models_to_load:wrong_dimension must be a whole number from 1 to 4096, got 2.5",
        ),
        ("any_dimension", "takes states of dimension 1 and of 2: set its attribute `dimension`"),
        ("not_finite", "is not finite at the state (0, 0)"),
        ("returns_none", "returns a NoneType, not a tensor"),
        ("single_output", "returns float32 for a state in float64"),
        ("in_place", "changes its state in place"),
        ("dropout", "two evaluations of models_to_load:dropout at one state differ: it is random or keeps a memory"),
        ("batch_norm", "rows of models_to_load:batch_norm influence one another"),
        ("remembers", "two evaluations of models_to_load:remembers at one state differ"),
        ("three_arguments", "must take (state) or (t, state), it takes t, state, more"),
    ],
)
def test_what_cannot_be_judged_is_refused(name: str, said: str, load: Load) -> None:
    """One line that says what is wrong."""
    with pytest.raises(ModelError) as refused:
        load(name)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_code_runs_only_where_it_is_trusted() -> None:
    """Without trust nothing is imported; what is no reference is said to be none."""
    with pytest.raises(ModelError, match="this:would would run code: pass --trust-code"):
        load_model("this:would", 0)
    with pytest.raises(ModelError, match="a model must be MODULE:NAME"):
        load_model("softplus", 0, trust_code=True)
