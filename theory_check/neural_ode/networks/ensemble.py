"""Many independent networks at once: the conditional variance of the output, one network per seed."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks.gaussian_matrix import engine_named
from theory_check.neural_ode.networks.memory import require_memory
from theory_check.neural_ode.networks.model import NonFiniteState, readout
from theory_check.neural_ode.networks.parameters import Parameters, draw_parameters, draw_wide_network
from theory_check.neural_ode.networks.schemes import final_states
from theory_check.neural_ode.networks.tableau import tableau_of

# Bytes of one chunk's W. Fixed, so that a result never depends on the memory that happens to be free; a chunk
# that outgrows the processor's cache is streamed from memory at every stage (measured: 2.5 times slower).
_CHUNK_BYTES = 2**22

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


@dataclass(frozen=True)
class EnsembleResult:
    """One entry for each network.

    Attributes:
        S: covariance of the outputs given U and W, sigma_v^2/n phi(h_T) phi(h_T)^T, (networks, inputs, inputs),
            exactly symmetric. Given U and W, f is exactly N(0, S): claim gaussian-output, part (i).
        outputs: with the V of the same seed, (networks, inputs, outputs).
        readout_products: W v / |v|, (networks, width). For v independent of W its entries are exactly independent
            N(0, 1), v the first row of V; where v is tied to a row of W, that entry is about sqrt(n). Taken from the
            parameters alone.
    """

    S: Float[Tensor, "networks inputs inputs"]
    outputs: Float[Tensor, "networks inputs outputs"]
    readout_products: Float[Tensor, "networks width"]

    @property
    def f(self) -> Float[Tensor, "networks inputs"]:
        """The first output of every network."""
        return self.outputs[..., 0]


@torch.no_grad()
def ensemble_variances(
    activation: Activation,
    neural_ode: NeuralODE,
    inputs: Float[Tensor, "inputs dimension"],
    *,
    width: int,
    seeds: Sequence[int],
    outputs: int = 1,
    scheme: str = "rk4",
    steps: int = 32,
    chunk: int | None = None,
    engine: str | None = None,
) -> EnsembleResult:
    """Solve one network for each seed, a chunk of them at a time with batched products.

    Each network is that of `draw_network(width=width, dimension=..., seed=seed, engine=engine)` in the dtype and on the
    device of `inputs`; those whose W is revealed are solved one after the other.

    Args:
        activation: phi.
        neural_ode: scales and horizon.
        inputs: (inputs, dimension).
        width: n, at least 1.
        seeds: one for each network, at least one.
        outputs: m, at least 1; S does not depend on it.
        scheme: "euler", "midpoint", "rk4" or "dop853".
        steps: number of its steps over the horizon.
        chunk: networks at a time; by default as many as have 4 MiB of W. Results agree between chunkings to
            rounding, and to the last bit for one and the same chunking.
        engine: "dense" stores every W, "revealed" draws its products as they are needed; None chooses by the width.

    Raises:
        ValueError: no seeds, a chunk, width or number of outputs below 1, an unknown scheme.
        MemoryShortage: a chunk would not fit.
        NonFiniteState: a state overflowed; the message names the seed.
    """
    tableau_of(scheme, steps)
    if not seeds:
        raise ValueError("seeds must hold at least one seed, got none")
    if width < 1:
        raise ValueError(f"width must be an integer of at least 1, got {width!r}")
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be None or an integer of at least 1, got {chunk!r}")
    if engine_named(engine, width) == "revealed":
        columns = zip(
            *(_revealed(activation, neural_ode, inputs, width, outputs, seed, scheme, steps) for seed in seeds),
            strict=True,
        )
        return EnsembleResult(*(torch.stack(column) for column in columns))
    size = chunk or max(1, _CHUNK_BYTES // (width * width * inputs.element_size()))
    of_chunk = min(size, len(seeds))
    numbers = of_chunk * width * (3 * width + 8 * len(inputs) + 2 * outputs) * _workers(inputs.device)
    require_memory(
        numbers * inputs.element_size(), f"a chunk of {of_chunk} networks of width {width}", device=inputs.device
    )

    def solved(some: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        stacked = _stacked(some, width, inputs, outputs)
        h = final_states(activation, neural_ode, stacked, inputs, scheme=scheme, steps=steps)
        finite = torch.isfinite(h).flatten(1).all(1)
        if not finite.all():
            seed = some[int(torch.nonzero(~finite)[0])]
            raise NonFiniteState(f"the final state of the network with seed {seed} is not finite")
        features = activation(h)
        return (
            _covariance(neural_ode, features),
            readout(neural_ode, stacked, features),
            _readout_products(stacked),
        )

    chunks = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    S, f, rows = (torch.cat(columns) for columns in zip(*each_chunk(solved, chunks, inputs.device), strict=True))
    return EnsembleResult(S, f, rows)


def each_chunk(solve: Callable[[Chunk], Result], chunks: Sequence[Chunk], device: torch.device) -> list[Result]:
    """The results of all chunks, in order; on the CPU as many at once as torch has threads, with one thread each.

    Products of small networks and functions of few numbers use two cores badly when they are taken one by one. A
    result does not depend on the number of threads.
    """
    workers = min(_workers(device), len(chunks))
    if workers == 1:
        return [solve(chunk) for chunk in chunks]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(solve, chunks))
    finally:
        torch.set_num_threads(threads)


def _workers(device: torch.device) -> int:
    return torch.get_num_threads() if device.type == "cpu" else 1


def _revealed(
    activation: Activation,
    neural_ode: NeuralODE,
    inputs: Float[Tensor, "inputs dimension"],
    width: int,
    outputs: int,
    seed: int,
    scheme: str,
    steps: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """S, outputs and W v / |v| of one network."""
    network = draw_wide_network(
        width=width, dimension=inputs.shape[1], outputs=outputs, seed=seed, device=inputs.device, dtype=inputs.dtype
    )
    h = final_states(activation, neural_ode, network, inputs, scheme=scheme, steps=steps)
    if not torch.isfinite(h).all():
        raise NonFiniteState(f"the final state of the network with seed {seed} is not finite")
    features = activation(h)
    v = network.V[:1]
    product = network.W.times(v / torch.linalg.vector_norm(v))
    return _covariance(neural_ode, features), readout(neural_ode, network, features), product[0]


def _covariance(
    neural_ode: NeuralODE, features: Float[Tensor, "*networks inputs width"]
) -> Float[Tensor, "*networks inputs inputs"]:
    S = (features @ features.mT) * (neural_ode.sigma_v**2 / features.shape[-1])
    return (S + S.mT) / 2


def _stacked(
    seeds: Sequence[int], width: int, inputs: Float[Tensor, "inputs dimension"], outputs: int = 1
) -> Parameters:
    networks = [
        draw_parameters(
            width=width,
            dimension=inputs.shape[1],
            outputs=outputs,
            seed=seed,
            device=inputs.device,
            dtype=inputs.dtype,
        )
        for seed in seeds
    ]
    return Parameters(*(torch.stack([getattr(p, name) for p in networks]) for name in ("U", "W", "V")))


def _readout_products(stacked: Parameters) -> Float[Tensor, "networks width"]:
    v = stacked.V[..., 0, :]
    return torch.einsum("kij,kj->ki", stacked.W, v / torch.linalg.vector_norm(v, dim=-1, keepdim=True))
