"""The record of an activation: the function, its one-sided derivatives, and the bounds that claims rest on."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from theory_check.neural_ode.activations.corners import Corners, Reals, measured_at

Classification = Literal["affine", "smooth", "kinked", "not-lipschitz"]


class ActivationError(ValueError):
    """An activation that cannot be used; the message is one line and shows the offending piece."""


@dataclass(frozen=True, eq=False, repr=False)
class Activation:
    """An elementwise function phi on the real line, with bounds (docs/theory.md#regularity-of-an-activation).

    Attributes:
        name: what a person calls it: the catalogue's name or the expression.
        expression: canonical; `activation(expression)` gives the same function and bounds. "package.module:name"
            for a user's function.
        function: phi, elementwise in torch; keeps shape, dtype and device.
        one_sided_derivative: phi'(x-) for side -1 and phi'(x+) for side +1; equal except exactly at kinks.
        lipschitz: L1, an upper bound of sup |phi'|; inf where there is none.
        derivative_lipschitz: L2, an upper bound of the Lipschitz constant of phi'; inf when phi' jumps.
        lower, upper: bounds of phi, infinite where there is none.
        kinks: the points where phi' jumps, as nearest doubles, ascending.
        degree: degree as a polynomial; None when phi is not known to be one.
        analytic: real-analytic on the line, and `function` may be fed complex numbers near it (complex step).
        differentiable: has derivatives of every order on the whole line, by its expression; so has all that is
            analytic.
        ball: phi in ball arithmetic, for a python-flint `arb` or `arb_series` alike; at a kink the derivatives
            it returns are not finite. None for a user's function.
        bounds: "proved" when every bound and every kink above is; "measured" when some come from sampling.
        operators: operators in the expression tree.
        curvature: bound of |phi''| between kinks, L2 where there are none; filled in when left out.
        corners: kinks with exact location and jump where known; filled in when left out.
    """

    name: str
    expression: str
    function: Callable[[Tensor], Tensor]
    one_sided_derivative: Callable[[Tensor, int], Tensor]
    lipschitz: float
    derivative_lipschitz: float
    lower: float
    upper: float
    kinks: Reals
    degree: int | None
    analytic: bool
    ball: Callable[[Any], Any] | None
    bounds: Literal["proved", "measured"]
    operators: int
    curvature: float = math.nan
    corners: Corners = ()
    differentiable: bool = False

    def __post_init__(self) -> None:
        if self.analytic:
            object.__setattr__(self, "differentiable", True)
        if math.isnan(self.curvature):
            object.__setattr__(self, "curvature", math.inf if self.kinks else self.derivative_lipschitz)
        if self.kinks and not self.corners:
            object.__setattr__(self, "corners", measured_at(self.kinks, self.slope_at))

    def __repr__(self) -> str:
        return f"activation({self.expression!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001, ARG002 (protocol of IPython, Hypothesis)
        printer.text(repr(self))

    def __call__(self, x: Inexact[Tensor, "*shape"]) -> Inexact[Tensor, "*shape"]:
        """phi(x), elementwise; complex input is meaningful only where `analytic`."""
        return self.function(x)

    def derivative(self, x: Float[Tensor, "*shape"], clarke: float = 0.5) -> Float[Tensor, "*shape"]:
        """phi'(x); at a kink the point (1 - clarke) * left + clarke * right of the Clarke interval.

        Raises:
            ValueError: `clarke` is outside [0, 1].
        """
        if not 0.0 <= clarke <= 1.0:
            raise ValueError(f"clarke must lie in [0, 1], got {clarke!r}")
        if not self.kinks:
            return self.one_sided_derivative(x, 1)
        left, right = self.one_sided_derivative(x, -1), self.one_sided_derivative(x, 1)
        # Away from kinks the sides are equal; a weighted mean of equal numbers may differ from them by a rounding.
        return torch.where(left == right, left, (1.0 - clarke) * left + clarke * right)

    def value_at(self, x: float) -> float:
        """phi(x) in float64."""
        return float(self.function(torch.tensor(x, dtype=torch.float64)))

    def slope_at(self, x: float, side: int = 1) -> float:
        """phi'(x-) or phi'(x+) in float64."""
        return float(self.one_sided_derivative(torch.tensor(x, dtype=torch.float64), side))

    @property
    def supremum(self) -> float:
        """Upper bound of sup |phi|."""
        return max(abs(self.lower), abs(self.upper))

    @property
    def is_lipschitz(self) -> bool:
        """Whether sup |phi'| is finite."""
        return math.isfinite(self.lipschitz)

    @property
    def is_smooth(self) -> bool:
        """The paper's assumption: phi and phi' are Lipschitz. Affine functions count."""
        return self.is_lipschitz and math.isfinite(self.derivative_lipschitz)

    @property
    def is_affine(self) -> bool:
        """Known to be a x + b. Affine by value only is the business of `is_certified_nonlinear`."""
        return self.degree is not None and self.degree <= 1

    @property
    def classification(self) -> Classification:
        """Its class, docs/theory.md#regularity-of-an-activation."""
        if self.is_affine:
            return "affine"
        if not self.is_lipschitz:
            return "not-lipschitz"
        return "smooth" if self.is_smooth else "kinked"
