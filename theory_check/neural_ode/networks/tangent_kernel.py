"""The empirical NNGP and tangent kernel of one network, by inner products only.

For one output, the gradient of f(x) with respect to W is (sigma_w / sqrt n) sum_s kappa_s(x)^T phi_s(x) over the
stages s of the scheme (schemes.py), so that its inner product between two inputs is

    sigma_w^2/n sum_{s,t} (kappa_s(x) . kappa_t(x')) (phi_s(x) . phi_t(x')),

which is exact for the scheme's own gradient and needs no n x n array (docs/theory.md#schemes-and-their-gradients).
"""

from dataclasses import dataclass
from typing import overload

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from theory_check.neural_ode.activations import loading
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.device import require_device
from theory_check.neural_ode.networks.memory import require_memory
from theory_check.neural_ode.networks.parameters import Network, draw_network
from theory_check.neural_ode.networks.schemes import StageAdjoint, Trajectory, adjoint, forward
from theory_check.neural_ode.networks.tableau import tableau_of

# Rows of the two Gram matrices held at once: 2 * 2048^2 doubles are 64 MiB. Fixed, so that results do not depend
# on the memory that happens to be free.
_BLOCK = 2048
# Features are computed for so many neurons at a time, and never all held: 16,384 of 1,024 rows are 128 MiB.
_NEURONS = 2**14


@dataclass(frozen=True)
class Kernels:
    """Both kernels of one network over its inputs, exactly symmetric.

    Attributes:
        nngp: sigma_v^2/n phi(h_T) . phi(h'_T), (inputs, inputs).
        tangent: the tangent kernel, (inputs, inputs).
        rounding: entrywise bound on the rounding error of `tangent`, and of `nngp`, made in the inner products
            and sums, taking the computed states and adjoint weights as exact. Derived in `_rounding_bound`.
    """

    nngp: Float[Tensor, "inputs inputs"]
    tangent: Float[Tensor, "inputs inputs"]
    rounding: Float[Tensor, "inputs inputs"]


@overload
def empirical_kernels(
    activation: str | Activation,
    inputs: NDArray[np.floating],
    neural_ode: NeuralODE,
    width: int,
    seed: int,
    *,
    scheme: str = ...,
    steps: int = ...,
    engine: str | None = ...,
    device: torch.device | str = ...,
    dtype: torch.dtype = ...,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]: ...
