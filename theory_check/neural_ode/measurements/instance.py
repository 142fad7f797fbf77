"""What a measurement works on: a case with its activation loaded, its inputs made and its weights drawn."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.case.record import Seeds
from theory_check.judge.setting import Setting
from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Case, Weights, labels_of, materialise
from theory_check.neural_ode.networks.gaussian_matrix import engine_named
from theory_check.neural_ode.networks.parameters import (
    Network,
    Parameters,
    draw_parameters,
    draw_wide_network,
    initial_states,
    pin_first_state,
)
from theory_check.neural_ode.networks.schemes import tangent_flow

# Pieces of the propagator's grid for each unit of L T: Gronwall's factor for two partial pieces is then exp(1/4).
PIECES_PER_GROWTH = 8
# Where phi is far from all kinks: a phi that grows linearly at most has grown by their quotient at most, but for what a
# term of lower order still adds.
FAR_OUT = (1e6, 1e9)
MOST_SUPERLINEAR = 1.5
# Evaluations of the field for each step of dopri5, whose last stage is the first of the next step.
DOPRI5_STAGES = 6


@dataclass(frozen=True)
class Instance:
    """A case ready to be measured. Weights depend on the case, the root seed, a stage and a replicate only."""

    case: Case
    activation: Activation
    inputs: Float[Tensor, "inputs dimension"]
    seeds: Seeds

    def seed(self, stage: str = "", replicate: int = 0) -> int:
        """The seed of one set of weights."""
        return self.seeds.of(self.case, stage=stage, replicate=replicate)

    def generator(self, stage: str) -> torch.Generator:
        """A generator on the CPU for directions and the like."""
        return torch.Generator("cpu").manual_seed(self.seed(stage))

    def parameters(self, *, width: int | None = None, stage: str = "", replicate: int = 0) -> Parameters:
        """The weights of the case, by the rule it states; `width` replaces the width on a ladder."""
        weights = self.case.weights
        parameters = draw_parameters(
            width=width or self.case.width,
            dimension=self.inputs.shape[1],
            seed=self.seed(stage, replicate),
            device=self.inputs.device,
            dtype=self.inputs.dtype,
            structure=weights.structure,
            gain=weights.gain,
        )
        if weights.pinned is not None:
            parameters = pin_first_state(parameters, self.inputs, self.case.neural_ode, weights.pinned)
        return parameters

    def network(self, *, width: int | None = None, stage: str = "", replicate: int = 0) -> Network:
        """The same at any width: where W would be too large to store, and is Gaussian, it is revealed."""
        width = width or self.case.width
        if self.case.weights != Weights() or engine_named(None, width) == "dense":
            return self.parameters(width=width, stage=stage, replicate=replicate)
        return draw_wide_network(
            width=width,
            dimension=self.inputs.shape[1],
            seed=self.seed(stage, replicate),
            device=self.inputs.device,
            dtype=self.inputs.dtype,
        )

    def labels(self) -> Float[Tensor, " inputs"]:
        """Targets for training."""
        return torch.from_numpy(labels_of(self.case.data, self.seed("labels"))).to(self.inputs)


def prepare(case: Case, setting: Setting) -> Instance:
    """Load the activation and make the inputs of a case, float64, on the setting's device."""
    inputs = torch.from_numpy(materialise(case.data)).to(setting.device)
    return Instance(case, setting.load(case.activation), inputs, setting.seeds)


def field_growth(instance: Instance, parameters: Parameters) -> float:
    """L = (sigma_w / sqrt n) |W|_2 L1: a Lipschitz constant of the vector field. Infinite when phi has none."""
    spectral = float(torch.linalg.matrix_norm(parameters.W, ord=2))
    sigma_w, width = instance.case.neural_ode.sigma_w, parameters.W.shape[-1]
    return sigma_w * spectral / math.sqrt(width) * instance.activation.lipschitz if spectral else 0.0


def with_bounded_growth(instance: Instance, parameters: Parameters, most: float) -> tuple[Parameters, float]:
    """W scaled down, if need be, so that L T <= `most`; returns the parameters and L.

    Beyond that exp(L T) makes every derived bound useless. A function without a Lipschitz constant is scaled as if it
    were 1, which bounds nothing: claims that need the bound do not meet their assumptions there.
    """
    rate = field_growth(instance, parameters)
    if math.isinf(rate):
        rate = field_growth(replace(instance, activation=replace(instance.activation, lipschitz=1.0)), parameters)
    total = rate * instance.case.neural_ode.horizon
    if total <= most:
        return parameters, rate
    return replace(parameters, W=parameters.W * (most / total)), most / instance.case.neural_ode.horizon


def largest_norm(states: Float[Tensor, "points inputs width"]) -> float:
    """The largest 2-norm, over all inputs together, along a trajectory."""
    return float(torch.linalg.vector_norm(states, dim=(-2, -1)).max())


def largest_entry(states: Float[Tensor, "points inputs width"]) -> float:
    """The largest absolute value along a trajectory."""
    return float(states.abs().max())


def slope_bounds(activation: Activation) -> tuple[float, float]:
    """L1 and L2; where a constant is infinite, that of a smooth function of the same steepness takes its place."""
    steep = activation.lipschitz if 0 < activation.lipschitz < math.inf else 1.0
    bend = activation.derivative_lipschitz if math.isfinite(activation.derivative_lipschitz) else steep
    return steep, bend


def without_moments(activation: Activation) -> str:
    """Why averages over networks say nothing of such a phi, or empty where it grows linearly at most.

    Beyond that a large W makes states blow up, or all but, with a probability that falls slowly: averages, variances
    and their standard errors are made by a few networks, and need not exist in the limit of fine steps.
    """
    if activation.is_lipschitz:
        return ""
    for sign in (1.0, -1.0):
        near, far = (abs(activation.value_at(sign * x)) for x in FAR_OUT)
        if not far <= MOST_SUPERLINEAR * near * FAR_OUT[1] / FAR_OUT[0]:
            return "phi grows faster than linearly: averages over networks are made by a few that nearly blow up"
    return ""


def limit_tolerance(activation: Activation) -> float:
    """What to ask of a limiting kernel whose digits are not what a claim is about: series at kinks converge slowly."""
    return 1e-6 if activation.is_smooth else 1e-4


def propagator_bound(instance: Instance, parameters: Parameters, rate: float) -> float:
    """P with |dh_t / dh_s| <= P for all s <= t <= T and all inputs: how much an error made at s can have grown at t.

    Measured on a grid of pieces, so that it is much sharper than exp(L T); between grid points Gronwall's bound takes
    over, with two partial pieces at most.
    """
    model = instance.case.neural_ode
    pieces = max(4, math.ceil(PIECES_PER_GROWTH * rate * model.horizon))
    tau = model.horizon / pieces
    largest = 1.0
    for start in initial_states(model, parameters, instance.inputs):
        state, products = start, torch.empty(0, len(start), len(start), dtype=start.dtype, device=start.device)
        for _ in range(pieces):
            state, step = tangent_flow(instance.activation, model, parameters, state, duration=tau, steps=4)
            products = torch.cat([step @ products, step[None]])
            largest = max(largest, float(torch.linalg.matrix_norm(products, ord=2).max()))
    return largest * math.exp(2 * rate * tau)
