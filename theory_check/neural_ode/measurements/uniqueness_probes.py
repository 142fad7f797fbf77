"""Cases in which an activation's forward or adjoint solution is not unique, if there are any like those we know of.

The search of an audit draws such cases; here they are fixed, since a comparison needs the same for every phi: typical
ones, the zero state (where sign(x) sqrt|x| branches, and many kinks lie), a state held at each kink, and a strong W
from a large state, where a phi that grows faster than linearly blows up.
"""

from theory_check.neural_ode.activations.activation import Activation
from theory_check.neural_ode.case import Case, Data, Digits, Explicit, Sphere, Weights
from theory_check.neural_ode.model import NeuralODE

TYPICAL_WIDTH = 16
PROBE_WIDTH = 4
MOST_KINKS = 8
# With W symmetric and times three some direction grows; 3 = |x| makes phi's growth tell.
STRONG = Weights(structure="symmetric", gain=3.0)
POINTS = Explicit(((1.0, 0.5), (-0.5, 1.0)))


def uniqueness_probes(activation: Activation, data: Data, model: NeuralODE) -> tuple[Case, ...]:
    """Probes for one phi; `data` and `model` are those of the comparison, of which two inputs are taken."""
    expression = activation.expression

    def probe(stratum: str, inputs: Data, width: int = PROBE_WIDTH, weights: Weights | None = None) -> Case:
        return Case(
            activation=expression,
            data=inputs,
            width=width,
            neural_ode=model,
            weights=weights or Weights(),
            stratum=stratum,
        )

    kinks = activation.kinks[:MOST_KINKS]
    return (
        probe("given", _two_of(data), TYPICAL_WIDTH),
        probe("arbitrary", POINTS),
        probe("zero-input", Explicit(((0.0,),)), 1),
        probe("zero-input", Explicit(((0.0, 0.0), (1.0, 0.5)))),
        probe("arbitrary", Explicit(((3.0,),)), weights=STRONG),
        *(probe("pinned", POINTS, weights=Weights(pinned=kink)) for kink in kinks),
    )


def _two_of(data: Data) -> Data:
    match data:
        case Digits():
            return Digits(data.rows[:2])
        case Explicit():
            return Explicit(data.rows[:2])
        case Sphere():
            return Sphere(min(data.count, 2), data.dimension, data.seed)
