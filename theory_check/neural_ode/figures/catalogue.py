"""Every figure by name, with its sizes; the longest first, so that processes end together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from theory_check.judge.figure import Figure
from theory_check.neural_ode.figures import (
    horizon_variance,
    kernel_spectrum,
    kernel_width,
    output_law,
    residual_depth,
    residual_width,
    training_curves,
    training_steps,
)


@dataclass(frozen=True)
class Group:
    """Figures that are made of the same computations.

    Attributes:
        make: the figures as a function of the root seed and sizes.
        quick: sizes that take seconds.
        full: sizes for publication.
    """

    make: Callable[[int, Any], tuple[Figure, ...]]
    quick: Any
    full: Any

    def of(self, seed: int, profile: str) -> tuple[Figure, ...]:
        """In the quick sizes for the profile "quick", in the full ones for every other."""
        return self.make(seed, self.quick if profile == "quick" else self.full)


GROUPS: Mapping[str, Group] = {
    "training": Group(training_curves.training_curves, training_curves.QUICK, training_curves.FULL),
    "training-steps": Group(training_steps.training_steps, training_steps.QUICK, training_steps.FULL),
    "residual-depth": Group(residual_depth.residual_depth, residual_depth.QUICK, residual_depth.FULL),
    "residual-width": Group(residual_width.residual_width, residual_width.QUICK, residual_width.FULL),
    "kernel-width": Group(kernel_width.kernel_width, kernel_width.QUICK, kernel_width.FULL),
    "horizon": Group(horizon_variance.horizon_variance, horizon_variance.QUICK, horizon_variance.FULL),
    "output-law": Group(output_law.output_law, output_law.QUICK, output_law.FULL),
    "spectrum": Group(kernel_spectrum.kernel_spectrum, kernel_spectrum.QUICK, kernel_spectrum.FULL),
}
# As they are read: from what a network is, to its limit, to its training.
READ = (
    "residual-depth",
    "residual-width",
    "output-law",
    "kernel-width",
    "spectrum",
    "horizon",
    "training",
    "training-steps",
)
