"""What others offer in torch for the same work: torchdiffeq, torchode, autograd, torch.compile, torch.func.

All scales are 1. The model is written here once more, in plain torch, so that peers share no code with what they
are compared to. Networks are tuples (U, W, V); states are rows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torchdiffeq import odeint, odeint_adjoint

Weights = tuple[Tensor, Tensor, Tensor]
_TIMES = torch.tensor([0.0, 1.0], dtype=torch.float64)


def start(U: Tensor, inputs: Tensor) -> Tensor:
    """h_0, one row for each input."""
    return (inputs / math.sqrt(inputs.shape[-1])) @ U.mT


def output(V: Tensor, final: Tensor) -> Tensor:
    """Output of every input, (inputs,)."""
    return (softplus(final) @ V.mT)[..., 0] / math.sqrt(final.shape[-1])


def rk4(A: Tensor, h: Tensor, steps: int) -> Tensor:
    """The classical scheme over [0, 1]."""
    dt = 1.0 / steps
    for _ in range(steps):
        k1 = softplus(h) @ A.mT
        k2 = softplus(h + dt / 2 * k1) @ A.mT
        k3 = softplus(h + dt / 2 * k2) @ A.mT
        k4 = softplus(h + dt * k3) @ A.mT
        h = h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return h


def euler(A: Tensor, h: Tensor, steps: int) -> Tensor:
    """Euler's scheme over [0, 1]."""
    for _ in range(steps):
        h = h + softplus(h) @ A.mT / steps
    return h


@torch.no_grad()
def torchdiffeq_forward(A: Tensor, h: Tensor, steps: int) -> Tensor:
    """h_T by `odeint` with Kutta's 3/8 rule, which torchdiffeq calls rk4; A and h may be batched alike."""
    A_T = A.mT
    return odeint(lambda _t, y: softplus(y) @ A_T, h, _TIMES, method="rk4", options={"step_size": 1.0 / steps})[-1]


def torchode_forward(A: Tensor, h: Tensor, steps: int) -> Callable[[], Tensor]:
    """A solver of h_T by torchode with the classical scheme, one of its batch entries for each network."""
    import torchode
    from torchode.single_step_methods.runge_kutta import ButcherTableau, ERKInterpolationData, ExplicitRungeKutta

    @dataclass(frozen=True)
    class StepEnd:
        """Torchode asks for the state at the horizon, where the last step ends."""

        state: Tensor

        def evaluate(self, _time: Tensor, _index: Tensor) -> Tensor:
            return self.state

    class ClassicalRungeKutta(ExplicitRungeKutta):  # type: ignore[misc]
        """Torchode comes without it; the table has no embedded pair, and fixed steps ask for none."""

        def __init__(self, term: torchode.ODETerm) -> None:
            a = [[], [0.5], [0.0, 0.5], [0.0, 0.0, 1.0]]
            b = [1 / 6, 1 / 3, 1 / 3, 1 / 6]
            super().__init__(term, ButcherTableau.from_lists(c=[0.0, 0.5, 0.5, 1.0], a=a, b=b, b_err=[0.0] * 4))

        def convergence_order(self) -> int:
            return 4

        def build_interpolation(self, data: ERKInterpolationData) -> StepEnd:
            return StepEnd(data.y1)

    networks, count, width = h.shape
    A_T = A.mT

    def field(_t: Tensor, y: Tensor) -> Tensor:
        return torch.bmm(softplus(y.view(networks, count, width)), A_T).view(networks, -1)

    term = torchode.ODETerm(field)
    solver = torchode.AutoDiffAdjoint(ClassicalRungeKutta(term), torchode.FixedStepController())
    ends = torch.zeros(networks, dtype=torch.float64), torch.ones(networks, dtype=torch.float64)
    problem = torchode.InitialValueProblem(y0=h.reshape(networks, -1), t_start=ends[0], t_end=ends[1])
    dt = torch.full((networks,), 1.0 / steps, dtype=torch.float64)

    @torch.no_grad()
    def run() -> Tensor:
        return solver.solve(problem, term=term, dt0=dt).ys[:, -1].view(networks, count, width)

    return run