@overload
def empirical_kernels(
    activation: str | Activation,
    inputs: Tensor,
    neural_ode: NeuralODE,
    width: int,
    seed: int,
    *,
    scheme: str = ...,
    steps: int = ...,
    engine: str | None = ...,
    device: torch.device | str = ...,
    dtype: torch.dtype = ...,
) -> tuple[Tensor, Tensor]: ...
def empirical_kernels(
    activation: str | Activation,
    inputs: NDArray[np.floating] | Tensor,
    neural_ode: NeuralODE,
    width: int,
    seed: int,
    *,
    scheme: str = "rk4",
    steps: int = 32,
    engine: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> tuple[NDArray[np.floating], NDArray[np.floating]] | tuple[Tensor, Tensor]:
    """Empirical NNGP and tangent kernel of one random network with one output.

    Args:
        activation: an Activation, or the name or expression of one.
        inputs: (inputs, dimension), NumPy or torch, finite.
        neural_ode: scales and horizon.
        width: n, at least 1.
        seed: of the parameters U, W and v.
        scheme: "euler", "midpoint", "rk4" or "dop853".
        steps: number of its steps over the horizon.
        engine: "dense" stores W, "revealed" draws its products as they are needed (gaussian_matrix.py); None chooses
            by the width. They make different networks of a seed.
        device: where to compute; torch inputs come back from there.
        dtype: floating-point type of the computation and of the result.

    Returns:
        (nngp, tangent), each (inputs, inputs) and exactly symmetric; NumPy arrays for NumPy inputs, else tensors.

    Raises:
        ValueError: inputs that are not a finite matrix with a row and a column, a width below 1, an unknown scheme or
            activation, an absent device.
        MemoryShortage: the network would not fit.
        NonFiniteState: a state overflowed.

    Source: docs/theory.md#schemes-and-their-gradients.
    """
    if isinstance(activation, str):
        activation = loading.activation(activation)
    tableau_of(scheme, steps)
    rows = _checked(inputs).to(device=require_device(device), dtype=dtype)
    parameters = draw_network(
        width=width, dimension=rows.shape[1], seed=seed, engine=engine, device=device, dtype=dtype
    )
    kernels = kernels_of(activation, neural_ode, parameters, rows, scheme=scheme, steps=steps)
    if isinstance(inputs, Tensor):
        return kernels.nngp, kernels.tangent
    return kernels.nngp.cpu().numpy(), kernels.tangent.cpu().numpy()


def kernels_of(
    activation: Activation,
    neural_ode: NeuralODE,
    parameters: Network,
    inputs: Float[Tensor, "inputs dimension"],
    *,
    scheme: str = "rk4",
    steps: int = 32,
    clarke: float = 0.5,
) -> Kernels:
    """Both kernels of the given network with one output.

    Raises:
        ValueError: more than one output, an unknown scheme or fewer than one step.
        MemoryShortage, NonFiniteState: as `schemes.forward`.
    """
    trajectory = forward(activation, neural_ode, parameters, inputs, scheme=scheme, steps=steps)
    unit = unit_adjoint(activation, neural_ode, parameters, trajectory, clarke)
    return kernels_of_pass(activation, neural_ode, trajectory, unit)


def unit_adjoint(
    activation: Activation, neural_ode: NeuralODE, parameters: Network, trajectory: Trajectory, clarke: float = 0.5
) -> StageAdjoint:
    """The adjoint of f itself: row x belongs to the gradient of f(x). Other cotangents scale its rows.

    Raises:
        ValueError: the network has more than one output.
    """
    if trajectory.outputs.shape[-1] != 1:
        raise ValueError(f"kernels are those of one output, got V with {trajectory.outputs.shape[-1]} rows")
    return adjoint(activation, neural_ode, parameters, trajectory, torch.ones_like(trajectory.outputs), clarke)


@torch.no_grad()
def kernels_of_pass(
    activation: Activation, neural_ode: NeuralODE, trajectory: Trajectory, unit: StageAdjoint
) -> Kernels:
    """Both kernels from a forward pass and its `unit_adjoint`."""
    width = trajectory.final.shape[-1]
    inputs = trajectory.inputs
    d = inputs.shape[-1]
    final = activation(trajectory.final)
    # Stages first: (steps * stages, inputs, width).
    weights, stages = unit.weights.flatten(0, 1), trajectory.stages.flatten(0, 1)
    v_scale = neural_ode.sigma_v**2 / width
    w_scale = neural_ode.sigma_w**2 / width
    u_scale = neural_ode.sigma_u**2 / d
    nngp = _symmetric(final @ final.T) * v_scale
    of_w, sizes = _stage_sum(activation, weights, stages)
    tangent = (
        nngp
        + _symmetric(of_w) * w_scale
        + _symmetric((inputs @ inputs.T) * (unit.lambda_0 @ unit.lambda_0.T)) * u_scale
    )
    rounding = _rounding_bound((v_scale, w_scale, u_scale), final, sizes, inputs, unit.lambda_0)
    return Kernels(nngp, tangent, rounding)


def _stage_sum(
    activation: Activation,
    weights: Float[Tensor, "stages inputs width"],
    states: Float[Tensor, "stages inputs width"],
) -> tuple[Float[Tensor, "inputs inputs"], Float[Tensor, "stages inputs"]]:
    """The sum over s, t of (kappa_s . kappa'_t)(phi_s . phi'_t), in blocks of stages, and every |kappa_s| |phi_s|."""
    stages, count, width = weights.shape
    per_block = min(stages, max(1, _BLOCK // count))
    neurons = [slice(start, start + _NEURONS) for start in range(0, width, _NEURONS)]
    # Two Gram matrices, what is added to one, and the features behind them.
    needed = 3 * (per_block * count) ** 2 + 2 * per_block * count * min(width, _NEURONS)
    require_memory(needed * weights.element_size(), f"a tangent kernel of {count} inputs", device=weights.device)
    blocks = [slice(start, start + per_block) for start in range(0, stages, per_block)]
    total = weights.new_zeros(count, count)
    squares = []
    for first in blocks:
        for second in blocks:
            shape = (weights[first].shape[0] * count, weights[second].shape[0] * count)
            kappas, phis = weights.new_zeros(shape), weights.new_zeros(shape)
            for some in neurons:
                kappa, phi = weights[first, :, some].flatten(0, 1), activation(states[first, :, some]).flatten(0, 1)
                kappa_t, phi_t = kappa, phi
                if first != second:
                    kappa_t = weights[second, :, some].flatten(0, 1)
                    phi_t = activation(states[second, :, some]).flatten(0, 1)
                kappas.addmm_(kappa, kappa_t.T)
                phis.addmm_(phi, phi_t.T)
            product = kappas.mul_(phis)
            if first == second:
                squares.append(product.diagonal().clamp(min=0.0).view(-1, count))
            total += product.view(-1, count, product.shape[1] // count, count).sum((0, 2))
    return total, torch.cat(squares).sqrt()


def _rounding_bound(
    scales: tuple[float, float, float],
    final: Float[Tensor, "inputs width"],
    sizes: Float[Tensor, "stages inputs"],
    inputs: Float[Tensor, "inputs dimension"],
    lambda_0: Float[Tensor, "inputs width"],
) -> Float[Tensor, "inputs inputs"]:
    """Bound on |computed - exact| of every entry of the kernels, given exact features.

    An inner product of length p, in any order of summation, errs by at most gamma_p |a|.|b|, gamma_k = k u / (1 - k u)
    (Higham, Accuracy and Stability, section 3.1); a product of two such, summed over S^2 pairs, by at most
    gamma_{2p + 1 + S^2} times the sum of (|a|.|b|)(|a'|.|b'|); by Cauchy-Schwarz that sum is at most r(x) r(x') with
    r(x) = sum_s |kappa_s(x)|_2 |phi_s(x)|_2. A scale is known to 3 rounded operations and applied in 1; adding the
    three terms takes 2 more, averaging with the transpose 1: 8 covers them. The bound is itself computed in floating
    point with a relative error below gamma_k of the same k, hence the doubled count. Underflow is not covered.
    """
    v_scale, w_scale, u_scale = scales
    unit = torch.finfo(final.dtype).eps / 2
    stages, width = len(sizes), final.shape[-1]
    on_v = _outer(torch.linalg.vector_norm(final, dim=-1)) * (v_scale * _gamma(width + 8, unit))
    on_w = _outer(sizes.sum(0)) * (w_scale * _gamma(2 * width + stages**2 + 9, unit))
    of_u = torch.linalg.vector_norm(inputs, dim=-1) * torch.linalg.vector_norm(lambda_0, dim=-1)
    on_u = _outer(of_u) * (u_scale * _gamma(width + inputs.shape[-1] + 9, unit))
    return on_v + on_w + on_u


def _gamma(count: int, unit: float) -> float:
    return 2 * count * unit / max(1 - 2 * count * unit, unit)


def _outer(norms: Float[Tensor, " inputs"]) -> Float[Tensor, "inputs inputs"]:
    return norms[:, None] * norms


def _symmetric(matrix: Float[Tensor, "inputs inputs"]) -> Float[Tensor, "inputs inputs"]:
    # Addition commutes in floating point and halving is exact, so the result is symmetric to the last bit.
    return (matrix + matrix.T) / 2


def _checked(inputs: NDArray[np.floating] | Tensor) -> Tensor:
    """The inputs as a finite matrix, or a ValueError."""
    rows = inputs if isinstance(inputs, Tensor) else torch.from_numpy(np.ascontiguousarray(inputs))
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(
            f"inputs must have shape (inputs, dimension) with at least one of each, got {tuple(rows.shape)}"
        )
    if rows.is_complex() or rows.dtype == torch.bool:
        raise ValueError(f"inputs must be real numbers, got {rows.dtype}")
    if not torch.isfinite(rows).all():
        bad = torch.nonzero(~torch.isfinite(rows).all(1))[:, 0].tolist()
        raise ValueError(f"inputs must be finite, got a NaN or an infinity in row {bad[0]}")
    return rows
