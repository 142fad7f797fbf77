"""Claims resnet-limit and limits-commute at infinite width, where nothing is random: L layers against the Neural ODE.

The kernels of the L-layer network differ from those of the ODE by a / L + b / L^2 + ...: so their difference has
slope -1, and Romberg's extrapolation of the layers alone, which knows nothing of the ODE, must give its kernels. Width
first and then depth, that is; the other order is in `limits_commute.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory_check.claims.quantity import Quantity
from theory_check.judge.discrepancy import Discrepancy
from theory_check.judge.rates import RateResult, fit_slope
from theory_check.judge.setting import Setting
from theory_check.neural_ode.case import Case, materialise
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.limits.kernels import LimitKernels, limit_kernels
from theory_check.neural_ode.limits.layers import layer_kernels
from theory_check.neural_ode.measurements.instance import Instance, prepare
from theory_check.neural_ode.measurements.width_ladder import CONFIRMED_LEVEL, Kind
from theory_check.pictures.curve import curve
from theory_check.pictures.picture import Picture

Array = NDArray[np.float64]

# Four doublings; the step of the first is 1/8 of the horizon.
DEPTHS = (8, 16, 32, 64, 128)
# Euler's scheme is of order one.
DEPTH_RATE = -1.0
# Of a scheme of order one, whose slope over these depths still feels the second term of its error.
DEPTH_MARGIN = 0.1
# Of the kernels; the next is tried where they leave more than this of an error open. Errors fall with (sigma_w T)^2.
TOLERANCES = (1e-6, 1e-9, 1e-12)
NEGLIGIBLE = 0.01
KINDS: tuple[Kind, ...] = ("nngp", "tangent")


@dataclass(frozen=True)
class Depths:
    """Kernels of the ODE, and of the network with that many layers for each depth."""

    ode: LimitKernels
    layered: Mapping[int, LimitKernels]


class DepthLadder:
    """Kernels at infinite width of ever more layers beside those of the ODE.

    Raises:
        InfiniteKernel: (an ArithmeticError) the limit does not exist; when it is first needed.
    """

    def __init__(self, case: Case, setting: Setting, *, tolerances: tuple[float, ...] = TOLERANCES) -> None:
        self.tolerances = tolerances
        self.instance: Instance = prepare(case, setting)

    def __call__(self, _stage: int) -> RateResult:
        """The slope of the error of both kernels together against depth; its only uncertainty is that of the limits."""
        errors, bounds = self._errors
        return fit_slope(
            np.array(DEPTHS, dtype=np.float64),
            np.log(errors),
            bounds / errors,
            expected=DEPTH_RATE,
            margin=DEPTH_MARGIN,
            refute_level=CONFIRMED_LEVEL,
        )

    def extrapolated(self) -> tuple[Discrepancy, ...]:
        """Romberg's extrapolation of each kernel in 1 / L against the kernel of the ODE."""
        depths = self._depths(self.tolerances[0], DEPTHS[:-1])
        return (
            _extrapolated(q.NNGP_EXTRAPOLATED, depths, "nngp"),
            _extrapolated(q.TANGENT_EXTRAPOLATED, depths, "tangent"),
        )

    def _depths(self, tolerance: float, wanted: tuple[int, ...] = DEPTHS) -> Depths:
        case, phi, inputs = self.instance.case, self.instance.activation, materialise(self.instance.case.data)
        return Depths(
            limit_kernels(phi, inputs, case.neural_ode, tolerance),
            {depth: layer_kernels(phi, inputs, case.neural_ode, depth, tolerance) for depth in wanted},
        )

    @cached_property
    def _errors(self) -> tuple[Float[Array, " depths"], Float[Array, " depths"]]:
        """Relative errors of both kernels together, and what of them the kernels' own bounds leave open."""
        for tolerance in self.tolerances:
            depths = self._depths(tolerance)
            found = np.array([_distance(depths.layered[depth], depths.ode) for depth in DEPTHS])
            if (found[:, 1] <= NEGLIGIBLE * found[:, 0]).all():
                break
        return found[:, 0], found[:, 1]


def _extrapolated(quantity: Quantity, depths: Depths, kind: Kind) -> Discrepancy:
    limit, own = _kernel(depths.ode, kind)
    found = [_kernel(layered, kind) for layered in depths.layered.values()]
    columns = [np.stack([kernel for kernel, _ in found])]
    for order in range(1, len(found)):
        coarse, fine = columns[-1][:-1], columns[-1][1:]
        columns.append((2.0**order * fine - coarse) / (2.0**order - 1))
    # The last column but one is wrong by about its difference from the last. Errors of the kernels grow by the factors
    # (2^k + 1) / (2^k - 1), whose product over all orders is below 8.3.
    truncation = float(np.abs(columns[-1][-1] - columns[-2][-1]).max())

    def sketch() -> Picture:
        reached = np.array(list(depths.layered), dtype=np.float64)
        layers = np.abs(columns[0] - limit).max(axis=(1, 2))
        romberg = np.array([np.abs(column[0] - limit).max() for column in columns])
        bound = truncation + numerical + float(own.max())
        return Picture(
            kind="ladder",
            title=f"{'NNGP' if kind == 'nngp' else 'Tangent'} kernel at infinite width: layers against the Neural ODE",
            x_label="layers L",
            y_label="largest error of an entry",
            x_scale="log",
            y_scale="log",
            series=(
                curve("kernel of L layers", reached, layers),
                curve("slope −1, as expected", reached, layers[-1] * reached[-1] / reached, style="line"),
                curve("extrapolated from up to L layers", reached, romberg),
                curve("bound of the last one", reached[[0, -1]], [bound, bound], style="line"),
            ),
            note="The extrapolation knows the layers only; its last point must lie below its bound.",
        )

    numerical = 8.3 * max(float(error.max()) for _, error in found)
    return Discrepancy(
        quantity,
        float(np.abs(columns[-1][-1] - limit).max()),
        truncation + numerical + float(own.max()),
        scale=float(np.abs(limit).max()),
        details={
            "extrapolation": truncation,
            "kernels of the layers": numerical,
            "kernel of the ODE": float(own.max()),
        },
        sketch=sketch,
    )


def _distance(layered: LimitKernels, ode: LimitKernels) -> tuple[float, float]:
    """Relative error of both kernels together, and what of it the bounds of the kernels leave open."""
    parts = []
    for kind in KINDS:
        (found, found_error), (limit, limit_error) = _kernel(layered, kind), _kernel(ode, kind)
        size = float(np.linalg.norm(limit))
        parts.append(
            (float(np.linalg.norm(found - limit)) / size, float(np.linalg.norm(found_error + limit_error)) / size)
        )
    (nngp, nngp_open), (tangent, tangent_open) = parts
    return math.hypot(nngp, tangent), math.hypot(nngp_open, tangent_open)


def _kernel(kernels: LimitKernels, kind: Kind) -> tuple[Array, Array]:
    """One of the kernels, and the bound of its entries."""
    if kind == "nngp":
        return kernels.nngp, kernels.nngp_error
    return kernels.tangent, kernels.tangent_error
