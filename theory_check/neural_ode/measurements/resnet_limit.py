"""Claim resnet-limit at finite width: states and gradients of the L-layer network against those of the Neural ODE.

Both networks have the same weights. The error of a network is that of its final states, relative, and of the gradient
of the sum of its outputs, relative, together. The ODE is solved by RK4; how far that is from the ODE is measured by
halving its step, and must be far below the least error on the ladder.

Where phi has kinks, a neuron whose final state lies near one may end on its other side in a network of few layers. The
gradient is then wrong by the jump of phi', whatever the depth, until the layers are so many that the neuron changes
sides. How many networks hold such a neuron falls like width / L, so that a root mean square over networks falls like
L^(-1/2), however smooth everything else. The order at almost all weights is that of networks in which no neuron changes
sides over the ladder; it is read from these, and the others are counted. Over widths all networks count, ever more of
them as they get narrower, where a rare neuron weighs most.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from theory_check.judge.plain_numbers import Detail
from theory_check.judge.rates import RateResult, fit_rate, fit_slope, replicates_afresh, root_mean_square_with_error
from theory_check.judge.setting import Setting
from theory_check.judge.verdict import Verdict
from theory_check.neural_ode.case import Case
from theory_check.neural_ode.measurements.depth_ladder import DEPTH_MARGIN, DEPTH_RATE, DEPTHS
from theory_check.neural_ode.measurements.instance import Instance, prepare
from theory_check.neural_ode.measurements.width_ladder import CONFIRMED_LEVEL, LOOKS, NUMERICAL_SHARE
from theory_check.neural_ode.networks.parameters import Parameters, add_scaled, norm
from theory_check.neural_ode.networks.schemes import adjoint, forward, gradient_of_pass

Array = NDArray[np.float64]

Pass = tuple[Float[Tensor, "inputs width"], Parameters]


@dataclass(frozen=True)
class LadderSettings:
    """Sizes of the ladders.

    Attributes:
        networks: of one ladder, which is paired on them: their spread does not enter the slope.
        references: steps of the reference; the fewest with which it is near enough to the ODE are taken, since kinks
            leave RK4 first order.
        kinked_depths: for phi with kinks: with 8 layers most networks of width 64 have a neuron on another side than
            the ODE.
        drawn: networks that are drawn at most for each that is wanted: beyond that so few are fit that no order is
            read.
        looked_at: networks whose references are looked at where all are alike.
        kinked_looked_at: the same, where it depends on where kinks are crossed.
        kinked_neurons: on a rung of widths: the share of error that is of rare neurons goes like 1 / width.
        kinked_fewest: networks on such a rung, at least.
        depth: at which the error is followed over widths.
        growth_margin: how much it may grow from one end of them to the other, as a slope.
    """

    networks: int = 12
    references: tuple[int, ...] = tuple(16 * 2**k for k in range(9))
    kinked_depths: tuple[int, ...] = (16, 24, 40, 72, 128)
    drawn: int = 8
    looked_at: int = 1
    kinked_looked_at: int = 5
    kinked_neurons: int = 25_600
    kinked_fewest: int = 160
    depth: int = 16
    growth_margin: float = 0.15

    @property
    def most_drawn(self) -> int:
        """Networks that are drawn at most for one ladder."""
        return self.drawn * self.networks


LADDER = LadderSettings()


class ResidualNetworks:
    """Networks of the L-layer scheme beside their ODE.

    found: what a ladder has to say beside its slope, once it is measured.
    """

    def __init__(self, case: Case, setting: Setting, ladder: LadderSettings = LADDER) -> None:
        self.ladder = ladder
        self.instance: Instance = prepare(case, setting)
        self.widths = setting.profile.kernel_rungs
        self.found: dict[str, Detail] = {}
        self._resolutions: dict[int, tuple[int, float, float]] = {}
        self._first: Float[Array, "depths networks"] | None = None

    @property
    def kinked(self) -> bool:
        """Whether phi' jumps."""
        return self.instance.activation.classification == "kinked"

    @property
    def depths(self) -> tuple[int, ...]:
        """Numbers of layers from which the order is read."""
        return self.ladder.kinked_depths if self.kinked else DEPTHS

    def unusable(self, layers: int | None = None) -> str:
        """Why no slope can be read, or empty: the reference is not near enough to the ODE, or too few networks are fit.

        Args:
            layers: of the networks with the least error; the deepest of the ladder of depths by default.
        """
        _, error, least = self._resolution(layers or self.depths[-1])
        if error > NUMERICAL_SHARE * least:
            return f"the error of the reference, {error:.2g}, is not below a tenth of {least:.2g}"
        if self.kinked and layers is None:
            # Kept for the ladder's first stage, which asks for the same networks.
            self._first = self._errors_over_depths(0)
            if self._first is None:
                drawn = self.ladder.most_drawn
                return f"in most of {drawn} networks a neuron ends on another side of a kink than in the ODE"
        return ""

    def depth_ladder(self, stage: int) -> RateResult:
        """The slope against depth, at the width of the case; every network has a slope of its own.

        Raises:
            ArithmeticError: in nearly all networks of a stage after the first a neuron changes sides of a kink.
        """
        errors = self._first if stage == 0 and self._first is not None else self._errors_over_depths(stage)
        self._first = None
        if errors is None:
            raise ArithmeticError(f"in most of {self.ladder.most_drawn} networks a neuron changes sides of a kink")
        return self._depth_slope(errors)

    def _depth_slope(self, errors: Float[Array, "depths networks"]) -> RateResult:
        return fit_rate(
            np.array(self.depths, dtype=np.float64),
            errors,
            expected=DEPTH_RATE,
            margin=DEPTH_MARGIN,
            refute_level=CONFIRMED_LEVEL,
            paired=True,
        )

    def _errors_over_depths(self, stage: int, networks: int | None = None) -> Float[Array, "depths networks"] | None:
        """Of fresh networks, for phi with kinks of those that are fit; None where too few of those drawn are."""
        steps, _, _ = self._resolution(self.depths[-1])
        networks = networks or self.ladder.networks
        rows: list[list[float]] = []
        drawn = 0
        while len(rows) < networks and drawn < self.ladder.drawn * networks:
            parameters = self._parameters(f"depths {stage}", self.instance.case.width, drawn)
            reference = self._solved(parameters, "rk4", steps)
            layered = [self._solved(parameters, "euler", depth) for depth in self.depths]
            if not self.kinked or all(self._on_the_same_sides(one[0], reference[0]) for one in layered):
                rows.append([_distance(one, reference) for one in layered])
            drawn += 1
        enough = len(rows) == networks
        if self.kinked and stage == 0 and enough:
            self.found |= {
                "read from": "networks in which every neuron ends on the same side of kinks as in the ODE",
                "networks drawn": drawn,
                "networks with a neuron on another side": drawn - networks,
            }
        return np.ascontiguousarray(np.array(rows).T) if enough else None

    def width_ladder(self, stage: int) -> RateResult:
        """The slope of the error at one depth against width: a constant that does not grow has none above zero.

        Where that cannot be decided, it is measured afresh with four times the networks or more; not so for phi with
        kinks, whose references take many steps and whose ladder has many networks already.
        """
        result = self._width_ladder(stage, self.ladder.networks)
        if self.kinked or result.verdict is not Verdict.INCONCLUSIVE:
            return result
        return self._width_ladder(stage, replicates_afresh(result, self.ladder.networks, self.ladder.growth_margin))

    def _width_ladder(self, stage: int, networks: int) -> RateResult:
        """From so many networks on every rung; for phi with kinks from as many as their spread is known to take."""
        if self.kinked:
            counts = [
                max(self.ladder.kinked_fewest, math.ceil(self.ladder.kinked_neurons / width)) for width in self.widths
            ]
        else:
            counts = [networks] * len(self.widths)
        sizes = np.array(self.widths, dtype=np.float64)
        errors = self._errors_over_widths(f"widths {stage} of {counts[0]}", counts)
        if not self.kinked:
            return fit_rate(
                sizes,
                np.stack(errors),
                expected=0.0,
                margin=self.ladder.growth_margin,
                refute_level=CONFIRMED_LEVEL,
                one_sided="at-most",
                looks=LOOKS,
            )
        values, standard_errors = np.array([root_mean_square_with_error(of_rung) for of_rung in errors]).T
        return fit_slope(
            sizes,
            values,
            standard_errors,
            degrees_of_freedom=np.array(counts, dtype=np.float64) - 1.0,
            expected=0.0,
            margin=self.ladder.growth_margin,
            refute_level=CONFIRMED_LEVEL,
            one_sided="at-most",
        )

    def _errors_over_widths(self, stage: str, counts: Sequence[int]) -> list[Float[Array, " networks"]]:
        """Of networks of one depth: for each width those of so many networks."""
        steps, _, _ = self._resolution(self.ladder.depth)
        found = []
        for width, networks in zip(self.widths, counts, strict=True):
            of_width = []
            for k in range(networks):
                parameters = self._parameters(stage, width, k)
                reference = self._solved(parameters, "rk4", steps)
                of_width.append(_distance(self._solved(parameters, "euler", self.ladder.depth), reference))
            found.append(np.array(of_width))
        return found

    def _on_the_same_sides(self, states: Float[Tensor, "inputs width"], others: Float[Tensor, "inputs width"]) -> bool:
        """Whether every neuron lies between the same two kinks in both."""
        kinks = states.new_tensor(sorted(self.instance.activation.kinks))
        return torch.equal(torch.bucketize(states, kinks), torch.bucketize(others, kinks))

    def _resolution(self, layers: int) -> tuple[int, float, float]:
        """Steps of the reference; its error, and the least that networks of so many layers have, in some networks."""
        if layers not in self._resolutions:
            looked_at = range(self.ladder.kinked_looked_at if self.kinked else self.ladder.looked_at)
            networks = [self._parameters("reference", self.instance.case.width, k) for k in looked_at]
            layered = [self._solved(parameters, "euler", layers) for parameters in networks]
            coarse = [self._solved(parameters, "rk4", self.ladder.references[0]) for parameters in networks]
            for steps, more in pairwise(self.ladder.references):
                fine = [self._solved(parameters, "rk4", more) for parameters in networks]
                found = steps, _root_mean_square(coarse, fine), _root_mean_square(layered, fine)
                if found[1] <= NUMERICAL_SHARE * found[2]:
                    break
                coarse = fine
            self._resolutions[layers] = found
        return self._resolutions[layers]

    def _parameters(self, stage: str, width: int, replicate: int) -> Parameters:
        return self.instance.parameters(width=width, stage=f"{stage} {width}", replicate=replicate)

    def _solved(self, parameters: Parameters, scheme: str, steps: int) -> Pass:
        """Final states, and the gradient of the sum of all outputs."""
        activation, model = self.instance.activation, self.instance.case.neural_ode
        trajectory = forward(activation, model, parameters, self.instance.inputs, scheme=scheme, steps=steps)
        ones = torch.ones_like(trajectory.outputs)
        backward = adjoint(activation, model, parameters, trajectory, ones)
        return trajectory.final, gradient_of_pass(activation, model, trajectory, backward, ones)


def _root_mean_square(found: Sequence[Pass], references: Sequence[Pass]) -> float:
    """Of the distances of several networks."""
    distances = [_distance(one, other) for one, other in zip(found, references, strict=True)]
    return math.hypot(*distances) / math.sqrt(len(distances))


def _distance(found: Pass, reference: Pass) -> float:
    """Relative errors of states and of gradients, together."""
    (states, gradient), (right_states, right_gradient) = found, reference
    of_states = torch.linalg.vector_norm(states - right_states) / torch.linalg.vector_norm(right_states)
    of_gradient = norm(add_scaled(gradient, -1.0, right_gradient)) / norm(right_gradient)
    return float(np.hypot(float(of_states), of_gradient))
