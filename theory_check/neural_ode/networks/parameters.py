"""U, W and V of one network: drawn from a seed, and added as the vectors they are."""

import math
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.device import require_device
from theory_check.neural_ode.networks.gaussian_matrix import GaussianMatrix, RevealedGaussian, engine_named
from theory_check.neural_ode.networks.memory import MemoryShortage, require_memory

__all__ = [
    "MemoryShortage",
    "Network",
    "Parameters",
    "WideNetwork",
    "add_scaled",
    "draw_network",
    "draw_parameters",
    "draw_wide_network",
    "initial_states",
    "inner",
    "norm",
    "pin_first_state",
    "require_memory",
]

# An entry 2^-20 as influential as the start's ulp still reaches it; beyond that another entry does.
_DOUBLINGS = 24

Structure = Literal["gaussian", "zero", "symmetric", "antisymmetric", "rank-one"]


@dataclass(frozen=True)
class Parameters:
    """The parameters of a network, or a direction in their space (a gradient, say).

    Attributes:
        U: input weights, shape (width, dimension).
        W: recurrent weights, shape (width, width), the same at every time.
        V: output weights, shape (outputs, width).

    All three lie on one device in one dtype. Many networks at once carry leading batch dimensions.
    """

    U: Float[Tensor, "*networks width dimension"]
    W: Float[Tensor, "*networks width width"]
    V: Float[Tensor, "*networks outputs width"]


@dataclass(frozen=True)
class WideNetwork:
    """The parameters of one network whose W is known by its products only.

    Attributes:
        U: input weights, shape (width, dimension).
        W: recurrent weights, the same at every time.
        V: output weights, shape (outputs, width).
    """

    U: Float[Tensor, "width dimension"]
    W: GaussianMatrix
    V: Float[Tensor, "outputs width"]


Network = Parameters | WideNetwork


def inner(a: Parameters, b: Parameters) -> float:
    """The sum of the three Euclidean inner products."""
    return float((a.U * b.U).sum() + (a.W * b.W).sum() + (a.V * b.V).sum())


def norm(a: Parameters) -> float:
    """The Euclidean norm over all entries of U, W and V."""
    return math.sqrt(inner(a, a))


def add_scaled(p: Parameters, factor: float, q: Parameters) -> Parameters:
    """The parameters p + factor * q, as new tensors."""
    return Parameters(*(torch.add(x, y, alpha=factor) for x, y in ((p.U, q.U), (p.W, q.W), (p.V, q.V))))


def draw_parameters(
    *,
    width: int,
    dimension: int,
    outputs: int = 1,
    seed: int,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    structure: Structure = "gaussian",
    gain: float = 1.0,
) -> Parameters:
    """Independent N(0, 1) entries from one seed; W is then changed as `structure` and `gain` say.

    Drawn by a CPU generator in float64 and then moved, so that a seed means the same numbers on every device and,
    up to rounding, in every dtype. The Gaussian numbers themselves do not depend on `structure`.

    Args:
        width: n, at least 1.
        dimension: d of the inputs, at least 1.
        outputs: m, at least 1.
        seed: of an explicit generator, an integer in [0, 2^64).
        device: where the tensors end up.
        dtype: their floating-point type.
        structure: W as drawn ("gaussian"), "zero", its symmetric part (W + W^T)/2, its antisymmetric part
            (W - W^T)/2, or "rank-one": a b^T / sqrt n with a and b its first column and row, whose spectral norm
            is about sqrt n, half that of a Gaussian W.
        gain: a factor on W.

    Raises:
        ValueError: a size below 1, a seed out of range, a gain that is not finite, an unknown structure or an absent
            device.
        MemoryShortage: W and its copies would not fit.
    """
    _require_sizes(width=width, dimension=dimension, outputs=outputs, seed=seed)
    if not math.isfinite(gain):
        raise ValueError(f"gain must be a finite number, got {gain!r}")
    place = require_device(device)
    # W in float64 on the CPU and one more copy: its move, its cast or its other part.
    require_memory(2 * 8 * width * (width + dimension + outputs), f"a network of width {width}")
    generator = torch.Generator("cpu").manual_seed(seed)
    U, W, V = (
        torch.randn(rows, columns, generator=generator, dtype=torch.float64)
        for rows, columns in ((width, dimension), (width, width), (outputs, width))
    )
    W = _structured(W, structure)
    if gain != 1.0:
        W = W * gain
    return Parameters(*(x.to(device=place, dtype=dtype) for x in (U, W, V)))


