"""An activation in JAX: its expression tree with each function of the catalogue in jnp."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp

from theory_check.neural_ode.activations import expression_tree as trees
from theory_check.neural_ode.activations.activation import ActivationError
from theory_check.neural_ode.activations.catalogue import FUNCTIONS, LEAKY_SLOPE
from theory_check.neural_ode.activations.parsing import parse

Elementwise = Callable[[jax.Array], jax.Array]

JAX_FUNCTIONS: Mapping[str, Elementwise] = MappingProxyType(
    {
        "softplus": jax.nn.softplus,
        "tanh": jnp.tanh,
        "erf": jax.scipy.special.erf,
        "sin": jnp.sin,
        "cos": jnp.cos,
        "arctan": jnp.arctan,
        "gelu": lambda x: 0.5 * x * jax.scipy.special.erfc(-x / jnp.sqrt(2.0)),
        "silu": jax.nn.silu,
        "sigmoid": jax.nn.sigmoid,
        "elu": jax.nn.elu,
        "relu": jax.nn.relu,
        "leaky_relu": lambda x: jnp.where(x > 0, x, LEAKY_SLOPE * x),
        "abs": jnp.abs,
        "hardtanh": lambda x: jnp.clip(x, -1.0, 1.0),
        "identity": lambda x: x,
        "square": lambda x: x * x,
        "cube": lambda x: x * x * x,
        "sign_sqrt": lambda x: jnp.sign(x) * jnp.sqrt(jnp.abs(x)),
        "exp": jnp.exp,
        "smooth_relu": lambda x: x * jax.scipy.stats.norm.cdf(x) + jax.scipy.stats.norm.pdf(x),
    }
)


def jax_activation(expression: str) -> Elementwise:
    """Phi as a function of a JAX array.

    Raises:
        ActivationError: a user's own function, of which only torch code is known.
    """
    if ":" in expression:
        raise ActivationError(f"{expression} is written in torch, and a library in JAX cannot call it")
    tree = parse(expression, frozenset(FUNCTIONS))
    return lambda x: _value(tree, x)


def _value(tree: trees.Tree, x: jax.Array) -> jax.Array:
    match tree:
        case trees.Variable():
            return x
        case trees.Number(value):
            return jnp.full_like(x, value)
        case trees.Call(name, argument):
            return JAX_FUNCTIONS[name](_value(argument, x))
        case trees.Scale(factor, term):
            return factor * _value(term, x)
        case trees.Shift(term, offset):
            return _value(term, x) + offset
        case trees.Sum(left, right):
            return _value(left, x) + _value(right, x)
        case trees.Product(left, right):
            return _value(left, x) * _value(right, x)
        case trees.Quotient(left, right):
            return _value(left, x) / _value(right, x)
        case trees.Power(base, exponent):
            return _value(base, x) ** exponent
