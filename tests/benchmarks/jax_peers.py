"""What others offer in JAX for the same work: diffrax, and plain JAX under jit. Float64, on the CPU.

All scales are 1; networks are tuples (U, W, V) of JAX arrays and states are rows, as in `torch_peers`. Every function
here returns a jitted one; callers wait for its result.
"""

import math
from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import torch

jax.config.update("jax_enable_x64", True)  # noqa: FBT003 (the signature is JAX's)

Weights = tuple[jax.Array, jax.Array, jax.Array]


def arrays(*tensors: torch.Tensor) -> tuple[jax.Array, ...]:
    """Torch tensors as JAX arrays."""
    return tuple(jnp.asarray(x.numpy()) for x in tensors)


def tensor(array: jax.Array) -> torch.Tensor:
    """A JAX array as a torch tensor."""
    return torch.from_numpy(np.array(array))


class ClassicalRungeKutta(diffrax.AbstractERK):
    """Diffrax comes without the classical scheme; steps are fixed, so the error estimate is left at zero."""

    tableau = diffrax.ButcherTableau(
        c=np.array([0.5, 0.5, 1.0]),
        b_sol=np.array([1 / 6, 1 / 3, 1 / 3, 1 / 6]),
        b_error=np.zeros(4),
        a_lower=(np.array([0.5]), np.array([0.0, 0.5]), np.array([0.0, 0.0, 1.0])),
    )
    interpolation_cls = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

    def order(self, terms: object) -> int:  # noqa: ARG002 (the signature is diffrax's)
        """Of the scheme."""
        return 4


def start(U: jax.Array, inputs: jax.Array) -> jax.Array:
    """h_0, one row for each input."""
    return (inputs / math.sqrt(inputs.shape[-1])) @ U.T


def output(V: jax.Array, final: jax.Array) -> jax.Array:
    """Output of every input, (inputs,)."""
    return (jax.nn.softplus(final) @ V.T)[..., 0] / math.sqrt(final.shape[-1])


def rk4(A: jax.Array, h: jax.Array, steps: int) -> jax.Array:
    """The classical scheme over [0, 1] as a scan; A and h may be batched alike."""
    dt = 1.0 / steps
    A_T = jnp.swapaxes(A, -1, -2)

    def field(y: jax.Array) -> jax.Array:
        return jax.nn.softplus(y) @ A_T

    def step(h: jax.Array, _: None) -> tuple[jax.Array, None]:
        k1 = field(h)
        k2 = field(h + dt / 2 * k1)
        k3 = field(h + dt / 2 * k2)
        k4 = field(h + dt * k3)
        return h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    return jax.lax.scan(step, h, length=steps)[0]


def scan_forward(steps: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """h_T by the scan."""
    return jax.jit(lambda A, h: rk4(A, h, steps))


def diffrax_forward(steps: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """h_T by diffrax with the classical table and constant steps."""

    def solve(A: jax.Array, h: jax.Array) -> jax.Array:
        A_T = jnp.swapaxes(A, -1, -2)
        term = diffrax.ODETerm(lambda _t, y, _args: jax.nn.softplus(y) @ A_T)
        found = diffrax.diffeqsolve(
            term,
            ClassicalRungeKutta(),
            0.0,
            1.0,
            1.0 / steps,
            h,
            stepsize_controller=diffrax.ConstantStepSize(),
            max_steps=steps + 1,
        )
        return found.ys[-1]

    return jax.jit(solve)


def diffrax_gradient(solver: str) -> Callable[[Weights, jax.Array, jax.Array, jax.Array], Weights]:
    """Gradient of sum(cotangent * f) by diffrax's checkpointed backpropagation; the last argument is the tolerance."""
    method = {"dopri5": diffrax.Dopri5, "dopri8": diffrax.Dopri8}[solver]()

    def value(weights: Weights, inputs: jax.Array, cotangent: jax.Array, tolerance: jax.Array) -> jax.Array:
        U, W, V = weights
        term = diffrax.ODETerm(lambda _t, y, A: jax.nn.softplus(y) @ A.T)
        found = diffrax.diffeqsolve(
            term,
            method,
            0.0,
            1.0,
            None,
            start(U, inputs),
            args=W / math.sqrt(len(W)),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            adjoint=diffrax.RecursiveCheckpointAdjoint(),
            # Checkpoints are laid out for the greatest number of steps: 64 is more than any tolerance here takes.
            max_steps=64,
        )
        return (cotangent * output(V, found.ys[-1])).sum()

    return jax.jit(jax.grad(value))


def jacobian_contraction(steps: int) -> Callable[[Weights, jax.Array], jax.Array]:
    """The tangent kernel from the Jacobians of all inputs: `vmap` over inputs of `grad` over parameters."""

    def of_one(weights: Weights, x: jax.Array) -> jax.Array:
        U, W, V = weights
        return output(V, rk4(W / math.sqrt(len(W)), start(U, x[None]), steps))[0]

    def kernel(weights: Weights, inputs: jax.Array) -> jax.Array:
        jacobians = jax.vmap(jax.grad(of_one), (None, 0))(weights, inputs)
        flat = [x.reshape(len(inputs), -1) for x in jacobians]
        return sum(x @ x.T for x in flat)

    return jax.jit(kernel)


def descent(learning_rate: float, steps: int) -> Callable[[Weights, jax.Array, jax.Array], jax.Array]:
    """Losses before every update and after the last: the whole run under one jit.

    Euler's 16 steps are a scan: written out, XLA is 2.6 times slower (measured).
    """

    def loss(weights: Weights, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        U, W, V = weights
        A_T = W.T / math.sqrt(len(W))
        h = jax.lax.scan(lambda h, _: (h + jax.nn.softplus(h) @ A_T / 16, None), start(U, inputs), length=16)[0]
        return ((output(V, h) - labels) ** 2).sum() / 2

    def run(weights: Weights, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        def update(now: Weights, _: None) -> tuple[Any, jax.Array]:
            value, gradient = jax.value_and_grad(loss)(now, inputs, labels)
            return tuple(x - learning_rate * g for x, g in zip(now, gradient, strict=True)), value

        last, losses = jax.lax.scan(update, weights, length=steps)
        return jnp.append(losses, loss(last, inputs, labels))

    return jax.jit(run)