def draw_network(
    *,
    width: int,
    dimension: int,
    outputs: int = 1,
    seed: int,
    engine: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> Network:
    """Independent N(0, 1) entries from one seed, W stored or revealed.

    Args:
        width: n, at least 1.
        dimension: d of the inputs, at least 1.
        outputs: m, at least 1.
        seed: an integer in [0, 2^64). Different engines make different networks of it.
        engine: "dense" stores W, "revealed" draws its products when they are needed; None chooses by the width.
        device: where the tensors end up.
        dtype: their floating-point type.

    Raises:
        ValueError: as `draw_parameters`; an unknown engine.
        MemoryShortage: W, or U and V, would not fit.
    """
    if engine_named(engine, width) == "dense":
        return draw_parameters(width=width, dimension=dimension, outputs=outputs, seed=seed, device=device, dtype=dtype)
    return draw_wide_network(width=width, dimension=dimension, outputs=outputs, seed=seed, device=device, dtype=dtype)


def draw_wide_network(
    *,
    width: int,
    dimension: int,
    outputs: int = 1,
    seed: int,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    tolerance: float | None = None,
) -> WideNetwork:
    """Independent N(0, 1) entries from one seed, with a W that is revealed; `tolerance` as in `RevealedGaussian`.

    Raises:
        ValueError, MemoryShortage: as `draw_network`.
    """
    _require_sizes(width=width, dimension=dimension, outputs=outputs, seed=seed)
    require_memory(2 * 8 * width * (dimension + outputs), f"the input and output weights of a network of width {width}")
    generator = torch.Generator("cpu").manual_seed(seed)
    place = require_device(device)
    U, V = (
        torch.randn(rows, columns, generator=generator, dtype=torch.float64).to(device=place, dtype=dtype)
        for rows, columns in ((width, dimension), (outputs, width))
    )
    return WideNetwork(U, RevealedGaussian(width, seed, device=place, dtype=dtype, tolerance=tolerance), V)


def _require_sizes(*, width: int, dimension: int, outputs: int, seed: int) -> None:
    for name, size in (("width", width), ("dimension", dimension), ("outputs", outputs)):
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {size!r}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be an integer in [0, 2^64), got {seed!r}")


def _structured(W: Float[Tensor, "width width"], structure: Structure) -> Float[Tensor, "width width"]:
    match structure:
        case "gaussian":
            return W
        case "zero":
            return torch.zeros_like(W)
        case "symmetric":
            return (W + W.T) / 2
        case "antisymmetric":
            return (W - W.T) / 2
        case "rank-one":
            return torch.outer(W[:, 0], W[0]) / math.sqrt(len(W))
    raise ValueError(f"structure must be gaussian, zero, symmetric, antisymmetric or rank-one, got {structure!r}")


def initial_states(
    neural_ode: NeuralODE, parameters: Network, inputs: Float[Tensor, "inputs dimension"]
) -> Float[Tensor, "*networks inputs width"]:
    """The states h_0 = (sigma_u / sqrt d) U x of every input, one row each."""
    # The scale goes to the inputs: a product as the last operation could step over a pinned value.
    return (inputs * (neural_ode.sigma_u / math.sqrt(inputs.shape[-1]))) @ parameters.U.mT


def pin_first_state(
    parameters: Parameters, inputs: Float[Tensor, "inputs dimension"], neural_ode: NeuralODE, value: float
) -> Parameters:
    """Parameters for which coordinate 0 of the first input's state is `value` at every time.

    Row 0 of W becomes zero, so that coordinate does not move, and row 0 of U the multiple of inputs[0] that starts
    it at `value`; the last bits of one entry are then searched so that `initial_states` of just these inputs
    returns `value` itself where that is possible (0 always is): a kink is met exactly, not up to rounding.
    The kink probes (a) and (b) of docs/theory.md#kinks.

    Raises:
        ValueError: `value` is not finite, or inputs[0] is zero and `value` is not.
    """
    if not math.isfinite(value):
        raise ValueError(f"the pinned value must be finite, got {value!r}")
    x = inputs[0]
    square = float(x @ x)
    if square == 0 and value != 0:
        raise ValueError(f"the first input is zero, so its state starts at 0 and cannot be pinned at {value!r}")
    U, W = parameters.U.clone(), parameters.W.clone()
    W[0] = 0.0
    U[0] = 0.0
    pinned = replace(parameters, U=U, W=W)
    if value != 0:
        U[0] = x * (value * math.sqrt(inputs.shape[1]) / (neural_ode.sigma_u * square))
        _search_last_bits(pinned, inputs, neural_ode, value)
    return pinned


def _search_last_bits(
    pinned: Parameters, inputs: Float[Tensor, "inputs dimension"], neural_ode: NeuralODE, value: float
) -> None:
    """Move one entry of row 0 of U by 1, 2, 4, ... ulps, the least influential entry first, until the start is `value`.

    All terms of the start have one sign, so the sum follows every entry; it is an ulp or so off, and of moves that
    double, one falls in the ulp's width that rounds to `value` unless a single ulp of the entry is more than that.
    """
    row = pinned.U[0]
    nearest, error = row.clone(), _start_error(pinned, inputs, neural_ode, value)
    for index in torch.argsort(inputs[0].abs()).tolist():
        original = row[index].clone()
        ulp = torch.nextafter(original.abs(), original.new_tensor(math.inf)) - original.abs()
        for move in (sign * 2.0**k for k in range(_DOUBLINGS) for sign in (1, -1)):
            if error == 0:
                row.copy_(nearest)
                return
            row[index] = original + move * ulp
            trial = _start_error(pinned, inputs, neural_ode, value)
            if trial < error:
                nearest, error = row.clone(), trial
        row[index] = original
    row.copy_(nearest)


def _start_error(
    pinned: Parameters, inputs: Float[Tensor, "inputs dimension"], neural_ode: NeuralODE, value: float
) -> float:
    return abs(float(initial_states(neural_ode, pinned, inputs)[0, 0]) - value)