def torchdiffeq_gradient(
    weights: Weights, inputs: Tensor, cotangent: Tensor, *, method: str, tolerance: float, adjoint: bool
) -> Weights:
    """Gradient of sum(cotangent * f) by backpropagation through the solver, or by `odeint_adjoint`.

    Steps land on the horizon: torchdiffeq interpolates there otherwise, which costs dopri8 its last digits. The
    adjoint's error control leaves out the integral of the gradient (norm "seminorm"), which saves it steps.
    """
    U, W, V = (x.detach().requires_grad_() for x in weights)
    A = W / math.sqrt(len(W))
    h = start(U, inputs)
    settings = {"rtol": tolerance, "atol": tolerance, "method": method, "options": {"step_t": _TIMES[1:]}}
    if adjoint:
        settings |= {"adjoint_params": (A,), "adjoint_options": {"norm": "seminorm", "step_t": _TIMES[:1]}}
    solve = odeint_adjoint if adjoint else odeint
    final = solve(lambda _t, y: softplus(y) @ A.T, h, _TIMES, **settings)[-1]
    return torch.autograd.grad((cotangent * output(V, final)).sum(), (U, W, V))


def scheme_output(W: Tensor, U: Tensor, V: Tensor, inputs: Tensor, steps: int) -> Tensor:
    """Output of every input, by the classical scheme."""
    return output(V, rk4(W / math.sqrt(len(W)), start(U, inputs), steps))


def jacobian_contraction(weights: Weights, inputs: Tensor, steps: int) -> Tensor:
    """The tangent kernel from the Jacobians of all inputs: `vmap` over inputs of `jacrev` over parameters."""

    def of_one(U: Tensor, W: Tensor, V: Tensor, x: Tensor) -> Tensor:
        return scheme_output(W, U, V, x[None], steps)[0]

    jacobians = torch.func.vmap(torch.func.jacrev(of_one, argnums=(0, 1, 2)), (None, None, None, 0))(*weights, inputs)
    flat = [x.flatten(1) for x in jacobians]
    return sum(x @ x.T for x in flat)


def tangent_vector_products(weights: Weights, inputs: Tensor, steps: int) -> Tensor:
    """The tangent kernel row by row: `vjp` of one input, its gradient pushed forward by `jvp` to all inputs."""

    def of_all(U: Tensor, W: Tensor, V: Tensor) -> Tensor:
        return scheme_output(W, U, V, inputs, steps)

    rows = []
    for x in inputs:
        of_one = torch.func.vjp(lambda U, W, V, x=x: scheme_output(W, U, V, x[None], steps)[0], *weights)[1]
        tangents = of_one(torch.ones((), dtype=torch.float64))
        rows.append(torch.func.jvp(of_all, weights, tangents)[1])
    return torch.stack(rows)


def half_squares(U: Tensor, W: Tensor, V: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
    """L = 1/2 sum (f - y)^2 of the 16-layer residual network."""
    final = euler(W / math.sqrt(len(W)), start(U, inputs), 16)
    return ((output(V, final) - labels) ** 2).sum() / 2


def descend(
    loss: Callable[..., Tensor],
    weights: Weights,
    inputs: Tensor,
    labels: Tensor,
    *,
    learning_rate: float,
    steps: int,
) -> Tensor:
    """Losses before every update and after the last, by autograd of `loss` (`half_squares`, compiled or not)."""
    now = [x.clone().requires_grad_() for x in weights]
    losses = []
    for _ in range(steps):
        value = loss(*now, inputs, labels)
        losses.append(value.detach())
        gradients = torch.autograd.grad(value, now)
        with torch.no_grad():
            for x, g in zip(now, gradients, strict=True):
                x.add_(g, alpha=-learning_rate)
    # With gradients as before: without, torch.compile would compile once more.
    losses.append(loss(*now, inputs, labels).detach())
    return torch.stack(losses)
