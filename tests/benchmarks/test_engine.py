"""The engine beside its peers and beside the bare matrix products, which are the limit.

Softplus, all scales 1, horizon 1, digits as inputs, float64, two threads. Every contender's result is judged in the
run that is timed; times are printed beside their targets and never asserted, for machines are shared and noisy.
`tox run -e benchmarks -- tests/benchmarks/test_engine.py`; rows go to `.benchmarks/engine.json`.
"""

import importlib
import math
import shutil
import statistics
import time
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor

import bare_products
import torch_peers
from contest import Absent, Accuracy, Contender, Row, Target, hold, measured
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Digits, materialise
from theory_check.neural_ode.model import NeuralODE
from theory_check.neural_ode.networks import ensemble, schemes
from theory_check.neural_ode.networks.descent import gradient_descent
from theory_check.neural_ode.networks.parameters import Parameters, draw_parameters, initial_states
from theory_check.neural_ode.networks.tableau import SCHEMES
from theory_check.neural_ode.networks.tangent_kernel import kernels_of

pytestmark = [
    pytest.mark.usefixtures("two_threads"),
    # torch.compile and torchode import what torch itself has deprecated.
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

SOFTPLUS = activation("softplus")
MODEL = NeuralODE()
MIB, GIB = 2**20, 2**30


def _digits(count: int) -> Tensor:
    return torch.from_numpy(materialise(Digits(tuple(range(count)))))


def _peer(name: str, package: str, make: Callable[[], Contender]) -> Contender | Absent:
    """A contender made by `make` where its package can be imported."""
    try:
        importlib.import_module(package)
    except ImportError as error:
        return Absent(name, f"{error}: pip install theory-check[peers]")
    return make()


def _norm_error(found: Iterable[Tensor], exact: Iterable[Tensor]) -> float:
    """The greatest relative error in norm over the tensors of a result."""
    errors = [float(torch.linalg.norm(x - y) / torch.linalg.norm(y)) for x, y in zip(found, exact, strict=True)]
    return math.nan if any(map(math.isnan, errors)) else max(errors)


def _weights(parameters: Parameters) -> torch_peers.Weights:
    return parameters.U, parameters.W, parameters.V


def _finish(rows: list[Row], collected: list[Row]) -> None:
    collected += rows
    assert [row.contender for row in rows if not row.accurate] == []


def _beside_the_products(rows: list[Row], what: str, run: Callable[[], object]) -> None:
    """One part of our work alone, as a share of the bare products: what no arrangement of these can save."""
    limit = next(row.seconds for row in rows if row.role == "limit")
    times = []
    for _ in range(6):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times[1:])
    assert limit is not None
    rows.append(Row(rows[0].workload, what, "aside", seconds=seconds, rounds=5, ratio=seconds / limit))
    print(f"  {what}: {seconds:.4f} s, {seconds / limit:.2f} x limit")


def _in_chunks(states: Tensor, stages: int, chunks: int) -> None:
    """Softplus of every stage of every chunk."""
    ensemble.each_chunk(lambda _: [SOFTPLUS(states) for _ in range(stages)], range(chunks), states.device)


def _in_updates(states: Tensor, updates: int) -> None:
    """Softplus and its derivative in every layer, and softplus once more for the gradient, of every update."""
    for _ in range(updates):
        for of_layer in states:
            SOFTPLUS(of_layer)
            SOFTPLUS.derivative(of_layer, 0.5)
        SOFTPLUS(states)


