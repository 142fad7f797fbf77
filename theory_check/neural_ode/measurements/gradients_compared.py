"""Gradients of a loss against its differences, along directions: that of a scheme first, then the continuous adjoint's.

Asked alike of the paper's networks and of a user's module, whose gradients are of different kinds: a direction knows
its product with one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from theory_check.judge.discrepancy import Discrepancy
from theory_check.neural_ode.claims import quantities as q
from theory_check.neural_ode.measurements.bounds import summation_bound
from theory_check.pictures.picture import Picture

Gradient = TypeVar("Gradient")


@dataclass(frozen=True)
class Along(Generic[Gradient]):
    """A direction of length one, and the difference of the loss along it.

    Attributes:
        product: of the direction with a gradient.
        entries: of the direction.
        value: of the difference.
        truncation, rounding: bounds of its two errors.
        name: of the direction, where it has one.
    """

    product: Callable[[Gradient], float]
    entries: int
    value: float
    truncation: float
    rounding: float
    name: str = ""


def compared(
    along: Sequence[Along[Gradient]],
    gradient: Gradient,
    *,
    size: float,
    rounding: float,
    continuous: Callable[[], tuple[Gradient, float, float]],
    picture: Callable[[Mapping[str, Sequence[Discrepancy]]], Picture],
) -> tuple[list[Discrepancy], list[Discrepancy]]:
    """What differences say of a scheme's gradient and of the continuous adjoint's.

    Args:
        along: the directions.
        gradient: of the scheme, exact but for rounding.
        size: of what is compared.
        rounding: bound of the error of `gradient`.
        continuous: the continuous adjoint's gradient, a bound of what the scheme's forward pass errs by, and one of the
            adaptive solves' errors.
        picture: of both.

    Returns:
        comparisons of the one and of the other. The second is empty where the first fails: the loss has no derivative
        there, or the scheme's own gradient is wrong.
    """
    discrete = []
    for one in along:
        # The product with the direction is one more sum.
        on_adjoint = rounding + summation_bound(one.entries, size)
        parts: dict[str, float | int | str] = {
            **({"direction": one.name} if one.name else {}),
            "truncation of the difference": one.truncation,
            "rounding of the difference": one.rounding,
            "rounding of the discrete adjoint": on_adjoint,
        }
        error, bound = abs(one.value - one.product(gradient)), one.truncation + one.rounding + on_adjoint
        discrete.append(Discrepancy(q.DISCRETE, error, bound, size, parts))
    if any(d.error > d.bound and not d.powerless for d in discrete):
        return [replace(d, sketch=partial(picture, {"discrete adjoint": discrete})) for d in discrete], []
    solved, scheme, backward = continuous()
    found = [
        Discrepancy(
            q.CONTINUOUS,
            abs(one.value - one.product(solved)),
            d.bound + scheme + backward,
            size,
            {**d.details, "forward scheme": scheme, "adaptive solves": backward},
        )
        for d, one in zip(discrete, along, strict=True)
    ]
    sketch = partial(picture, {"discrete adjoint": discrete, "continuous adjoint": found})
    return [replace(d, sketch=sketch) for d in discrete], found
