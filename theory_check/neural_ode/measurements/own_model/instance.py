"""What these measurements work on: a case with its module built, its inputs, labels and readout drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from theory_check.case.record import Seeds
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case, labels_of, materialise
from theory_check.neural_ode.measurements.own_model.reached_set import ReachedSet, reached_set
from theory_check.neural_ode.networks.model import NonFiniteState
from theory_check.neural_ode.networks.own_model.vector_field import VectorField

# From "package.module:build" and a seed to the field; refuses where code is not trusted.
Loader = Callable[[str, int], VectorField]


@dataclass(frozen=True)
class ModelInstance:
    """A case of a user's own module, ready to be measured.

    Everything random depends on the case, the root seed, a stage and a replicate only; so do the module's parameters,
    which `build` draws under the seed of the stage "model".
    """

    case: Case
    field: VectorField
    inputs: Float[Tensor, "inputs dimension"]
    seeds: Seeds
    build_seed: int

    @property
    def horizon(self) -> float:
        """T of the case."""
        return self.case.neural_ode.horizon

    def generator(self, stage: str) -> torch.Generator:
        """A generator for directions and the like."""
        return torch.Generator("cpu").manual_seed(self.seeds.of(self.case, stage=stage))

    @property
    def labels(self) -> Float[Tensor, " inputs"]:
        """Targets for training, and for the loss."""
        return torch.from_numpy(labels_of(self.case.data, self.seeds.of(self.case, stage="labels"))).to(self.inputs)

    @property
    def readout(self) -> Float[Tensor, " dimension"]:
        """A unit vector r: f = r . h_T."""
        direction = torch.randn(self.field.dimension, generator=self.generator("readout"), dtype=torch.float64)
        unit: Tensor = direction / torch.linalg.vector_norm(direction)
        return unit

    @cached_property
    def reached(self) -> ReachedSet:
        """The states that are reached, with the constants of the field measured there."""
        return reached_set(self.field, self.inputs, self.horizon, self.generator("tube"))

    def part(self, most_growth: float) -> float:
        """The longest part of the horizon with L T at most `most_growth`, L being measured.

        Raises:
            NonFiniteState: slopes grow without end, or a trajectory leaves all bounds.
        """
        if self.reached.unbounded:
            raise NonFiniteState(
                f"the field has no Lipschitz constant to derive a bound from: {self.reached.unbounded}"
            )
        return self.reached.part(most_growth)

    def told(self, looked_at: float) -> dict[str, float | int | str]:
        """What every outcome says of where its bounds come from, and of what was looked at.

        Args:
            looked_at: the part of the horizon that was.
        """
        reached = self.reached
        return {
            "bounds": "certified given the estimate: constants of the field are measured on the reached set",
            "seed of build()": str(self.build_seed),
            "Lipschitz constant, measured": reached.lipschitz,
            "its margin, from refinement": reached.margin,
            **({"part of the horizon looked at": looked_at} if looked_at < self.horizon else {}),
            **({"format of parameters": self.field.converted} if self.field.converted else {}),
        }


def prepare_model(case: Case, setting: Setting) -> ModelInstance:
    """Build the module of a case under its own seed, and make its inputs.

    Raises:
        ModelError: the module cannot be built or used.
        ValueError: the inputs have another dimension than the states.
    """
    return prepared(case, setting.seeds, setting.load_model)


# What an assumption asks of a case, its measurement asks as well.
@lru_cache(maxsize=2)
def prepared(case: Case, seeds: Seeds, load_model: Loader) -> ModelInstance:
    """As `prepare_model`, from what it takes of its setting."""
    seed = seeds.of(case, stage="model")
    field, inputs = load_model(case.activation, seed), torch.from_numpy(materialise(case.data))
    if inputs.shape[1] != field.dimension:
        raise ValueError(f"inputs of dimension {inputs.shape[1]} for states of dimension {field.dimension}")
    return ModelInstance(case, field, inputs, seeds, seed)