def test_forward_of_many_networks(engine_rows: list[Row]) -> None:
    """64 networks of width 256, 8 inputs, four stages in 32 steps: 128 batched products."""
    count, width, networks, steps = 8, 256, 64, 32
    inputs, seeds = _digits(count), range(networks)
    stacked = ensemble._stacked(seeds, width, inputs)
    A = stacked.W / math.sqrt(width)
    h = initial_states(MODEL, stacked, inputs)
    chunk = ensemble._CHUNK_BYTES // (8 * width * width)

    def ours(steps: int) -> Tensor:
        def solved(k: int) -> Tensor:
            some = Parameters(*(x[k : k + chunk] for x in (stacked.U, stacked.W, stacked.V)))
            return schemes.final_states(SOFTPLUS, MODEL, some, inputs, scheme="rk4", steps=steps)

        return torch.cat(ensemble.each_chunk(solved, range(0, networks, chunk), inputs.device))

    def with_drawing() -> Tensor:
        return ensemble.ensemble_variances(
            SOFTPLUS, MODEL, inputs, width=width, seeds=seeds, scheme="rk4", steps=steps
        ).S

    def one_by_one() -> Tensor:
        return torch.stack([torch_peers.torchdiffeq_forward(a, start, steps) for a, start in zip(A, h, strict=True)])

    def in_jax(make: str) -> Callable[[], Contender]:
        def made() -> Contender:
            import jax_peers

            solve, data = getattr(jax_peers, make)(steps), jax_peers.arrays(A, h)
            note = {"diffrax_forward": "its own tableau: diffrax has no classical scheme", "scan_forward": ""}[make]
            return Contender(
                name_of[make], "peer", lambda: jax_peers.tensor(solve(*data).block_until_ready()), note, compiles=True
            )

        return made

    name_of = {"diffrax_forward": "diffrax, constant steps", "scan_forward": "jax.lax.scan, RK4 by hand"}
    fine = ours(2 * steps)
    features = torch.nn.functional.softplus(fine)
    S = features @ features.mT / width

    def error(found: Tensor) -> float:
        return _norm_error([found], [S if found.shape == S.shape else fine])

    rows = hold(
        "forward of 64 networks, n = 256, 8 inputs, RK4 x 32",
        [
            Contender("bare products", "limit", bare_products.batched(A, count, 4 * steps)),
            Contender(
                "theory_check", "ours", lambda: ours(steps), f"final_states, {chunk} networks at a time; weights given"
            ),
            Contender(
                "theory_check, weights drawn",
                "aside",
                with_drawing,
                "ensemble_variances: the draw of 4 million numbers too",
            ),
            Contender(
                "torchdiffeq, batched",
                "peer",
                lambda: torch_peers.torchdiffeq_forward(A, h, steps),
                "its rk4 is Kutta's 3/8 rule: same order and number of products",
            ),
            Contender("torchdiffeq, one by one", "peer", one_by_one),
            _peer(
                "torchode, batched",
                "torchode",
                lambda: Contender(
                    "torchode, batched",
                    "peer",
                    torch_peers.torchode_forward(A, h, steps),
                    "the classical table given to its ExplicitRungeKutta, constant steps",
                ),
            ),
            _peer(name_of["diffrax_forward"], "diffrax", in_jax("diffrax_forward")),
            # One import serves both, so diffrax stands for JAX.
            _peer(name_of["scan_forward"], "diffrax", in_jax("scan_forward")),
        ],
        Accuracy("h_T (or S) against RK4 x 64, relative in norm", error, 1e-7),
        Target(1.15, "limit"),
    )
    states = torch.randn(chunk, count, width, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    _beside_the_products(rows, "softplus alone", lambda: _in_chunks(states, 4 * steps, networks // chunk))
    _finish(rows, engine_rows)


def _loosest(gradient: Callable[[float], Iterable[Tensor]], exact: Iterable[Tensor], bound: float) -> float:
    """The loosest tolerance, of two in a decade, whose gradient is within the bound; the tightest if none is."""
    tolerances = [10.0 ** (-k / 2) for k in range(8, 27)]
    return next((t for t in tolerances if _norm_error(gradient(t), exact) <= bound), tolerances[-1])


def test_gradient(engine_rows: list[Row]) -> None:
    """One gradient to eight digits, everyone at the cheapest setting that reaches them."""
    count, width, bound = 32, 512, 1e-8
    inputs = _digits(count)
    parameters = draw_parameters(width=width, dimension=inputs.shape[1], seed=0)
    weights = _weights(parameters)
    cotangent = torch.randn(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def ours(scheme: str, steps: int) -> torch_peers.Weights:
        return _weights(
            schemes.gradient(SOFTPLUS, MODEL, parameters, inputs, cotangent[:, None], scheme=scheme, steps=steps)
        )

    exact = ours("rk4", 512)
    scheme = "dop853" if "dop853" in SCHEMES else "rk4"
    steps = next(k for k in range(1, 129) if _norm_error(ours(scheme, k), exact) <= bound)

    def of_torchdiffeq(method: str, *, adjoint: bool) -> Contender:
        def gradient(tolerance: float) -> torch_peers.Weights:
            return torch_peers.torchdiffeq_gradient(
                weights, inputs, cotangent, method=method, tolerance=tolerance, adjoint=adjoint
            )

        tolerance = _loosest(gradient, exact, bound)
        name = f"torchdiffeq {method}, {'odeint_adjoint' if adjoint else 'backprop'}"
        return Contender(name, "peer", lambda: gradient(tolerance), f"tolerance {tolerance:.1e}")

    def of_diffrax(method: str) -> Contender:
        import jax_peers

        jitted = jax_peers.diffrax_gradient(method)
        U, W, V, x, c = jax_peers.arrays(*weights, inputs, cotangent)

        def gradient(tolerance: float) -> list[Tensor]:
            return [jax_peers.tensor(g.block_until_ready()) for g in jitted((U, W, V), x, c, tolerance)]

        tolerance = _loosest(gradient, exact, bound)
        return Contender(
            f"diffrax {method}, checkpoints", "peer", lambda: gradient(tolerance), f"tolerance {tolerance:.1e}"
        )

    rows = hold(
        "one gradient to 1e-8, n = 512, 32 inputs",
        [
            Contender(
                "bare products of RK4 x 32",
                "limit",
                bare_products.of_gradient(parameters.W / math.sqrt(width), count, 128),
            ),
            Contender("theory_check", "ours", lambda: ours(scheme, steps), f"{scheme} x {steps}"),
            of_torchdiffeq("dopri5", adjoint=False),
            of_torchdiffeq("dopri8", adjoint=False),
            of_torchdiffeq("dopri5", adjoint=True),
            of_torchdiffeq("dopri8", adjoint=True),
            _peer("diffrax dopri5, checkpoints", "diffrax", lambda: of_diffrax("dopri5")),
            _peer("diffrax dopri8, checkpoints", "diffrax", lambda: of_diffrax("dopri8")),
        ],
        Accuracy(
            "worst of dU, dW, dV against the exact adjoint of RK4 x 512, relative in norm",
            lambda found: _norm_error(found, exact),
            bound,
        ),
        Target(0.4, "limit"),
    )
    _finish(rows, engine_rows)


def test_tangent_kernel(engine_rows: list[Row]) -> None:
    """The tangent kernel of one network without its Jacobian, beside those who build it."""
    count, width, steps = 8, 1024, 32
    inputs = _digits(count)
    parameters = draw_parameters(width=width, dimension=inputs.shape[1], seed=0)
    weights = _weights(parameters)
    # The same scheme for all: what differs is rounding. The slowest runs once, and its result is the reference.
    begin = time.perf_counter()
    reference = torch_peers.tangent_vector_products(weights, inputs, steps)
    elapsed = time.perf_counter() - begin

    def of_jax() -> Contender:
        import jax_peers

        jitted = jax_peers.jacobian_contraction(steps)
        U, W, V, x = jax_peers.arrays(*weights, inputs)
        return Contender(
            "jax vmap(grad), contracted",
            "peer",
            lambda: jax_peers.tensor(jitted((U, W, V), x).block_until_ready()),
            compiles=True,
        )

    rows = hold(
        "tangent kernel of 8 inputs, n = 1024, RK4 x 32",
        [
            Contender(
                "bare products", "limit", bare_products.of_kernel(parameters.W / math.sqrt(width), count, 4 * steps)
            ),
            Contender(
                "theory_check",
                "ours",
                lambda: kernels_of(SOFTPLUS, MODEL, parameters, inputs, scheme="rk4", steps=steps).tangent,
            ),
            Contender(
                "torch.func vmap(jacrev)", "peer", lambda: torch_peers.jacobian_contraction(weights, inputs, steps)
            ),
            Contender(
                "torch.func vjp, jvp",
                "peer",
                lambda: reference,
                "its result is the reference",
                once=True,
                seconds=lambda _: elapsed,
            ),
            _peer("jax vmap(grad), contracted", "diffrax", of_jax),
        ],
        Accuracy(
            "kernel against torch.func's vector products, relative in norm",
            lambda found: _norm_error([found], [reference]),
            1e-12,
        ),
        Target(1 / 40, "fastest peer"),
    )
    _finish(rows, engine_rows)


def test_memory_of_the_tangent_kernel(engine_rows: list[Row]) -> None:
    """Peak over the memory of a process that holds the network already."""
    code = """
from theory_check.neural_ode.activations.loading import activation
from theory_check.neural_ode.case import Digits, materialise
from theory_check.neural_ode.networks.parameters import draw_parameters
from theory_check.neural_ode.networks.tangent_kernel import kernels_of
from theory_check.neural_ode.model import NeuralODE
inputs = torch.from_numpy(materialise(Digits(tuple(range(8)))))
parameters = draw_parameters(width=1024, dimension=64, seed=0)
forget_peak()
start = peak()
kernels_of(activation("softplus"), NeuralODE(), parameters, inputs, scheme="rk4", steps=32)
print(json.dumps(peak() - start))
"""
    found = float(measured(code))  # type: ignore[arg-type]
    verdict = "ok" if found < 100 else "MISSED"
    print(f"\npeak memory of that kernel over the start: {found:.1f} MiB (target 100 MB) {verdict}")
    note = f"peak memory over the start {found:.1f} MiB"
    engine_rows.append(
        Row("memory of the tangent kernel", "theory_check", "ours", target="100 MB", verdict=verdict, note=note)
    )


def test_descent(engine_rows: list[Row]) -> None:
    """Twenty updates of all weights, without the kernel."""
    count, width, layers, updates, learning_rate = 16, 1024, 16, 20, 0.1
    inputs = _digits(count)
    parameters = draw_parameters(width=width, dimension=inputs.shape[1], seed=0)
    weights = _weights(parameters)
    labels = torch.randn(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def ours() -> Tensor:
        return gradient_descent(
            SOFTPLUS,
            MODEL,
            parameters,
            inputs,
            labels,
            learning_rate=learning_rate,
            steps=updates,
            scheme="euler",
            solver_steps=layers,
            kernel_every=None,
        ).losses

    def by_autograd(loss: Callable[..., Tensor]) -> Tensor:
        return torch_peers.descend(loss, weights, inputs, labels, learning_rate=learning_rate, steps=updates)

    def compiled() -> Contender | Absent:
        if shutil.which("g++") is None and shutil.which("clang++") is None:
            return Absent("torch.compile", "no C++ compiler")
        loss = torch.compile(torch_peers.half_squares)
        try:
            loss(*(x.clone().requires_grad_() for x in weights), inputs, labels)
        except RuntimeError as error:
            # A compiler without Python's headers, say.
            return Absent("torch.compile", str(error).splitlines()[0])
        return Contender("torch.compile", "peer", lambda: by_autograd(loss), compiles=True)

    def of_jax() -> Contender:
        import jax_peers

        jitted = jax_peers.descent(learning_rate, updates)
        U, W, V, x, y = jax_peers.arrays(*weights, inputs, labels)
        return Contender(
            "jax.jit of the whole run",
            "peer",
            lambda: jax_peers.tensor(jitted((U, W, V), x, y).block_until_ready()),
            compiles=True,
        )

    reference = by_autograd(torch_peers.half_squares)

    def error(losses: Tensor) -> float:
        return float(((losses - reference).abs() / reference).max()) if len(losses) == updates + 1 else math.inf

    rows = hold(
        "gradient descent, n = 1024, 16 inputs, Euler x 16, 20 updates",
        [
            Contender(
                "bare products",
                "limit",
                bare_products.of_gradient(parameters.W / math.sqrt(width), count, layers, repeats=updates),
            ),
            Contender("theory_check", "ours", ours),
            Contender(
                "torch autograd",
                "peer",
                lambda: by_autograd(torch_peers.half_squares),
                "also the reference, from a run of its own",
            ),
            compiled(),
            _peer("jax.jit of the whole run", "diffrax", of_jax),
        ],
        Accuracy("worst of 21 losses against those of torch autograd, relative", error, 1e-10),
        Target(1.1, "limit"),
    )
    states = torch.randn(layers, count, width, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    _beside_the_products(rows, "softplus and its derivative alone", lambda: _in_updates(states, updates))
    _finish(rows, engine_rows)
